// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Multicall } from "@openzeppelin/contracts/utils/Multicall.sol";
import { Dispute, IDisputeGame, NodeProof, Pick, Reason } from "./interfaces/IDisputeGame.sol";
import { IInferenceOracle, Request } from "./interfaces/IInferenceOracle.sol";
import { IModelRegistry, TensorRef } from "./interfaces/IModelRegistry.sol";
import { Commitments, IReferee, NodeInfo } from "./interfaces/IReferee.sol";
import { Blocks } from "./libraries/Blocks.sol";
import { Limits } from "./libraries/Limits.sol";
import { MerkleLib } from "./libraries/MerkleLib.sol";
import { MoveLog } from "./libraries/MoveLog.sol";
import { RequestLib } from "./libraries/RequestLib.sol";
import { Rules } from "./libraries/Rules.sol";
import { Tags } from "./libraries/Tags.sol";
import { Clock, ClockLib } from "./types/Clock.sol";
import { Phase, Position, PositionLib } from "./types/Position.sol";
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
///
/// One file above 400 lines, because the table and its moves belong together.
contract DisputeGame is IDisputeGame, Multicall {
    using RequestLib for Request;

    uint8 private constant INPUT = 1;
    uint8 private constant CONSTANT = 2;
    uint8 private constant LOOP = 3;

    IInferenceOracle private immutable ORACLE;
    IModelRegistry private immutable REGISTRY;
    IReferee private immutable REFEREE;

    /// @notice Id of the next dispute; never zero, so that counting costs the same each time.
    uint256 private _nextDisputeId = 1;
    /// @inheritdoc IDisputeGame
    mapping(uint256 disputeId => bytes32) public disputes;
    /// @inheritdoc IDisputeGame
    mapping(uint256 claimId => bytes32) public traceOf;

    /// @notice Made by the oracle's constructor.
    /// @param oracle_ Holds the money.
    /// @param registry_ Holds the models.
    /// @param referee_ Recomputes leaves.
    constructor(IInferenceOracle oracle_, IModelRegistry registry_, IReferee referee_) {
        ORACLE = oracle_;
        REGISTRY = registry_;
        REFEREE = referee_;
    }

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
        Dispute memory opened = Rules.blank();
        opened.claimant = claimant;
        opened.challenger = challenger;
        opened.clock = ClockLib.start(block.timestamp, clockSeconds, block.basefee);
        opened.stake = StakeLib.pack(claimId, claimBondWei, challengeBondWei);
        opened.program = modelId;
        opened.position = PositionLib.start(claimHash);
        disputes[disputeId] = Rules.seal(opened, 0);
        emit Opened(disputeId, claimId, challenger, opened);
    }

    // ---- the claimant's moves -------------------------------------------------------------------------------------

    /// @inheritdoc IDisputeGame
    function commitTrace(
        uint256 disputeId,
        Dispute calldata dispute,
        bytes32[] calldata outputRoots,
        bytes32[] calldata proofs,
        bytes32[] calldata hashes
    ) external {
        Dispute memory next = _turn(disputeId, dispute, 0, Phase.Root, true);
        uint256 claimId = dispute.stake.claimId();
        if (traceOf[claimId] != 0) revert TraceAlreadyCommitted(claimId, traceOf[claimId]);
        (bytes32 programRoot, uint256 nodeCount, bool hasAnswers, TensorRef[] memory outputs) = REGISTRY
            .traceEnd(dispute.program);
        _enterTrace(next, programRoot, nodeCount);
        bytes32 traceRoot = _combine(Tags.TRACE_NODE, hashes, next.position.depthLeft());
        // RULE: the trace ends in the claimed output, or in 1 if the program checks the claim.
        _requireOutputs(outputs, outputRoots, proofs, traceRoot, next.position.traceDepth());
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
            Dispute memory first = _turn(disputeId, dispute, 0, Phase.Root, true);
            bytes32 traceRoot = traceOf[dispute.stake.claimId()];
            if (traceRoot == 0) revert TraceNotCommitted(dispute.stake.claimId());
            (bytes32 programRoot, uint256 nodeCount, ) = REGISTRY.programOf(dispute.program);
            _enterTrace(first, programRoot, nodeCount);
            bytes32 given = _combine(Tags.TRACE_NODE, hashes, first.position.depthLeft());
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
        Dispute memory next = _turn(disputeId, dispute, subject, phase, true);
        next.position = next.position.withPhase(inTrace ? Phase.TracePick : Phase.TensorPick);
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
        Dispute memory next = _turn(disputeId, dispute, subject, Phase.NodeReveal, true);
        next.position = next.position.intoBlock(checkpoints);
        _reveal(disputeId, next, blockRoot, hashes);
    }

    /// @inheritdoc IDisputeGame
    function revealChunk(uint256 disputeId, Dispute calldata dispute, bytes calldata chunk) external {
        bytes32 subject = _chunkHash(chunk);
        Dispute memory next = _turn(disputeId, dispute, subject, Phase.Chunk, true);
        next.position = next.position.withPhase(Phase.Element);
        disputes[disputeId] = Rules.seal(next, subject);
        MoveLog.chunkRevealed(disputeId, next, chunk);
    }

    /// @inheritdoc IDisputeGame
    function postAccumulators(uint256 disputeId, Dispute calldata dispute, bytes calldata words) external {
        Dispute memory next = _turn(disputeId, dispute, 0, Phase.Fold, true);
        (uint256 intervals, ) = Rules.intervalsOf(dispute.position);
        Rules.requireLength(4 * (intervals - 1), words.length);
        next.position = next.position.withPhase(Phase.Interval);
        bytes32 subject = keccak256(words);
        disputes[disputeId] = Rules.seal(next, subject);
        MoveLog.accumulatorsPosted(disputeId, next, words);
    }

    /// @inheritdoc IDisputeGame
    function openNode(
        uint256 disputeId,
        Dispute calldata dispute,
        bytes32 blockRoot,
        NodeProof calldata node
    ) external {
        Dispute memory next = _turn(disputeId, dispute, blockRoot, Phase.NodeDemand, true);
        Position position = dispute.position;
        uint256 length = node.descriptor.length;
        // RULE: a node that no well-formed program has need not be read by anybody.
        if (length > Limits.MAX_DESCRIPTOR_BYTES)
            revert DescriptorTooLong(length, Limits.MAX_DESCRIPTOR_BYTES);
        _requireNode(dispute.program, position.leaves(), position.nodeIndex(), node);
        next.position = position.afterDemand();
        disputes[disputeId] = Rules.seal(next, blockRoot);
        MoveLog.nodeOpened(disputeId, next, node.descriptor);
    }

    // ---- the challenger's moves -----------------------------------------------------------------------------------

    /// @inheritdoc IDisputeGame
    function pick(uint256 disputeId, Dispute calldata dispute, Pick calldata picked) external {
        Phase phase = dispute.position.phase();
        bool inTrace = phase == Phase.TracePick;
        if (!inTrace && phase != Phase.TensorPick) revert WrongPhase(phase);
        (Dispute memory next, , uint256 levels, uint256 index) = _takePick(disputeId, dispute, picked);
        Position position = dispute.position;
        if (levels < position.depthLeft()) {
            next.position = position.down(
                inTrace ? Phase.TraceReveal : Phase.TensorReveal,
                levels,
                picked.child
            );
        } else if (inTrace) {
            uint256 depth = position.traceDepth();
            next.position = PositionLib.inTrace(
                Phase.NodeReveal,
                Blocks.levels(depth),
                depth,
                index,
                position.leaves()
            );
        } else {
            if (index >= position.leaves()) revert IndexOutOfRange(index, position.leaves());
            next.position = position.down(Phase.Chunk, levels, picked.child);
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
        (Dispute memory next, bytes32 blockRoot, uint256 nodeIndex, NodeInfo memory info) = _takeNode(
            disputeId,
            dispute,
            picked,
            node,
            LOOP
        );
        uint256 chunks = MerkleLib.chunksOf(info.byteLength);
        next.program = _disputedNode(node.descriptor, blockRoot);
        next.position = next.position.intoTensor(nodeIndex, info, chunks, MerkleLib.depthOf(chunks));
        _pick(disputeId, next, picked.hash);
    }

    /// @inheritdoc IDisputeGame
    function proveCheckpoint(
        uint256 disputeId,
        Dispute calldata dispute,
        bytes32 blockRoot,
        uint32 child,
        NodeProof calldata node
    ) external {
        Position position = _turn(disputeId, dispute, blockRoot, Phase.NodePick, false).position;
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
        (, , , NodeInfo memory info) = _takeNode(disputeId, dispute, picked, node, CONSTANT);
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
        (, , , NodeInfo memory info) = _takeNode(disputeId, dispute, picked, node, INPUT);
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
        (, , , NodeInfo memory info) = _takeNode(disputeId, dispute, picked, node, INPUT);
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
    function demandNode(
        uint256 disputeId,
        Dispute calldata dispute,
        bytes32 blockRoot,
        uint32 child
    ) external {
        Dispute memory next = _turn(disputeId, dispute, blockRoot, Phase.NodePick, false);
        Position position = dispute.position;
        if (position.hasDemanded()) revert AlreadyDemanded();
        uint256 nodeIndex = _nodeInBlock(position, child);
        if (nodeIndex >= position.leaves()) revert IndexOutOfRange(nodeIndex, position.leaves());
        next.position = position.intoDemand(nodeIndex);
        _pick(disputeId, next, blockRoot);
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
    function nameElement(
        uint256 disputeId,
        Dispute calldata dispute,
        bytes calldata chunk,
        uint32 offset
    ) external {
        (Dispute memory next, Position stretch) = _takeElement(disputeId, dispute, chunk, offset);
        _requireLong(stretch);
        next.position = stretch.withPhase(Phase.Fold);
        _pick(disputeId, next, 0);
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
    function provePaddingByte(uint256 disputeId, Dispute calldata dispute, bytes calldata chunk) external {
        Position position = _turn(disputeId, dispute, _chunkHash(chunk), Phase.Element, false).position;
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
    function pickInterval(
        uint256 disputeId,
        Dispute calldata dispute,
        bytes calldata words,
        uint32 interval
    ) external {
        (Dispute memory next, Position stretch) = _takeInterval(disputeId, dispute, words, interval);
        _requireLong(stretch);
        next.position = stretch.withPhase(Phase.Fold);
        _pick(disputeId, next, 0);
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
        return Rules.seal(Rules.load(dispute), subject);
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
    ) private view returns (Dispute memory next) {
        next = _load(disputeId, dispute, subject);
        if (next.position.phase() != phase) revert WrongPhase(next.position.phase());
        address mover = claimantMoves ? next.claimant : next.challenger;
        if (msg.sender != mover) revert NotMover(mover, msg.sender);
        Clock clock = next.clock;
        if (clock.isOut(claimantMoves, block.timestamp)) {
            revert ClockRanOut(clock.lastMoveAt() + clock.secondsLeft(claimantMoves));
        }
        next.clock = clock.pressed(claimantMoves, block.timestamp);
    }

    /// @notice RULE: the state that is handed back is the one that the game keeps.
    function _load(
        uint256 disputeId,
        Dispute calldata dispute,
        bytes32 subject
    ) private view returns (Dispute memory next) {
        next = Rules.load(dispute);
        bytes32 given = Rules.seal(next, subject);
        bytes32 stored = disputes[disputeId];
        if (stored == given) return next;
        if (stored == 0) revert NoDispute(disputeId);
        revert StateMismatch(disputeId, stored, given);
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

    // ---- what moves open ------------------------------------------------------------------------------------------

    /// @notice Turns the model id of phase Root into its program, at the top of the trace's tree.
    function _enterTrace(Dispute memory next, bytes32 programRoot, uint256 nodeCount) private pure {
        uint256 depth = MerkleLib.depthOf(nodeCount);
        uint256 above = depth - Blocks.levels(depth);
        next.program = programRoot;
        next.position =
            above == 0
                ? PositionLib.inTrace(Phase.NodePick, depth, depth, 0, nodeCount)
                : PositionLib.inTrace(Phase.TracePick, above, depth, 0, nodeCount);
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

    /// @notice RULE: the tensors are those that the claim supplies.
    function _requireClaimed(uint256 claimId, address claimant, bytes32[] calldata roots) private view {
        bytes32 outputs = MerkleLib.listHash(Tags.OUTPUTS, roots);
        if (ORACLE.claimOf(claimId >> 32, outputs, claimant) != claimId) {
            revert OutputNotClaimed(claimId, outputs);
        }
    }

    function _combine(
        uint8 tag,
        bytes32[] calldata hashes,
        uint256 depthLeft
    ) private pure returns (bytes32) {
        Rules.requireLength(uint256(1) << Rules.levelsToReveal(depthLeft), hashes.length);
        return MerkleLib.combine(tag, hashes);
    }

    /// @notice Opens a pick against the subject.
    /// @return next The dispute with the clock pressed.
    /// @return subject What the pick was opened against.
    /// @return levels Levels that the reveal had.
    /// @return index Path to the picked hash in its tree.
    function _takePick(
        uint256 disputeId,
        Dispute calldata dispute,
        Pick calldata picked
    ) private view returns (Dispute memory next, bytes32 subject, uint256 levels, uint256 index) {
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

    /// @notice Opens a pick that is a node's leaf in the trace, and the node.
    function _takeNode(
        uint256 disputeId,
        Dispute calldata dispute,
        Pick calldata picked,
        NodeProof calldata node,
        uint8 kind
    ) private view returns (Dispute memory next, bytes32 blockRoot, uint256 nodeIndex, NodeInfo memory info) {
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
    ) private pure {
        if (nodeIndex >= nodeCount) revert IndexOutOfRange(nodeIndex, nodeCount);
        Rules.requireLength(MerkleLib.depthOf(nodeCount), node.siblings.length);
        bytes32 leaf = MerkleLib.taggedHash(Tags.PROGRAM_LEAF, node.descriptor);
        bytes32 given = MerkleLib.rootOf(Tags.PROGRAM_NODE, leaf, nodeIndex, node.siblings);
        if (given != programRoot) revert DescriptorMismatch(programRoot, given);
    }

    /// @notice A node of the disputed block, or padding beyond the last.
    function _nodeInBlock(Position position, uint256 child) private pure returns (uint256 nodeIndex) {
        uint256 levels = position.depthLeft();
        if (child >> levels != 0) revert IndexOutOfRange(child, uint256(1) << levels);
        return (position.index() << levels) | child;
    }

    function _disputedNode(bytes calldata descriptor, bytes32 blockRoot) private pure returns (bytes32) {
        bytes32 leaf = MerkleLib.taggedHash(Tags.PROGRAM_LEAF, descriptor);
        return MerkleLib.nodeHash(Tags.DISPUTED_NODE, leaf, blockRoot);
    }

    function _requireDescriptor(
        Dispute calldata dispute,
        bytes calldata descriptor,
        bytes32 blockRoot
    ) private pure {
        bytes32 given = _disputedNode(descriptor, blockRoot);
        if (given != dispute.program) revert DescriptorMismatch(dispute.program, given);
    }

    /// @notice Opens the revealed chunk and names an element: its whole fold is the stretch in dispute.
    function _takeElement(
        uint256 disputeId,
        Dispute calldata dispute,
        bytes calldata chunk,
        uint32 offset
    ) private view returns (Dispute memory next, Position stretch) {
        next = _turn(disputeId, dispute, _chunkHash(chunk), Phase.Element, false);
        stretch = Rules.elementAt(next.position, chunk, offset);
    }

    function _chunkHash(bytes calldata chunk) private pure returns (bytes32) {
        Rules.requireLength(Limits.CHUNK_BYTES, chunk.length);
        return MerkleLib.taggedHash(Tags.TENSOR_CHUNK, chunk);
    }

    /// @notice Opens the posted accumulators and picks an interval.
    /// @return next The dispute with the clock pressed.
    /// @return stretch The interval as a position.
    function _takeInterval(
        uint256 disputeId,
        Dispute calldata dispute,
        bytes calldata words,
        uint256 interval
    ) private view returns (Dispute memory next, Position stretch) {
        next = _turn(disputeId, dispute, keccak256(words), Phase.Interval, false);
        stretch = Rules.intervalAt(dispute.position, words, interval);
    }

    function _requireLong(Position stretch) private pure {
        uint256 steps = Rules.stepsOf(stretch);
        if (steps <= stretch.grain()) revert IntervalShort(steps, stretch.grain());
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

    function _requireRequest(uint256 requestId, Request calldata request) private view {
        bytes32 given = request.hash();
        bytes32 stored = ORACLE.requestHash(requestId);
        if (stored != given) revert RequestMismatch(requestId, stored, given);
    }

    function _requireWrong(bytes32 claimed, bytes32 right) private pure {
        if (claimed == right) revert NothingWrong(right);
    }

    // ---- what moves do --------------------------------------------------------------------------------------------

    function _reveal(
        uint256 disputeId,
        Dispute memory next,
        bytes32 subject,
        bytes32[] calldata hashes
    ) private {
        disputes[disputeId] = Rules.seal(next, subject);
        MoveLog.revealed(disputeId, next, hashes);
    }

    function _pick(uint256 disputeId, Dispute memory next, bytes32 subject) private {
        disputes[disputeId] = Rules.seal(next, subject);
        MoveLog.picked(disputeId, next);
    }

    function _challengerWins(uint256 disputeId, Dispute calldata dispute, Reason reason) private {
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
