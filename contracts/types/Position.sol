// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import { NodeInfo } from "../interfaces/IReferee.sol";

/// @notice The move that a dispute waits for. The table of moves is in DisputeGame.
enum Phase {
    None,
    /// Claimant: the trace root of the claim and the top of its tree.
    Root,
    /// Claimant: the next levels of the trace's tree, above the blocks.
    TraceReveal,
    /// Challenger: which of the revealed hashes of the trace's tree is the first wrong one.
    TracePick,
    /// Claimant: the tensors of the disputed block.
    NodeReveal,
    /// Challenger: which of the block's tensors is the first wrong one.
    NodePick,
    /// Claimant: the next levels of the disputed tensor's tree.
    TensorReveal,
    /// Challenger: which of the revealed hashes of the tensor's tree is the first wrong one.
    TensorPick,
    /// Claimant: the 256 bytes of the disputed chunk.
    Chunk,
    /// Challenger: the first wrong element of the chunk.
    Element,
    /// Claimant: accumulators inside the disputed stretch of the fold.
    Fold,
    /// Challenger: the first interval between accumulators that ends wrong.
    Interval,
    /// Claimant: the descriptor of a node that the challenger does not have.
    NodeDemand
}

/// @notice Where in the computation a dispute stands. Twin: src/dispute/position.ts.
///
/// ```
/// bits 255..248  format      u8   in a tensor's phases: bytes of an element, plus 128 if it is signed
/// bits 247..240  phase       u8
/// bits 239..232  depthLeft   u8   levels of the current tree below the subject; of a trace's, as far as the blocks
/// bits 231..224  traceDepth  u8   levels of the trace's tree
/// bits 223..192  nodeIndex   u32  the disputed node, once known; in NodeDemand the demanded one
/// bits 191..160  index       u32  path so far in the current tree; chunk; from Fold on: element
/// bits 159..128  lo          u32  fold step at which the disputed stretch starts; in a tensor's phases: its bytes;
///                                 in NodePick: 1 once a node was demanded
/// bits 127..96   hi          u32  fold step before which it ends; in a tree's phases: count of its leaves
/// bits  95..64   grain       u32  fold steps that one leaf runs at most
/// bits  63..32   accumulator u32  word before step lo, agreed
/// bits  31..0    word        u32  claimed word after step hi - 1; of the element as loaded if hi is the end;
///                                 in a tensor's phases: fold steps of one element; in NodePick, if the program
///                                 has several blocks: a bit for each tensor of this one, 1 for a checkpoint
/// ```
/// A tensor's phases are TensorReveal, TensorPick, Chunk and Element. What they keep of the node is there so that the
/// descriptor need not be handed over again before the leaf.
/// The other bits are zero, and so are fields that a phase does not use. In Root no field is used: bits 239..0 are the first
/// 240 of keccak256(hash of the request ‖ commitment to the outputs), which say what claim the dispute is about.
type Position is uint256;

using PositionLib for Position global;

