// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Openings } from "./Openings.sol";
import { Dispute, IDisputeGame, NodeProof, Reason } from "../interfaces/IDisputeGame.sol";
import { Request } from "../interfaces/IInferenceOracle.sol";
import { Rules } from "../libraries/dispute/Rules.sol";
import { Clock } from "../types/Clock.sol";

/// @title MalformedProofs
/// @notice The challenger wins by showing that a node of the program breaks a rule, in any phase and whoever's turn it is.
abstract contract MalformedProofs is Openings {
    /// @inheritdoc IDisputeGame
    function proveMalformed(
        uint256 disputeId,
        Dispute calldata dispute,
        bytes32 subject,
        Request calldata request,
        uint32 nodeIndex,
        NodeProof calldata node
    ) external {
        _requireProver(disputeId, dispute, subject, request);
        (bytes32 programRoot, uint32 nodeCount, ) = REGISTRY.programOf(request.modelId);
        _requireNode(programRoot, nodeCount, nodeIndex, node);
        if (!REFEREE.isMalformed(REGISTRY.modelOf(request.modelId), nodeIndex, node.descriptor)) {
            revert WellFormed(nodeIndex);
        }
        _challengerWins(disputeId, dispute, Reason.Malformed);
    }

    /// @inheritdoc IDisputeGame
    function proveMalformedOperand(
        uint256 disputeId,
        Dispute calldata dispute,
        bytes32 subject,
        Request calldata request,
        uint32 nodeIndex,
        NodeProof calldata node,
        uint8 operand,
        NodeProof calldata operandNode
    ) external {
        _requireProver(disputeId, dispute, subject, request);
        (bytes32 programRoot, uint32 nodeCount, ) = REGISTRY.programOf(request.modelId);
        _requireNode(programRoot, nodeCount, nodeIndex, node);
        _requireNode(programRoot, nodeCount, REFEREE.operandNode(node.descriptor, operand), operandNode);
        if (
            !REFEREE.isMalformedOperand(
                nodeCount,
                nodeIndex,
                node.descriptor,
                operand,
                operandNode.descriptor
            )
        ) {
            revert WellFormed(nodeIndex);
        }
        _challengerWins(disputeId, dispute, Reason.Malformed);
    }

    /// @notice RULE: malformedness is proven by the challenger while its time lasts, and from a later second than the opening
    /// on: a copy of the proof would have to come with a dispute that was opened before the proof was seen.
    function _requireProver(
        uint256 disputeId,
        Dispute calldata dispute,
        bytes32 subject,
        Request calldata request
    ) private view {
        _load(disputeId, dispute, subject);
        if (msg.sender != dispute.challenger) revert NotMover(dispute.challenger, msg.sender);
        _requireRequest(dispute.stake.claimId() >> 32, request);
        Clock clock = dispute.clock;
        uint256 openedAt = clock.openedAt(request.terms.clockSeconds);
        if (block.timestamp <= openedAt) revert OpenedNow(openedAt);
        bool claimantMoves = Rules.claimantMoves(dispute.position.phase());
        if (!claimantMoves && clock.isOut(false, block.timestamp)) {
            revert ClockRanOut(clock.lastMoveAt() + clock.secondsLeft(false));
        }
    }
}
