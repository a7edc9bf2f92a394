// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Model } from "./interfaces/IModelRegistry.sol";
import { Commitments, IReferee, NodeInfo, NodeKind } from "./interfaces/IReferee.sol";
import { LoopNest } from "./libraries/loop/LoopNest.sol";
import { Header, NodeLib } from "./libraries/program/NodeLib.sol";
import { NodeRules, Rule } from "./libraries/program/NodeRules.sol";
import { OpcodeProbe } from "./libraries/evm/OpcodeProbe.sol";
import { Opcodes } from "./libraries/generated/Opcodes.sol";
import { Witness, WitnessLib } from "./libraries/merkle/WitnessLib.sol";

/// @title Referee
/// @notice Recomputes leaves: a few steps of a loop node, their operands opened against a trace root. Keeps no state
/// and decides nothing; who is right follows from the word that it returns.
contract Referee is IReferee {
    using NodeLib for bytes;

    /// @notice The node has fewer operands.
    /// @param operand The position given.
    /// @param operands Number of operands.
    error OperandOutOfRange(uint256 operand, uint256 operands);

    /// @notice Refuses a chain without the opcodes that leaves are run with.
    constructor() {
        OpcodeProbe.requireOpcodes();
    }

    /// @inheritdoc IReferee
    function version() external pure returns (uint32) {
        return Opcodes.VERSION;
    }

    /// @inheritdoc IReferee
    function run(
        bytes calldata descriptor,
        uint32 element,
        uint32 from,
        uint32 to,
        uint32 accumulator,
        Commitments calldata commitments,
        bytes calldata witness
    ) external pure returns (uint32 word) {
        Witness memory stream = WitnessLib.open(witness, commitments);
        word = uint32(LoopNest.run(descriptor, element, from, to, accumulator, stream));
        WitnessLib.close(stream);
    }

    /// @inheritdoc IReferee
    function describe(bytes calldata descriptor) external pure returns (NodeInfo memory info) {
        Header h = descriptor.header();
        uint256 dtype = h.dtype();
        uint256 extents = descriptor.start() + NodeLib.HEADER_BYTES;
        info.kind = h.kind();
        info.elementBytes = uint8(1 << NodeLib.elementShift(dtype));
        info.signed = dtype == NodeLib.I8;
        info.byteLength = uint32(NodeLib.product(extents, h.rank()) << NodeLib.elementShift(dtype));
        extents += 4 * h.rank();
        info.checkpoint = info.kind != NodeKind.Loop || h.checkpoint();
        if (info.kind == NodeKind.Input) info.slot = uint32(h.slot());
        if (info.kind == NodeKind.Constant) info.root = bytes32(NodeLib.word(extents));
        if (info.kind == NodeKind.Loop) {
            info.foldSteps = uint32(NodeLib.product(extents, h.foldRank()));
            info.grain = uint32(h.grain());
            info.init = uint32(h.init());
        }
    }

    /// @inheritdoc IReferee
    function isMalformed(
        Model calldata model,
        uint32 nodeIndex,
        bytes calldata descriptor
    ) external pure returns (bool) {
        return NodeRules.violation(model, nodeIndex, descriptor) != Rule.None;
    }

    /// @inheritdoc IReferee
    function isMalformedOperand(
        uint32 nodeCount,
        uint32 nodeIndex,
        bytes calldata descriptor,
        uint8 operand,
        bytes calldata operandDescriptor
    ) external pure returns (bool) {
        return
            NodeRules.operandViolation(
                nodeCount,
                nodeIndex,
                _operand(descriptor, operand),
                operandDescriptor
            ) != Rule.None;
    }

    /// @inheritdoc IReferee
    function operandNode(bytes calldata descriptor, uint8 operand) external pure returns (uint32 nodeIndex) {
        return uint32(NodeLib.u32(_operand(descriptor, operand)));
    }

    /// @dev Calldata position of an operand.
    function _operand(bytes calldata descriptor, uint256 operand) private pure returns (uint256 position) {
        uint256 count = descriptor.header().operands();
        if (operand >= count) revert OperandOutOfRange(operand, count);
        position = descriptor.operandsStart();
        for (; operand != 0; --operand) position += NodeLib.operandBytes(position);
    }
}
