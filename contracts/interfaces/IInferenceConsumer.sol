// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// @title IInferenceConsumer
/// @notice Implemented by a contract that is to be called when its request has its final answer.
interface IInferenceConsumer {
    /// @notice The answer of a request became final. Called by the oracle; succeeds at most once for each request.
    /// @param requestId The request.
    /// @param output All output tensors, one after the other, little-endian.
    function onInference(uint256 requestId, bytes calldata output) external;
}
