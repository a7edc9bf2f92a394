// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// @title IInferenceRootConsumer
/// @notice Implemented by a contract that is to be called when a request that it made with `answerByRoot` has its final answer.
interface IInferenceRootConsumer {
    /// @notice The answer of a request became final. Called by the oracle; succeeds at most once for each request.
    /// @param requestId The request.
    /// @param outputRoots Root of each output tensor, in order.
    function onInferenceRoots(uint256 requestId, bytes32[] calldata outputRoots) external;
}
