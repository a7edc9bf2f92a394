// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { IInferenceConsumer } from "../interfaces/IInferenceConsumer.sol";
import { IInferenceOracle, Request, Terms } from "../interfaces/IInferenceOracle.sol";

/// @title InferenceConsumer
/// @notice Base of a contract that asks for inferences and is called back with final answers.
/// @dev A failed callback is not repeated, so an answer can always be read with {_answerOf} too.
abstract contract InferenceConsumer is IInferenceConsumer {
    IInferenceOracle private immutable ORACLE;

    /// @notice Only the oracle calls back.
    /// @param caller Who tried.
    error NotOracle(address caller);

    /// @notice Fixes the oracle.
    /// @param oracle_ Its address.
    constructor(IInferenceOracle oracle_) {
        ORACLE = oracle_;
    }

    /// @inheritdoc IInferenceConsumer
    function onInference(uint256 requestId, bytes calldata output) external {
        if (msg.sender != address(ORACLE)) revert NotOracle(msg.sender);
        _onAnswer(requestId, output);
    }

    /// @notice The oracle that is asked.
    /// @return Its address.
    function oracle() public view returns (IInferenceOracle) {
        return ORACLE;
    }

    /// @notice Asks for an inference.
    /// @param modelId A published model.
    /// @param input All input tensors, one after the other, little-endian.
    /// @param terms Terms within the oracle's bounds; `callbackGas` is what {_onAnswer} gets.
    /// @param feeWei What the answer earns.
    /// @return requestId Id of the request.
    function _ask(
        bytes32 modelId,
        bytes calldata input,
        Terms memory terms,
        uint256 feeWei
    ) internal returns (uint256 requestId) {
        return ORACLE.request{ value: feeWei }(modelId, input, terms);
    }

    /// @notice Takes back a request that nobody answers; the fee is then owed to this contract.
    /// @param requestId The request.
    /// @param request The request as emitted.
    function _cancel(uint256 requestId, Request calldata request) internal {
        ORACLE.cancel(requestId, request);
    }

    /// @notice Sends on what the oracle owes this contract.
    /// @param to Receiver.
    /// @return amountWei How much.
    function _collectTo(address payable to) internal returns (uint256 amountWei) {
        return ORACLE.withdrawTo(to);
    }

    /// @notice The final answer; reverts before there is one.
    /// @param requestId The request.
    /// @return All output tensors, one after the other, little-endian.
    function _answerOf(uint256 requestId) internal view returns (bytes memory) {
        return ORACLE.result(requestId);
    }

    /// @notice Called at most once for each request, when its answer is final.
    /// @param requestId The request; check that it is one of yours.
    /// @param output All output tensors, one after the other, little-endian.
    function _onAnswer(uint256 requestId, bytes calldata output) internal virtual;
}
