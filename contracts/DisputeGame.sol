// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Multicall } from "@openzeppelin/contracts/utils/Multicall.sol";
import { ChallengerMoves } from "./game/ChallengerMoves.sol";
import { ChallengerProofs } from "./game/ChallengerProofs.sol";
import { ClaimantMoves } from "./game/ClaimantMoves.sol";
import { GameState } from "./game/GameState.sol";
import { MalformedProofs } from "./game/MalformedProofs.sol";
import { Dispute, IDisputeGame, Reason } from "./interfaces/IDisputeGame.sol";
import { IInferenceOracle } from "./interfaces/IInferenceOracle.sol";
import { IModelRegistry } from "./interfaces/IModelRegistry.sol";
import { IReferee } from "./interfaces/IReferee.sol";
import { DisputeState, DisputeStateLib } from "./libraries/dispute/DisputeState.sol";
import { MoveLog } from "./libraries/dispute/MoveLog.sol";
import { Rules } from "./libraries/dispute/Rules.sol";
import { ClockLib } from "./types/Clock.sol";
import { PositionLib } from "./types/Position.sol";
import { StakeLib } from "./types/Stake.sol";

/// @title DisputeGame
/// @notice Moves, clocks and outcome of disputes. Knows no arithmetic: that is the referee's.
///
/// Transitions; every move names the state that it answers, and one that does not check out reverts.
/// ```
/// phase         mover       move               → phase, or end
/// –             oracle      open                 Root
/// Root          claimant    commitTrace          TracePick         fixes the claim's trace root; NodePick if the
///                                                                  program is one block
///                           reveal               the same          if it is fixed
/// TraceReveal   claimant    reveal               TracePick
/// TracePick     challenger  pick                 TraceReveal       NodeReveal at a block
/// NodeReveal    claimant    revealBlock          NodePick          commits to all tensors of the block
/// NodePick      challenger  pickNode             TensorReveal      a loop; Chunk if it has only one
///                           proveCheckpoint      won
///                           proveConstant        won
///                           proveInput           won
///                           proveAnswer          won
///                           provePadding         won
///                           demandNode           NodeDemand       once in a dispute
/// NodeDemand    claimant    openNode             NodePick         the same block
/// TensorReveal  claimant    reveal               TensorPick
/// TensorPick    challenger  pick                 TensorReveal      Chunk at the bottom of the tree
///                           provePadding         won
/// Chunk         claimant    revealChunk          Element
/// Element       challenger  nameElement          Fold              fold longer than a grain
///                           proveElement         won               fold at most a grain
///                           provePaddingByte     won
/// Fold          claimant    postAccumulators     Interval
/// Interval      challenger  pickInterval         Fold              longer than a grain
///                           proveInterval        won               at most a grain
/// any           challenger  proveMalformed       won              out of turn too; not in the second of the opening
///                           proveMalformedOperand  won            likewise
/// any           anyone      timeout              lost by the mover whose clock ran out
/// any           anyone      reclaim              void: another dispute falsified the claim
/// ```
/// A claimant ran the program, so it has every node of it. A challenger that lacks one, or has one that is too long for a
/// transaction, demands it: {openNode} takes nothing longer than a well-formed node, so then the claimant's clock runs out.
/// Once is enough, because without the rest of the program a challenger could not have told that the claim is false; more
/// would let it choose what a claimant has to pay for.
///
/// The root of a trace commits to checkpoints alone (see {Blocks}): what else a block computes is hashed by its claimant when
/// the walk reaches it. What the walk reaches first in a block reads agreed checkpoints and agreed tensors of the block.
///
/// "won" is the challenger's: every value to the left of the walk is agreed, so an honest challenger can open what it
/// needs against the claimant's own trace, and against an honest claimant nothing can be shown.
contract DisputeGame is ClaimantMoves, ChallengerMoves, ChallengerProofs, MalformedProofs, Multicall {
    /// @notice Made by the oracle's constructor.
    /// @param oracle_ Holds the money.
    /// @param registry_ Holds the models.
    /// @param referee_ Recomputes leaves.
    constructor(
        IInferenceOracle oracle_,
        IModelRegistry registry_,
        IReferee referee_
    ) GameState(oracle_, registry_, referee_) {}

    /// @inheritdoc IDisputeGame
    function open(
        address claimant,
        uint96 claimId,
        address challenger,
        bytes32 modelId,
        bytes32 claimHash,
        uint32 clockSeconds,
        uint96 claimBondWei,
        uint96 challengeBondWei
    ) external returns (uint256 disputeId) {
        if (msg.sender != address(ORACLE)) revert NotOracle(msg.sender);
        disputeId = _nextDisputeId++;
        DisputeState opened = DisputeStateLib.pack(
            claimant,
            challenger,
            ClockLib.start(block.timestamp, clockSeconds, block.basefee),
            StakeLib.pack(claimId, claimBondWei, challengeBondWei),
            modelId,
            PositionLib.start(claimHash)
        );
        disputes[disputeId] = opened.seal(0);
        MoveLog.opened(disputeId, claimId, opened);
    }

    // ---- anyone's moves -------------------------------------------------------------------------------------------

    /// @inheritdoc IDisputeGame
    function timeout(uint256 disputeId, Dispute calldata dispute, bytes32 subject) external {
        _load(disputeId, dispute, subject);
        bool claimantMoves = Rules.claimantMoves(dispute.position.phase());
        if (!dispute.clock.isOut(claimantMoves, block.timestamp)) {
            revert ClockRuns(dispute.clock.lastMoveAt() + dispute.clock.secondsLeft(claimantMoves));
        }
        if (claimantMoves) {
            _challengerWins(disputeId, dispute, Reason.ClaimantTimeout);
            return;
        }
        delete disputes[disputeId];
        emit Ended(disputeId, dispute.stake.claimId(), dispute.claimant, Reason.ChallengerTimeout);
        ORACLE.failChallenge(dispute.stake.claimId(), dispute.stake.challengeBondWei());
    }

    /// @inheritdoc IDisputeGame
    function reclaim(uint256 disputeId, Dispute calldata dispute, bytes32 subject) external {
        _load(disputeId, dispute, subject);
        delete disputes[disputeId];
        emit Ended(disputeId, dispute.stake.claimId(), dispute.challenger, Reason.ClaimAlreadyFalsified);
        ORACLE.returnChallenge(
            dispute.stake.claimId(),
            dispute.challenger,
            dispute.stake.challengeBondWei(),
            dispute.clock.baseFeeAtOpenWei()
        );
    }

    /// @inheritdoc IDisputeGame
    function multicall(
        bytes[] calldata data
    ) public override(IDisputeGame, Multicall) returns (bytes[] memory results) {
        return super.multicall(data);
    }

    // ---- views ----------------------------------------------------------------------------------------------------

    /// @inheritdoc IDisputeGame
    function disputeCount() external view returns (uint256) {
        return _nextDisputeId - 1;
    }

    /// @inheritdoc IDisputeGame
    function oracle() external view returns (IInferenceOracle) {
        return ORACLE;
    }

    /// @inheritdoc IDisputeGame
    function registry() external view returns (IModelRegistry) {
        return REGISTRY;
    }

    /// @inheritdoc IDisputeGame
    function referee() external view returns (IReferee) {
        return REFEREE;
    }

    /// @inheritdoc IDisputeGame
    function stateHash(Dispute calldata dispute, bytes32 subject) external pure returns (bytes32) {
        return DisputeStateLib.load(dispute).seal(subject);
    }
}
