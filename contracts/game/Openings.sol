// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { GameState } from "./GameState.sol";
import { Dispute, NodeProof, Pick } from "../interfaces/IDisputeGame.sol";
import { NodeInfo, NodeKind } from "../interfaces/IReferee.sol";
import { DisputeState } from "../libraries/dispute/DisputeState.sol";
import { Rules } from "../libraries/dispute/Rules.sol";
import { Limits } from "../libraries/generated/Limits.sol";
import { Tags } from "../libraries/generated/Tags.sol";
import { MerkleLib } from "../libraries/merkle/MerkleLib.sol";
import { Phase, Position } from "../types/Position.sol";

/// @title Openings
/// @notice Opens what moves hand over, against what the dispute stands at: a picked hash, a node, an element, an interval.
abstract contract Openings is GameState {
    function _combine(
        uint8 tag,
        bytes32[] calldata hashes,
        uint256 depthLeft
    ) internal pure returns (bytes32) {
        Rules.requireLength(uint256(1) << Rules.levelsToReveal(depthLeft), hashes.length);
        return MerkleLib.combine(tag, hashes);
    }

    /// @notice Opens a pick against the subject.
    /// @return next The dispute with the clock pressed.
    /// @return subject The tree node that the pick was opened against.
    /// @return levels Levels that the reveal had.
    /// @return index Path to the picked hash in its tree.
    function _takePick(
        uint256 disputeId,
        Dispute calldata dispute,
        Pick calldata picked
    ) internal view returns (DisputeState next, bytes32 subject, uint256 levels, uint256 index) {
        Position position = dispute.position;
        Phase phase = position.phase();
        levels = Rules.levelsToReveal(position.depthLeft());
        Rules.requireLength(levels, picked.siblings.length);
        uint256 children = uint256(1) << levels;
        if (picked.child >= children) revert IndexOutOfRange(picked.child, children);
        uint8 tag = phase == Phase.TensorPick ? Tags.TENSOR_NODE : Tags.TRACE_NODE;
        subject = MerkleLib.rootOf(tag, picked.hash, picked.child, picked.siblings);
        next = _turn(disputeId, dispute, subject, phase, false);
        index = (position.index() << levels) | picked.child;
    }

    /// @notice Opens a pick that is a node's leaf in the trace, and the node.
    function _takeNode(
        uint256 disputeId,
        Dispute calldata dispute,
        Pick calldata picked,
        NodeProof calldata node,
        NodeKind kind
    ) internal view returns (DisputeState next, bytes32 blockRoot, uint256 nodeIndex, NodeInfo memory info) {
        Position position = dispute.position;
        if (position.phase() != Phase.NodePick) revert WrongPhase(position.phase());
        // A block is revealed as a whole, so the pick is a tensor.
        (next, blockRoot, , nodeIndex) = _takePick(disputeId, dispute, picked);
        _requireNode(dispute.program, position.leaves(), nodeIndex, node);
        info = REFEREE.describe(node.descriptor);
        if (info.kind != kind) revert WrongKind(info.kind);
    }

    /// @notice RULE: a descriptor counts only if it is the node's in the program, and no padding.
    function _requireNode(
        bytes32 programRoot,
        uint256 nodeCount,
        uint256 nodeIndex,
        NodeProof calldata node
    ) internal pure {
        if (nodeIndex >= nodeCount) revert IndexOutOfRange(nodeIndex, nodeCount);
        Rules.requireLength(MerkleLib.depthOf(nodeCount), node.siblings.length);
        bytes32 leaf = MerkleLib.taggedHash(Tags.PROGRAM_LEAF, node.descriptor);
        bytes32 given = MerkleLib.rootOf(Tags.PROGRAM_NODE, leaf, nodeIndex, node.siblings);
        if (given != programRoot) revert DescriptorMismatch(programRoot, given);
    }

    /// @notice A node of the disputed block, or padding beyond the last.
    function _nodeInBlock(Position position, uint256 child) internal pure returns (uint256 nodeIndex) {
        uint256 levels = position.depthLeft();
        if (child >> levels != 0) revert IndexOutOfRange(child, uint256(1) << levels);
        return (position.index() << levels) | child;
    }

    function _disputedNode(bytes calldata descriptor, bytes32 blockRoot) internal pure returns (bytes32) {
        bytes32 leaf = MerkleLib.taggedHash(Tags.PROGRAM_LEAF, descriptor);
        return MerkleLib.nodeHash(Tags.DISPUTED_NODE, leaf, blockRoot);
    }

    /// @notice Opens the revealed chunk and names an element: its whole fold is the stretch in dispute.
    function _takeElement(
        uint256 disputeId,
        Dispute calldata dispute,
        bytes calldata chunk,
        uint32 offset
    ) internal view returns (DisputeState next, Position stretch) {
        next = _turn(disputeId, dispute, _chunkHash(chunk), Phase.Element, false);
        stretch = Rules.elementAt(next.position(), chunk, offset);
    }

    /// @notice Opens the posted accumulators and picks an interval.
    /// @return next The dispute with the clock pressed.
    /// @return stretch The interval as a position.
    function _takeInterval(
        uint256 disputeId,
        Dispute calldata dispute,
        bytes calldata words,
        uint256 interval
    ) internal view returns (DisputeState next, Position stretch) {
        next = _turn(disputeId, dispute, keccak256(words), Phase.Interval, false);
        stretch = Rules.intervalAt(dispute.position, words, interval);
    }

    function _chunkHash(bytes calldata chunk) internal pure returns (bytes32) {
        Rules.requireLength(Limits.CHUNK_BYTES, chunk.length);
        return MerkleLib.taggedHash(Tags.TENSOR_CHUNK, chunk);
    }

    /// @notice RULE: the tensors are those that the claim supplies.
    function _requireClaimed(uint256 claimId, address claimant, bytes32[] calldata roots) internal view {
        bytes32 outputs = MerkleLib.listHash(Tags.OUTPUTS, roots);
        if (ORACLE.claimOf(claimId >> 32, outputs, claimant) != claimId) {
            revert OutputNotClaimed(claimId, outputs);
        }
    }
}
