// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import { Clock } from "../types/Clock.sol";
import { Phase, Position } from "../types/Position.sol";
import { Stake } from "../types/Stake.sol";
import { IInferenceOracle, Request } from "./IInferenceOracle.sol";
import { IModelRegistry } from "./IModelRegistry.sol";
import { IReferee, NodeKind } from "./IReferee.sol";

/// @notice The state of a dispute, handed back with every move. The game keeps only
/// keccak256(DISPUTE ‖ each field as a 32-byte word ‖ subject); see {IDisputeGame.stateHash}.
/// @dev The subject is the hash that the next move argues about: the current tree node, the chunk, or the posted
/// accumulators; zero in phases Root and Fold. A move opens it, so it is not handed over; see each move.
/// @param claimant Whose claim it is.
/// @param challenger Who opened the dispute.
/// @param clock The seconds that both have left.
/// @param stake The claim and the two bonds.
/// @param program In phase Root the model id; then the program root; from the disputed node on keccak256(DISPUTED_NODE ‖
/// its program leaf ‖ root of the tree over all tensors of its block).
/// @param position Where the dispute stands.
struct Dispute {
    address claimant;
    address challenger;
    Clock clock;
    Stake stake;
    bytes32 program;
    Position position;
}

/// @notice The child that a challenger picks from a reveal, opened against the subject.
/// @param child Index of the picked hash among those revealed, from 0.
/// @param hash The picked hash.
/// @param siblings Proof of it against the subject, from the leaves up: one hash for each revealed level.
struct Pick {
    uint32 child;
    bytes32 hash;
    bytes32[] siblings;
}

/// @notice A node of a program, opened against the program root.
/// @param descriptor The encoded node.
/// @param siblings Proof of its leaf in the program's tree, from the leaf up.
struct NodeProof {
    bytes descriptor;
    bytes32[] siblings;
}

/// @notice Why a dispute ended.
enum Reason {
    /// The claimant's clock ran out.
    ClaimantTimeout,
    /// The challenger's clock ran out.
    ChallengerTimeout,
    /// The chain computed another word.
    WrongWord,
    /// A constant's tensor is not the one of the program.
    WrongConstant,
    /// An input's tensor is not the one of the request.
    WrongInput,
    /// The padding of a tree or tensor has another value than it must have.
    WrongPadding,
    /// A tensor is said to be a checkpoint and is none, or the other way round.
    WrongCheckpoint,
    /// Another dispute falsified the claim.
    ClaimAlreadyFalsified,
    /// An answer's tensor is not the one of the claim.
    WrongAnswer,
    /// A node of the program breaks a rule, by itself or with a node that it reads.
    Malformed
}

