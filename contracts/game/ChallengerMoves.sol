// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Openings } from "./Openings.sol";
import { Dispute, IDisputeGame, NodeProof, Pick } from "../interfaces/IDisputeGame.sol";
import { NodeInfo, NodeKind } from "../interfaces/IReferee.sol";
import { DisputeState } from "../libraries/dispute/DisputeState.sol";
import { Rules } from "../libraries/dispute/Rules.sol";
import { MerkleLib } from "../libraries/merkle/MerkleLib.sol";
import { Blocks } from "../libraries/program/Blocks.sol";
import { Phase, Position, PositionLib } from "../types/Position.sol";

/// @title ChallengerMoves
/// @notice The challenger chooses the first of the values shown that is wrong, or demands a node that it lacks.
abstract contract ChallengerMoves is Openings {
    /// @inheritdoc IDisputeGame
    function pick(uint256 disputeId, Dispute calldata dispute, Pick calldata picked) external {
        Phase phase = dispute.position.phase();
        bool inTrace = phase == Phase.TracePick;
        if (!inTrace && phase != Phase.TensorPick) revert WrongPhase(phase);
        (DisputeState next, , uint256 levels, uint256 index) = _takePick(disputeId, dispute, picked);
        Position position = dispute.position;
        if (levels < position.depthLeft()) {
            next.setPosition(
                position.down(inTrace ? Phase.TraceReveal : Phase.TensorReveal, levels, picked.child)
            );
        } else if (inTrace) {
            uint256 depth = position.traceDepth();
            next.setPosition(
                PositionLib.inTrace(Phase.NodeReveal, Blocks.levels(depth), depth, index, position.leaves())
            );
        } else {
            if (index >= position.leaves()) revert IndexOutOfRange(index, position.leaves());
            next.setPosition(position.down(Phase.Chunk, levels, picked.child));
        }
        _pick(disputeId, next, picked.hash);
    }

    /// @inheritdoc IDisputeGame
    function pickNode(
        uint256 disputeId,
        Dispute calldata dispute,
        Pick calldata picked,
        NodeProof calldata node
    ) external {
        (DisputeState next, bytes32 blockRoot, uint256 nodeIndex, NodeInfo memory info) = _takeNode(
            disputeId,
            dispute,
            picked,
            node,
            NodeKind.Loop
        );
        uint256 chunks = MerkleLib.chunksOf(info.byteLength);
        next.setProgram(_disputedNode(node.descriptor, blockRoot));
        next.setPosition(next.position().intoTensor(nodeIndex, info, chunks, MerkleLib.depthOf(chunks)));
        _pick(disputeId, next, picked.hash);
    }

    /// @inheritdoc IDisputeGame
    function nameElement(
        uint256 disputeId,
        Dispute calldata dispute,
        bytes calldata chunk,
        uint32 offset
    ) external {
        (DisputeState next, Position stretch) = _takeElement(disputeId, dispute, chunk, offset);
        _requireLong(stretch);
        next.setPosition(stretch.withPhase(Phase.Fold));
        _pick(disputeId, next, 0);
    }

    /// @inheritdoc IDisputeGame
    function pickInterval(
        uint256 disputeId,
        Dispute calldata dispute,
        bytes calldata words,
        uint32 interval
    ) external {
        (DisputeState next, Position stretch) = _takeInterval(disputeId, dispute, words, interval);
        _requireLong(stretch);
        next.setPosition(stretch.withPhase(Phase.Fold));
        _pick(disputeId, next, 0);
    }

    /// @inheritdoc IDisputeGame
    function demandNode(
        uint256 disputeId,
        Dispute calldata dispute,
        bytes32 blockRoot,
        uint32 child
    ) external {
        DisputeState next = _turn(disputeId, dispute, blockRoot, Phase.NodePick, false);
        Position position = dispute.position;
        if (position.hasDemanded()) revert AlreadyDemanded();
        uint256 nodeIndex = _nodeInBlock(position, child);
        if (nodeIndex >= position.leaves()) revert IndexOutOfRange(nodeIndex, position.leaves());
        next.setPosition(position.intoDemand(nodeIndex));
        _pick(disputeId, next, blockRoot);
    }

    function _requireLong(Position stretch) private pure {
        uint256 steps = Rules.stepsOf(stretch);
        if (steps <= stretch.grain()) revert IntervalShort(steps, stretch.grain());
    }
}
