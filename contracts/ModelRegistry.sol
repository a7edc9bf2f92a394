// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { IModelRegistry, Model, TensorRef } from "./interfaces/IModelRegistry.sol";
import { Limits } from "./libraries/Limits.sol";
import { MerkleLib } from "./libraries/MerkleLib.sol";
import { Tags } from "./libraries/Tags.sol";

/// @title ModelRegistry
/// @notice Commitments to models, by id. The same model has the same id whoever publishes it, so there is nothing to own.
contract ModelRegistry is IModelRegistry {
    /// @notice Version of the instruction set.
    uint32 private constant VERSION = 1;
    /// @notice Times that the program runs; room for recurrent models.
    uint32 private constant STEPS = 1;
    /// @notice Most inputs, and most outputs; the id counts them in one byte.
    uint256 private constant MAX_TENSORS = type(uint8).max;

    /// @notice A model without outputs is none: publishing demands at least one.
    mapping(bytes32 modelId => Model) private _models;

    /// @inheritdoc IModelRegistry
    function publish(
        bytes32 programRoot,
        uint32 nodeCount,
        TensorRef[] calldata inputs,
        TensorRef[] calldata outputs,
        string calldata uri
    ) external returns (bytes32 modelId) {
        if (nodeCount == 0 || nodeCount > Limits.MAX_NODES) {
            revert NodeCountOutOfBounds(nodeCount, Limits.MAX_NODES);
        }
        if (inputs.length > MAX_TENSORS || outputs.length > MAX_TENSORS || outputs.length == 0) {
            revert TensorCountOutOfBounds(inputs.length, outputs.length, MAX_TENSORS);
        }
        bytes memory tensors = bytes.concat(_packed(inputs, nodeCount), _packed(outputs, nodeCount));
        modelId = keccak256(abi.encodePacked(Tags.MODEL, VERSION, STEPS, programRoot, nodeCount, tensors));
        Model storage model = _models[modelId];
        if (model.outputs.length == 0) {
            model.programRoot = programRoot;
            model.nodeCount = nodeCount;
            for (uint256 i = 0; i < inputs.length; ++i) model.inputs.push(inputs[i]);
            for (uint256 i = 0; i < outputs.length; ++i) model.outputs.push(outputs[i]);
        }
        emit Published(modelId, msg.sender, programRoot, nodeCount, inputs, outputs, uri);
    }

    /// @inheritdoc IModelRegistry
    function version() external pure returns (uint32) {
        return VERSION;
    }

    /// @inheritdoc IModelRegistry
    function isPublished(bytes32 modelId) external view returns (bool) {
        return _models[modelId].outputs.length != 0;
    }

    /// @inheritdoc IModelRegistry
    function programOf(bytes32 modelId) external view returns (bytes32 programRoot, uint32 nodeCount) {
        Model storage model = _models[modelId];
        nodeCount = model.nodeCount;
        if (nodeCount == 0) revert UnknownModel(modelId);
        programRoot = model.programRoot;
    }

    /// @inheritdoc IModelRegistry
    function modelOf(bytes32 modelId) external view returns (Model memory) {
        _requirePublished(modelId);
        return _models[modelId];
    }

    /// @inheritdoc IModelRegistry
    function inputsOf(bytes32 modelId) external view returns (TensorRef[] memory) {
        _requirePublished(modelId);
        return _models[modelId].inputs;
    }

    /// @inheritdoc IModelRegistry
    function outputsOf(bytes32 modelId) external view returns (TensorRef[] memory) {
        _requirePublished(modelId);
        return _models[modelId].outputs;
    }

    /// @inheritdoc IModelRegistry
    function commitInput(bytes32 modelId, bytes calldata input) external view returns (bytes32) {
        _requirePublished(modelId);
        (bytes32[] memory roots, uint256 expected) = _roots(_models[modelId].inputs, input);
        if (expected != input.length) revert InputLengthMismatch(expected, input.length);
        return MerkleLib.listHash(Tags.INPUTS, roots);
    }

    /// @inheritdoc IModelRegistry
    function commitOutput(bytes32 modelId, bytes calldata output) external view returns (bytes32) {
        _requirePublished(modelId);
        (bytes32[] memory roots, uint256 expected) = _roots(_models[modelId].outputs, output);
        if (expected != output.length) revert OutputLengthMismatch(expected, output.length);
        return MerkleLib.listHash(Tags.OUTPUTS, roots);
    }

    function _requirePublished(bytes32 modelId) private view {
        if (_models[modelId].outputs.length == 0) revert UnknownModel(modelId);
    }

    /// @notice Roots of tensors that lie one after the other.
    /// @param refs Their byte lengths.
    /// @param data Their bytes.
    /// @return roots One root each; meaningless unless `total` is the length of `data`.
    /// @return total Bytes of all together.
    function _roots(
        TensorRef[] storage refs,
        bytes calldata data
    ) private view returns (bytes32[] memory roots, uint256 total) {
        uint256 count = refs.length;
        roots = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            uint256 from = total;
            total += refs[i].byteLength;
            if (total <= data.length) roots[i] = MerkleLib.tensorRoot(data[from:total]);
        }
    }

    /// @notice u8 count ‖ (u32 node ‖ u32 byteLength)*.
    /// @param refs At most 255.
    /// @param nodeCount Nodes of the program.
    /// @return packed The bytes.
    function _packed(TensorRef[] calldata refs, uint32 nodeCount) private pure returns (bytes memory packed) {
        packed = abi.encodePacked(uint8(refs.length));
        for (uint256 i = 0; i < refs.length; ++i) {
            TensorRef calldata ref = refs[i];
            if (ref.node >= nodeCount || ref.byteLength > Limits.MAX_TENSOR_BYTES) {
                revert TensorRefOutOfBounds(ref.node, ref.byteLength);
            }
            packed = abi.encodePacked(packed, ref.node, ref.byteLength);
        }
    }
}