/// @title IDisputeGame
/// @notice Two parties walk down a claim's trace to one leaf that the referee recomputes.
interface IDisputeGame {
    /// @notice A dispute was opened. Its subject is zero.
    /// @param disputeId Id, counted from 1.
    /// @param claimId The claim.
    /// @param challenger Who opened it.
    /// @param dispute Its state.
    event Opened(
        uint256 indexed disputeId,
        uint256 indexed claimId,
        address indexed challenger,
        Dispute dispute
    );
    /// @notice A claim's trace root was fixed, for all disputes on it.
    /// @param claimId The claim.
    /// @param traceRoot Root of the tree over checkpoints.
    event TraceCommitted(uint256 indexed claimId, bytes32 traceRoot);
    /// @notice The claimant revealed levels of a tree.
    /// @param disputeId The dispute.
    /// @param dispute Its new state.
    /// @param subject Its new subject.
    /// @param hashes The revealed hashes, from left to right.
    event Revealed(uint256 indexed disputeId, Dispute dispute, bytes32 subject, bytes32[] hashes);
    /// @notice The challenger picked a hash, a node, an element or an interval.
    /// @param disputeId The dispute.
    /// @param dispute Its new state.
    /// @param subject Its new subject.
    event Picked(uint256 indexed disputeId, Dispute dispute, bytes32 subject);
    /// @notice The claimant revealed a chunk.
    /// @param disputeId The dispute.
    /// @param dispute Its new state.
    /// @param subject Its new subject.
    /// @param chunk 256 bytes.
    event ChunkRevealed(uint256 indexed disputeId, Dispute dispute, bytes32 subject, bytes chunk);
    /// @notice The claimant posted accumulators.
    /// @param disputeId The dispute.
    /// @param dispute Its new state.
    /// @param subject Its new subject.
    /// @param words Four bytes each, big-endian.
    event AccumulatorsPosted(uint256 indexed disputeId, Dispute dispute, bytes32 subject, bytes words);
    /// @notice A dispute ended.
    /// @param disputeId The dispute.
    /// @param claimId The claim.
    /// @param winner Who won; in case of {Reason.ClaimAlreadyFalsified} the challenger, whose bond went back.
    /// @param reason Why.
    event Ended(uint256 indexed disputeId, uint256 indexed claimId, address indexed winner, Reason reason);
    /// @notice The claimant opened the node that the challenger had demanded.
    /// @param disputeId The dispute.
    /// @param dispute Its new state.
    /// @param subject Its subject, as before.
    /// @param descriptor The encoded node.
    event NodeOpened(uint256 indexed disputeId, Dispute dispute, bytes32 subject, bytes descriptor);

