// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { IInferenceConsumer } from "../interfaces/IInferenceConsumer.sol";
import { CallbackStatus, IInferenceOracle, Progress, Request } from "../interfaces/IInferenceOracle.sol";
import { IInferenceRootConsumer } from "../interfaces/IInferenceRootConsumer.sol";
import { Tags } from "../libraries/generated/Tags.sol";
import { MerkleLib } from "../libraries/merkle/MerkleLib.sol";
import { OracleState } from "./OracleState.sol";

/// @title Callbacks
/// @notice Requesters are called back with final answers.
abstract contract Callbacks is OracleState {
    /// @notice Most bytes of a failed callback's reason that are emitted.
    uint256 private constant MAX_REASON_BYTES = 128;

    /// @notice Upper bound on the gas of CALL itself, for a cold account without value (EIP-2929), and its set-up.
    uint256 private constant CALL_OVERHEAD_GAS = 8_000;

    /// @inheritdoc IInferenceOracle
    function runCallback(
        uint256 requestId,
        Request calldata request_,
        bytes calldata output
    ) external nonReentrant {
        _requireRequest(requestId, request_);
        bytes32 outputs = REGISTRY.commitOutput(request_.modelId, output);
        _requireResult(requestId, request_, outputs, false);
        _callBack(requestId, request_, _callWithBytes(requestId, output));
    }

    /// @inheritdoc IInferenceOracle
    function runCallbackByRoot(
        uint256 requestId,
        Request calldata request_,
        bytes32[] calldata outputRoots
    ) external nonReentrant {
        _requireRequest(requestId, request_);
        bytes32 outputs = MerkleLib.listHash(Tags.OUTPUTS, outputRoots);
        _requireResult(requestId, request_, outputs, true);
        _callBack(requestId, request_, _callWithRoots(requestId, outputRoots));
    }

    /// @notice Calls the requester back. The first run pays its caller and gets exactly the gas promised; later ones get all
    /// that there is.
    /// @dev Whatever the callback does, the answer stands: it cannot enter this contract again, its gas is limited, and
    /// what it returns is cut.
    function _callBack(uint256 requestId, Request calldata request_, bytes memory call_) internal {
        Progress storage state = _progress[requestId];
        CallbackStatus status = state.callback;
        bool first = status == CallbackStatus.Waiting;
        if (!first && status != CallbackStatus.Failed) revert CallbackNotDue(requestId, status);
        state.callback = CallbackStatus.Failed; // until it has succeeded
        if (first && request_.terms.callbackFeeWei != 0) owed[msg.sender] += request_.terms.callbackFeeWei;
        address requester = request_.requester;
        uint256 givenGas = request_.terms.callbackGas;
        // EIP-150: a call gets at most 63/64 of what is left, silently. The promise must fit into that.
        uint256 required = CALL_OVERHEAD_GAS + (givenGas * 64 + 62) / 63;
        uint256 available = gasleft();
        if (available < required) revert InsufficientCallbackGas(required, available);
        if (!first) givenGas = available;
        bool ok;
        bytes memory reason;
        // A plain call would copy all that the callback returns, at our cost.
        assembly ("memory-safe") {
            ok := call(givenGas, requester, 0, add(call_, 32), mload(call_), 0, 0)
            if iszero(ok) {
                let length := returndatasize()
                if gt(length, MAX_REASON_BYTES) {
                    length := MAX_REASON_BYTES
                }
                reason := mload(0x40)
                mstore(0x40, add(reason, add(32, MAX_REASON_BYTES)))
                mstore(reason, length)
                returndatacopy(add(reason, 32), 0, length)
            }
        }
        if (ok) {
            state.callback = CallbackStatus.Done;
            emit CallbackRun(requestId);
        } else {
            emit CallbackFailed(requestId, reason);
        }
    }

    function _callWithBytes(uint256 requestId, bytes calldata output) internal pure returns (bytes memory) {
        return abi.encodeCall(IInferenceConsumer.onInference, (requestId, output));
    }

    function _callWithRoots(
        uint256 requestId,
        bytes32[] calldata outputRoots
    ) internal pure returns (bytes memory) {
        return abi.encodeCall(IInferenceRootConsumer.onInferenceRoots, (requestId, outputRoots));
    }

    function _requireResult(
        uint256 requestId,
        Request calldata request_,
        bytes32 outputs,
        bool byRoot
    ) private view {
        _requireForm(requestId, request_, byRoot);
        if (!_isResult(requestId, outputs)) revert NotResult(requestId, outputs);
    }
}
