// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import { Limits } from "../libraries/generated/Limits.sol";
import { Tags } from "../libraries/generated/Tags.sol";
import { TensorReader } from "./TensorReader.sol";

/// @title RootReader
/// @notice Reads elements of a tensor that is known by its root: whoever asks hands over the chunk of 256 bytes that holds
/// the element, and a Merkle proof of it. Twin of the proofs: src/merkle/tensor.ts.
/// @dev Free of opcodes that some chains lack, so it keeps its own arithmetic of trees.
library RootReader {
    using TensorReader for bytes;

    /// @notice A chunk has 256 bytes, the last one of a tensor padded with zeros.
    /// @param given Bytes given.
    error ChunkLengthMismatch(uint256 given);
    /// @notice A proof has one hash for each level of the tensor's tree.
    /// @param expected Levels.
    /// @param given Hashes given.
    error ProofLengthMismatch(uint256 expected, uint256 given);
    /// @notice The chunk is not the tensor's at that place.
    /// @param root Root of the tensor.
    /// @param given Root that chunk and proof lead to.
    error RootMismatch(bytes32 root, bytes32 given);

    /// @notice Bits of an element of four bytes.
    /// @param root Root of the tensor.
    /// @param byteLength Bytes of the tensor, as the model's registry entry has it.
    /// @param index Index of the element.
    /// @param chunk Its chunk: bytes 256 × floor(index / 64) and following.
    /// @param siblings Proof of the chunk, from the leaf up.
    /// @return As u32; of a float32, its IEEE 754 encoding.
    function bitsAt(
        bytes32 root,
        uint256 byteLength,
        uint256 index,
        bytes calldata chunk,
        bytes32[] calldata siblings
    ) internal pure returns (uint32) {
        if (index >= byteLength / 4) revert TensorReader.ElementOutOfRange(index, byteLength / 4);
        uint256 perChunk = Limits.CHUNK_BYTES / 4;
        requireChunk(root, byteLength, index / perChunk, chunk, siblings);
        return chunk.bitsAt(index % perChunk);
    }

    /// @notice An int32 element; see {bitsAt}.
    /// @param root Root of the tensor.
    /// @param byteLength Bytes of the tensor.
    /// @param index Index of the element.
    /// @param chunk Its chunk.
    /// @param siblings Proof of the chunk.
    /// @return The number.
    function i32At(
        bytes32 root,
        uint256 byteLength,
        uint256 index,
        bytes calldata chunk,
        bytes32[] calldata siblings
    ) internal pure returns (int32) {
        return int32(bitsAt(root, byteLength, index, chunk, siblings));
    }

    /// @notice A float32 element; see {bitsAt}.
    /// @param root Root of the tensor.
    /// @param byteLength Bytes of the tensor.
    /// @param index Index of the element.
    /// @param chunk Its chunk.
    /// @param siblings Proof of the chunk.
    /// @return Its value times 10^18, rounded toward zero; infinities and NaN revert.
    function f32At(
        bytes32 root,
        uint256 byteLength,
        uint256 index,
        bytes calldata chunk,
        bytes32[] calldata siblings
    ) internal pure returns (int256) {
        return TensorReader.wadOf(bitsAt(root, byteLength, index, chunk, siblings));
    }

    /// @notice Requires a chunk to be a tensor's.
    /// @param root Root of the tensor.
    /// @param byteLength Bytes of the tensor.
    /// @param index Index of the chunk; below their number, for the caller to check.
    /// @param chunk Its 256 bytes.
    /// @param siblings Proof of it, from the leaf up.
    function requireChunk(
        bytes32 root,
        uint256 byteLength,
        uint256 index,
        bytes calldata chunk,
        bytes32[] calldata siblings
    ) internal pure {
        if (chunk.length != Limits.CHUNK_BYTES) revert ChunkLengthMismatch(chunk.length);
        uint256 depth = _depth(byteLength);
        if (siblings.length != depth) revert ProofLengthMismatch(depth, siblings.length);
        bytes32 hash = keccak256(abi.encodePacked(Tags.TENSOR_CHUNK, chunk));
        for (uint256 i = 0; i < depth; ++i) {
            (bytes32 left, bytes32 right) = (index >> i) & 1 == 0 ? (hash, siblings[i]) : (siblings[i], hash);
            hash = keccak256(abi.encodePacked(Tags.TENSOR_NODE, left, right));
        }
        if (hash != root) revert RootMismatch(root, hash);
    }

    /// @notice Levels of a tensor's tree: ceil(log2 of its chunks, of which an empty tensor has one).
    function _depth(uint256 byteLength) private pure returns (uint256 depth) {
        while (Limits.CHUNK_BYTES << depth < byteLength) ++depth;
    }
}