    /// @notice Only the oracle opens disputes.
    /// @param caller Who tried.
    error NotOracle(address caller);
    /// @notice The dispute has ended or was never opened.
    /// @param disputeId The dispute.
    error NoDispute(uint256 disputeId);
    /// @notice The state handed back is not the dispute's, or what the move opens does not hash to its subject.
    /// @param disputeId The dispute.
    /// @param stored Hash of its state.
    /// @param given Hash of what was given.
    error StateMismatch(uint256 disputeId, bytes32 stored, bytes32 given);
    /// @notice The caller is not the side whose move this is.
    /// @param mover Who may move.
    /// @param caller Who tried.
    error NotMover(address mover, address caller);
    /// @notice The dispute waits for another kind of move.
    /// @param phase The dispute's phase.
    error WrongPhase(Phase phase);
    /// @notice The mover's clock has run out.
    /// @param lastTimestamp Last Unix second in which it could move.
    error ClockRanOut(uint256 lastTimestamp);
    /// @notice The mover's clock has not run out.
    /// @param lastTimestamp Last Unix second in which it can move.
    error ClockRuns(uint256 lastTimestamp);
    /// @notice The trace of this claim is fixed already: answer with {reveal}.
    /// @param claimId The claim.
    /// @param traceRoot Its trace root.
    error TraceAlreadyCommitted(uint256 claimId, bytes32 traceRoot);
    /// @notice The trace of this claim is not fixed: answer with {commitTrace}.
    /// @param claimId The claim.
    error TraceNotCommitted(uint256 claimId);
    /// @notice The revealed hashes do not combine to the claim's trace root.
    /// @param expected The trace root.
    /// @param given Root of the revealed hashes.
    error TraceRootMismatch(bytes32 expected, bytes32 given);
    /// @notice An output's tensor is not the leaf of its node in the trace.
    /// @param output Position in the model's outputs.
    /// @param expected The trace root.
    /// @param given Root that the proof leads to.
    error OutputNotInTrace(uint256 output, bytes32 expected, bytes32 given);
    /// @notice The outputs in the trace, or the answers given, are not the claimed ones.
    /// @param claimId The claim.
    /// @param outputs Commitment to what was given.
    error OutputNotClaimed(uint256 claimId, bytes32 outputs);
    /// @notice The program does not accept the answers: its output in the trace is not 1.
    /// @param claimId The claim.
    /// @param accept Root of the output's tensor in the trace.
    error NotAccepted(uint256 claimId, bytes32 accept);
    /// @notice A list or byte string has the wrong length.
    /// @param expected The right length.
    /// @param given The given one.
    error LengthMismatch(uint256 expected, uint256 given);
    /// @notice An index lies outside of what it chooses from.
    /// @param index The index.
    /// @param count Number of things to choose from.
    error IndexOutOfRange(uint256 index, uint256 count);
    /// @notice The pick is not at the bottom of the tree, so this move cannot be made with it.
    /// @param depthLeft Levels of the tree below the pick.
    error WrongDepth(uint256 depthLeft);
    /// @notice The descriptor is not the node's, by the program root.
    /// @param expected Root or leaf of the program's tree.
    /// @param given Root or leaf that the descriptor (and its proof) leads to.
    error DescriptorMismatch(bytes32 expected, bytes32 given);
    /// @notice The program is one block: its trace commits to every tensor, so there are no marks to be wrong.
    error SingleBlock();
    /// @notice The node is of another kind than this move is for.
    /// @param kind The node's.
    error WrongKind(NodeKind kind);
    /// @notice The request handed over is not the claim's.
    /// @param requestId The request.
    /// @param stored Hash kept for it.
    /// @param given Hash of what was given.
    error RequestMismatch(uint256 requestId, bytes32 stored, bytes32 given);
    /// @notice The roots are not those that the request's input commits to.
    /// @param expected Commitment in the request.
    /// @param given Commitment of what was given.
    error InputsMismatch(bytes32 expected, bytes32 given);
    /// @notice The value that was to be shown wrong is right. Nothing has changed.
    /// @param value The value on which both agree.
    error NothingWrong(bytes32 value);
    /// @notice The interval is longer than a leaf may run: name it instead and let the claimant divide it.
    /// @param steps Its fold steps.
    /// @param grain Most steps of one leaf.
    error IntervalTooLong(uint256 steps, uint256 grain);
    /// @notice The interval is short enough for a leaf: prove it instead of naming it.
    /// @param steps Its fold steps.
    /// @param grain Most steps of one leaf.
    error IntervalShort(uint256 steps, uint256 grain);
    /// @notice A node was demanded in this dispute already; once is enough.
    error AlreadyDemanded();
    /// @notice The descriptor is longer than that of any well-formed node.
    /// @param length Its bytes.
    /// @param limit Most bytes.
    error DescriptorTooLong(uint256 length, uint256 limit);
    /// @notice A proof of malformedness comes in a later second than its dispute's opening, so that nobody who sees one can
    /// still open a dispute to use it before.
    /// @param openedAt Unix second of the opening.
    error OpenedNow(uint256 openedAt);
    /// @notice The referee finds nothing malformed.
    /// @param nodeIndex The node.
    error WellFormed(uint256 nodeIndex);

    /// @notice Oracle only: opens a dispute, the claimant to move.
    /// @param claimant Whose claim it is.
    /// @param claimId The claim.
    /// @param challenger Who challenges.
    /// @param modelId The claim's model.
    /// @param claimHash keccak256(hash of the request ‖ commitment to the outputs), by which the first answer names the claim.
    /// @param clockSeconds Time that each side has for all its moves.
    /// @param claimBondWei The claim's bond.
    /// @param challengeBondWei The challenger's bond.
    /// @return disputeId Id, counted from 1.
    function open(
        address claimant,
        uint96 claimId,
        address challenger,
        bytes32 modelId,
        bytes32 claimHash,
        uint32 clockSeconds,
        uint96 claimBondWei,
        uint96 challengeBondWei
    ) external returns (uint256 disputeId);

    /// @notice Claimant, Root → TracePick, or NodePick if the program is one block: fixes the claim's trace root (what
    /// `hashes` combine to) and shows that its output is the claimed one, or 1 if the model has answers.
    /// @param disputeId The dispute.
    /// @param dispute Its state.
    /// @param outputRoots Root of each output's tensor, in order.
    /// @param proofs Siblings of each output node's leaf, one proof after the other, each from the leaf up.
    /// @param hashes The top of the trace's tree, from left to right: 2^levelsToReveal of its levels above the blocks; all
    /// tensors if the program is one block.
    function commitTrace(
        uint256 disputeId,
        Dispute calldata dispute,
        bytes32[] calldata outputRoots,
        bytes32[] calldata proofs,
        bytes32[] calldata hashes
    ) external;

