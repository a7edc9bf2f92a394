// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { IModelRegistry, Model, TensorRef } from "./interfaces/IModelRegistry.sol";
import { Limits } from "./libraries/generated/Limits.sol";
import { MerkleLib } from "./libraries/merkle/MerkleLib.sol";
import { OpcodeProbe } from "./libraries/evm/OpcodeProbe.sol";
import { Opcodes } from "./libraries/generated/Opcodes.sol";
import { Tags } from "./libraries/generated/Tags.sol";

/// @title ModelRegistry
/// @notice Commitments to models, by id. The same model has the same id whoever publishes it, so there is nothing to own.
contract ModelRegistry is IModelRegistry {
    /// @notice Times that the program runs; room for recurrent models.
    uint32 private constant STEPS = 1;
    /// @notice Most inputs, most outputs and most answers; the id counts each in one byte.
    uint256 private constant MAX_TENSORS = type(uint8).max;

    /// @notice Bytes of a packed {TensorRef}.
    uint256 private constant REF_BYTES = 8;

    /// @notice Calldata of a first answer besides its outputs and their proofs: selector, state, offsets and lengths, and a
    /// reveal of 32 hashes.
    uint256 private constant FIRST_ANSWER_BYTES = 2_048;

    /// @notice A model as it is stored.
    /// @param programRoot Root of the tree over the encoded nodes.
    /// @param nodeCount Nodes of the program; 0 if there is no such model.
    /// @param accept The output (u32 node ‖ u32 byteLength) of a model with answers; 0 for a model without.
    /// @param inputs (u32 node ‖ u32 byteLength)*, one slot for up to three.
    /// @param supplied Likewise, what a claim supplies: the answers, or the outputs of a model without answers.
    struct Stored {
        bytes32 programRoot;
        uint32 nodeCount;
        uint64 accept;
        bytes inputs;
        bytes supplied;
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
        TensorRef[] calldata answers,
        string calldata uri
    ) external returns (bytes32 modelId) {
        if (nodeCount == 0 || nodeCount > Limits.MAX_NODES) {
            revert NodeCountOutOfBounds(nodeCount, Limits.MAX_NODES);
        }
        _requireCounts(inputs.length, outputs.length, answers.length);
        _requireFirstAnswerFits(outputs.length, nodeCount);
        bytes memory packedInputs = _packed(inputs, nodeCount);
        bytes memory packedOutputs = _packed(outputs, nodeCount);
        bytes memory packedAnswers = _packed(answers, nodeCount);
        modelId = keccak256(
            bytes.concat(
                abi.encodePacked(Tags.MODEL, Opcodes.VERSION, STEPS, programRoot, nodeCount),
                abi.encodePacked(uint8(inputs.length), packedInputs, uint8(outputs.length), packedOutputs),
                answers.length == 0 ? bytes("") : abi.encodePacked(uint8(answers.length), packedAnswers)
            )
        );
        if (_models[modelId].nodeCount == 0) {
            _models[modelId] =
                answers.length == 0
                    ? Stored(programRoot, nodeCount, 0, packedInputs, packedOutputs)
                    : Stored(
                        programRoot,
                        nodeCount,
                        _accept(outputs[0], answers),
                        packedInputs,
                        packedAnswers
                    );
        }
        emit Published(modelId, msg.sender, programRoot, nodeCount, inputs, outputs, answers, uri);
    }

    /// @inheritdoc IModelRegistry
    function version() external pure returns (uint32) {
        return Opcodes.VERSION;
    }

    /// @inheritdoc IModelRegistry
    function isPublished(bytes32 modelId) external view returns (bool) {
        return _models[modelId].nodeCount != 0;
    }

    /// @inheritdoc IModelRegistry
    function programOf(
        bytes32 modelId
    ) public view returns (bytes32 programRoot, uint32 nodeCount, bool hasAnswers) {
        Stored storage model = _models[modelId];
        nodeCount = model.nodeCount;
        if (nodeCount == 0) revert UnknownModel(modelId);
        hasAnswers = model.accept != 0;
        programRoot = model.programRoot;
    }

    /// @inheritdoc IModelRegistry
    function traceEnd(
        bytes32 modelId
    )
        external
        view
        returns (bytes32 programRoot, uint32 nodeCount, bool hasAnswers, TensorRef[] memory outputs)
    {
        (programRoot, nodeCount, hasAnswers) = programOf(modelId);
        outputs = outputsOf(modelId);
    }

    /// @inheritdoc IModelRegistry
    function modelOf(bytes32 modelId) external view returns (Model memory model) {
        Stored storage stored = _models[modelId];
        if (stored.nodeCount == 0) revert UnknownModel(modelId);
        model.programRoot = stored.programRoot;
        model.nodeCount = stored.nodeCount;
        model.inputs = _unpacked(stored.inputs);
        model.outputs = outputsOf(modelId);
        model.answers = answersOf(modelId);
    }

    /// @inheritdoc IModelRegistry
    function inputsOf(bytes32 modelId) public view returns (TensorRef[] memory refs) {
        refs = _unpacked(_models[modelId].inputs);
        // A model may have no inputs, so their absence alone does not tell.
        if (refs.length == 0 && _models[modelId].nodeCount == 0) revert UnknownModel(modelId);
    }

    /// @inheritdoc IModelRegistry
    function outputsOf(bytes32 modelId) public view returns (TensorRef[] memory refs) {
        uint64 accept = _models[modelId].accept;
        return accept == 0 ? suppliedOf(modelId) : _unpacked(abi.encodePacked(accept));
    }

    /// @inheritdoc IModelRegistry
    function answersOf(bytes32 modelId) public view returns (TensorRef[] memory refs) {
        refs = suppliedOf(modelId);
        if (_models[modelId].accept == 0) return new TensorRef[](0);
    }

    /// @inheritdoc IModelRegistry
    function suppliedOf(bytes32 modelId) public view returns (TensorRef[] memory refs) {
        refs = _unpacked(_models[modelId].supplied);
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
        (bytes32[] memory roots, uint256 expected) = _roots(suppliedOf(modelId), output);
        if (expected != output.length) revert OutputLengthMismatch(expected, output.length);
        return MerkleLib.listHash(Tags.OUTPUTS, roots);
    }

    /// @inheritdoc IModelRegistry
    function commitInputRoots(bytes32 modelId, bytes32[] calldata roots) external view returns (bytes32) {
        _requireRoots(inputsOf(modelId).length, roots.length);
        return MerkleLib.listHash(Tags.INPUTS, roots);
    }

    /// @inheritdoc IModelRegistry
    function commitOutputRoots(bytes32 modelId, bytes32[] calldata roots) external view returns (bytes32) {
        _requireRoots(suppliedOf(modelId).length, roots.length);
        return MerkleLib.listHash(Tags.OUTPUTS, roots);
    }

    /// @notice RULE: lists are counted in one byte, and a claim supplies at least one tensor.
    function _requireCounts(uint256 inputs, uint256 outputs, uint256 answers) private pure {
        if (inputs > MAX_TENSORS || outputs > MAX_TENSORS || outputs == 0) {
            revert TensorCountOutOfBounds(inputs, outputs, MAX_TENSORS);
        }
        if (answers > MAX_TENSORS) revert AnswerCountOutOfBounds(answers, MAX_TENSORS);
        if (answers != 0 && outputs != 1) revert AcceptNotScalar(outputs, 0);
    }

    /// @notice RULE: the least challenge bond pays for a claimant's first answer, which holds the root of each output and a proof
    /// of it.
    function _requireFirstAnswerFits(uint256 outputs, uint256 nodeCount) private pure {
        uint256 size = FIRST_ANSWER_BYTES + 32 * outputs * (1 + MerkleLib.depthOf(nodeCount));
        if (size > Limits.MAX_FIRST_ANSWER_BYTES) {
            revert FirstAnswerTooLarge(outputs, size, Limits.MAX_FIRST_ANSWER_BYTES);
        }
    }

    /// @notice RULE: the output of a model with answers is a scalar, and its answers fit one transaction: a claim cannot give
    /// them by root, because nobody could check a withheld answer.
    /// @param output The output.
    /// @param answers The answers.
    /// @return packed The output, packed; not zero, because its length is not.
    function _accept(
        TensorRef calldata output,
        TensorRef[] calldata answers
    ) private pure returns (uint64 packed) {
        if (output.byteLength != 1 && output.byteLength != 4) revert AcceptNotScalar(1, output.byteLength);
        uint256 total = 0;
        for (uint256 i = 0; i < answers.length; ++i) total += answers[i].byteLength;
        if (total > Limits.MAX_DATA_BYTES) revert AnswersTooLarge(total, Limits.MAX_DATA_BYTES);
        return (uint64(output.node) << 32) | output.byteLength;
    }

    function _requireRoots(uint256 expected, uint256 given) private pure {
        if (given != expected) revert RootCountMismatch(expected, given);
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
        unchecked {
            for (uint256 i = 0; i < count; ++i) {
                uint64 ref;
                // ref = the i-th eight bytes of packed
                assembly ("memory-safe") {
                    ref := shr(192, mload(add(packed, add(32, mul(i, REF_BYTES)))))
                }
                TensorRef memory unpacked = refs[i];
                (unpacked.node, unpacked.byteLength) = (uint32(ref >> 32), uint32(ref));
            }
        }
    }
}
