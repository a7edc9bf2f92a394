// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Openings } from "./Openings.sol";
import { Dispute, IDisputeGame, NodeProof, Pick, Reason } from "../interfaces/IDisputeGame.sol";
import { Request } from "../interfaces/IInferenceOracle.sol";
import { Commitments, NodeInfo, NodeKind } from "../interfaces/IReferee.sol";
import { Rules } from "../libraries/dispute/Rules.sol";
import { Limits } from "../libraries/generated/Limits.sol";
import { Tags } from "../libraries/generated/Tags.sol";
import { MerkleLib } from "../libraries/merkle/MerkleLib.sol";
import { Phase, Position } from "../types/Position.sol";

/// @title ChallengerProofs
/// @notice The challenger wins by showing that a value is wrong.
abstract contract ChallengerProofs is Openings {
    /// @inheritdoc IDisputeGame
    function proveCheckpoint(
        uint256 disputeId,
        Dispute calldata dispute,
        bytes32 blockRoot,
        uint32 child,
        NodeProof calldata node
    ) external {
        Position position = _turn(disputeId, dispute, blockRoot, Phase.NodePick, false).position();
        if (position.depthLeft() == position.traceDepth()) revert SingleBlock();
        _requireNode(dispute.program, position.leaves(), _nodeInBlock(position, child), node);
        uint256 claimed = (position.checkpoints() >> child) & 1;
        bool right = REFEREE.describe(node.descriptor).checkpoint;
        _requireWrong(bytes32(claimed), bytes32(uint256(right ? 1 : 0)));
        _challengerWins(disputeId, dispute, Reason.WrongCheckpoint);
    }

    /// @inheritdoc IDisputeGame
    function proveConstant(
        uint256 disputeId,
        Dispute calldata dispute,
        Pick calldata picked,
        NodeProof calldata node
    ) external {
        (, , , NodeInfo memory info) = _takeNode(disputeId, dispute, picked, node, NodeKind.Constant);
        _requireWrong(picked.hash, info.root);
        _challengerWins(disputeId, dispute, Reason.WrongConstant);
    }

    /// @inheritdoc IDisputeGame
    function proveInput(
        uint256 disputeId,
        Dispute calldata dispute,
        Pick calldata picked,
        NodeProof calldata node,
        Request calldata request,
        bytes32[] calldata inputRoots
    ) external {
        (, , , NodeInfo memory info) = _takeNode(disputeId, dispute, picked, node, NodeKind.Input);
        _requireRequest(dispute.stake.claimId() >> 32, request);
        bytes32 inputs = MerkleLib.listHash(Tags.INPUTS, inputRoots);
        if (inputs != request.inputs) revert InputsMismatch(request.inputs, inputs);
        if (info.slot >= inputRoots.length) revert IndexOutOfRange(info.slot, inputRoots.length);
        _requireWrong(picked.hash, inputRoots[info.slot]);
        _challengerWins(disputeId, dispute, Reason.WrongInput);
    }

    /// @inheritdoc IDisputeGame
    function proveAnswer(
        uint256 disputeId,
        Dispute calldata dispute,
        Pick calldata picked,
        NodeProof calldata node,
        Request calldata request,
        bytes32[] calldata answerRoots
    ) external {
        (, , , NodeInfo memory info) = _takeNode(disputeId, dispute, picked, node, NodeKind.Input);
        uint256 claimId = dispute.stake.claimId();
        _requireRequest(claimId >> 32, request);
        _requireClaimed(claimId, dispute.claimant, answerRoots);
        uint256 inputs = REGISTRY.inputsOf(request.modelId).length;
        uint256 slots = inputs + answerRoots.length;
        // RULE: slots from the number of inputs on are the answers'.
        if (info.slot < inputs || info.slot >= slots) revert IndexOutOfRange(info.slot, slots);
        _requireWrong(picked.hash, answerRoots[info.slot - inputs]);
        _challengerWins(disputeId, dispute, Reason.WrongAnswer);
    }

    /// @inheritdoc IDisputeGame
    function provePadding(uint256 disputeId, Dispute calldata dispute, Pick calldata picked) external {
        bool inTrace = dispute.position.phase() == Phase.NodePick;
        uint256 index = _takeBottom(disputeId, dispute, picked);
        uint256 leaves = dispute.position.leaves();
        if (index < leaves) revert IndexOutOfRange(index, leaves);
        _requireWrong(picked.hash, inTrace ? bytes32(0) : MerkleLib.ZERO_CHUNK);
        _challengerWins(disputeId, dispute, Reason.WrongPadding);
    }

    /// @inheritdoc IDisputeGame
    function provePaddingByte(uint256 disputeId, Dispute calldata dispute, bytes calldata chunk) external {
        Position position = _turn(disputeId, dispute, _chunkHash(chunk), Phase.Element, false).position();
        uint256 start = position.index() * Limits.CHUNK_BYTES;
        uint256 end = position.byteLength();
        for (uint256 i = end > start ? end - start : 0; i < Limits.CHUNK_BYTES; ++i) {
            if (chunk[i] == 0) continue;
            _challengerWins(disputeId, dispute, Reason.WrongPadding);
            return;
        }
        revert NothingWrong(0);
    }

    /// @inheritdoc IDisputeGame
    function proveElement(
        uint256 disputeId,
        Dispute calldata dispute,
        bytes calldata chunk,
        uint32 offset,
        bytes calldata descriptor,
        bytes32 blockRoot,
        bytes calldata witness
    ) external {
        (, Position stretch) = _takeElement(disputeId, dispute, chunk, offset);
        _requireDescriptor(dispute, descriptor, blockRoot);
        _requireWrongLeaf(descriptor, traceOf[dispute.stake.claimId()], blockRoot, stretch, witness);
        _challengerWins(disputeId, dispute, Reason.WrongWord);
    }

    /// @inheritdoc IDisputeGame
    function proveInterval(
        uint256 disputeId,
        Dispute calldata dispute,
        bytes calldata words,
        uint32 interval,
        bytes calldata descriptor,
        bytes32 blockRoot,
        bytes calldata witness
    ) external {
        (, Position stretch) = _takeInterval(disputeId, dispute, words, interval);
        _requireDescriptor(dispute, descriptor, blockRoot);
        _requireWrongLeaf(descriptor, traceOf[dispute.stake.claimId()], blockRoot, stretch, witness);
        _challengerWins(disputeId, dispute, Reason.WrongWord);
    }

    /// @notice Opens a pick that is at the bottom of its tree.
    function _takeBottom(
        uint256 disputeId,
        Dispute calldata dispute,
        Pick calldata picked
    ) private view returns (uint256 index) {
        Phase phase = dispute.position.phase();
        if (phase != Phase.NodePick && phase != Phase.TensorPick) revert WrongPhase(phase);
        uint256 levels;
        (, , levels, index) = _takePick(disputeId, dispute, picked);
        uint256 left = dispute.position.depthLeft() - levels;
        if (left != 0) revert WrongDepth(left);
    }

    function _requireDescriptor(
        Dispute calldata dispute,
        bytes calldata descriptor,
        bytes32 blockRoot
    ) private pure {
        bytes32 given = _disputedNode(descriptor, blockRoot);
        if (given != dispute.program) revert DescriptorMismatch(dispute.program, given);
    }

    /// @notice The chain's own step. Running out of gas reverts: it must never decide, so nothing is caught here.
    /// @dev The parameters are in the order in which the stack can reach them.
    function _requireWrongLeaf(
        bytes calldata descriptor,
        bytes32 traceRoot,
        bytes32 blockRoot,
        Position leaf,
        bytes calldata witness
    ) private view {
        uint256 steps = Rules.stepsOf(leaf);
        if (steps > leaf.grain()) revert IntervalTooLong(steps, leaf.grain());
        Commitments memory commitments = Commitments({
            traceRoot: traceRoot,
            blockRoot: blockRoot,
            nodeIndex: uint32(leaf.nodeIndex()),
            traceDepth: uint8(leaf.traceDepth())
        });
        uint32 word = REFEREE.run(
            descriptor,
            uint32(leaf.index()),
            uint32(leaf.lo()),
            uint32(leaf.hi()),
            leaf.accumulator(),
            commitments,
            witness
        );
        _requireWrong(bytes32(uint256(leaf.word())), bytes32(uint256(word)));
    }
}
