// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {
    IInferenceOracle,
    Progress,
    Request,
    RequestStatus,
    Terms
} from "../interfaces/IInferenceOracle.sol";
import { OracleState } from "./OracleState.sol";

/// @title Requests
/// @notice Requests are made within the bounds, and taken back when nobody answers them.
abstract contract Requests is OracleState {
    /// @inheritdoc IInferenceOracle
    function request(
        bytes32 modelId,
        bytes calldata input,
        Terms calldata terms,
        uint96 feeWei
    ) external payable nonReentrant returns (uint256 requestId) {
        Request memory made;
        (requestId, made) = _ask(modelId, REGISTRY.commitInput(modelId, input), terms, feeWei);
        emit Requested(requestId, modelId, msg.sender, made, input);
    }

    /// @inheritdoc IInferenceOracle
    function requestByRoot(
        bytes32 modelId,
        bytes32[] calldata inputRoots,
        string calldata uri,
        Terms calldata terms,
        uint96 feeWei
    ) external payable nonReentrant returns (uint256 requestId) {
        Request memory made;
        (requestId, made) = _ask(modelId, REGISTRY.commitInputRoots(modelId, inputRoots), terms, feeWei);
        emit RequestedByRoot(requestId, modelId, msg.sender, made, inputRoots, uri);
    }

    /// @inheritdoc IInferenceOracle
    function cancel(
        uint256 requestId,
        Request calldata request_
    ) external nonReentrant returns (uint256 refundWei) {
        _requireRequest(requestId, request_);
        if (msg.sender != request_.requester) revert NotRequester(requestId, request_.requester, msg.sender);
        Progress storage state = _progress[requestId];
        RequestStatus status = state.status;
        bool closed = status == RequestStatus.Closed;
        if (!closed) _requireOpen(requestId, status);
        uint256 last = uint256(request_.requestedAt) + request_.terms.patienceSeconds;
        if (block.timestamp <= last) revert PatienceLasts(requestId, last);
        if (state.openClaims != 0) {
            if (closed) revert ClaimsOpen(requestId, state.openClaims);
            // RULE: claims that overlap do not keep a request open for ever.
            state.status = RequestStatus.Closed;
            emit Closed(requestId);
            return 0;
        }
        state.status = RequestStatus.Cancelled;
        refundWei = uint256(request_.feeWei) + request_.terms.callbackFeeWei;
        owed[request_.requester] += refundWei;
        emit Cancelled(requestId);
    }

    function _ask(
        bytes32 modelId,
        bytes32 inputs,
        Terms memory terms,
        uint96 feeWei
    ) private returns (uint256 requestId, Request memory made) {
        _requireInBounds(terms);
        if (terms.answerByRoot) _requireNoAnswers(modelId);
        CURRENCY.take(uint256(feeWei) + terms.callbackFeeWei);
        made = Request(msg.sender, feeWei, modelId, inputs, uint40(block.timestamp), terms);
        requestId = _nextRequestId++;
        requestHash[requestId] = keccak256(abi.encode(made));
    }

    /// @notice RULE: answers that are checked are given as bytes, because nobody could check one that is withheld.
    function _requireNoAnswers(bytes32 modelId) private view {
        (, , bool hasAnswers) = REGISTRY.programOf(modelId);
        if (hasAnswers) revert AnswersNeedBytes(modelId);
    }

    function _requireInBounds(Terms memory terms) private view {
        if (_isOutside(terms.claimBondWei, MIN_CLAIM_BOND_WEI, MAX_CLAIM_BOND_WEI)) {
            revert TermOutOfBounds(
                "claimBondWei",
                terms.claimBondWei,
                MIN_CLAIM_BOND_WEI,
                MAX_CLAIM_BOND_WEI
            );
        }
        if (_isOutside(terms.challengeBondWei, MIN_CHALLENGE_BOND_WEI, MAX_CHALLENGE_BOND_WEI)) {
            revert TermOutOfBounds(
                "challengeBondWei",
                terms.challengeBondWei,
                MIN_CHALLENGE_BOND_WEI,
                MAX_CHALLENGE_BOND_WEI
            );
        }
        // RULE: no challenger puts up more than it can win.
        uint256 mostWei = _reward(terms.claimBondWei);
        if (terms.challengeBondWei > mostWei) revert ChallengeBondTooHigh(terms.challengeBondWei, mostWei);
        if (_isOutside(terms.windowSeconds, MIN_WINDOW_SECONDS, MAX_WINDOW_SECONDS)) {
            revert TermOutOfBounds(
                "windowSeconds",
                terms.windowSeconds,
                MIN_WINDOW_SECONDS,
                MAX_WINDOW_SECONDS
            );
        }
        if (_isOutside(terms.clockSeconds, MIN_CLOCK_SECONDS, MAX_CLOCK_SECONDS)) {
            revert TermOutOfBounds("clockSeconds", terms.clockSeconds, MIN_CLOCK_SECONDS, MAX_CLOCK_SECONDS);
        }
        if (_isOutside(terms.patienceSeconds, MIN_PATIENCE_SECONDS, MAX_PATIENCE_SECONDS)) {
            revert TermOutOfBounds(
                "patienceSeconds",
                terms.patienceSeconds,
                MIN_PATIENCE_SECONDS,
                MAX_PATIENCE_SECONDS
            );
        }
        if (_isOutside(terms.callbackGas, MIN_CALLBACK_GAS, MAX_CALLBACK_GAS)) {
            revert TermOutOfBounds("callbackGas", terms.callbackGas, MIN_CALLBACK_GAS, MAX_CALLBACK_GAS);
        }
        if (terms.callbackGas == 0 && terms.callbackFeeWei != 0) {
            revert CallbackFeeWithoutGas(terms.callbackFeeWei);
        }
    }

    function _isOutside(uint256 value, uint256 min, uint256 max) private pure returns (bool) {
        return value < min || value > max;
    }
}
