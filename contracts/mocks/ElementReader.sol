// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { InferenceRootConsumer } from "../consumers/InferenceRootConsumer.sol";
import { RootReader } from "../consumers/RootReader.sol";
import { IInferenceOracle, Terms } from "../interfaces/IInferenceOracle.sol";

/// @title ElementReader
/// @notice A consumer of a large answer: it keeps one root and has elements opened against it.
contract ElementReader is InferenceRootConsumer {
    using RootReader for bytes32;

    /// @notice Root of the first output of the last answer.
    bytes32 public root;

    /// @notice Fixes oracle and terms.
    /// @param oracle_ The oracle.
    /// @param terms_ Terms with `answerByRoot`.
    constructor(IInferenceOracle oracle_, Terms memory terms_) InferenceRootConsumer(oracle_, terms_) {}

    /// @notice Asks, with an input given by its roots.
    /// @param modelId The model.
    /// @param inputRoots Its input.
    /// @param uri Where the input is.
    /// @param feeWei What an answer earns.
    /// @return requestId Id of the request.
    function ask(
        bytes32 modelId,
        bytes32[] calldata inputRoots,
        string calldata uri,
        uint96 feeWei
    ) external payable returns (uint256 requestId) {
        _charge(feeWei);
        return _askByRoot(modelId, inputRoots, uri, feeWei);
    }

    /// @notice An int32 element of a tensor.
    /// @param tensor Root of the tensor.
    /// @param byteLength Its bytes.
    /// @param index Which element.
    /// @param chunk Its chunk.
    /// @param siblings Proof of the chunk.
    /// @return The number.
    function i32At(
        bytes32 tensor,
        uint256 byteLength,
        uint256 index,
        bytes calldata chunk,
        bytes32[] calldata siblings
    ) external pure returns (int32) {
        return tensor.i32At(byteLength, index, chunk, siblings);
    }

    /// @notice A float32 element of a tensor, times 10^18.
    /// @param tensor Root of the tensor.
    /// @param byteLength Its bytes.
    /// @param index Which element.
    /// @param chunk Its chunk.
    /// @param siblings Proof of the chunk.
    /// @return The number.
    function f32At(
        bytes32 tensor,
        uint256 byteLength,
        uint256 index,
        bytes calldata chunk,
        bytes32[] calldata siblings
    ) external pure returns (int256) {
        return tensor.f32At(byteLength, index, chunk, siblings);
    }

    function _onRoots(uint256, bytes32[] calldata outputRoots) internal override {
        root = outputRoots[0];
    }
}
