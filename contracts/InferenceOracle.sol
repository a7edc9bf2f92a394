// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { ReentrancyGuardTransient } from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import { ERC165, IERC165 } from "@openzeppelin/contracts/utils/introspection/ERC165.sol";
import { DisputeGame } from "./DisputeGame.sol";
import { IDisputeGame } from "./interfaces/IDisputeGame.sol";
import { IInferenceConsumer } from "./interfaces/IInferenceConsumer.sol";
import {
    CallbackStatus,
    Claim,
    ClaimStatus,
    IInferenceOracle,
    Progress,
    Request,
    RequestStatus,
    TermBounds,
    Terms
} from "./interfaces/IInferenceOracle.sol";
import { IInferenceRootConsumer } from "./interfaces/IInferenceRootConsumer.sol";
import { IModelRegistry } from "./interfaces/IModelRegistry.sol";
import { IProofVerifier } from "./interfaces/IProofVerifier.sol";
import { IReferee } from "./interfaces/IReferee.sol";
import { Limits } from "./libraries/Limits.sol";
import { MerkleLib } from "./libraries/MerkleLib.sol";
import { OpcodeProbe } from "./libraries/OpcodeProbe.sol";
import { RequestLib } from "./libraries/RequestLib.sol";
import { Tags } from "./libraries/Tags.sol";
import { ClockLib } from "./types/Clock.sol";
import { Currency } from "./types/Currency.sol";
import { StakeLib } from "./types/Stake.sol";

