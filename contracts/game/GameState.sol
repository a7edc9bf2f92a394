// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Dispute, IDisputeGame, Reason } from "../interfaces/IDisputeGame.sol";
import { IInferenceOracle, Request } from "../interfaces/IInferenceOracle.sol";
import { IModelRegistry } from "../interfaces/IModelRegistry.sol";
import { IReferee } from "../interfaces/IReferee.sol";
import { DisputeState, DisputeStateLib } from "../libraries/dispute/DisputeState.sol";
import { MoveLog } from "../libraries/dispute/MoveLog.sol";
import { RequestLib } from "../libraries/oracle/RequestLib.sol";
import { Clock } from "../types/Clock.sol";
import { Phase } from "../types/Position.sol";

/// @title GameState
/// @notice The storage of the game, and the conditions that every move has to meet.
abstract contract GameState is IDisputeGame {
    using RequestLib for Request;

    IInferenceOracle internal immutable ORACLE;
    IModelRegistry internal immutable REGISTRY;
    IReferee internal immutable REFEREE;

    /// @notice Id of the next dispute; never zero, so that counting costs the same each time.
    uint256 internal _nextDisputeId = 1;

    /// @inheritdoc IDisputeGame
    mapping(uint256 disputeId => bytes32) public disputes;

    /// @inheritdoc IDisputeGame
    mapping(uint256 claimId => bytes32) public traceOf;

    /// @notice Fixes the game's surroundings.
    /// @param oracle_ Holds the money.
    /// @param registry_ Holds the models.
    /// @param referee_ Recomputes leaves.
    constructor(IInferenceOracle oracle_, IModelRegistry registry_, IReferee referee_) {
        ORACLE = oracle_;
        REGISTRY = registry_;
        REFEREE = referee_;
    }

    // ---- conditions of every move ---------------------------------------------------------------------------------

    /// @notice RULE: a move is made by the side whose turn it is, in its time, on the state that it names.
    /// @return next The dispute with the mover's clock pressed, to be changed further.
    function _turn(
        uint256 disputeId,
        Dispute calldata dispute,
        bytes32 subject,
        Phase phase,
        bool claimantMoves
    ) internal view returns (DisputeState next) {
        next = _load(disputeId, dispute, subject);
        if (next.position().phase() != phase) revert WrongPhase(next.position().phase());
        address mover = claimantMoves ? next.claimant() : next.challenger();
        if (msg.sender != mover) revert NotMover(mover, msg.sender);
        Clock clock = next.clock();
        if (clock.isOut(claimantMoves, block.timestamp)) {
            revert ClockRanOut(clock.lastMoveAt() + clock.secondsLeft(claimantMoves));
        }
        next.setClock(clock.pressed(claimantMoves, block.timestamp));
    }

    /// @notice RULE: the state that is handed back is the one that the game keeps.
    function _load(
        uint256 disputeId,
        Dispute calldata dispute,
        bytes32 subject
    ) internal view returns (DisputeState next) {
        next = DisputeStateLib.load(dispute);
        bytes32 given = next.seal(subject);
        bytes32 stored = disputes[disputeId];
        if (stored == given) return next;
        if (stored == 0) revert NoDispute(disputeId);
        revert StateMismatch(disputeId, stored, given);
    }

    function _requireRequest(uint256 requestId, Request calldata request) internal view {
        bytes32 given = request.hash();
        bytes32 stored = ORACLE.requestHash(requestId);
        if (stored != given) revert RequestMismatch(requestId, stored, given);
    }

    function _requireWrong(bytes32 claimed, bytes32 right) internal pure {
        if (claimed == right) revert NothingWrong(right);
    }

    // ---- what moves do --------------------------------------------------------------------------------------------

    function _pick(uint256 disputeId, DisputeState next, bytes32 subject) internal {
        disputes[disputeId] = next.seal(subject);
        MoveLog.picked(disputeId, next);
    }

    function _challengerWins(uint256 disputeId, Dispute calldata dispute, Reason reason) internal {
        delete disputes[disputeId];
        emit Ended(disputeId, dispute.stake.claimId(), dispute.challenger, reason);
        ORACLE.falsifyByDispute(
            dispute.stake.claimId(),
            dispute.challenger,
            dispute.stake.claimBondWei(),
            dispute.stake.challengeBondWei()
        );
    }
}
