// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import { NodeInfo } from "../interfaces/IReferee.sol";

/// @notice What a dispute waits for. The table of moves is in DisputeGame.
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
/// @notice Reads and writes the fields of a {Position}.
library PositionLib {
    /// @notice The position of a dispute just opened.
    /// @param claimHash keccak256(hash of the request ‖ commitment to the outputs); its first 240 bits are kept, so that a first
    /// answer cannot land on a claim that a reorganisation put in the place of the one that it was meant for.
    /// @return The position.
    function start(bytes32 claimHash) internal pure returns (Position) {
        return Position.wrap((uint256(Phase.Root) << 240) | (uint256(claimHash) >> 16));
    }

    /// @notice The phase.
    /// @param self The position.
    /// @return The phase.
    function phase(Position self) internal pure returns (Phase) {
        return Phase((Position.unwrap(self) >> 240) & 0xff);
    }

    /// @notice Levels of the current tree below the subject.
    /// @param self The position.
    /// @return Levels.
    function depthLeft(Position self) internal pure returns (uint256) {
        return (Position.unwrap(self) >> 232) & 0xff;
    }

    /// @notice Levels of the trace's tree.
    /// @param self The position.
    /// @return Levels.
    function traceDepth(Position self) internal pure returns (uint256) {
        return (Position.unwrap(self) >> 224) & 0xff;
    }

    /// @notice The disputed node.
    /// @param self The position.
    /// @return Its index in the program.
    function nodeIndex(Position self) internal pure returns (uint256) {
        return (Position.unwrap(self) >> 192) & 0xffffffff;
    }

    /// @notice The path so far in the current tree, the chunk, or the element.
    /// @param self The position.
    /// @return An index.
    function index(Position self) internal pure returns (uint256) {
        return (Position.unwrap(self) >> 160) & 0xffffffff;
    }

    /// @notice The fold step at which the disputed stretch starts.
    /// @param self The position.
    /// @return Fold steps.
    function lo(Position self) internal pure returns (uint256) {
        return (Position.unwrap(self) >> 128) & 0xffffffff;
    }

    /// @notice The fold step before which the disputed stretch ends.
    /// @param self The position.
    /// @return Fold steps.
    function hi(Position self) internal pure returns (uint256) {
        return (Position.unwrap(self) >> 96) & 0xffffffff;
    }

    /// @notice How many leaves of the current tree are not padding; shares its bits with {hi}.
    /// @param self The position.
    /// @return Leaves.
    function leaves(Position self) internal pure returns (uint256) {
        return hi(self);
    }

    /// @notice Fold steps that one leaf runs at most.
    /// @param self The position.
    /// @return Fold steps.
    function grain(Position self) internal pure returns (uint256) {
        return (Position.unwrap(self) >> 64) & 0xffffffff;
    }

    /// @notice The agreed word before step {lo}.
    /// @param self The position.
    /// @return A word.
    function accumulator(Position self) internal pure returns (uint32) {
        return uint32(Position.unwrap(self) >> 32);
    }

    /// @notice The claimed word at the end of the disputed stretch.
    /// @param self The position.
    /// @return A word.
    function word(Position self) internal pure returns (uint32) {
        return uint32(Position.unwrap(self));
    }

    /// @notice Bytes of an element of the disputed tensor.
    /// @param self A position in a tensor's phases.
    /// @return 1 or 4.
    function elementBytes(Position self) internal pure returns (uint256) {
        return (Position.unwrap(self) >> 248) & 0x7f;
    }

    /// @notice Whether elements are sign-extended when they are loaded.
    /// @param self A position in a tensor's phases.
    /// @return True if so.
    function isSigned(Position self) internal pure returns (bool) {
        return Position.unwrap(self) >> 255 != 0;
    }

    /// @notice Bytes of the disputed tensor; shares its bits with {lo}.
    /// @param self A position in a tensor's phases.
    /// @return Bytes.
    function byteLength(Position self) internal pure returns (uint256) {
        return lo(self);
    }

    /// @notice Fold steps of one element; shares its bits with {word}.
    /// @param self A position in a tensor's phases.
    /// @return Steps.
    function foldSteps(Position self) internal pure returns (uint256) {
        return word(self);
    }

    /// @notice Which tensors of the disputed block the claimant says are checkpoints; shares its bits with {word}.
    /// @param self A position in phase NodePick of a program of several blocks.
    /// @return A bit for each tensor, the first one's the lowest.
    function checkpoints(Position self) internal pure returns (uint256) {
        return word(self);
    }

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
                (uint256(phase_) << 240) |
                    (depthLeft_ << 232) |
                    (traceDepth_ << 224) |
                    (index_ << 160) |
                    (leaves_ << 96)
            );
    }

    /// @notice The same place, waiting for the other side.
    /// @param self The position.
    /// @param phase_ The new phase.
    /// @return The position.
    function withPhase(Position self, Phase phase_) internal pure returns (Position) {
        return Position.wrap((Position.unwrap(self) & ~(uint256(0xff) << 240)) | (uint256(phase_) << 240));
    }

    /// @notice The tensors of the disputed block, revealed.
    /// @param self A position in phase NodeReveal.
    /// @param checkpoints_ Which of them are said to be checkpoints.
    /// @return The position, in phase NodePick.
    function intoBlock(Position self, uint32 checkpoints_) internal pure returns (Position) {
        return Position.wrap(Position.unwrap(withPhase(self, Phase.NodePick)) | checkpoints_);
    }

    /// @notice Whether the challenger has demanded a node in this dispute; shares its bits with {lo}.
    /// @param self A position in phase NodePick.
    /// @return True if so.
    function hasDemanded(Position self) internal pure returns (bool) {
        return lo(self) != 0;
    }

    /// @notice A demanded node of the disputed block.
    /// @param self A position in phase NodePick.
    /// @param node Index of that node.
    /// @return The position, in phase NodeDemand.
    function intoDemand(Position self, uint256 node) internal pure returns (Position) {
        return Position.wrap(Position.unwrap(withPhase(self, Phase.NodeDemand)) | (node << 192));
    }

    /// @notice The same block after its claimant has opened the demanded node.
    /// @param self A position in phase NodeDemand.
    /// @return The position, in phase NodePick.
    function afterDemand(Position self) internal pure returns (Position) {
        uint256 kept = Position.unwrap(withPhase(self, Phase.NodePick)) & ~(uint256(0xffffffff) << 192);
        return Position.wrap(kept | (uint256(1) << 128));
    }

    /// @notice One reveal further down the same tree.
    /// @param self The position.
    /// @param phase_ The new phase.
    /// @param levels Levels that were revealed, at most {depthLeft}.
    /// @param child Which of the revealed hashes.
    /// @return The position.
    function down(
        Position self,
        Phase phase_,
        uint256 levels,
        uint256 child
    ) internal pure returns (Position) {
        uint256 kept = Position.unwrap(self) & ~((uint256(0xffff) << 232) | (uint256(0xffffffff) << 160));
        unchecked {
            uint256 left = depthLeft(self) - levels;
            uint256 path = (index(self) << levels) | child;
            return Position.wrap(kept | (uint256(phase_) << 240) | (left << 232) | (path << 160));
        }
    }

    /// @notice The root of the disputed node's tensor.
    /// @param self A position in the trace's tree.
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
        uint256 place = (first << 240) | (depth << 232) | (traceDepth(self) << 224) | (node << 192);
        uint256 format = uint256(info.elementBytes) | (info.signed ? 128 : 0);
        return
            Position.wrap(
                place |
                    (format << 248) |
                    (uint256(info.byteLength) << 128) |
                    (chunks << 96) |
                    (uint256(info.grain) << 64) |
                    (uint256(info.init) << 32) |
                    info.foldSteps
            );
    }

    /// @notice The whole fold of one element, in phase Interval.
    /// @param self A position in a tensor's phases.
    /// @param element Index of the element in its tensor.
    /// @param word_ Claimed value of the element.
    /// @return The position.
    function inFold(Position self, uint256 element, uint32 word_) internal pure returns (Position) {
        uint256 kept =
            Position.unwrap(self) &
                ((uint256(type(uint64).max) << 32) |
                    (uint256(0xff) << 224) |
                    (uint256(type(uint32).max) << 192));
        kept &= ~(uint256(type(uint32).max) << 96);
        return
            Position.wrap(
                kept | (uint256(Phase.Interval) << 240) | (element << 160) | (foldSteps(self) << 96) | word_
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
        uint256 kept = Position.unwrap(self) & ~((uint256(type(uint64).max) << 96) | type(uint64).max);
        return Position.wrap(kept | (lo_ << 128) | (hi_ << 96) | (uint256(accumulator_) << 32) | word_);
    }
}