/// @title InferenceOracle
/// @notice Requests, bonded claims, finality and all money. Knows nothing of how a dispute is played.
///
/// ```
/// request   –        → Open        claim     –    → Open
///           Open     → Answered              Open → Final       window passed or answer proven, no dispute open
///           Open     → Cancelled             Open → Falsified   the game: a dispute
///           Open     → Closed     its requester gives up while claims are open
///           Closed   → Answered   one of them became final
///           Closed   → Cancelled  none did
///
/// fee       of an open request → held or paid, at the answer
///           held     → paid       the first claim of the answer's output that was not falsified is final
///
/// callback  None     → Waiting    the request is answered, its requester has code and ordered gas
///           Waiting  → Done       the first run, paid, succeeded
///           Waiting  → Failed     the first run failed; it was paid nevertheless
///           Failed   → Done       a later run, unpaid, succeeded
/// ```
/// An open request has status None in storage: its hash alone shows that it was made.
///
/// INVARIANT: balance = fees and callback fees of open and closed requests + fees held + callback fees of callbacks never run
/// + bonds of open claims + bonds of open disputes + what is `owed` + what is burned (+ what was forced in). Money leaves only
/// in {withdrawTo}.
///
/// One long file, because the invariant ties its parts together: everything that moves money is here.
contract InferenceOracle is IInferenceOracle, ReentrancyGuardTransient, ERC165 {
    using RequestLib for Request;

    /// @notice Share of a falsified claim's bond that is burned, in 1/10,000, rounded up: what a claimant loses at
    /// least, even if it challenges itself.
    uint256 public constant BURN_BPS = 5_000;
    /// @notice Longest answer that is kept, in bytes.
    uint256 public constant MAX_STORED_OUTPUT_BYTES = 1_024;
    /// @notice Most bytes of a failed callback's reason that are emitted.
    uint256 private constant MAX_REASON_BYTES = 128;
    /// @notice Most gas of a verifier. It says yes or the call reverts, so this bounds only what its caller pays.
    uint256 private constant VERIFIER_GAS = 5_000_000;
    /// @notice Gas repaid for an overtaken dispute: less than the cheapest way to open one, some 31,000, many in one
    /// transaction by a contract, all refunds taken off. With more, a cheat would get burned ether back by overtaking itself.
    uint256 public constant REPAID_GAS = 30_000;
    /// @notice Most claims that one call looks at to find who earned a fee, so that no crowd of claims keeps another from
    /// becoming final.
    uint256 private constant FEE_STEPS = 32;
    /// @notice Upper bound on the gas of CALL itself, for a cold account without value (EIP-2929), and its set-up.
    uint256 private constant CALL_OVERHEAD_GAS = 8_000;

    IModelRegistry private immutable REGISTRY;
    IDisputeGame private immutable GAME;
    Currency private immutable CURRENCY;

    uint96 private immutable MIN_CLAIM_BOND_WEI;
    uint96 private immutable MAX_CLAIM_BOND_WEI;
    uint96 private immutable MIN_CHALLENGE_BOND_WEI;
    uint96 private immutable MAX_CHALLENGE_BOND_WEI;
    uint32 private immutable MIN_WINDOW_SECONDS;
    uint32 private immutable MAX_WINDOW_SECONDS;
    uint32 private immutable MIN_CLOCK_SECONDS;
    uint32 private immutable MAX_CLOCK_SECONDS;
    uint32 private immutable MIN_CALLBACK_GAS;
    uint32 private immutable MAX_CALLBACK_GAS;
    uint32 private immutable MIN_PATIENCE_SECONDS;
    uint32 private immutable MAX_PATIENCE_SECONDS;

    /// @notice Id of the next request; never zero, so that counting costs the same each time.
    uint256 private _nextRequestId = 1;
    /// @inheritdoc IInferenceOracle
    mapping(uint256 requestId => bytes32) public requestHash;
    /// @inheritdoc IInferenceOracle
    mapping(address account => uint256) public owed;

    /// @notice What the oracle keeps of a claim besides {Claim}; one storage slot.
    /// @param number The claim's number.
    /// @param digest First bytes of keccak256 of the output's bytes, so that they are not hashed into roots once more; 0 for a
    /// claim by root.
    struct Supplied {
        uint32 number;
        bytes28 digest;
    }

    mapping(uint256 requestId => Progress) private _progress;
    mapping(uint256 claimId => Claim) private _claims;
    mapping(uint256 requestId => mapping(bytes32 outputs => mapping(address claimant => Supplied)))
        private _supplied;
    mapping(uint256 requestId => bytes) private _outputs;
    /// @notice Claims with lower numbers than this do not earn the fee that is held.
    mapping(uint256 requestId => uint32 number) private _feeFrom;

    modifier onlyGame() {
        if (msg.sender != address(GAME)) revert NotGame(msg.sender);
        _;
    }

    /// @notice Deploys the game along with the oracle, so that each knows the other for good. Refuses a chain without
    /// the opcodes that both need.
    /// @param registry_ The models.
    /// @param referee_ Recomputes leaves.
    /// @param currency_ An ERC-20 token that moves exactly what it is told, or zero for ether.
    /// @param min Least of each term; bonds, window and clock above zero. The lesser of window and clock is the
    /// censorship that both sides outlast.
    /// @param max Most of each term.
    constructor(
        IModelRegistry registry_,
        IReferee referee_,
        Currency currency_,
        TermBounds memory min,
        TermBounds memory max
    ) {
        OpcodeProbe.requireOpcodes();
        _requireSafe("claimBondWei", min.claimBondWei, max.claimBondWei, StakeLib.MAX_BOND_WEI);
        _requireSafe("challengeBondWei", min.challengeBondWei, max.challengeBondWei, StakeLib.MAX_BOND_WEI);
        if (min.challengeBondWei > _reward(max.claimBondWei)) revert BoundsUnsafe("challengeBondWei");
        _requireSafe("windowSeconds", min.windowSeconds, max.windowSeconds, type(uint32).max);
        _requireSafe("clockSeconds", min.clockSeconds, max.clockSeconds, ClockLib.MAX_SECONDS);
        if (min.patienceSeconds > max.patienceSeconds) revert BoundsUnsafe("patienceSeconds");
        if (min.callbackGas > max.callbackGas) revert BoundsUnsafe("callbackGas");
        address token = Currency.unwrap(currency_);
        if (token != address(0) && token.code.length == 0) revert NotCurrency(token);
        REGISTRY = registry_;
        GAME = new DisputeGame(this, registry_, referee_);
        CURRENCY = currency_;
        (MIN_CLAIM_BOND_WEI, MAX_CLAIM_BOND_WEI) = (min.claimBondWei, max.claimBondWei);
        (MIN_CHALLENGE_BOND_WEI, MAX_CHALLENGE_BOND_WEI) = (min.challengeBondWei, max.challengeBondWei);
        (MIN_WINDOW_SECONDS, MAX_WINDOW_SECONDS) = (min.windowSeconds, max.windowSeconds);
        (MIN_CLOCK_SECONDS, MAX_CLOCK_SECONDS) = (min.clockSeconds, max.clockSeconds);
        (MIN_PATIENCE_SECONDS, MAX_PATIENCE_SECONDS) = (min.patienceSeconds, max.patienceSeconds);
        (MIN_CALLBACK_GAS, MAX_CALLBACK_GAS) = (min.callbackGas, max.callbackGas);
    }

    // ---- requests -------------------------------------------------------------------------------------------------

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

    // ---- claims ---------------------------------------------------------------------------------------------------

    /// @inheritdoc IInferenceOracle
    function claim(
        uint256 requestId,
        Request calldata request_,
        bytes calldata output
    ) external payable nonReentrant returns (uint256 claimId) {
        // RULE: what is claimed can be made final, so it fits the transactions that must carry it again.
        if (output.length > Limits.MAX_DATA_BYTES) {
            revert AnswerTooLong(output.length, Limits.MAX_DATA_BYTES);
        }
        _requireRequest(requestId, request_);
        bytes32 outputs = REGISTRY.commitOutput(request_.modelId, output);
        claimId = _claim(requestId, request_, outputs, _digest(output), false);
        emit Claimed(claimId, msg.sender, outputs, output);
    }

    /// @inheritdoc IInferenceOracle
    function claimByRoot(
        uint256 requestId,
        Request calldata request_,
        bytes32[] calldata outputRoots,
        string calldata uri
    ) external payable nonReentrant returns (uint256 claimId) {
        _requireRequest(requestId, request_);
        bytes32 outputs = REGISTRY.commitOutputRoots(request_.modelId, outputRoots);
        claimId = _claim(requestId, request_, outputs, 0, true);
        emit ClaimedByRoot(claimId, msg.sender, outputs, outputRoots, uri);
    }

    function _claim(
        uint256 requestId,
        Request calldata request_,
        bytes32 outputs,
        bytes28 digest,
        bool byRoot
    ) private returns (uint256 claimId) {
        _requireForm(requestId, request_, byRoot);
        address provider = request_.terms.provider;
        if (provider != address(0) && provider != msg.sender) {
            revert NotProvider(requestId, provider, msg.sender);
        }
        Progress storage state = _progress[requestId];
        _requireOpen(requestId, state.status);
        // A copy that is lost on purpose must not delay the right answer, so others may claim the same.
        uint256 earlier = claimOf(requestId, outputs, msg.sender);
        if (earlier != 0 && _claims[earlier].status != ClaimStatus.Falsified) {
            revert OutputAlreadyClaimed(earlier);
        }
        CURRENCY.take(request_.terms.claimBondWei);
        uint32 number = ++state.claims;
        ++state.openClaims;
        claimId = _idOf(requestId, number);
        _supplied[requestId][outputs][msg.sender] = Supplied(number, digest);
        _claims[claimId] = Claim(msg.sender, uint40(block.timestamp), 0, ClaimStatus.Open);
    }

    /// @inheritdoc IInferenceOracle
    function challenge(
        uint256 claimId,
        Request calldata request_,
        bytes32 outputs
    ) external payable nonReentrant returns (uint256 disputeId) {
        _requireRequest(claimId >> 32, request_);
        Claim storage challenged = _openClaim(claimId);
        _requireOutputs(claimId, challenged.claimant, outputs);
        uint256 last = uint256(challenged.claimedAt) + request_.terms.windowSeconds;
        if (block.timestamp > last) revert WindowPassed(claimId, last);
        CURRENCY.take(request_.terms.challengeBondWei);
        ++challenged.openDisputes;
        disputeId = GAME.open(
            challenged.claimant,
            uint96(claimId),
            msg.sender,
            request_.modelId,
            keccak256(abi.encode(requestHash[claimId >> 32], outputs)),
            request_.terms.clockSeconds,
            request_.terms.claimBondWei,
            request_.terms.challengeBondWei
        );
    }

    // ---- finality -------------------------------------------------------------------------------------------------

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
        if (answers && stored) _outputs[requestId] = output;
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

    /// @inheritdoc IInferenceOracle
    function payFee(uint256 requestId, Request calldata request_, bytes32 outputs) external nonReentrant {
        _requireRequest(requestId, request_);
        if (!_isResult(requestId, outputs)) revert NotResult(requestId, outputs);
        if (!_progress[requestId].feeHeld) revert FeeNotHeld(requestId);
        uint256 awaited = _payFee(requestId, request_.feeWei, outputs);
        if (awaited != 0) revert FeeAwaitsClaim(requestId, awaited);
    }

    /// @notice Credits a fee that is held, or comes closer to the claim that earned it.
    /// RULE: the fee goes to the first claim of the answer's output, by number, that was not falsified, whichever of them
    /// became final first; so a copy gains nothing by being faster.
    /// @param outputs The answer's.
    /// @return awaited The open claim that decides who earned the fee; 0 if it is none.
    function _payFee(uint256 requestId, uint256 feeWei, bytes32 outputs) private returns (uint256 awaited) {
        uint32 number = _feeFrom[requestId];
        if (number == 0) number = 1;
        // INVARIANT: the claim that answered is final and has this output, so the search ends there at the latest.
        for (uint256 i = 0; i < FEE_STEPS; ++i) {
            uint256 claimId = _idOf(requestId, number);
            Claim storage first = _claims[claimId];
            ClaimStatus status = first.status;
            address claimant = first.claimant;
            if (status == ClaimStatus.Falsified || claimOf(requestId, outputs, claimant) != claimId) {
                ++number;
                continue;
            }
            if (status == ClaimStatus.Open) {
                awaited = claimId;
                break;
            }
            _progress[requestId].feeHeld = false;
            owed[claimant] += feeWei;
            emit FeePaid(requestId, claimId);
            return 0;
        }
        _feeFrom[requestId] = number;
    }

    // ---- callbacks ------------------------------------------------------------------------------------------------

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
    function _callBack(uint256 requestId, Request calldata request_, bytes memory call_) private {
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

    function _callWithBytes(uint256 requestId, bytes calldata output) private pure returns (bytes memory) {
        return abi.encodeCall(IInferenceConsumer.onInference, (requestId, output));
    }

    function _callWithRoots(
        uint256 requestId,
        bytes32[] calldata outputRoots
    ) private pure returns (bytes memory) {
        return abi.encodeCall(IInferenceRootConsumer.onInferenceRoots, (requestId, outputRoots));
    }

    // ---- outcomes, reported by the game ---------------------------------------------------------------------------

    /// @inheritdoc IInferenceOracle
    function falsifyByDispute(
        uint256 claimId,
        address challenger,
        uint256 claimBondWei,
        uint256 challengeBondWei
    ) external onlyGame nonReentrant {
        --_claims[claimId].openDisputes;
        _falsify(claimId, challenger, claimBondWei, challengeBondWei);
    }

    /// @inheritdoc IInferenceOracle
    function failChallenge(uint256 claimId, uint256 challengeBondWei) external onlyGame nonReentrant {
        Claim storage defended = _openClaim(claimId);
        --defended.openDisputes;
        owed[defended.claimant] += challengeBondWei;
    }

    /// @inheritdoc IInferenceOracle
    function returnChallenge(
        uint256 claimId,
        address challenger,
        uint256 challengeBondWei,
        uint256 baseFeeAtOpenWei
    ) external onlyGame nonReentrant {
        Claim storage falsified = _claims[claimId];
        if (falsified.status != ClaimStatus.Falsified) revert ClaimNotFalsified(claimId, falsified.status);
        --falsified.openDisputes;
        owed[challenger] += challengeBondWei + _repay(claimId, challenger, baseFeeAtOpenWei);
    }

    /// @notice Takes an overtaken challenger's gas out of what is burned, while that lasts. A token has no price here, so
    /// there only ether is repaid.
    /// @dev Not by the base fee of this block: nodes estimate gas with a base fee of zero, so a transaction whose gas depends
    /// on it would run out.
    /// @return repaidWei What is to be credited.
    function _repay(
        uint256 claimId,
        address challenger,
        uint256 baseFeeAtOpenWei
    ) private returns (uint256 repaidWei) {
        if (!CURRENCY.isEther()) return 0;
        Progress storage state = _progress[claimId >> 32];
        repaidWei = REPAID_GAS * baseFeeAtOpenWei;
        uint256 burnedWei = state.burnedWei;
        if (repaidWei > burnedWei) repaidWei = burnedWei;
        if (repaidWei == 0) return 0;
        state.burnedWei = uint128(burnedWei - repaidWei);
        emit GasRepaid(claimId, challenger, repaidWei);
    }

    function _falsify(
        uint256 claimId,
        address winner,
        uint256 claimBondWei,
        uint256 challengeBondWei
    ) private {
        _openClaim(claimId).status = ClaimStatus.Falsified;
        uint256 rewardWei = _reward(claimBondWei);
        uint256 burnedWei = claimBondWei - rewardWei;
        Progress storage state = _progress[claimId >> 32];
        --state.openClaims;
        state.burnedWei += uint128(burnedWei);
        owed[winner] += rewardWei + challengeBondWei;
        emit ClaimFalsified(claimId, winner, rewardWei, burnedWei);
    }

    // ---- money out ------------------------------------------------------------------------------------------------

    /// @inheritdoc IInferenceOracle
    function withdraw() external returns (uint256 amountWei) {
        return withdrawTo(payable(msg.sender));
    }

    /// @inheritdoc IInferenceOracle
    function withdrawTo(address payable to) public nonReentrant returns (uint256 amountWei) {
        amountWei = owed[msg.sender];
        if (amountWei == 0) revert NothingOwed(msg.sender);
        owed[msg.sender] = 0;
        emit Withdrawn(msg.sender, to, amountWei);
        CURRENCY.pay(to, amountWei);
    }

    // ---- views ----------------------------------------------------------------------------------------------------

    /// @inheritdoc IInferenceOracle
    function registry() external view returns (IModelRegistry) {
        return REGISTRY;
    }

    /// @inheritdoc IInferenceOracle
    function game() external view returns (IDisputeGame) {
        return GAME;
    }

    /// @inheritdoc IInferenceOracle
    function currency() external view returns (address) {
        return Currency.unwrap(CURRENCY);
    }

    /// @inheritdoc IInferenceOracle
    function bounds() external view returns (TermBounds memory min, TermBounds memory max) {
        min = TermBounds(
            MIN_CLAIM_BOND_WEI,
            MIN_CHALLENGE_BOND_WEI,
            MIN_WINDOW_SECONDS,
            MIN_CLOCK_SECONDS,
            MIN_PATIENCE_SECONDS,
            MIN_CALLBACK_GAS
        );
        max = TermBounds(
            MAX_CLAIM_BOND_WEI,
            MAX_CHALLENGE_BOND_WEI,
            MAX_WINDOW_SECONDS,
            MAX_CLOCK_SECONDS,
            MAX_PATIENCE_SECONDS,
            MAX_CALLBACK_GAS
        );
    }

    /// @inheritdoc IInferenceOracle
    function requestCount() external view returns (uint256) {
        return _nextRequestId - 1;
    }

    /// @inheritdoc IInferenceOracle
    function progress(uint256 requestId) external view returns (Progress memory state) {
        state = _progress[requestId];
        if (state.status == RequestStatus.None && requestHash[requestId] != 0)
            state.status = RequestStatus.Open;
    }

    /// @inheritdoc IInferenceOracle
    function claims(uint256 claimId) external view returns (Claim memory) {
        return _claims[claimId];
    }

    /// @inheritdoc IInferenceOracle
    function claimOf(
        uint256 requestId,
        bytes32 outputs,
        address claimant
    ) public view returns (uint256 claimId) {
        uint32 number = _supplied[requestId][outputs][claimant].number;
        return number == 0 ? 0 : _idOf(requestId, number);
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
        return _outputs[requestId];
    }

    /// @inheritdoc IInferenceOracle
    function isResult(uint256 requestId, bytes32 outputs) external view returns (bool) {
        return _isResult(requestId, outputs);
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return interfaceId == type(IInferenceOracle).interfaceId || super.supportsInterface(interfaceId);
    }

    // ---- conditions -----------------------------------------------------------------------------------------------

    function _idOf(uint256 requestId, uint32 number) private pure returns (uint256) {
        return (requestId << 32) | number;
    }

    /// @notice What the winner of a dispute gets of the claim's bond; the rest is burned.
    function _reward(uint256 claimBondWei) private pure returns (uint256) {
        return (claimBondWei * (10_000 - BURN_BPS)) / 10_000;
    }

    function _isResult(uint256 requestId, bytes32 outputs) private view returns (bool) {
        Progress memory state = _progress[requestId];
        if (state.status != RequestStatus.Answered) revert NotFinal(requestId);
        uint256 answer = _idOf(requestId, state.answer);
        return claimOf(requestId, outputs, _claims[answer].claimant) == answer;
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

    function _requireRequest(uint256 requestId, Request calldata request_) private view {
        bytes32 given = request_.hash();
        bytes32 stored = requestHash[requestId];
        if (stored != given) revert RequestMismatch(requestId, stored, given);
    }

    function _requireForm(uint256 requestId, Request calldata request_, bool byRoot) private pure {
        if (request_.terms.answerByRoot != byRoot) revert WrongAnswerForm(requestId, !byRoot);
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

    /// @notice RULE: answers that are checked are given as bytes, because nobody could check one that is withheld.
    function _requireNoAnswers(bytes32 modelId) private view {
        (, , bool hasAnswers) = REGISTRY.programOf(modelId);
        if (hasAnswers) revert AnswersNeedBytes(modelId);
    }

    function _requireOpen(uint256 requestId, RequestStatus status) private pure {
        if (status != RequestStatus.None) revert RequestNotOpen(requestId, status);
    }

    function _requireOutputs(uint256 claimId, address claimant, bytes32 outputs) private view {
        if (claimOf(claimId >> 32, outputs, claimant) != claimId) revert OutputMismatch(claimId, outputs);
    }

    /// @notice What a claim keeps of its output's bytes. Two outputs with the same 28 bytes take 2^112 tries.
    function _digest(bytes calldata output) private pure returns (bytes28) {
        return bytes28(keccak256(output));
    }

    function _openClaim(uint256 claimId) private view returns (Claim storage open_) {
        open_ = _claims[claimId];
        if (open_.status != ClaimStatus.Open) revert ClaimNotOpen(claimId, open_.status);
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

    function _requireSafe(string memory term, uint256 min, uint256 max, uint256 limit) private pure {
        if (min == 0 || min > max || max > limit) revert BoundsUnsafe(term);
    }

    function _isOutside(uint256 value, uint256 min, uint256 max) private pure returns (bool) {
        return value < min || value > max;
    }
}
