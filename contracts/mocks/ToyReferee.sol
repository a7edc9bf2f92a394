// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Model, TensorRef } from "../interfaces/IModelRegistry.sol";
import { Commitments, IReferee, NodeInfo, NodeKind } from "../interfaces/IReferee.sol";

/// @title ToyReferee
/// @notice A counter in the place of arithmetic, so that the whole game is tested without a model. Twin:
/// test/support/toy.
/// @dev A descriptor is 59 bytes, big-endian: u8 kind ‖ u8 elementBytes ‖ u8 flags (1 signed, 2 checkpoint) ‖ u32 elements ‖ u32 foldSteps ‖
/// u32 grain ‖ u32 init ‖ u32 slot ‖ u32 reads ‖ bytes32 root. A loop computes acc = acc * 5 + element + k + 1 for every
/// fold step k and yields acc ^ 0xa5a5a5a5. It reads node `reads` in name only, so its witness is empty.
contract ToyReferee is IReferee {
    uint256 private constant DESCRIPTOR_BYTES = 59;
    uint32 private constant MASK = 0xa5a5a5a5;

    /// @notice The bytes are no toy node.
    error NotToyNode();
    /// @notice A toy needs no witness.
    /// @param length Bytes given.
    error WitnessNotEmpty(uint256 length);

    /// @inheritdoc IReferee
    function version() external pure returns (uint32) {
        return 1;
    }

    /// @inheritdoc IReferee
    function describe(bytes calldata descriptor) external pure returns (NodeInfo memory info) {
        return _decode(descriptor);
    }

    /// @inheritdoc IReferee
    function run(
        bytes calldata descriptor,
        uint32 element,
        uint32 from,
        uint32 to,
        uint32 accumulator,
        Commitments calldata,
        bytes calldata witness
    ) public pure virtual returns (uint32 word) {
        if (witness.length != 0) revert WitnessNotEmpty(witness.length);
        NodeInfo memory info = _decode(descriptor);
        word = accumulator;
        unchecked {
            for (uint32 k = from; k < to; ++k) word = word * 5 + element + k + 1;
        }
        if (to < info.foldSteps) return word;
        word ^= MASK;
        if (info.elementBytes == 1) word = info.signed ? uint32(int32(int8(uint8(word)))) : uint8(word);
    }

    /// @inheritdoc IReferee
    function isMalformed(
        Model calldata model,
        uint32 nodeIndex,
        bytes calldata descriptor
    ) external pure returns (bool) {
        if (descriptor.length != DESCRIPTOR_BYTES) return true;
        NodeInfo memory info = _decode(descriptor);
        if (info.kind == NodeKind.None) return true;
        if (info.elementBytes != 1 && info.elementBytes != 4) return true;
        if (uint32(bytes4(descriptor[3:7])) > 2 ** 30) return true;
        if (info.kind == NodeKind.Input) {
            uint256 inputs = model.inputs.length;
            if (info.slot >= inputs + model.answers.length) return true;
            TensorRef calldata ref =
                info.slot < inputs ? model.inputs[info.slot] : model.answers[info.slot - inputs];
            return ref.node != nodeIndex || ref.byteLength != info.byteLength;
        }
        if (info.kind == NodeKind.Loop) {
            if (info.grain == 0 || info.grain > 1_000) return true;
            return nodeIndex != 0 && _reads(descriptor) >= nodeIndex;
        }
        return false;
    }

    /// @inheritdoc IReferee
    function isMalformedOperand(
        uint32,
        uint32,
        bytes calldata descriptor,
        uint8,
        bytes calldata operandDescriptor
    ) external pure returns (bool) {
        return _decode(descriptor).elementBytes != _decode(operandDescriptor).elementBytes;
    }

    /// @inheritdoc IReferee
    function operandNode(bytes calldata descriptor, uint8 operand) external pure returns (uint32 nodeIndex) {
        if (operand != 0 || descriptor.length != DESCRIPTOR_BYTES) revert NotToyNode();
        return _reads(descriptor);
    }

    function _reads(bytes calldata descriptor) private pure returns (uint32) {
        return uint32(bytes4(descriptor[23:27]));
    }

    function _decode(bytes calldata descriptor) private pure returns (NodeInfo memory info) {
        if (descriptor.length != DESCRIPTOR_BYTES) revert NotToyNode();
        uint8 kind = uint8(descriptor[0]);
        if (kind <= uint8(NodeKind.Loop)) info.kind = NodeKind(kind);
        info.elementBytes = uint8(descriptor[1]);
        info.signed = uint8(descriptor[2]) & 1 != 0;
        unchecked {
            info.byteLength = uint32(bytes4(descriptor[3:7])) * info.elementBytes;
        }
        info.foldSteps = uint32(bytes4(descriptor[7:11]));
        info.grain = uint32(bytes4(descriptor[11:15]));
        info.init = uint32(bytes4(descriptor[15:19]));
        info.slot = uint32(bytes4(descriptor[19:23]));
        info.root = bytes32(descriptor[27:59]);
        info.checkpoint = info.kind != NodeKind.Loop || uint8(descriptor[2]) & 2 != 0;
    }
}
