// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { ReentrancyGuardTransient } from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import { DisputeGame } from "./DisputeGame.sol";
import { IDisputeGame } from "./interfaces/IDisputeGame.sol";
import { IInferenceConsumer } from "./interfaces/IInferenceConsumer.sol";
import {
    Claim,
    ClaimStatus,
    IInferenceOracle,
    Progress,
    Request,
    RequestStatus,
    Terms
} from "./interfaces/IInferenceOracle.sol";
import { IModelRegistry } from "./interfaces/IModelRegistry.sol";
import { IReferee } from "./interfaces/IReferee.sol";
import { OpcodeProbe } from "./libraries/OpcodeProbe.sol";
import { ClockLib } from "./types/Clock.sol";
import { StakeLib } from "./types/Stake.sol";

/// @title InferenceOracle
/// @notice Requests, bonded claims, finality and all money. Knows nothing of how a dispute is played.
///
/// ```
/// request   –        → Open        claim     –    → Open
///           Open     → Answered              Open → Final       finalize: window passed, no dispute open
///           Open     → Cancelled             Open → Falsified   the game: a dispute
/// ```
/// An open request has status None in storage: its hash alone shows that it was made.
///
/// INVARIANT: balance = fees of open requests + bonds of open claims + bonds of open disputes + what is
/// `owed` + what is burned (+ ether that was forced in). Ether leaves only in {withdrawTo}.
///
/// One file of some 400 lines, because the invariant ties its parts together: everything that moves money is here.
contract InferenceOracle is IInferenceOracle, ReentrancyGuardTransient {
    /// @notice Share of a falsified claim's bond that is burned, in 1/10,000, rounded up: what a claimant loses at
    /// least, even if it challenges itself.
    uint256 public constant BURN_BPS = 5_000;
    /// @notice Longest answer that is kept, in bytes.
    uint256 public constant MAX_STORED_OUTPUT_BYTES = 1_024;
    /// @notice Most bytes of a failed callback's reason that are emitted.
    uint256 private constant MAX_REASON_BYTES = 128;
    /// @notice Upper bound on the gas of CALL itself, for a cold account without value (EIP-2929), and its set-up.
    uint256 private constant CALL_OVERHEAD_GAS = 5_000;

    IModelRegistry private immutable REGISTRY;
    IDisputeGame private immutable GAME;

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

    mapping(uint256 requestId => Progress) private _progress;
    mapping(uint256 claimId => Claim) private _claims;
    mapping(uint256 requestId => mapping(bytes32 outputs => mapping(address claimant => uint32 number)))
        private _claimOf;
    mapping(uint256 requestId => bytes) private _outputs;

    modifier onlyGame() {
        if (msg.sender != address(GAME)) revert NotGame(msg.sender);
        _;
    }

    /// @notice Deploys the game along with the oracle, so that each knows the other for good. Refuses a chain without
    /// the opcodes that both need.
    /// @param registry_ The models.
    /// @param referee_ Recomputes leaves.
    /// @param min Least of each term; bonds, window and clock above zero. The lesser of window and clock is the
    /// censorship that both sides outlast.
    /// @param max Most of each term.
    constructor(IModelRegistry registry_, IReferee referee_, Terms memory min, Terms memory max) {
        OpcodeProbe.requireOpcodes();
        _requireSafe("claimBondWei", min.claimBondWei, max.claimBondWei, StakeLib.MAX_BOND_WEI);
        _requireSafe("challengeBondWei", min.challengeBondWei, max.challengeBondWei, StakeLib.MAX_BOND_WEI);
        _requireSafe("windowSeconds", min.windowSeconds, max.windowSeconds, type(uint32).max);
        _requireSafe("clockSeconds", min.clockSeconds, max.clockSeconds, ClockLib.MAX_SECONDS);
        if (min.callbackGas > max.callbackGas) revert BoundsUnsafe("callbackGas");
        if (min.patienceSeconds > max.patienceSeconds) revert BoundsUnsafe("patienceSeconds");
        REGISTRY = registry_;
        GAME = new DisputeGame(this, registry_, referee_);
        (MIN_CLAIM_BOND_WEI, MAX_CLAIM_BOND_WEI) = (min.claimBondWei, max.claimBondWei);
        (MIN_CHALLENGE_BOND_WEI, MAX_CHALLENGE_BOND_WEI) = (min.challengeBondWei, max.challengeBondWei);
        (MIN_WINDOW_SECONDS, MAX_WINDOW_SECONDS) = (min.windowSeconds, max.windowSeconds);
        (MIN_CLOCK_SECONDS, MAX_CLOCK_SECONDS) = (min.clockSeconds, max.clockSeconds);
        (MIN_CALLBACK_GAS, MAX_CALLBACK_GAS) = (min.callbackGas, max.callbackGas);
        (MIN_PATIENCE_SECONDS, MAX_PATIENCE_SECONDS) = (min.patienceSeconds, max.patienceSeconds);
    }

    // ---- requests -------------------------------------------------------------------------------------------------

    /// @inheritdoc IInferenceOracle
    function request(
        bytes32 modelId,
        bytes calldata input,
        Terms calldata terms
    ) external payable nonReentrant returns (uint256 requestId) {
        _requireInBounds(terms);
        Request memory made = Request({
            requester: msg.sender,
            feeWei: _amount(msg.value),
            modelId: modelId,
            inputs: REGISTRY.commitInput(modelId, input),
            requestedAt: uint40(block.timestamp),
            terms: terms
        });
        requestId = _nextRequestId++;
        requestHash[requestId] = keccak256(abi.encode(made));
        emit Requested(requestId, modelId, msg.sender, made, input);
    }

    /// @inheritdoc IInferenceOracle
    function cancel(uint256 requestId, Request calldata request_) external nonReentrant {
        _requireRequest(requestId, request_);
        if (msg.sender != request_.requester) revert NotRequester(requestId, request_.requester, msg.sender);
        Progress storage state = _progress[requestId];
        _requireOpen(requestId, state.status);
        if (state.openClaims != 0) revert ClaimsOpen(requestId, state.openClaims);
        uint256 last = uint256(request_.requestedAt) + request_.terms.patienceSeconds;
        if (block.timestamp <= last) revert PatienceLasts(requestId, last);
        state.status = RequestStatus.Cancelled;
        owed[request_.requester] += request_.feeWei;
        emit Cancelled(requestId);
    }

    // ---- claims ---------------------------------------------------------------------------------------------------

    /// @inheritdoc IInferenceOracle
    function claim(
        uint256 requestId,
        Request calldata request_,
        bytes calldata output
    ) external payable nonReentrant returns (uint256 claimId) {
        _requireRequest(requestId, request_);
        _requireBond(request_.terms.claimBondWei);
        Progress storage state = _progress[requestId];
        _requireOpen(requestId, state.status);
        bytes32 outputs = REGISTRY.commitOutput(request_.modelId, output);
        // Others may claim the same: a right answer that is copied and lost on purpose delays nobody.
        uint256 earlier = claimOf(requestId, outputs, msg.sender);
        if (earlier != 0 && _claims[earlier].status != ClaimStatus.Falsified) {
            revert OutputAlreadyClaimed(earlier);
        }
        uint32 number = ++state.claims;
        ++state.openClaims;
        claimId = _idOf(requestId, number);
        _claimOf[requestId][outputs][msg.sender] = number;
        _claims[claimId] = Claim(msg.sender, uint40(block.timestamp), 0, ClaimStatus.Open);
        emit Claimed(claimId, msg.sender, outputs, output);
    }

    /// @inheritdoc IInferenceOracle
    function challenge(
        uint256 claimId,
        Request calldata request_,
        bytes32 outputs
    ) external payable nonReentrant returns (uint256 disputeId) {
        _requireRequest(claimId >> 32, request_);
        _requireBond(request_.terms.challengeBondWei);
        _requireOutput(claimId, outputs);
        Claim storage challenged = _openClaim(claimId);
        uint256 last = uint256(challenged.claimedAt) + request_.terms.windowSeconds;
        if (block.timestamp > last) revert WindowPassed(claimId, last);
        ++challenged.openDisputes;
        disputeId = GAME.open(challenged.claimant, uint96(claimId), msg.sender, request_);
    }

    /// @inheritdoc IInferenceOracle
    function finalize(
        uint256 claimId,
        Request calldata request_,
        bytes calldata output
    ) external nonReentrant {
        uint256 requestId = claimId >> 32;
        _requireRequest(requestId, request_);
        Claim storage ended = _openClaim(claimId);
        bytes32 outputs = REGISTRY.commitOutput(request_.modelId, output);
        _requireOutput(claimId, outputs);
        uint256 last = uint256(ended.claimedAt) + request_.terms.windowSeconds;
        if (block.timestamp <= last) revert WindowOpen(claimId, last);
        if (ended.openDisputes != 0) revert DisputesOpen(claimId, ended.openDisputes);

        Progress storage state = _progress[requestId];
        // INVARIANT: a request with an open claim is not cancelled, so it is open or has its answer.
        bool answers = state.status == RequestStatus.None;
        ended.status = ClaimStatus.Final;
        --state.openClaims;
        emit ClaimFinalized(claimId);
        if (!answers) {
            owed[ended.claimant] += request_.terms.claimBondWei;
            return;
        }
        owed[ended.claimant] += uint256(request_.terms.claimBondWei) + request_.feeWei;
        state.status = RequestStatus.Answered;
        state.answer = uint32(claimId);
        if (output.length <= MAX_STORED_OUTPUT_BYTES) {
            state.stored = true;
            _outputs[requestId] = output;
        }
        emit Answered(requestId, claimId, outputs);
        _callBack(requestId, request_, output);
    }

    /// @notice Calls the requester back, once: only {finalize} of the answering claim gets here.
    /// @dev Whatever the callback does, the answer stands: it cannot enter this contract again, its gas is limited, and
    /// what it returns is cut.
    function _callBack(uint256 requestId, Request calldata request_, bytes calldata output) private {
        address requester = request_.requester;
        uint256 promised = request_.terms.callbackGas;
        if (promised == 0 || requester.code.length == 0) return;
        bytes memory call_ = abi.encodeCall(IInferenceConsumer.onInference, (requestId, output));
        // EIP-150: a call gets at most 63/64 of what is left, silently. The promise must fit into that.
        uint256 required = CALL_OVERHEAD_GAS + (promised * 64 + 62) / 63;
        uint256 available = gasleft();
        if (available < required) revert InsufficientCallbackGas(required, available);
        bool ok;
        bytes memory reason;
        // A plain call would copy all that the callback returns, at our cost.
        assembly ("memory-safe") {
            ok := call(promised, requester, 0, add(call_, 32), mload(call_), 0, 0)
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
        if (ok) emit CallbackRun(requestId);
        else emit CallbackFailed(requestId, reason);
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
        uint256 /* baseFeeAtOpenWei */
    ) external onlyGame nonReentrant {
        Claim storage falsified = _claims[claimId];
        if (falsified.status != ClaimStatus.Falsified) revert ClaimNotFalsified(claimId, falsified.status);
        --falsified.openDisputes;
        owed[challenger] += challengeBondWei;
    }

    function _falsify(
        uint256 claimId,
        address winner,
        uint256 claimBondWei,
        uint256 challengeBondWei
    ) private {
        _openClaim(claimId).status = ClaimStatus.Falsified;
        uint256 rewardWei = (claimBondWei * (10_000 - BURN_BPS)) / 10_000;
        uint256 burnedWei = claimBondWei - rewardWei;
        Progress storage state = _progress[claimId >> 32];
        --state.openClaims;
        state.burnedWei += uint96(burnedWei);
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
        (bool sent, ) = to.call{ value: amountWei }("");
        if (!sent) revert WithdrawalRefused(to, amountWei);
        emit Withdrawn(msg.sender, to, amountWei);
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
    function bounds() external view returns (Terms memory min, Terms memory max) {
        min = Terms(
            MIN_CLAIM_BOND_WEI,
            MIN_CHALLENGE_BOND_WEI,
            MIN_WINDOW_SECONDS,
            MIN_CLOCK_SECONDS,
            MIN_CALLBACK_GAS,
            MIN_PATIENCE_SECONDS
        );
        max = Terms(
            MAX_CLAIM_BOND_WEI,
            MAX_CHALLENGE_BOND_WEI,
            MAX_WINDOW_SECONDS,
            MAX_CLOCK_SECONDS,
            MAX_CALLBACK_GAS,
            MAX_PATIENCE_SECONDS
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
        uint32 number = _claimOf[requestId][outputs][claimant];
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
        Progress memory state = _progress[requestId];
        if (state.status != RequestStatus.Answered) revert NotFinal(requestId);
        address claimant = _claims[_idOf(requestId, state.answer)].claimant;
        return _claimOf[requestId][outputs][claimant] == state.answer;
    }

    // ---- conditions -----------------------------------------------------------------------------------------------

    function _idOf(uint256 requestId, uint32 number) private pure returns (uint256) {
        return (requestId << 32) | number;
    }

    function _amount(uint256 amountWei) private pure returns (uint96) {
        if (amountWei > type(uint96).max) revert AmountTooLarge(amountWei);
        return uint96(amountWei);
    }

    function _requireRequest(uint256 requestId, Request calldata request_) private view {
        bytes32 given = keccak256(abi.encode(request_));
        bytes32 stored = requestHash[requestId];
        if (stored != given) revert RequestMismatch(requestId, stored, given);
    }

    function _requireOpen(uint256 requestId, RequestStatus status) private pure {
        if (status != RequestStatus.None) revert RequestNotOpen(requestId, status);
    }

    function _requireBond(uint256 expectedWei) private view {
        if (msg.value != expectedWei) revert BondMismatch(expectedWei, msg.value);
    }

    function _requireOutput(uint256 claimId, bytes32 outputs) private view {
        uint256 found = claimOf(claimId >> 32, outputs, _claims[claimId].claimant);
        if (found != claimId) revert OutputMismatch(claimId, outputs);
    }

    function _openClaim(uint256 claimId) private view returns (Claim storage open_) {
        open_ = _claims[claimId];
        if (open_.status != ClaimStatus.Open) revert ClaimNotOpen(claimId, open_.status);
    }

    function _requireInBounds(Terms calldata terms) private view {
        _requireIn("claimBondWei", terms.claimBondWei, MIN_CLAIM_BOND_WEI, MAX_CLAIM_BOND_WEI);
        _requireIn(
            "challengeBondWei",
            terms.challengeBondWei,
            MIN_CHALLENGE_BOND_WEI,
            MAX_CHALLENGE_BOND_WEI
        );
        _requireIn("windowSeconds", terms.windowSeconds, MIN_WINDOW_SECONDS, MAX_WINDOW_SECONDS);
        _requireIn("clockSeconds", terms.clockSeconds, MIN_CLOCK_SECONDS, MAX_CLOCK_SECONDS);
        _requireIn("callbackGas", terms.callbackGas, MIN_CALLBACK_GAS, MAX_CALLBACK_GAS);
        _requireIn("patienceSeconds", terms.patienceSeconds, MIN_PATIENCE_SECONDS, MAX_PATIENCE_SECONDS);
    }

    function _requireSafe(string memory term, uint256 min, uint256 max, uint256 limit) private pure {
        if (min == 0 || min > max || max > limit) revert BoundsUnsafe(term);
    }

    function _requireIn(string memory term, uint256 value, uint256 min, uint256 max) private pure {
        if (value < min || value > max) revert TermOutOfBounds(term, value, min, max);
    }
}
