// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {
    CallbackStatus,
    Claim,
    ClaimStatus,
    IInferenceOracle,
    Progress,
    Request,
    RequestStatus
} from "../interfaces/IInferenceOracle.sol";
import { IProofVerifier } from "../interfaces/IProofVerifier.sol";
import { KeptAnswerLib } from "../libraries/oracle/KeptAnswer.sol";
import { Tags } from "../libraries/generated/Tags.sol";
import { MerkleLib } from "../libraries/merkle/MerkleLib.sol";
import { Callbacks } from "./Callbacks.sol";
import { Fees } from "./Fees.sol";

/// @title Finality
/// @notice A claim ends well: its window has passed, or its verifier said yes, and no dispute on it is open. The first that does
/// answers the request.
abstract contract Finality is Callbacks, Fees {
    /// @notice Longest answer that is kept, in bytes.
    uint256 public constant MAX_STORED_OUTPUT_BYTES = 1_024;

    /// @notice Most gas of a verifier. It says yes or the call reverts, so this bounds only what its caller pays.
    uint256 private constant VERIFIER_GAS = 5_000_000;

    /// @inheritdoc IInferenceOracle
    function finalize(
        uint256 claimId,
        Request calldata request_,
        bytes32 outputs,
        bytes calldata output,
        bool withCallback
    ) external nonReentrant {
        Claim storage ended = _requireBytes(claimId, request_, outputs, output);
        _requireWindowPassed(claimId, request_, ended);
        _finalizeBytes(claimId, request_, ended, outputs, output, withCallback);
    }

    /// @inheritdoc IInferenceOracle
    function finalizeByRoot(
        uint256 claimId,
        Request calldata request_,
        bytes32[] calldata outputRoots,
        bool withCallback
    ) external nonReentrant {
        (Claim storage ended, bytes32 outputs) = _requireRoots(claimId, request_, outputRoots);
        _requireWindowPassed(claimId, request_, ended);
        _finalizeRoots(claimId, request_, ended, outputs, outputRoots, withCallback);
    }

    /// @inheritdoc IInferenceOracle
    function finalizeProven(
        uint256 claimId,
        Request calldata request_,
        bytes32 outputs,
        bytes calldata output,
        bytes calldata proof,
        bool withCallback
    ) external nonReentrant {
        Claim storage ended = _requireBytes(claimId, request_, outputs, output);
        _requireProven(claimId, request_, ended.claimant, outputs, proof);
        _finalizeBytes(claimId, request_, ended, outputs, output, withCallback);
    }

    /// @inheritdoc IInferenceOracle
    function finalizeProvenByRoot(
        uint256 claimId,
        Request calldata request_,
        bytes32[] calldata outputRoots,
        bytes calldata proof,
        bool withCallback
    ) external nonReentrant {
        (Claim storage ended, bytes32 outputs) = _requireRoots(claimId, request_, outputRoots);
        _requireProven(claimId, request_, ended.claimant, outputs, proof);
        _finalizeRoots(claimId, request_, ended, outputs, outputRoots, withCallback);
    }

    // ---- conditions -----------------------------------------------------------------------------------------------

    /// @notice RULE: what is made final is what an open claim supplied, in the form that the request wants.
    function _requireBytes(
        uint256 claimId,
        Request calldata request_,
        bytes32 outputs,
        bytes calldata output
    ) private view returns (Claim storage ended) {
        uint256 requestId = claimId >> 32;
        _requireRequest(requestId, request_);
        _requireForm(requestId, request_, false);
        ended = _openClaim(claimId);
        Supplied memory supplied = _supplied[requestId][outputs][ended.claimant];
        if (supplied.number != uint32(claimId) || supplied.digest != _digest(output)) {
            revert OutputMismatch(claimId, outputs);
        }
    }

    /// @notice {_requireBytes} of a claim by root.
    function _requireRoots(
        uint256 claimId,
        Request calldata request_,
        bytes32[] calldata outputRoots
    ) private view returns (Claim storage ended, bytes32 outputs) {
        _requireRequest(claimId >> 32, request_);
        _requireForm(claimId >> 32, request_, true);
        ended = _openClaim(claimId);
        outputs = MerkleLib.listHash(Tags.OUTPUTS, outputRoots);
        _requireOutputs(claimId, ended.claimant, outputs);
    }

    function _requireWindowPassed(
        uint256 claimId,
        Request calldata request_,
        Claim storage ended
    ) private view {
        uint256 last = uint256(ended.claimedAt) + request_.terms.windowSeconds;
        if (block.timestamp <= last) revert WindowOpen(claimId, last);
    }

    /// @notice RULE: only a clear yes of the request's own verifier, to exactly this claim, ends a window.
    function _requireProven(
        uint256 claimId,
        Request calldata request_,
        address claimant,
        bytes32 outputs,
        bytes calldata proof
    ) private view {
        uint256 requestId = claimId >> 32;
        address verifier = request_.terms.verifier;
        if (verifier == address(0)) revert NoVerifier(requestId);
        bytes memory metadata = abi.encode(block.chainid, address(this), claimId, request_.modelId, claimant);
        bytes memory call_ = abi.encodeCall(
            IProofVerifier.verify,
            (request_.inputs, outputs, metadata, proof)
        );
        bool yes;
        // A plain call would copy all that the verifier returns, and take anything but zero or one for a broken contract.
        assembly ("memory-safe") {
            let ok := staticcall(VERIFIER_GAS, verifier, add(call_, 32), mload(call_), 0, 32)
            yes := and(and(ok, gt(returndatasize(), 31)), eq(mload(0), 1))
        }
        if (!yes) revert NotProven(requestId, verifier);
    }

    // ---- what these do --------------------------------------------------------------------------------------------

    function _finalizeBytes(
        uint256 claimId,
        Request calldata request_,
        Claim storage ended,
        bytes32 outputs,
        bytes calldata output,
        bool withCallback
    ) private {
        uint256 requestId = claimId >> 32;
        bool stored = output.length <= MAX_STORED_OUTPUT_BYTES;
        (bool answers, bool due) = _finalize(claimId, request_, ended, outputs, stored);
        if (answers && stored) _answers[requestId] = KeptAnswerLib.keep(output);
        if (due && withCallback) _callBack(requestId, request_, _callWithBytes(requestId, output));
    }

    function _finalizeRoots(
        uint256 claimId,
        Request calldata request_,
        Claim storage ended,
        bytes32 outputs,
        bytes32[] calldata outputRoots,
        bool withCallback
    ) private {
        uint256 requestId = claimId >> 32;
        (, bool due) = _finalize(claimId, request_, ended, outputs, false);
        if (due && withCallback) _callBack(requestId, request_, _callWithRoots(requestId, outputRoots));
    }

    /// @notice Ends a claim well, and answers the request with it if that has no answer.
    /// @return answers Whether it answered the request.
    /// @return callbackDue Whether the answer waits for its callback.
    function _finalize(
        uint256 claimId,
        Request calldata request_,
        Claim storage ended,
        bytes32 outputs,
        bool stored
    ) private returns (bool answers, bool callbackDue) {
        uint256 requestId = claimId >> 32;
        if (ended.openDisputes != 0) revert DisputesOpen(claimId, ended.openDisputes);
        ended.status = ClaimStatus.Final;
        emit ClaimFinalized(claimId);
        uint256 creditWei = request_.terms.claimBondWei;
        Progress memory state = _progress[requestId];
        --state.openClaims;
        // INVARIANT: a request with an open claim is not cancelled, so it is open, closed, or has its answer.
        answers = state.status != RequestStatus.Answered;
        if (answers) {
            // The first claim has none before it that the fee might belong to.
            if (uint32(claimId) == 1) creditWei += request_.feeWei;
            else state.feeHeld = request_.feeWei != 0;
            callbackDue = request_.terms.callbackGas != 0 && request_.requester.code.length != 0;
            state.status = RequestStatus.Answered;
            state.answer = uint32(claimId);
            state.stored = stored;
            if (callbackDue) state.callback = CallbackStatus.Waiting;
            else if (request_.terms.callbackFeeWei != 0) {
                owed[request_.requester] += request_.terms.callbackFeeWei;
            }
            emit Answered(requestId, claimId, outputs);
        }
        _progress[requestId] = state;
        owed[ended.claimant] += creditWei;
        if (state.feeHeld && (answers || _isResult(requestId, outputs))) {
            _payFee(requestId, request_.feeWei, outputs);
        }
    }
}
