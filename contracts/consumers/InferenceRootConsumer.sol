// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import { IInferenceOracle, Terms } from "../interfaces/IInferenceOracle.sol";
import { IInferenceRootConsumer } from "../interfaces/IInferenceRootConsumer.sol";
import { InferenceRequester } from "./InferenceRequester.sol";

/// @title InferenceRootConsumer
/// @notice Base of a contract that asks for large answers and is called back with the roots of their tensors. It keeps a root
/// and later has single elements opened against it with {RootReader}.
abstract contract InferenceRootConsumer is IInferenceRootConsumer, InferenceRequester {
    /// @notice Fixes oracle and terms.
    /// @param oracle_ The oracle.
    /// @param terms_ Terms within its bounds, with `answerByRoot`; `callbackGas` is what {_onRoots} gets.
    constructor(IInferenceOracle oracle_, Terms memory terms_) InferenceRequester(oracle_, terms_) {
        if (!terms_.answerByRoot) revert WrongAnswerForm(false);
    }

    /// @inheritdoc IInferenceRootConsumer
    function onInferenceRoots(uint256 requestId, bytes32[] calldata outputRoots) external onlyOracle {
        _onRoots(requestId, outputRoots);
    }

    /// @notice Says which interfaces this contract has (ERC-165).
    /// @param interfaceId The interface.
    /// @return True if it has it.
    function supportsInterface(bytes4 interfaceId) public view virtual override returns (bool) {
        return
            interfaceId == type(IInferenceRootConsumer).interfaceId || super.supportsInterface(interfaceId);
    }

    /// @notice Succeeds at most once for each request, when its answer is final.
    /// @param requestId The request; check that it is one of yours.
    /// @param outputRoots Root of each output tensor, in order.
    function _onRoots(uint256 requestId, bytes32[] calldata outputRoots) internal virtual;
}
