// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import { Model } from "./IModelRegistry.sol";

/// @notice Kinds of nodes of a program. None: the first byte of the descriptor is no kind.
enum NodeKind {
    None,
    Input,
    Constant,
    Loop
}

/// @notice The properties of a node that the game needs.
/// @param kind The kind of node.
/// @param elementBytes Bytes of one element, 1 or 4, little-endian in the tensor.
/// @param signed Whether a one-byte element is sign-extended when it is loaded into a word.
/// @param byteLength Bytes of the tensor.
/// @param foldSteps Fold steps of one element (loop; 1 if it has no fold, 0 if a fold extent is 0).
/// @param grain Fold steps that one leaf runs at most (loop).
/// @param init Accumulator before the first step (loop).
/// @param slot Position in the model's inputs (input).
/// @param root Root of the tensor (constant).
/// @param checkpoint Whether the root of a trace of several blocks commits to the tensor.
struct NodeInfo {
    NodeKind kind;
    uint8 elementBytes;
    bool signed;
    uint32 byteLength;
    uint32 foldSteps;
    uint32 grain;
    uint32 init;
    uint32 slot;
    bytes32 root;
    bool checkpoint;
}

/// @notice The roots that the leaf of a dispute opens its operands against.
/// @param traceRoot Root of the claim's trace, which commits to checkpoints.
/// @param blockRoot Root of the tree over all tensors of the disputed node's block.
/// @param nodeIndex The disputed node.
/// @param traceDepth Levels of the trace's tree.
struct Commitments {
    bytes32 traceRoot;
    bytes32 blockRoot;
    uint32 nodeIndex;
    uint8 traceDepth;
}

/// @title IReferee
/// @notice The only part that knows arithmetic. Keeps no state; the game trusts its answers.
/// @dev A node that {isMalformed} or {isMalformedOperand} calls well-formed must never make {describe} revert, nor {run}
/// with the right witness and enough gas. Functions may revert for malformed ones: those lose by direct proof.
interface IReferee {
    /// @notice The chain lacks an opcode that these contracts use: MCOPY, TLOAD, or CLZ. Every constructor tries them.
    error OpcodeMissing();

    /// @notice Version of the instruction set that it runs.
    /// @return The version.
    function version() external view returns (uint32);

    /// @notice The properties of a node that the game needs.
    /// @param descriptor The encoded node.
    /// @return info Its properties.
    function describe(bytes calldata descriptor) external view returns (NodeInfo memory info);

    /// @notice Runs fold steps [from, to) of one element of a loop, and its post program if `to` is the end.
    /// @dev Reverts unless the witness is exactly what the steps read: tensors of the node's own block opened against the
    /// block's root, others against the trace's.
    /// @param descriptor The encoded node.
    /// @param element Index of the element in its tensor.
    /// @param from First fold step.
    /// @param to Fold step before which to stop.
    /// @param accumulator Word before step `from`.
    /// @param commitments Roots to open against.
    /// @param witness Openings of everything that is read, in the order of first touch.
    /// @return word The accumulator after step `to - 1`; or, if `to` is the end, the element as loaded again.
    function run(
        bytes calldata descriptor,
        uint32 element,
        uint32 from,
        uint32 to,
        uint32 accumulator,
        Commitments calldata commitments,
        bytes calldata witness
    ) external view returns (uint32 word);

    /// @notice Whether a node breaks a rule that can be seen from it and the model alone.
    /// @param model The model as published.
    /// @param nodeIndex Index of the node in the program.
    /// @param descriptor The encoded node; any bytes whatever.
    /// @return True if it is malformed.
    function isMalformed(
        Model calldata model,
        uint32 nodeIndex,
        bytes calldata descriptor
    ) external view returns (bool);

    /// @notice Whether an operand does not fit the node that it reads.
    /// @param nodeCount Nodes of the program.
    /// @param nodeIndex Index of the node that reads.
    /// @param descriptor The encoded node that reads.
    /// @param operand Position in its list of operands.
    /// @param operandDescriptor The encoded node at {operandNode}.
    /// @return True if it is malformed.
    function isMalformedOperand(
        uint32 nodeCount,
        uint32 nodeIndex,
        bytes calldata descriptor,
        uint8 operand,
        bytes calldata operandDescriptor
    ) external view returns (bool);

    /// @notice The node that an operand reads.
    /// @param descriptor The encoded node that reads.
    /// @param operand Position in its list of operands; out of range reverts.
    /// @return nodeIndex Index of the node that is read.
    function operandNode(bytes calldata descriptor, uint8 operand) external view returns (uint32 nodeIndex);
}
