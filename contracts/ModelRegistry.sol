// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { IModelRegistry, Model, TensorRef } from "./interfaces/IModelRegistry.sol";
import { Limits } from "./libraries/Limits.sol";
import { MerkleLib } from "./libraries/MerkleLib.sol";
import { OpcodeProbe } from "./libraries/OpcodeProbe.sol";
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

    /// @notice Bytes of a packed {TensorRef}.
    uint256 private constant REF_BYTES = 8;

    /// @notice A model as it is stored.
    /// @param programRoot Root of the tree over the encoded nodes.
    /// @param nodeCount Nodes of the program; 0 if there is no such model.
    /// @param inputs (u32 node ‖ u32 byteLength)*, one slot for up to three.
    /// @param outputs Likewise.
    struct Stored {
        bytes32 programRoot;
        uint32 nodeCount;
        bytes inputs;
        bytes outputs;
    }

    mapping(bytes32 modelId => Stored) private _models;

    /// @notice Refuses a chain without the opcodes that commitments are computed with.
    constructor() {
        OpcodeProbe.requireOpcodes();
    }

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
        bytes memory packedInputs = _packed(inputs, nodeCount);
        bytes memory packedOutputs = _packed(outputs, nodeCount);
        modelId = keccak256(
            bytes.concat(
                abi.encodePacked(Tags.MODEL, VERSION, STEPS, programRoot, nodeCount),
                abi.encodePacked(uint8(inputs.length), packedInputs, uint8(outputs.length), packedOutputs)
            )
        );
        if (_models[modelId].nodeCount == 0) {
            _models[modelId] = Stored(programRoot, nodeCount, packedInputs, packedOutputs);
        }
        emit Published(modelId, msg.sender, programRoot, nodeCount, inputs, outputs, uri);
    }

    /// @inheritdoc IModelRegistry
    function version() external pure returns (uint32) {
        return VERSION;
    }

    /// @inheritdoc IModelRegistry
    function isPublished(bytes32 modelId) external view returns (bool) {
        return _models[modelId].nodeCount != 0;
    }

    /// @inheritdoc IModelRegistry
    function programOf(bytes32 modelId) external view returns (bytes32 programRoot, uint32 nodeCount) {
        Stored storage model = _models[modelId];
        nodeCount = model.nodeCount;
        if (nodeCount == 0) revert UnknownModel(modelId);
        programRoot = model.programRoot;
    }

    /// @inheritdoc IModelRegistry
    function modelOf(bytes32 modelId) external view returns (Model memory model) {
        Stored storage stored = _models[modelId];
        if (stored.nodeCount == 0) revert UnknownModel(modelId);
        model.programRoot = stored.programRoot;
        model.nodeCount = stored.nodeCount;
        model.inputs = _unpacked(stored.inputs);
        model.outputs = _unpacked(stored.outputs);
    }

    /// @inheritdoc IModelRegistry
    function inputsOf(bytes32 modelId) public view returns (TensorRef[] memory refs) {
        refs = _unpacked(_models[modelId].inputs);
        // A model may have no inputs, so their absence alone does not tell.
        if (refs.length == 0 && _models[modelId].nodeCount == 0) revert UnknownModel(modelId);
    }

    /// @inheritdoc IModelRegistry
    function outputsOf(bytes32 modelId) public view returns (TensorRef[] memory refs) {
        refs = _unpacked(_models[modelId].outputs);
        if (refs.length == 0) revert UnknownModel(modelId);
    }

    /// @inheritdoc IModelRegistry
    function commitInput(bytes32 modelId, bytes calldata input) external view returns (bytes32) {
        (bytes32[] memory roots, uint256 expected) = _roots(inputsOf(modelId), input);
        if (expected != input.length) revert InputLengthMismatch(expected, input.length);
        return MerkleLib.listHash(Tags.INPUTS, roots);
    }

    /// @inheritdoc IModelRegistry
    function commitOutput(bytes32 modelId, bytes calldata output) external view returns (bytes32) {
        (bytes32[] memory roots, uint256 expected) = _roots(outputsOf(modelId), output);
        if (expected != output.length) revert OutputLengthMismatch(expected, output.length);
        return MerkleLib.listHash(Tags.OUTPUTS, roots);
    }

    /// @notice Roots of tensors that lie one after the other.
    /// @param refs Their byte lengths.
    /// @param data Their bytes.
    /// @return roots One root each; meaningless unless `total` is the length of `data`.
    /// @return total Bytes of all together.
    function _roots(
        TensorRef[] memory refs,
        bytes calldata data
    ) private pure returns (bytes32[] memory roots, uint256 total) {
        uint256 count = refs.length;
        roots = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            uint256 from = total;
            total += refs[i].byteLength;
            if (total <= data.length) roots[i] = MerkleLib.tensorRoot(data[from:total]);
        }
    }

    /// @notice (u32 node ‖ u32 byteLength)*, each within its bounds.
    /// @param refs The references.
    /// @param nodeCount Nodes of the program.
    /// @return packed The bytes.
    function _packed(TensorRef[] calldata refs, uint32 nodeCount) private pure returns (bytes memory packed) {
        for (uint256 i = 0; i < refs.length; ++i) {
            TensorRef calldata ref = refs[i];
            if (ref.node >= nodeCount || ref.byteLength > Limits.MAX_TENSOR_BYTES) {
                revert TensorRefOutOfBounds(ref.node, ref.byteLength);
            }
            packed = abi.encodePacked(packed, ref.node, ref.byteLength);
        }
    }

    /// @notice Reads what {_packed} wrote.
    /// @param packed The bytes.
    /// @return refs The references.
    function _unpacked(bytes memory packed) private pure returns (TensorRef[] memory refs) {
        uint256 count = packed.length / REF_BYTES;
        refs = new TensorRef[](count);
        for (uint256 i = 0; i < count; ++i) {
            uint64 ref;
            assembly ("memory-safe") {
                ref := shr(192, mload(add(packed, add(32, mul(i, REF_BYTES)))))
            }
            refs[i] = TensorRef(uint32(ref >> 32), uint32(ref));
        }
    }
}