/// @title PositionLib
/// @notice Reads and writes the fields of a {Position}, phase by phase.
library PositionLib {
    /// @dev Lowest bit of each field; the table of {Position} draws them.
    uint256 private constant FORMAT_AT = 248;
    uint256 private constant PHASE_AT = 240;
    uint256 private constant DEPTH_LEFT_AT = 232;
    uint256 private constant TRACE_DEPTH_AT = 224;
    uint256 private constant NODE_INDEX_AT = 192;
    uint256 private constant INDEX_AT = 160;
    uint256 private constant LO_AT = 128;
    uint256 private constant HI_AT = 96;
    uint256 private constant GRAIN_AT = 64;
    uint256 private constant ACCUMULATOR_AT = 32;
    uint256 private constant WORD_AT = 0;
    /// @dev In a tree's phases.
    uint256 private constant LEAVES_AT = HI_AT;
    /// @dev In NodePick.
    uint256 private constant DEMANDED_AT = LO_AT;
    uint256 private constant CHECKPOINTS_AT = WORD_AT;
    /// @dev In a tensor's phases.
    uint256 private constant BYTE_LENGTH_AT = LO_AT;
    uint256 private constant FOLD_STEPS_AT = WORD_AT;

    /// @notice Flag of a format: elements are sign-extended when they are loaded.
    uint256 private constant SIGNED = 128;
    uint256 private constant BYTE = type(uint8).max;
    uint256 private constant U32 = type(uint32).max;

    // ---- any phase ----

    /// @notice The position of a dispute just opened.
    /// @param claimHash keccak256(hash of the request ‖ commitment to the outputs); its first 240 bits are kept, so that a first
    /// answer cannot land on a claim that a reorganisation put in the place of the one that it was meant for.
    /// @return In phase Root.
    function start(bytes32 claimHash) internal pure returns (Position) {
        return Position.wrap((uint256(Phase.Root) << PHASE_AT) | (uint256(claimHash) >> 16));
    }

    /// @notice The move that the dispute waits for.
    /// @param self The position.
    /// @return The phase.
    function phase(Position self) internal pure returns (Phase) {
        return Phase((Position.unwrap(self) >> PHASE_AT) & BYTE);
    }

    /// @notice The same place, waiting for the other side.
    /// @param self The position.
    /// @param phase_ The new phase.
    /// @return The position.
    function withPhase(Position self, Phase phase_) internal pure returns (Position) {
        return Position.wrap((Position.unwrap(self) & ~(BYTE << PHASE_AT)) | (uint256(phase_) << PHASE_AT));
    }

    /// @notice How deep the trace's tree is.
    /// @param self A position after Root.
    /// @return Levels.
    function traceDepth(Position self) internal pure returns (uint256) {
        return (Position.unwrap(self) >> TRACE_DEPTH_AT) & BYTE;
    }

    // ---- trees: TraceReveal, TracePick, NodeReveal, NodePick, TensorReveal, TensorPick ----

    /// @notice Depth of the leaves of the current tree below the subject; of a trace's tree, depth of its blocks.
    /// @param self A position in a tree.
    /// @return Levels.
    function depthLeft(Position self) internal pure returns (uint256) {
        return (Position.unwrap(self) >> DEPTH_LEFT_AT) & BYTE;
    }

    /// @notice The path so far in the current tree; in Chunk and Element the chunk; from Fold on the element.
    /// @param self A position after Root.
    /// @return An index.
    function index(Position self) internal pure returns (uint256) {
        return (Position.unwrap(self) >> INDEX_AT) & U32;
    }

    /// @notice Number of leaves of the current tree that are not padding.
    /// @param self A position in a tree.
    /// @return Leaves.
    function leaves(Position self) internal pure returns (uint256) {
        return (Position.unwrap(self) >> LEAVES_AT) & U32;
    }

    /// @notice One reveal further down the same tree.
    /// @param self A position in a tree.
    /// @param phase_ The new phase.
    /// @param levels Levels that were revealed, at most {depthLeft}.
    /// @param child Index of the picked hash among those revealed.
    /// @return The position.
    function down(
        Position self,
        Phase phase_,
        uint256 levels,
        uint256 child
    ) internal pure returns (Position) {
        uint256 kept =
            Position.unwrap(self) & ~((BYTE << PHASE_AT) | (BYTE << DEPTH_LEFT_AT) | (U32 << INDEX_AT));
        unchecked {
            uint256 left = depthLeft(self) - levels;
            uint256 path = (index(self) << levels) | child;
            return
                Position.wrap(
                    kept | (uint256(phase_) << PHASE_AT) | (left << DEPTH_LEFT_AT) | (path << INDEX_AT)
                );
        }
    }

    // ---- the trace: TraceReveal to NodePick, and NodeDemand ----

    /// @notice A position inside the trace's tree.
    /// @param phase_ TracePick, NodeReveal or NodePick.
    /// @param depthLeft_ Levels below the subject.
    /// @param traceDepth_ Levels of the whole tree.
    /// @param index_ Path so far.
    /// @param leaves_ Nodes of the program.
    /// @return The position.
    function inTrace(
        Phase phase_,
        uint256 depthLeft_,
        uint256 traceDepth_,
        uint256 index_,
        uint256 leaves_
    ) internal pure returns (Position) {
        return
            Position.wrap(
                (uint256(phase_) << PHASE_AT) |
                    (depthLeft_ << DEPTH_LEFT_AT) |
                    (traceDepth_ << TRACE_DEPTH_AT) |
                    (index_ << INDEX_AT) |
                    (leaves_ << LEAVES_AT)
            );
    }

    /// @notice The tensors of the disputed block, revealed.
    /// @param self A position in phase NodeReveal.
    /// @param checkpoints_ A bit for each that the claimant says is a checkpoint.
    /// @return The position, in phase NodePick.
    function intoBlock(Position self, uint32 checkpoints_) internal pure returns (Position) {
        uint256 marked = uint256(checkpoints_) << CHECKPOINTS_AT;
        return Position.wrap(Position.unwrap(withPhase(self, Phase.NodePick)) | marked);
    }

    /// @notice The tensors of the disputed block that the claimant says are checkpoints.
    /// @param self A position in phase NodePick of a program of several blocks.
    /// @return A bit for each tensor, the first one's the lowest.
    function checkpoints(Position self) internal pure returns (uint256) {
        return (Position.unwrap(self) >> CHECKPOINTS_AT) & U32;
    }

    /// @notice Whether the challenger has demanded a node in this dispute.
    /// @param self A position in phase NodePick.
    /// @return True if so.
    function hasDemanded(Position self) internal pure returns (bool) {
        return (Position.unwrap(self) >> DEMANDED_AT) & U32 != 0;
    }

    /// @notice A demanded node of the disputed block.
    /// @param self A position in phase NodePick.
    /// @param node Index of that node.
    /// @return The position, in phase NodeDemand.
    function intoDemand(Position self, uint256 node) internal pure returns (Position) {
        return Position.wrap(Position.unwrap(withPhase(self, Phase.NodeDemand)) | (node << NODE_INDEX_AT));
    }

    /// @notice The same block after its claimant has opened the demanded node.
    /// @param self A position in phase NodeDemand.
    /// @return The position, in phase NodePick.
    function afterDemand(Position self) internal pure returns (Position) {
        uint256 kept = Position.unwrap(withPhase(self, Phase.NodePick)) & ~(U32 << NODE_INDEX_AT);
        return Position.wrap(kept | (uint256(1) << DEMANDED_AT));
    }

    /// @notice The disputed node; in NodeDemand the demanded one.
    /// @param self A position in NodeDemand, or after NodePick.
    /// @return Its index in the program.
    function nodeIndex(Position self) internal pure returns (uint256) {
        return (Position.unwrap(self) >> NODE_INDEX_AT) & U32;
    }

    // ---- the tensor: TensorReveal to Element ----

    /// @notice The root of the disputed node's tensor.
    /// @param self A position in phase NodePick.
    /// @param node Index of the disputed node.
    /// @param info The disputed node.
    /// @param chunks Chunks of its tensor.
    /// @param depth Levels of its tensor's tree.
    /// @return The position, in phase TensorReveal, or Chunk if there is only one.
    function intoTensor(
        Position self,
        uint256 node,
        NodeInfo memory info,
        uint256 chunks,
        uint256 depth
    ) internal pure returns (Position) {
        uint256 first = uint256(depth == 0 ? Phase.Chunk : Phase.TensorReveal);
        uint256 place =
            (first << PHASE_AT) |
                (depth << DEPTH_LEFT_AT) |
                (traceDepth(self) << TRACE_DEPTH_AT) |
                (node << NODE_INDEX_AT);
        uint256 format = uint256(info.elementBytes) | (info.signed ? SIGNED : 0);
        return
            Position.wrap(
                place |
                    (format << FORMAT_AT) |
                    (uint256(info.byteLength) << BYTE_LENGTH_AT) |
                    (chunks << LEAVES_AT) |
                    (uint256(info.grain) << GRAIN_AT) |
                    (uint256(info.init) << ACCUMULATOR_AT) |
                    (uint256(info.foldSteps) << FOLD_STEPS_AT)
            );
    }

    /// @notice How large an element of the disputed tensor is.
    /// @param self A position in a tensor's phases.
    /// @return 1 or 4 bytes.
    function elementBytes(Position self) internal pure returns (uint256) {
        return (Position.unwrap(self) >> FORMAT_AT) & (SIGNED - 1);
    }

    /// @notice Whether elements are sign-extended when they are loaded.
    /// @param self A position in a tensor's phases.
    /// @return True if so.
    function isSigned(Position self) internal pure returns (bool) {
        return Position.unwrap(self) >> FORMAT_AT >= SIGNED;
    }

    /// @notice How large the disputed tensor is.
    /// @param self A position in a tensor's phases.
    /// @return Bytes.
    function byteLength(Position self) internal pure returns (uint256) {
        return (Position.unwrap(self) >> BYTE_LENGTH_AT) & U32;
    }

    /// @notice How long the fold of one element is.
    /// @param self A position in a tensor's phases.
    /// @return Fold steps.
    function foldSteps(Position self) internal pure returns (uint256) {
        return (Position.unwrap(self) >> FOLD_STEPS_AT) & U32;
    }

    // ---- the fold: Fold and Interval ----

    /// @notice The whole fold of one element.
    /// @param self A position in phase Element.
    /// @param element Index of the element in its tensor.
    /// @param word_ Claimed value of the element.
    /// @return The position, in phase Interval.
    function inFold(Position self, uint256 element, uint32 word_) internal pure returns (Position) {
        uint256 kept =
            Position.unwrap(self) &
                ((BYTE << TRACE_DEPTH_AT) |
                    (U32 << NODE_INDEX_AT) |
                    (U32 << GRAIN_AT) |
                    (U32 << ACCUMULATOR_AT));
        return
            Position.wrap(
                kept |
                    (uint256(Phase.Interval) << PHASE_AT) |
                    (element << INDEX_AT) |
                    (foldSteps(self) << HI_AT) |
                    (uint256(word_) << WORD_AT)
            );
    }

    /// @notice A part of a stretch of the fold.
    /// @param self The stretch.
    /// @param lo_ First step.
    /// @param hi_ Step before which it ends.
    /// @param accumulator_ Agreed word before lo.
    /// @param word_ Claimed word at hi.
    /// @return The position.
    function narrowed(
        Position self,
        uint256 lo_,
        uint256 hi_,
        uint32 accumulator_,
        uint32 word_
    ) internal pure returns (Position) {
        uint256 kept =
            Position.unwrap(self) &
                ~((U32 << LO_AT) | (U32 << HI_AT) | (U32 << ACCUMULATOR_AT) | (U32 << WORD_AT));
        return
            Position.wrap(
                kept |
                    (lo_ << LO_AT) |
                    (hi_ << HI_AT) |
                    (uint256(accumulator_) << ACCUMULATOR_AT) |
                    (uint256(word_) << WORD_AT)
            );
    }

    /// @notice Where the disputed stretch starts.
    /// @param self A position in the fold.
    /// @return A fold step.
    function lo(Position self) internal pure returns (uint256) {
        return (Position.unwrap(self) >> LO_AT) & U32;
    }

    /// @notice Where the disputed stretch ends.
    /// @param self A position in the fold.
    /// @return The fold step behind its last.
    function hi(Position self) internal pure returns (uint256) {
        return (Position.unwrap(self) >> HI_AT) & U32;
    }

    /// @notice The most fold steps that one leaf runs.
    /// @param self A position in a tensor's phases or in the fold.
    /// @return Fold steps.
    function grain(Position self) internal pure returns (uint256) {
        return (Position.unwrap(self) >> GRAIN_AT) & U32;
    }

    /// @notice The agreed word before step {lo}.
    /// @param self A position in a tensor's phases or in the fold.
    /// @return A word.
    function accumulator(Position self) internal pure returns (uint32) {
        return uint32(Position.unwrap(self) >> ACCUMULATOR_AT);
    }

    /// @notice The claimed word at the end of the disputed stretch.
    /// @param self A position in the fold.
    /// @return A word.
    function word(Position self) internal pure returns (uint32) {
        return uint32(Position.unwrap(self) >> WORD_AT);
    }
}
