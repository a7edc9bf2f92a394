// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import { IInferenceConsumer } from "../interfaces/IInferenceConsumer.sol";
import { IInferenceOracle, Terms } from "../interfaces/IInferenceOracle.sol";
import { InferenceRequester } from "./InferenceRequester.sol";

/// @title InferenceConsumer
/// @notice Base of a contract that asks for inferences and is called back with final answers.
/// @dev A callback that failed may be run again by anyone, and a short answer can be read with {_answerOf} too.
abstract contract InferenceConsumer is IInferenceConsumer, InferenceRequester {
    /// @notice Fixes oracle and terms.
    /// @param oracle_ The oracle.
    /// @param terms_ Terms within its bounds, without `answerByRoot`; `callbackGas` is what {_onAnswer} gets.
    constructor(IInferenceOracle oracle_, Terms memory terms_) InferenceRequester(oracle_, terms_) {
        if (terms_.answerByRoot) revert WrongAnswerForm(true);
    }

    /// @inheritdoc IInferenceConsumer
    function onInference(uint256 requestId, bytes calldata output) external onlyOracle {
        _onAnswer(requestId, output);
    }

    /// @notice Says which interfaces this contract has (ERC-165).
    /// @param interfaceId The interface.
    /// @return True if it has it.
    function supportsInterface(bytes4 interfaceId) public view virtual override returns (bool) {
        return interfaceId == type(IInferenceConsumer).interfaceId || super.supportsInterface(interfaceId);
    }

    /// @notice The final answer; reverts before there is one.
    /// @param requestId The request.
    /// @return All output tensors, one after the other, little-endian.
    function _answerOf(uint256 requestId) internal view returns (bytes memory) {
        return oracle().result(requestId);
    }

    /// @notice Succeeds at most once for each request, when its answer is final.
    /// @param requestId The request; check that it is one of yours.
    /// @param output All output tensors, one after the other, little-endian.
    function _onAnswer(uint256 requestId, bytes calldata output) internal virtual;
}