    /// @notice Claimant, Root as in {commitTrace} (trace root fixed by an earlier dispute), TraceReveal → TracePick or
    /// TensorReveal → TensorPick.
    /// @param disputeId The dispute.
    /// @param dispute Its state.
    /// @param hashes 2^levelsToReveal(depthLeft) hashes from left to right; they combine to the subject.
    function reveal(uint256 disputeId, Dispute calldata dispute, bytes32[] calldata hashes) external;

    /// @notice Claimant, NodeReveal → NodePick: commits to all tensors of the disputed block.
    /// @param disputeId The dispute.
    /// @param dispute Its state.
    /// @param hashes Root of each tensor of the block, from left to right, zero beyond the last node. With zeros in the
    /// place of those that are no checkpoints they combine to the subject.
    /// @param checkpoints A bit for each hash, 1 for a checkpoint, the first one's the lowest.
    function revealBlock(
        uint256 disputeId,
        Dispute calldata dispute,
        bytes32[] calldata hashes,
        uint32 checkpoints
    ) external;

    /// @notice Challenger, TracePick → TraceReveal or NodeReveal, TensorPick → TensorReveal or Chunk: picks a hash of a
    /// trace's tree above the tensors, or of a tensor's tree that is no padding chunk.
    /// @param disputeId The dispute.
    /// @param dispute Its state.
    /// @param picked The first hash that differs.
    function pick(uint256 disputeId, Dispute calldata dispute, Pick calldata picked) external;

    /// @notice Challenger, NodePick → TensorReveal or Chunk: picks a loop node.
    /// @param disputeId The dispute.
    /// @param dispute Its state.
    /// @param picked The first leaf that differs.
    /// @param node The node at that place.
    function pickNode(
        uint256 disputeId,
        Dispute calldata dispute,
        Pick calldata picked,
        NodeProof calldata node
    ) external;

    /// @notice Challenger, NodePick → won: a constant's leaf is not the root in its descriptor.
    /// @param disputeId The dispute.
    /// @param dispute Its state.
    /// @param picked The wrong leaf.
    /// @param node The node at that place.
    function proveConstant(
        uint256 disputeId,
        Dispute calldata dispute,
        Pick calldata picked,
        NodeProof calldata node
    ) external;

    /// @notice Challenger, NodePick → won: an input's leaf is not the root of the request's input.
    /// @param disputeId The dispute.
    /// @param dispute Its state.
    /// @param picked The wrong leaf.
    /// @param node The node at that place.
    /// @param request The claim's request.
    /// @param inputRoots Root of each input's tensor, in order.
    function proveInput(
        uint256 disputeId,
        Dispute calldata dispute,
        Pick calldata picked,
        NodeProof calldata node,
        Request calldata request,
        bytes32[] calldata inputRoots
    ) external;

    /// @notice Challenger, NodePick → won: the leaf of an answer is not the root of what was claimed.
    /// @param disputeId The dispute.
    /// @param dispute Its state.
    /// @param picked The wrong leaf.
    /// @param node The node at that place.
    /// @param request The claim's request.
    /// @param answerRoots Root of each answer's tensor, in order.
    function proveAnswer(
        uint256 disputeId,
        Dispute calldata dispute,
        Pick calldata picked,
        NodeProof calldata node,
        Request calldata request,
        bytes32[] calldata answerRoots
    ) external;

    /// @notice Challenger, NodePick → NodeDemand, once in a dispute: asks for the descriptor of a node of the block.
    /// @param disputeId The dispute.
    /// @param dispute Its state.
    /// @param blockRoot The subject.
    /// @param child Index of the tensor among those revealed, from 0.
    function demandNode(
        uint256 disputeId,
        Dispute calldata dispute,
        bytes32 blockRoot,
        uint32 child
    ) external;

