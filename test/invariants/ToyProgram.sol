// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { NodeProof } from "../../contracts/interfaces/IDisputeGame.sol";
import { NodeKind } from "../../contracts/interfaces/IReferee.sol";
import { MerkleLib } from "../../contracts/libraries/merkle/MerkleLib.sol";
import { Tags } from "../../contracts/libraries/generated/Tags.sol";

/// @notice A place where somebody tells something else than the truth.
/// @param node The node; from {ToyProgram.NODES} on a leaf beyond the last one.
/// @param offset Byte of its tensor, which may lie in the padding.
/// @param step Fold step after which the accumulators of the byte's element are wrong too.
struct Lie {
    uint8 node;
    uint16 offset;
    uint8 step;
}

/// @title ToyProgram
/// @notice A program for the toy referee on which a dispute meets every kind of node and of move, and each party's values:
/// the truth, or the truth with lies in some places. Toys do not read each other, so a lie has no consequences.
/// @dev Nodes: an input, a constant, a loop of three chunks and a long fold, a loop of signed bytes, and the output.
abstract contract ToyProgram {
    uint256 internal constant NODES = 5;
    uint256 internal constant DEPTH = 3;
    uint256 internal constant DEEP = 2;
    uint256 internal constant OUTPUT = 4;
    uint256 internal constant OUTPUT_BYTES = 8;
    uint256 internal constant CHUNK = 256;

    uint32 private constant MASK = 0xa5a5a5a5;
    uint32 private constant INIT = 7;

    /// @notice What the toy referee reads in a descriptor.
    struct Toy {
        NodeKind kind;
        uint8 elementBytes;
        uint32 elements;
        uint32 foldSteps;
        uint32 grain;
    }

    bytes32 internal programRoot;
    bytes internal input;
    Toy[NODES] internal toys;
    bytes[NODES] private _descriptors;
    bytes32[] private _programLeaves;
    /// @notice The right tensors, each padded to a power of two of chunks.
    bytes[NODES] private _tensors;
    bytes32[NODES] private _roots;

    constructor() {
        toys[0] = Toy(NodeKind.Input, 1, 16, 0, 0);
        toys[1] = Toy(NodeKind.Constant, 4, 10, 0, 0);
        toys[DEEP] = Toy(NodeKind.Loop, 4, 140, 70, 2);
        toys[3] = Toy(NodeKind.Loop, 1, 2, 1, 1);
        toys[OUTPUT] = Toy(NodeKind.Loop, 4, 2, 4, 4);
        input = hex"000102030405060708090a0b0c0d0e0f";
        _programLeaves = new bytes32[](1 << DEPTH);
        for (uint256 i = 0; i < NODES; ++i) {
            _tensors[i] = _tensorBytes(i);
            _roots[i] = _root(Tags.TENSOR_NODE, _chunkHashes(i, new Lie[](0)));
            _descriptors[i] = _encoded(toys[i], toys[i].kind == NodeKind.Constant ? _roots[i] : bytes32(0));
            _programLeaves[i] = keccak256(abi.encodePacked(Tags.PROGRAM_LEAF, _descriptors[i]));
        }
        programRoot = _root(Tags.PROGRAM_NODE, _programLeaves);
    }

    // ---- the program ----------------------------------------------------------------------------------------------

    function _encoded(Toy memory toy, bytes32 root) private pure returns (bytes memory) {
        uint8 signed = toy.kind == NodeKind.Loop && toy.elementBytes == 1 ? 1 : 0;
        bytes memory head = abi.encodePacked(toy.kind, toy.elementBytes, signed, toy.elements);
        return abi.encodePacked(head, toy.foldSteps, toy.grain, INIT, uint32(0), uint32(0), root);
    }

    function _descriptor(uint256 node) internal view returns (bytes memory) {
        return _descriptors[node];
    }

    function _node(uint256 node) internal view returns (NodeProof memory) {
        return NodeProof(_descriptors[node], _proof(Tags.PROGRAM_NODE, _programLeaves, node));
    }

    function _byteLength(uint256 node) internal view returns (uint256) {
        return uint256(toys[node].elements) * toys[node].elementBytes;
    }

    /// @notice The word before a fold step.
    function _accumulator(uint32 element, uint256 steps) private pure returns (uint32 word) {
        word = INIT;
        unchecked {
            for (uint32 k = 0; k < steps; ++k) word = word * 5 + element + k + 1;
        }
    }

    function _tensorBytes(uint256 node) private view returns (bytes memory whole) {
        Toy memory toy = toys[node];
        uint256 depth = MerkleLib.depthOf(MerkleLib.chunksOf(_byteLength(node)));
        whole = new bytes(CHUNK << depth);
        for (uint32 i = 0; i < toy.elements; ++i) {
            if (toy.kind == NodeKind.Input) whole[i] = input[i];
            else if (toy.kind == NodeKind.Constant) whole[4 * i] = bytes1(uint8(7 * i + 3));
            else {
                uint32 word = _accumulator(i, toy.foldSteps) ^ MASK;
                for (uint256 b = 0; b < toy.elementBytes; ++b) {
                    whole[i * toy.elementBytes + b] = bytes1(uint8(word >> (8 * b)));
                }
            }
        }
    }

    // ---- what a party holds to be true ----------------------------------------------------------------------------

    function _output(Lie[] memory lies) internal view returns (bytes memory output) {
        bytes memory chunk = _chunk(OUTPUT, 0, lies);
        output = new bytes(OUTPUT_BYTES);
        for (uint256 i = 0; i < OUTPUT_BYTES; ++i) output[i] = chunk[i];
    }

    /// @notice 256 bytes of a tensor or of its padding.
    function _chunk(
        uint256 node,
        uint256 index,
        Lie[] memory lies
    ) internal view returns (bytes memory chunk) {
        bytes memory whole = _tensors[node];
        chunk = new bytes(CHUNK);
        assembly ("memory-safe") {
            mcopy(add(chunk, 32), add(add(whole, 32), shl(8, index)), 256)
        }
        for (uint256 i = 0; i < lies.length; ++i) {
            if (lies[i].node != node || lies[i].offset / CHUNK != index) continue;
            chunk[lies[i].offset % CHUNK] ^= bytes1(uint8(1));
        }
    }

    function _chunkHashes(uint256 node, Lie[] memory lies) internal view returns (bytes32[] memory hashes) {
        hashes = new bytes32[](_tensors[node].length / CHUNK);
        for (uint256 i = 0; i < hashes.length; ++i) {
            hashes[i] = keccak256(abi.encodePacked(Tags.TENSOR_CHUNK, _chunk(node, i, lies)));
        }
    }

    /// @notice The leaves of the trace's tree.
    function _trace(Lie[] memory lies) internal view returns (bytes32[] memory roots) {
        roots = new bytes32[](1 << DEPTH);
        for (uint256 i = 0; i < NODES; ++i) roots[i] = _roots[i];
        for (uint256 i = 0; i < lies.length; ++i) {
            uint256 node = lies[i].node;
            roots[node] =
                node < NODES
                    ? _root(Tags.TENSOR_NODE, _chunkHashes(node, lies))
                    : bytes32(uint256(lies[i].offset) + 1);
        }
    }

    function _rightRoots(uint256 node) internal view returns (bytes32[] memory roots) {
        roots = new bytes32[](1);
        roots[0] = _roots[node];
    }

    /// @notice Accumulators before the given fold steps, packed as a claimant posts them.
    function _accumulators(
        uint32 element,
        uint256[] memory steps,
        Lie[] memory lies
    ) internal pure returns (bytes memory words) {
        for (uint256 i = 0; i < steps.length; ++i) {
            uint32 word = _accumulator(element, steps[i]);
            for (uint256 l = 0; l < lies.length; ++l) {
                if (lies[l].node != DEEP || lies[l].offset / 4 != element || steps[i] <= lies[l].step)
                    continue;
                word ^= 1;
            }
            words = abi.encodePacked(words, word);
        }
    }

    // ---- trees ----------------------------------------------------------------------------------------------------

    function _root(uint8 tag, bytes32[] memory leaves) internal pure returns (bytes32) {
        bytes32[] memory level = leaves;
        while (level.length > 1) level = _above(tag, level);
        return level[0];
    }

    function _proof(
        uint8 tag,
        bytes32[] memory leaves,
        uint256 index
    ) internal pure returns (bytes32[] memory siblings) {
        siblings = new bytes32[](MerkleLib.depthOf(leaves.length));
        bytes32[] memory level = leaves;
        for (uint256 i = 0; i < siblings.length; ++i) {
            siblings[i] = level[index ^ 1];
            level = _above(tag, level);
            index >>= 1;
        }
    }

    function _above(uint8 tag, bytes32[] memory level) private pure returns (bytes32[] memory above) {
        above = new bytes32[](level.length / 2);
        for (uint256 i = 0; i < above.length; ++i) {
            above[i] = MerkleLib.nodeHash(tag, level[2 * i], level[2 * i + 1]);
        }
    }
}
