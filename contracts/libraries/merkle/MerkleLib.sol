// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Bits } from "../evm/Bits.sol";
import { Limits } from "../generated/Limits.sol";
import { Tags } from "../generated/Tags.sol";

/// @title MerkleLib
/// @notice Trees over tensors, traces and programs. Every preimage starts with a tag, every tree's depth follows from
/// the number of its leaves. Twin: src/merkle.
library MerkleLib {
    /// @notice Leaf that pads a tensor's tree: keccak256(TENSOR_CHUNK ‖ 256 zero bytes).
    bytes32 internal constant ZERO_CHUNK = 0x7a9efb4f2d5fc995fb0c798bd5426724a58aa7b05b62f646b6baed96f5dbfc87;

    /// @notice Root of a tensor whose only element is 1, be it of one byte or of four:
    /// keccak256(TENSOR_CHUNK ‖ 1 ‖ 255 zero bytes).
    bytes32 internal constant ONE = 0x8359c3cfb10fbe53feab1c46de3277df4faaa43ae4223fa9522f53db9fd81759;

    /// @notice Levels below the root of a tree: ceil(log2 leaves).
    /// @param leaves Leaves that are not padding, at least 1.
    /// @return depth Levels.
    function depthOf(uint256 leaves) internal pure returns (uint256 depth) {
        if (leaves < 2) return 0;
        unchecked {
            depth = 256 - Bits.clz(leaves - 1);
        }
    }

    /// @notice Chunks of a tensor: at least one, the last one padded with zeros.
    /// @param byteLength Bytes of the tensor.
    /// @return Chunks.
    function chunksOf(uint256 byteLength) internal pure returns (uint256) {
        return byteLength == 0 ? 1 : (byteLength + Limits.CHUNK_BYTES - 1) / Limits.CHUNK_BYTES;
    }

    /// @notice keccak256(tag ‖ left ‖ right).
    /// @param tag Tag of the tree's interior nodes.
    /// @param left Left child.
    /// @param right Right child.
    /// @return hash The node.
    function nodeHash(uint8 tag, bytes32 left, bytes32 right) internal pure returns (bytes32 hash) {
        // hash = keccak256(abi.encodePacked(tag, left, right))
        assembly ("memory-safe") {
            let p := mload(0x40)
            mstore8(p, tag)
            mstore(add(p, 1), left)
            mstore(add(p, 33), right)
            hash := keccak256(p, 65)
        }
    }

    /// @notice keccak256(tag ‖ data), for calldata.
    /// @param tag The tag.
    /// @param data The bytes.
    /// @return hash The hash.
    function taggedHash(uint8 tag, bytes calldata data) internal pure returns (bytes32 hash) {
        // hash = keccak256(abi.encodePacked(tag, data))
        assembly ("memory-safe") {
            let p := mload(0x40)
            mstore8(p, tag)
            calldatacopy(add(p, 1), data.offset, data.length)
            hash := keccak256(p, add(data.length, 1))
        }
    }

    /// @notice keccak256(tag ‖ hashes): commitment to the roots of several tensors.
    /// @param tag INPUTS or OUTPUTS.
    /// @param hashes The roots.
    /// @return hash The commitment.
    function listHash(uint8 tag, bytes32[] memory hashes) internal pure returns (bytes32 hash) {
        return keccak256(abi.encodePacked(tag, hashes));
    }

    /// @notice Root that a leaf and its proof lead to. The proof's length is for the caller to check.
    /// @param tag Tag of the tree's interior nodes.
    /// @param leaf The leaf.
    /// @param index Its index; bit i tells the side at level i from the leaf up.
    /// @param siblings The proof, from the leaf up.
    /// @return hash The root.
    function rootOf(
        uint8 tag,
        bytes32 leaf,
        uint256 index,
        bytes32[] calldata siblings
    ) internal pure returns (bytes32 hash) {
        hash = leaf;
        // for each sibling: hash = index % 2 == 0 ? nodeHash(tag, hash, sibling) : nodeHash(tag, sibling, hash); index /= 2
        assembly ("memory-safe") {
            let p := mload(0x40)
            mstore8(p, tag)
            let left := add(p, 1)
            let right := add(p, 33)
            let end := add(siblings.offset, shl(5, siblings.length))
            for {
                let from := siblings.offset
            } lt(from, end) {
                from := add(from, 32)
            } {
                switch and(index, 1)
                case 0 {
                    mstore(left, hash)
                    mstore(right, calldataload(from))
                }
                default {
                    mstore(left, calldataload(from))
                    mstore(right, hash)
                }
                hash := keccak256(p, 65)
                index := shr(1, index)
            }
        }
    }

    /// @notice Root of a full level of a tree.
    /// @param tag Tag of the tree's interior nodes.
    /// @param hashes A power of two of hashes, from left to right; for the caller to check.
    /// @return hash The root.
    function combine(uint8 tag, bytes32[] calldata hashes) internal pure returns (bytes32 hash) {
        // level = hashes
        // for count = hashes.length / 2, / 4, … 1: for i < count: level[i] = nodeHash(tag, level[2 * i], level[2 * i + 1])
        // hash = level[0]
        assembly ("memory-safe") {
            // One word of room in front, because the tag of the first pair lies before it.
            let p := add(mload(0x40), 32)
            calldatacopy(p, hashes.offset, shl(5, hashes.length))
            for {
                let count := shr(1, hashes.length)
            } count {
                count := shr(1, count)
            } {
                for {
                    let i := 0
                } lt(i, count) {
                    i := add(i, 1)
                } {
                    // The tag overwrites the last byte of a pair that is hashed already.
                    let preimage := sub(add(p, shl(6, i)), 1)
                    mstore8(preimage, tag)
                    mstore(add(p, shl(5, i)), keccak256(preimage, 65))
                }
            }
            hash := mload(p)
        }
    }

    /// @notice {combine} with zero in the place of hashes that are not marked.
    /// @dev Marks are few, so only pairs with a mark below them are hashed.
    /// @param tag Tag of the tree's interior nodes.
    /// @param hashes A power of two of hashes, at most 256, from left to right; for the caller to check.
    /// @param marks A bit for each hash, the first one's the lowest; others mark nothing.
    /// @return hash The root.
    function combineMarked(
        uint8 tag,
        bytes32[] calldata hashes,
        uint256 marks
    ) internal pure returns (bytes32 hash) {
        // Scratch for one preimage, then the level; nothing allocates until the end.
        uint256 p;
        uint256 level;
        // The hash of a subtree of this level without a mark.
        uint256 none = 0;
        // level = hashes; marks &= 2^hashes.length - 1
        assembly ("memory-safe") {
            p := mload(0x40)
            level := add(p, 96)
            mstore8(p, tag)
            calldatacopy(level, hashes.offset, shl(5, hashes.length))
            marks := and(marks, sub(shl(hashes.length, 1), 1))
        }
        for (uint256 count = hashes.length; count > 1; count >>= 1) {
            uint256 above = 0;
            // From left to right, so that what is written is read already.
            for (uint256 rest = marks; rest != 0;) {
                uint256 first;
                unchecked {
                    // The even one of the pair with the lowest mark that is left.
                    first = (255 - Bits.clz(rest & (0 - rest))) & 254;
                }
                // left = marks has bit first ? level[first] : none
                // right = marks has bit first + 1 ? level[first + 1] : none
                // level[first / 2] = nodeHash(tag, left, right)
                // set bit first / 2 of above; clear bits first and first + 1 of rest
                assembly ("memory-safe") {
                    let pair := shr(1, first)
                    let at := add(level, shl(5, first))
                    let two := shr(first, marks)
                    switch and(two, 1)
                    case 0 {
                        mstore(add(p, 1), none)
                    }
                    default {
                        mstore(add(p, 1), mload(at))
                    }
                    switch and(two, 2)
                    case 0 {
                        mstore(add(p, 33), none)
                    }
                    default {
                        mstore(add(p, 33), mload(add(at, 32)))
                    }
                    mstore(add(level, shl(5, pair)), keccak256(p, 65))
                    above := or(above, shl(pair, 1))
                    rest := and(rest, not(shl(first, 3)))
                }
            }
            marks = above;
            // none = nodeHash(tag, none, none)
            assembly ("memory-safe") {
                mstore(add(p, 1), none)
                mstore(add(p, 33), none)
                none := keccak256(p, 65)
            }
        }
        // hash = marks == 0 ? none : level[0]
        assembly ("memory-safe") {
            hash := none
            if marks {
                hash := mload(level)
            }
        }
    }

    /// @notice Root of a tensor's tree.
    /// @param data The tensor's bytes.
    /// @return The root.
    function tensorRoot(bytes calldata data) internal pure returns (bytes32) {
        uint256 count = chunksOf(data.length);
        bytes32[] memory level = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) level[i] = _chunkHash(data, i * Limits.CHUNK_BYTES);
        bytes32 padding = ZERO_CHUNK;
        for (; count > 1; count = (count + 1) / 2) {
            for (uint256 i = 0; i < count; i += 2) {
                level[i / 2] = nodeHash(Tags.TENSOR_NODE, level[i], i + 1 < count ? level[i + 1] : padding);
            }
            padding = nodeHash(Tags.TENSOR_NODE, padding, padding);
        }
        return level[0];
    }

    /// @notice Hash of the chunk that starts at a byte, padded with zeros.
    /// @param data The tensor.
    /// @param from First byte.
    /// @return hash The leaf.
    function _chunkHash(bytes calldata data, uint256 from) private pure returns (bytes32 hash) {
        // hash = keccak256(abi.encodePacked(Tags.TENSOR_CHUNK, data[from:from + 256], as many zeros as are missing))
        assembly ("memory-safe") {
            let p := mload(0x40)
            let length := sub(data.length, from)
            if gt(length, 256) {
                length := 256
            }
            mstore8(p, 0) // TENSOR_CHUNK
            // Beyond the end of the calldata a copy yields zeros, so this clears.
            calldatacopy(add(p, 1), calldatasize(), 256)
            calldatacopy(add(p, 1), add(data.offset, from), length)
            hash := keccak256(p, 257)
        }
    }
}