    /// @notice Claimant, NodeDemand → NodePick: opens the demanded node, whatever its kind.
    /// @param disputeId The dispute.
    /// @param dispute Its state.
    /// @param blockRoot The subject.
    /// @param node The node, of at most {Limits.MAX_DESCRIPTOR_BYTES}.
    function openNode(
        uint256 disputeId,
        Dispute calldata dispute,
        bytes32 blockRoot,
        NodeProof calldata node
    ) external;

    /// @notice Challenger, NodePick → won: a tensor of the disputed block is said to be a checkpoint and is none, or the
    /// other way round. Only in a program of several blocks.
    /// @param disputeId The dispute.
    /// @param dispute Its state.
    /// @param blockRoot The subject.
    /// @param child Index of the tensor among those revealed, from 0.
    /// @param node The node at that place.
    function proveCheckpoint(
        uint256 disputeId,
        Dispute calldata dispute,
        bytes32 blockRoot,
        uint32 child,
        NodeProof calldata node
    ) external;

    /// @notice Challenger, NodePick or TensorPick → won: a leaf beyond the last is not the fixed padding.
    /// @param disputeId The dispute.
    /// @param dispute Its state.
    /// @param picked The wrong leaf.
    function provePadding(uint256 disputeId, Dispute calldata dispute, Pick calldata picked) external;

    /// @notice Claimant, Chunk → Element.
    /// @param disputeId The dispute.
    /// @param dispute Its state.
    /// @param chunk 256 bytes; its hash is the subject.
    function revealChunk(uint256 disputeId, Dispute calldata dispute, bytes calldata chunk) external;

    /// @notice Challenger, Element → Fold: names an element whose fold is longer than a grain.
    /// @param disputeId The dispute.
    /// @param dispute Its state.
    /// @param chunk The revealed chunk.
    /// @param offset Position of the element in the chunk, in elements.
    function nameElement(
        uint256 disputeId,
        Dispute calldata dispute,
        bytes calldata chunk,
        uint32 offset
    ) external;

    /// @notice Challenger, Element → won: names an element whose fold is at most a grain, and runs it.
    /// @param disputeId The dispute.
    /// @param dispute Its state.
    /// @param chunk The revealed chunk.
    /// @param offset Position of the element in the chunk, in elements.
    /// @param descriptor The encoded node.
    /// @param blockRoot Root of the tree over all tensors of its block.
    /// @param witness Openings of what it reads; see {IReferee.run}.
    function proveElement(
        uint256 disputeId,
        Dispute calldata dispute,
        bytes calldata chunk,
        uint32 offset,
        bytes calldata descriptor,
        bytes32 blockRoot,
        bytes calldata witness
    ) external;

    /// @notice Challenger, Element → won: a byte of the chunk beyond the tensor's end is not zero.
    /// @param disputeId The dispute.
    /// @param dispute Its state.
    /// @param chunk The revealed chunk.
    function provePaddingByte(uint256 disputeId, Dispute calldata dispute, bytes calldata chunk) external;

    /// @notice Claimant, Fold → Interval.
    /// @param disputeId The dispute.
    /// @param dispute Its state.
    /// @param words The accumulators after lo + stride, lo + 2 stride, … steps, below hi: four bytes each, big-endian;
    /// stride = max(grain, ceil((hi - lo) / MAX_INTERVALS)).
    function postAccumulators(uint256 disputeId, Dispute calldata dispute, bytes calldata words) external;

    /// @notice Challenger, Interval → Fold: picks an interval that is longer than a grain.
    /// @param disputeId The dispute.
    /// @param dispute Its state.
    /// @param words The posted accumulators.
    /// @param interval Index of the interval, from 0.
    function pickInterval(
        uint256 disputeId,
        Dispute calldata dispute,
        bytes calldata words,
        uint32 interval
    ) external;

