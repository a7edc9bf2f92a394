// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Commitments } from "../../interfaces/IReferee.sol";
import { Blocks } from "../program/Blocks.sol";
import { Tags } from "../generated/Tags.sol";

/// @notice A witness being consumed: openings against a trace's and a block's root, in the order of first touch.
/// @param next Calldata position of the next opening.
/// @param end Where the witness ends.
/// @param traceRoot Root of the tree over checkpoints.
/// @param traceDepth Levels of that tree.
/// @param chunks Memory address of a hash table of the opened chunks.
/// @param blockRoot Root of the tree over all tensors of the disputed block.
/// @param blockLevels Levels of that tree.
/// @param blockIndex The disputed block.
struct Witness {
    uint256 next;
    uint256 end;
    bytes32 traceRoot;
    uint256 traceDepth;
    uint256 chunks;
    bytes32 blockRoot;
    uint256 blockLevels;
    uint256 blockIndex;
}

/// @notice A tensor that operands read, opened when it is first touched.
/// @param node Index of its node.
/// @param next Address of another one in the same list, 0 if there is none.
/// @param opened Whether `root` has been proven.
/// @param root Root of its tree.
struct Tensor {
    uint256 node;
    uint256 next;
    bool opened;
    bytes32 root;
}

/// @title WitnessLib
/// @notice Consumes a witness. Twin of `src/trace/witness.ts`, which records it.
///
/// The first read of a tensor takes `root ‖ siblings` from the stream, in the tree of the disputed block if it is in that
/// block and in the trace's if not; the first read of a chunk `256 bytes ‖ siblings in the tensor's tree`. Who reads knows
/// which comes next, so no index is given.
library WitnessLib {
    /// @notice Slots of the hash table of opened chunks, a power of two.
    uint256 private constant TABLE_SLOTS = 256;
    /// @dev Where fields of {Witness} are, from its address.
    uint256 private constant TRACE_ROOT = 0x40;
    uint256 private constant CHUNKS = 0x80;

    /// @notice More bytes than the static cost rule allows any leaf, and so few that the table is never full.
    uint256 private constant MAX_WITNESS_BYTES = 63 * 1024;

    /// @notice The witness ends inside an opening.
    error WitnessTooShort(uint256 givenBytes);
    /// @notice The witness has bytes that nothing reads.
    error WitnessTooLong(uint256 unreadBytes);
    /// @notice A tensor's opening does not lead to the root of the trace, or of the disputed block.
    error TensorNotInTrace(uint256 node, bytes32 root);
    /// @notice A chunk's opening does not lead to its tensor's root.
    error ChunkNotInTensor(uint256 node, uint256 chunk);

    /// @notice Starts on a witness. Memory beyond the free memory pointer must not have been written.
    /// @param witness The stream of openings.
    /// @param commitments Roots to open against.
    /// @return self The witness, of which nothing is read.
    function open(
        bytes calldata witness,
        Commitments calldata commitments
    ) internal pure returns (Witness memory self) {
        if (witness.length > MAX_WITNESS_BYTES) revert WitnessTooLong(witness.length - MAX_WITNESS_BYTES);
        uint256 position;
        uint256 chunks;
        // position = where witness[0] is in msg.data; chunks = allocate(32 * TABLE_SLOTS)
        assembly ("memory-safe") {
            position := witness.offset
            chunks := mload(0x40)
            mstore(0x40, add(chunks, mul(TABLE_SLOTS, 32)))
        }
        self.next = position;
        self.end = position + witness.length;
        self.traceRoot = commitments.traceRoot;
        self.traceDepth = commitments.traceDepth;
        self.chunks = chunks;
        self.blockRoot = commitments.blockRoot;
        self.blockLevels = Blocks.levels(commitments.traceDepth);
        self.blockIndex = commitments.nodeIndex >> self.blockLevels;
    }

    /// @notice Checks that everything was read.
    /// @param self The witness.
    function close(Witness memory self) internal pure {
        if (self.next != self.end) revert WitnessTooLong(self.end - self.next);
    }

    /// @notice Where a chunk's 256 bytes are in calldata, opening it first if it has not been.
    /// @param self The witness.
    /// @param tensorAddress Memory address of the chunk's {Tensor}.
    /// @param chunk Index of the chunk in its tensor, below 2^24.
    /// @param depth Levels of the tensor's tree.
    /// @return position Calldata position of its first byte.
    function chunkPosition(
        Witness memory self,
        uint256 tensorAddress,
        uint256 chunk,
        uint256 depth
    ) internal pure returns (uint256 position) {
        // A table entry is key << 32 | position. The trace root salts the table, so that nobody can choose chunks
        // that collide when they publish a program.
        //   key = tensorAddress << 24 | chunk; slot = key * (traceRoot | 1) >> 248
        //   while chunks[slot] is of another key: slot = (slot + 1) % TABLE_SLOTS
        //   entry = the address of chunks[slot]; position = that of the key there, or 0
        uint256 entry;
        assembly ("memory-safe") {
            let key := or(shl(24, tensorAddress), chunk)
            let slot := shr(248, mul(key, or(mload(add(self, TRACE_ROOT)), 1)))
            for {} 1 {
                slot := and(add(slot, 1), 255)
            } {
                entry := add(mload(add(self, CHUNKS)), shl(5, slot))
                position := mload(entry)
                if or(iszero(position), eq(shr(32, position), key)) {
                    break
                }
            }
            position := and(position, 0xffffffff)
        }
        if (position != 0) return position;
        Tensor memory tensor;
        // tensor = the struct at tensorAddress
        assembly ("memory-safe") {
            tensor := tensorAddress
        }
        if (!tensor.opened) _openTensor(self, tensor);
        position = _take(self, 256 + 32 * depth);
        bytes32 leaf;
        // leaf = keccak256(abi.encodePacked(Tags.TENSOR_CHUNK, msg.data[position:position + 256]))
        assembly ("memory-safe") {
            let preimage := mload(0x40)
            // TENSOR_CHUNK is 0
            mstore8(preimage, 0)
            calldatacopy(add(preimage, 1), position, 256)
            leaf := keccak256(preimage, 257)
        }
        if (climb(Tags.TENSOR_NODE, leaf, chunk, depth, position + 256) != tensor.root) {
            revert ChunkNotInTensor(tensor.node, chunk);
        }
        // the word at entry = key << 32 | position
        assembly ("memory-safe") {
            mstore(entry, or(shl(32, or(shl(24, tensorAddress), chunk)), position))
        }
    }

    /// @notice The root that a leaf and its siblings, from the leaf up, lead to.
    /// @param tag Tag of the tree's interior nodes.
    /// @param leaf The leaf.
    /// @param index Its index; bit i tells the side at level i from the leaf up.
    /// @param depth Levels of the tree.
    /// @param siblings Calldata position of the siblings.
    /// @return hash The root.
    function climb(
        uint256 tag,
        bytes32 leaf,
        uint256 index,
        uint256 depth,
        uint256 siblings
    ) internal pure returns (bytes32 hash) {
        hash = leaf;
        // for each level: hash = keccak256(tag ‖ (index is even ? hash ‖ sibling : sibling ‖ hash)); index /= 2
        assembly ("memory-safe") {
            let preimage := add(mload(0x40), 31)
            mstore8(preimage, tag)
            let left := add(preimage, 1)
            let right := add(preimage, 33)
            for {
                let end := add(siblings, shl(5, depth))
            } lt(siblings, end) {
                siblings := add(siblings, 32)
            } {
                let swap := shl(5, and(index, 1))
                mstore(add(left, swap), hash)
                mstore(sub(right, swap), calldataload(siblings))
                hash := keccak256(preimage, 65)
                index := shr(1, index)
            }
        }
    }

    function _openTensor(Witness memory self, Tensor memory tensor) private pure {
        bool inBlock = tensor.node >> self.blockLevels == self.blockIndex;
        uint256 depth = inBlock ? self.blockLevels : self.traceDepth;
        uint256 position = _take(self, 32 + 32 * depth);
        bytes32 root;
        // root = bytes32(msg.data[position:])
        assembly ("memory-safe") {
            root := calldataload(position)
        }
        // In a block the low bits of the index alone lead to its root.
        bytes32 given = climb(Tags.TRACE_NODE, root, tensor.node, depth, position + 32);
        if (given != (inBlock ? self.blockRoot : self.traceRoot)) revert TensorNotInTrace(tensor.node, root);
        tensor.opened = true;
        tensor.root = root;
    }

    function _take(Witness memory self, uint256 count) private pure returns (uint256 position) {
        position = self.next;
        if (position + count > self.end) revert WitnessTooShort(self.end - position);
        self.next = position + count;
    }
}
