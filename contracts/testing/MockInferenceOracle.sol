// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import { IDisputeGame } from "../interfaces/IDisputeGame.sol";
import { IInferenceConsumer } from "../interfaces/IInferenceConsumer.sol";
import {
    CallbackStatus,
    Claim,
    IInferenceOracle,
    Progress,
    Request,
    RequestStatus,
    TermBounds,
    Terms
} from "../interfaces/IInferenceOracle.sol";
import { IInferenceRootConsumer } from "../interfaces/IInferenceRootConsumer.sol";
import { IModelRegistry } from "../interfaces/IModelRegistry.sol";
import { Currency } from "../types/Currency.sol";

/// @title MockInferenceOracle
/// @notice For the tests of contracts that ask for inferences: takes requests as the oracle does, and answers with what the
/// test says, at once. There are no claims, windows or disputes, and nothing is checked: never deploy it for use.
///
/// A test calls {answer} with the output and looks at what its contract made of the callback: it runs with the gas that the
/// terms promise, and its failure is an event, as with the oracle. Functions of claimants and challengers revert.
contract MockInferenceOracle is IInferenceOracle {
    /// @notice Longest answer that {result} keeps, as in the oracle.
    uint256 public constant MAX_STORED_OUTPUT_BYTES = 1_024;

    Currency private immutable CURRENCY;

    /// @inheritdoc IInferenceOracle
    uint256 public requestCount;
    /// @inheritdoc IInferenceOracle
    mapping(uint256 requestId => bytes32) public requestHash;
    /// @inheritdoc IInferenceOracle
    mapping(address account => uint256) public owed;

    mapping(uint256 requestId => Request) private _requests;
    mapping(uint256 requestId => Progress) private _progress;
    mapping(uint256 requestId => bytes) private _answers;
    mapping(uint256 requestId => bytes32) private _outputs;

    /// @notice This oracle has no claims and no disputes.
    error NotMocked();

    /// @notice Fixes the currency.
    /// @param currency_ Address of an ERC-20 token, or zero for ether.
    constructor(address currency_) {
        CURRENCY = Currency.wrap(currency_);
    }

    // ---- for the test ---------------------------------------------------------------------------------------------

    /// @notice Makes an output the final answer of a request and runs the callback.
    /// @param requestId The request; without `answerByRoot`.
    /// @param output All output tensors, one after the other, little-endian.
    function answer(uint256 requestId, bytes calldata output) external {
        _requireForm(requestId, false);
        _settle(requestId, keccak256(output));
        if (output.length <= MAX_STORED_OUTPUT_BYTES) {
            _progress[requestId].stored = true;
            _answers[requestId] = output;
        }
        _callBack(requestId, abi.encodeCall(IInferenceConsumer.onInference, (requestId, output)));
    }

    /// @notice {answer} of a request that wants roots.
    /// @param requestId The request; with `answerByRoot`.
    /// @param outputRoots Root of each output tensor.
    function answerByRoot(uint256 requestId, bytes32[] calldata outputRoots) external {
        _requireForm(requestId, true);
        _settle(requestId, keccak256(abi.encode(outputRoots)));
        _callBack(
            requestId,
            abi.encodeCall(IInferenceRootConsumer.onInferenceRoots, (requestId, outputRoots))
        );
    }

    /// @notice A request, whole, so that a test can hand it back.
    /// @param requestId The request.
    /// @return The request.
    function requests(uint256 requestId) external view returns (Request memory) {
        return _requests[requestId];
    }

    // ---- as the oracle does ---------------------------------------------------------------------------------------

    /// @inheritdoc IInferenceOracle
    function request(
        bytes32 modelId,
        bytes calldata input,
        Terms calldata terms,
        uint96 feeWei
    ) external payable returns (uint256 requestId) {
        requestId = _open(modelId, keccak256(input), terms, feeWei);
        emit Requested(requestId, modelId, msg.sender, _requests[requestId], input);
    }

    /// @inheritdoc IInferenceOracle
    function requestByRoot(
        bytes32 modelId,
        bytes32[] calldata inputRoots,
        string calldata uri,
        Terms calldata terms,
        uint96 feeWei
    ) external payable returns (uint256 requestId) {
        requestId = _open(modelId, keccak256(abi.encode(inputRoots)), terms, feeWei);
        emit RequestedByRoot(requestId, modelId, msg.sender, _requests[requestId], inputRoots, uri);
    }

    /// @inheritdoc IInferenceOracle
    function runCallback(uint256 requestId, Request calldata request_, bytes calldata output) external {
        _requireRequest(requestId, request_);
        if (_outputs[requestId] != keccak256(output)) revert NotResult(requestId, keccak256(output));
        _callBack(requestId, abi.encodeCall(IInferenceConsumer.onInference, (requestId, output)));
    }

    /// @inheritdoc IInferenceOracle
    function runCallbackByRoot(
        uint256 requestId,
        Request calldata request_,
        bytes32[] calldata outputRoots
    ) external {
        _requireRequest(requestId, request_);
        bytes32 outputs = keccak256(abi.encode(outputRoots));
        if (_outputs[requestId] != outputs) revert NotResult(requestId, outputs);
        _callBack(
            requestId,
            abi.encodeCall(IInferenceRootConsumer.onInferenceRoots, (requestId, outputRoots))
        );
    }

    /// @inheritdoc IInferenceOracle
    function cancel(uint256 requestId, Request calldata request_) external returns (uint256 refundWei) {
        _requireRequest(requestId, request_);
        if (msg.sender != request_.requester) revert NotRequester(requestId, request_.requester, msg.sender);
        Progress storage state = _progress[requestId];
        if (state.status != RequestStatus.Open) revert RequestNotOpen(requestId, state.status);
        uint256 last = uint256(request_.requestedAt) + request_.terms.patienceSeconds;
        if (block.timestamp <= last) revert PatienceLasts(requestId, last);
        state.status = RequestStatus.Cancelled;
        refundWei = uint256(request_.feeWei) + request_.terms.callbackFeeWei;
        owed[request_.requester] += refundWei;
        emit Cancelled(requestId);
    }

    /// @inheritdoc IInferenceOracle
    function withdraw() external returns (uint256 amountWei) {
        return withdrawTo(payable(msg.sender));
    }

    /// @inheritdoc IInferenceOracle
    function withdrawTo(address payable to) public returns (uint256 amountWei) {
        amountWei = owed[msg.sender];
        if (amountWei == 0) revert NothingOwed(msg.sender);
        owed[msg.sender] = 0;
        emit Withdrawn(msg.sender, to, amountWei);
        CURRENCY.pay(to, amountWei);
    }

    /// @inheritdoc IInferenceOracle
    function currency() external view returns (address) {
        return Currency.unwrap(CURRENCY);
    }

    /// @inheritdoc IInferenceOracle
    function progress(uint256 requestId) external view returns (Progress memory) {
        return _progress[requestId];
    }

    /// @inheritdoc IInferenceOracle
    function isFinal(uint256 requestId) external view returns (bool) {
        return _progress[requestId].status == RequestStatus.Answered;
    }

    /// @inheritdoc IInferenceOracle
    function result(uint256 requestId) external view returns (bytes memory output) {
        Progress memory state = _progress[requestId];
        if (state.status != RequestStatus.Answered) revert NotFinal(requestId);
        if (!state.stored) revert OutputNotStored(requestId);
        return _answers[requestId];
    }

    /// @inheritdoc IInferenceOracle
    /// @param outputs Here keccak256 of the output, or of the encoded list of roots.
    function isResult(uint256 requestId, bytes32 outputs) external view returns (bool) {
        if (_progress[requestId].status != RequestStatus.Answered) revert NotFinal(requestId);
        return _outputs[requestId] == outputs;
    }

    /// @inheritdoc IInferenceOracle
    function bounds() external pure returns (TermBounds memory min, TermBounds memory max) {
        min = TermBounds(0, 0, 0, 0, 0, 0);
        max = TermBounds({
            claimBondWei: type(uint96).max,
            challengeBondWei: type(uint96).max,
            windowSeconds: type(uint32).max,
            clockSeconds: type(uint32).max,
            callbackGas: type(uint32).max,
            patienceSeconds: type(uint32).max
        });
    }

    // ---- not here -------------------------------------------------------------------------------------------------

    /// @inheritdoc IInferenceOracle
    function claim(uint256, Request calldata, bytes calldata) external payable returns (uint256) {
        revert NotMocked();
    }

    /// @inheritdoc IInferenceOracle
    function claimByRoot(
        uint256,
        Request calldata,
        bytes32[] calldata,
        string calldata
    ) external payable returns (uint256) {
        revert NotMocked();
    }

    /// @inheritdoc IInferenceOracle
    function challenge(uint256, Request calldata, bytes32) external payable returns (uint256) {
        revert NotMocked();
    }

    /// @inheritdoc IInferenceOracle
    function finalize(uint256, Request calldata, bytes32, bytes calldata, bool) external pure {
        revert NotMocked();
    }

    /// @inheritdoc IInferenceOracle
    function finalizeByRoot(uint256, Request calldata, bytes32[] calldata, bool) external pure {
        revert NotMocked();
    }

    /// @inheritdoc IInferenceOracle
    function finalizeProven(
        uint256,
        Request calldata,
        bytes32,
        bytes calldata,
        bytes calldata,
        bool
    ) external pure {
        revert NotMocked();
    }

    /// @inheritdoc IInferenceOracle
    function finalizeProvenByRoot(
        uint256,
        Request calldata,
        bytes32[] calldata,
        bytes calldata,
        bool
    ) external pure {
        revert NotMocked();
    }

    /// @inheritdoc IInferenceOracle
    function payFee(uint256, Request calldata, bytes32) external pure {
        revert NotMocked();
    }

    /// @inheritdoc IInferenceOracle
    function falsifyByDispute(uint256, address, uint256, uint256) external pure {
        revert NotMocked();
    }

    /// @inheritdoc IInferenceOracle
    function failChallenge(uint256, uint256) external pure {
        revert NotMocked();
    }

    /// @inheritdoc IInferenceOracle
    function returnChallenge(uint256, address, uint256, uint256) external pure {
        revert NotMocked();
    }

    /// @inheritdoc IInferenceOracle
    function registry() external pure returns (IModelRegistry) {
        revert NotMocked();
    }

    /// @inheritdoc IInferenceOracle
    function game() external pure returns (IDisputeGame) {
        revert NotMocked();
    }

    /// @inheritdoc IInferenceOracle
    function claims(uint256) external pure returns (Claim memory) {
        revert NotMocked();
    }

    /// @inheritdoc IInferenceOracle
    function claimOf(uint256, bytes32, address) external pure returns (uint256) {
        revert NotMocked();
    }

    // ---- parts ----------------------------------------------------------------------------------------------------

    function _open(
        bytes32 modelId,
        bytes32 inputs,
        Terms calldata terms,
        uint96 feeWei
    ) private returns (uint256 requestId) {
        if (terms.challengeBondWei > terms.claimBondWei / 2) {
            revert ChallengeBondTooHigh(terms.challengeBondWei, terms.claimBondWei / 2);
        }
        if (terms.callbackGas == 0 && terms.callbackFeeWei != 0) {
            revert CallbackFeeWithoutGas(terms.callbackFeeWei);
        }
        CURRENCY.take(uint256(feeWei) + terms.callbackFeeWei);
        requestId = ++requestCount;
        _requests[requestId] = Request({
            requester: msg.sender,
            feeWei: feeWei,
            modelId: modelId,
            inputs: inputs,
            requestedAt: uint40(block.timestamp),
            terms: terms
        });
        requestHash[requestId] = keccak256(abi.encode(_requests[requestId]));
        _progress[requestId].status = RequestStatus.Open;
    }

    function _settle(uint256 requestId, bytes32 outputs) private {
        Progress storage state = _progress[requestId];
        if (state.status != RequestStatus.Open) revert RequestNotOpen(requestId, state.status);
        state.status = RequestStatus.Answered;
        state.answer = 1;
        state.claims = 1;
        _outputs[requestId] = outputs;
        if (_requests[requestId].terms.callbackGas != 0) state.callback = CallbackStatus.Waiting;
        emit Answered(requestId, (requestId << 32) | 1, outputs);
    }

    function _callBack(uint256 requestId, bytes memory data) private {
        Progress storage state = _progress[requestId];
        if (state.callback == CallbackStatus.None || state.callback == CallbackStatus.Done) return;
        address requester = _requests[requestId].requester;
        state.callback = CallbackStatus.Done;
        (bool ok, bytes memory reason) = requester.call{ gas: _requests[requestId].terms.callbackGas }(data);
        if (ok) {
            emit CallbackRun(requestId);
        } else {
            state.callback = CallbackStatus.Failed;
            emit CallbackFailed(requestId, reason);
        }
    }

    function _requireForm(uint256 requestId, bool byRoot) private view {
        if (_requests[requestId].terms.answerByRoot != byRoot) {
            revert WrongAnswerForm(requestId, !byRoot);
        }
    }

    function _requireRequest(uint256 requestId, Request calldata request_) private view {
        bytes32 given = keccak256(abi.encode(request_));
        if (requestHash[requestId] != given) revert RequestMismatch(requestId, requestHash[requestId], given);
    }
}