    /// @notice Challenger, Interval → won: picks an interval that is at most a grain, and runs it.
    /// @param disputeId The dispute.
    /// @param dispute Its state.
    /// @param words The posted accumulators.
    /// @param interval Index of the interval, from 0.
    /// @param descriptor The encoded node.
    /// @param blockRoot Root of the tree over all tensors of its block.
    /// @param witness Openings of what it reads; see {IReferee.run}.
    function proveInterval(
        uint256 disputeId,
        Dispute calldata dispute,
        bytes calldata words,
        uint32 interval,
        bytes calldata descriptor,
        bytes32 blockRoot,
        bytes calldata witness
    ) external;

    /// @notice Anyone, any phase → ended: the side to move has let its clock run out and loses. The claim must be open.
    /// @param disputeId The dispute.
    /// @param dispute Its state.
    /// @param subject Its subject.
    function timeout(uint256 disputeId, Dispute calldata dispute, bytes32 subject) external;

    /// @notice Anyone, any phase → ended: another dispute falsified the claim; the challenger gets its bond back.
    /// @param disputeId The dispute.
    /// @param dispute Its state.
    /// @param subject Its subject.
    function reclaim(uint256 disputeId, Dispute calldata dispute, bytes32 subject) external;

    /// @notice Challenger, any phase → won: a node of the program is malformed, so the claim is false. In a later second
    /// than the dispute was opened in.
    /// @param disputeId The dispute.
    /// @param dispute Its state.
    /// @param subject Its subject.
    /// @param request The claim's request.
    /// @param nodeIndex Index of the node.
    /// @param node The malformed node.
    function proveMalformed(
        uint256 disputeId,
        Dispute calldata dispute,
        bytes32 subject,
        Request calldata request,
        uint32 nodeIndex,
        NodeProof calldata node
    ) external;

    /// @notice Challenger, any phase → won: an operand of the program does not fit the node that it reads. In a later second
    /// than the dispute was opened in.
    /// @param disputeId The dispute.
    /// @param dispute Its state.
    /// @param subject Its subject.
    /// @param request The claim's request.
    /// @param nodeIndex Index of the node that reads.
    /// @param node The node that reads.
    /// @param operand Position in its list of operands.
    /// @param operandNode The node that is read.
    function proveMalformedOperand(
        uint256 disputeId,
        Dispute calldata dispute,
        bytes32 subject,
        Request calldata request,
        uint32 nodeIndex,
        NodeProof calldata node,
        uint8 operand,
        NodeProof calldata operandNode
    ) external;

    /// @notice Anyone: several of these calls in one transaction, all or none, each as if its sender had made it alone.
    /// @param data The calls, encoded.
    /// @return results The return value of each.
    function multicall(bytes[] calldata data) external returns (bytes[] memory results);

    /// @notice Holds the money and the claims.
    /// @return The oracle.
    function oracle() external view returns (IInferenceOracle);

    /// @notice Holds the models.
    /// @return The registry.
    function registry() external view returns (IModelRegistry);

    /// @notice Recomputes leaves.
    /// @return The referee.
    function referee() external view returns (IReferee);

    /// @notice Disputes ever opened; the newest has this id.
    /// @return The count.
    function disputeCount() external view returns (uint256);

    /// @notice Hash of a dispute's state, 0 if it has ended or was never opened.
    /// @param disputeId The dispute.
    /// @return As {stateHash}.
    function disputes(uint256 disputeId) external view returns (bytes32);

    /// @notice The trace root of a claim, 0 if it has none yet.
    /// @param claimId The claim.
    /// @return traceRoot Root of the tree over checkpoints.
    function traceOf(uint256 claimId) external view returns (bytes32 traceRoot);

    /// @notice The hash that {disputes} holds for a state.
    /// @param dispute The state.
    /// @param subject Its subject.
    /// @return keccak256(u8 DISPUTE ‖ 6 words of the state ‖ subject).
    function stateHash(Dispute calldata dispute, bytes32 subject) external pure returns (bytes32);
}
