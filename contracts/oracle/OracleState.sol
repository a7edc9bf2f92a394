// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { ReentrancyGuardTransient } from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import { DisputeGame } from "../DisputeGame.sol";
import { IDisputeGame } from "../interfaces/IDisputeGame.sol";
import {
    Claim,
    ClaimStatus,
    IInferenceOracle,
    Progress,
    Request,
    RequestStatus,
    TermBounds
} from "../interfaces/IInferenceOracle.sol";
import { IModelRegistry } from "../interfaces/IModelRegistry.sol";
import { IReferee } from "../interfaces/IReferee.sol";
import { OpcodeProbe } from "../libraries/evm/OpcodeProbe.sol";
import { KeptAnswer } from "../libraries/oracle/KeptAnswer.sol";
import { RequestLib } from "../libraries/oracle/RequestLib.sol";
import { ClockLib } from "../types/Clock.sol";
import { Currency } from "../types/Currency.sol";
import { StakeLib } from "../types/Stake.sol";

/// @title OracleState
/// @notice The storage of the oracle, and the conditions that several of its parts share.
abstract contract OracleState is IInferenceOracle, ReentrancyGuardTransient {
    using RequestLib for Request;

    /// @notice The output of a claim, as the oracle keeps it besides {Claim}; one storage slot.
    /// @param number The claim's number.
    /// @param digest First bytes of keccak256 of the output's bytes, so that they are not hashed into roots once more; 0 for a
    /// claim by root.
    struct Supplied {
        uint32 number;
        bytes28 digest;
    }

    /// @notice Share of a falsified claim's bond that is burned, in 1/10,000, rounded up: what a claimant loses at
    /// least, even if it challenges itself.
    uint256 public constant BURN_BPS = 5_000;

    IModelRegistry internal immutable REGISTRY;
    IDisputeGame internal immutable GAME;
    Currency internal immutable CURRENCY;
    uint96 internal immutable MIN_CLAIM_BOND_WEI;
    uint96 internal immutable MAX_CLAIM_BOND_WEI;
    uint96 internal immutable MIN_CHALLENGE_BOND_WEI;
    uint96 internal immutable MAX_CHALLENGE_BOND_WEI;
    uint32 internal immutable MIN_WINDOW_SECONDS;
    uint32 internal immutable MAX_WINDOW_SECONDS;
    uint32 internal immutable MIN_CLOCK_SECONDS;
    uint32 internal immutable MAX_CLOCK_SECONDS;
    uint32 internal immutable MIN_CALLBACK_GAS;
    uint32 internal immutable MAX_CALLBACK_GAS;
    uint32 internal immutable MIN_PATIENCE_SECONDS;
    uint32 internal immutable MAX_PATIENCE_SECONDS;

    /// @notice Id of the next request; never zero, so that counting costs the same each time.
    uint256 internal _nextRequestId = 1;

    /// @inheritdoc IInferenceOracle
    mapping(uint256 requestId => bytes32) public requestHash;

    /// @inheritdoc IInferenceOracle
    mapping(address account => uint256) public owed;

    mapping(uint256 requestId => Progress) internal _progress;
    mapping(uint256 claimId => Claim) internal _claims;

    mapping(uint256 requestId => mapping(bytes32 outputs => mapping(address claimant => Supplied)))
        internal _supplied;

    mapping(uint256 requestId => KeptAnswer) internal _answers;

    /// @notice Claims with lower numbers than this do not earn the fee that is held.
    mapping(uint256 requestId => uint32 number) internal _feeFrom;

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

    /// @inheritdoc IInferenceOracle
    function claimOf(
        uint256 requestId,
        bytes32 outputs,
        address claimant
    ) public view returns (uint256 claimId) {
        uint32 number = _supplied[requestId][outputs][claimant].number;
        return number == 0 ? 0 : _idOf(requestId, number);
    }

    // ---- conditions -----------------------------------------------------------------------------------------------

    function _idOf(uint256 requestId, uint32 number) internal pure returns (uint256) {
        return (requestId << 32) | number;
    }

    /// @notice Share of the claim's bond that the winner of a dispute gets; the rest is burned.
    function _reward(uint256 claimBondWei) internal pure returns (uint256) {
        return (claimBondWei * (10_000 - BURN_BPS)) / 10_000;
    }

    function _isResult(uint256 requestId, bytes32 outputs) internal view returns (bool) {
        Progress memory state = _progress[requestId];
        if (state.status != RequestStatus.Answered) revert NotFinal(requestId);
        uint256 answer = _idOf(requestId, state.answer);
        return claimOf(requestId, outputs, _claims[answer].claimant) == answer;
    }

    function _requireRequest(uint256 requestId, Request calldata request_) internal view {
        bytes32 given = request_.hash();
        bytes32 stored = requestHash[requestId];
        if (stored != given) revert RequestMismatch(requestId, stored, given);
    }

    function _requireForm(uint256 requestId, Request calldata request_, bool byRoot) internal pure {
        if (request_.terms.answerByRoot != byRoot) revert WrongAnswerForm(requestId, !byRoot);
    }

    function _requireOpen(uint256 requestId, RequestStatus status) internal pure {
        if (status != RequestStatus.None) revert RequestNotOpen(requestId, status);
    }

    function _requireOutputs(uint256 claimId, address claimant, bytes32 outputs) internal view {
        if (claimOf(claimId >> 32, outputs, claimant) != claimId) revert OutputMismatch(claimId, outputs);
    }

    /// @notice The digest that a claim keeps of its output's bytes. Two outputs with the same 28 bytes take 2^112 tries.
    function _digest(bytes calldata output) internal pure returns (bytes28) {
        return bytes28(keccak256(output));
    }

    function _openClaim(uint256 claimId) internal view returns (Claim storage open_) {
        open_ = _claims[claimId];
        if (open_.status != ClaimStatus.Open) revert ClaimNotOpen(claimId, open_.status);
    }

    function _requireSafe(string memory term, uint256 min, uint256 max, uint256 limit) private pure {
        if (min == 0 || min > max || max > limit) revert BoundsUnsafe(term);
    }
}
