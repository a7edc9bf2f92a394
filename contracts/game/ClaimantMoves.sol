// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Openings } from "./Openings.sol";
import { Dispute, IDisputeGame, NodeProof } from "../interfaces/IDisputeGame.sol";
import { TensorRef } from "../interfaces/IModelRegistry.sol";
import { DisputeState } from "../libraries/dispute/DisputeState.sol";
import { MoveLog } from "../libraries/dispute/MoveLog.sol";
import { Rules } from "../libraries/dispute/Rules.sol";
import { Limits } from "../libraries/generated/Limits.sol";
import { Tags } from "../libraries/generated/Tags.sol";
import { MerkleLib } from "../libraries/merkle/MerkleLib.sol";
import { Blocks } from "../libraries/program/Blocks.sol";
import { Phase, Position, PositionLib } from "../types/Position.sol";

/// @title ClaimantMoves
/// @notice The claimant shows what the challenger chooses from.
abstract contract ClaimantMoves is Openings {
    /// @inheritdoc IDisputeGame
    function commitTrace(
        uint256 disputeId,
        Dispute calldata dispute,
        bytes32[] calldata outputRoots,
        bytes32[] calldata proofs,
        bytes32[] calldata hashes
    ) external {
        DisputeState next = _turn(disputeId, dispute, 0, Phase.Root, true);
        uint256 claimId = dispute.stake.claimId();
        if (traceOf[claimId] != 0) revert TraceAlreadyCommitted(claimId, traceOf[claimId]);
        (bytes32 programRoot, uint256 nodeCount, bool hasAnswers, TensorRef[] memory outputs) = REGISTRY
            .traceEnd(dispute.program);
        _enterTrace(next, programRoot, nodeCount);
        bytes32 traceRoot = _combine(Tags.TRACE_NODE, hashes, next.position().depthLeft());
        // RULE: the trace ends in the claimed output, or in 1 if the program checks the claim.
        _requireOutputs(outputs, outputRoots, proofs, traceRoot, next.position().traceDepth());
        if (!hasAnswers) _requireClaimed(claimId, dispute.claimant, outputRoots);
        else if (outputRoots[0] != MerkleLib.ONE) revert NotAccepted(claimId, outputRoots[0]);
        traceOf[claimId] = traceRoot;
        emit TraceCommitted(claimId, traceRoot);
        _reveal(disputeId, next, traceRoot, hashes);
    }

    /// @inheritdoc IDisputeGame
    function reveal(uint256 disputeId, Dispute calldata dispute, bytes32[] calldata hashes) external {
        Phase phase = dispute.position.phase();
        if (phase == Phase.Root) {
            DisputeState first = _turn(disputeId, dispute, 0, Phase.Root, true);
            bytes32 traceRoot = traceOf[dispute.stake.claimId()];
            if (traceRoot == 0) revert TraceNotCommitted(dispute.stake.claimId());
            (bytes32 programRoot, uint256 nodeCount, ) = REGISTRY.programOf(dispute.program);
            _enterTrace(first, programRoot, nodeCount);
            bytes32 given = _combine(Tags.TRACE_NODE, hashes, first.position().depthLeft());
            if (given != traceRoot) revert TraceRootMismatch(traceRoot, given);
            _reveal(disputeId, first, traceRoot, hashes);
            return;
        }
        bool inTrace = phase == Phase.TraceReveal;
        if (!inTrace && phase != Phase.TensorReveal) revert WrongPhase(phase);
        bytes32 subject = _combine(
            inTrace ? Tags.TRACE_NODE : Tags.TENSOR_NODE,
            hashes,
            dispute.position.depthLeft()
        );
        DisputeState next = _turn(disputeId, dispute, subject, phase, true);
        next.setPosition(next.position().withPhase(inTrace ? Phase.TracePick : Phase.TensorPick));
        _reveal(disputeId, next, subject, hashes);
    }

    /// @inheritdoc IDisputeGame
    function revealBlock(
        uint256 disputeId,
        Dispute calldata dispute,
        bytes32[] calldata hashes,
        uint32 checkpoints
    ) external {
        bytes32 blockRoot = _combine(Tags.TRACE_NODE, hashes, dispute.position.depthLeft());
        // RULE: what the trace commits to in this block is what the block has there.
        bytes32 subject = MerkleLib.combineMarked(Tags.TRACE_NODE, hashes, checkpoints);
        DisputeState next = _turn(disputeId, dispute, subject, Phase.NodeReveal, true);
        next.setPosition(next.position().intoBlock(checkpoints));
        _reveal(disputeId, next, blockRoot, hashes);
    }

    /// @inheritdoc IDisputeGame
    function revealChunk(uint256 disputeId, Dispute calldata dispute, bytes calldata chunk) external {
        bytes32 subject = _chunkHash(chunk);
        DisputeState next = _turn(disputeId, dispute, subject, Phase.Chunk, true);
        next.setPosition(next.position().withPhase(Phase.Element));
        disputes[disputeId] = next.seal(subject);
        MoveLog.chunkRevealed(disputeId, next, chunk);
    }

    /// @inheritdoc IDisputeGame
    function postAccumulators(uint256 disputeId, Dispute calldata dispute, bytes calldata words) external {
        DisputeState next = _turn(disputeId, dispute, 0, Phase.Fold, true);
        (uint256 intervals, ) = Rules.intervalsOf(dispute.position);
        Rules.requireLength(4 * (intervals - 1), words.length);
        next.setPosition(next.position().withPhase(Phase.Interval));
        bytes32 subject = keccak256(words);
        disputes[disputeId] = next.seal(subject);
        MoveLog.accumulatorsPosted(disputeId, next, words);
    }

    /// @inheritdoc IDisputeGame
    function openNode(
        uint256 disputeId,
        Dispute calldata dispute,
        bytes32 blockRoot,
        NodeProof calldata node
    ) external {
        DisputeState next = _turn(disputeId, dispute, blockRoot, Phase.NodeDemand, true);
        Position position = dispute.position;
        uint256 length = node.descriptor.length;
        // RULE: a node that no well-formed program has need not be read by anybody.
        if (length > Limits.MAX_DESCRIPTOR_BYTES)
            revert DescriptorTooLong(length, Limits.MAX_DESCRIPTOR_BYTES);
        _requireNode(dispute.program, position.leaves(), position.nodeIndex(), node);
        next.setPosition(position.afterDemand());
        disputes[disputeId] = next.seal(blockRoot);
        MoveLog.nodeOpened(disputeId, next, node.descriptor);
    }

    /// @notice Turns the model id of phase Root into its program, at the top of the trace's tree.
    function _enterTrace(DisputeState next, bytes32 programRoot, uint256 nodeCount) private pure {
        uint256 depth = MerkleLib.depthOf(nodeCount);
        uint256 above = depth - Blocks.levels(depth);
        next.setProgram(programRoot);
        next.setPosition(
            above == 0
                ? PositionLib.inTrace(Phase.NodePick, depth, depth, 0, nodeCount)
                : PositionLib.inTrace(Phase.TracePick, above, depth, 0, nodeCount)
        );
    }

    /// @notice RULE: each output is the leaf of its node in the trace.
    function _requireOutputs(
        TensorRef[] memory refs,
        bytes32[] calldata outputRoots,
        bytes32[] calldata proofs,
        bytes32 traceRoot,
        uint256 depth
    ) private pure {
        Rules.requireLength(refs.length, outputRoots.length);
        Rules.requireLength(refs.length * depth, proofs.length);
        for (uint256 i = 0; i < refs.length; ++i) {
            bytes32[] calldata proof = proofs[i * depth:(i + 1) * depth];
            bytes32 given = MerkleLib.rootOf(Tags.TRACE_NODE, outputRoots[i], refs[i].node, proof);
            if (given != traceRoot) revert OutputNotInTrace(i, traceRoot, given);
        }
    }

    function _reveal(
        uint256 disputeId,
        DisputeState next,
        bytes32 subject,
        bytes32[] calldata hashes
    ) private {
        disputes[disputeId] = next.seal(subject);
        MoveLog.revealed(disputeId, next, hashes);
    }
}
