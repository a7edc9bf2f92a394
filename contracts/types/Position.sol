// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice What a dispute waits for. The table of moves is in DisputeGame.
enum Phase {
    None,
    /// Claimant: the trace root of the claim and the top of its tree.
    Root,
    /// Claimant: the next levels of the trace's tree.
    NodeReveal,
    /// Challenger: which of the revealed hashes of the trace's tree is the first wrong one.
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
    Interval
}

/// @notice Where in the computation a dispute stands. Twin: src/dispute/position.ts.
///
/// ```
/// bits 247..240  phase       u8
/// bits 239..232  depthLeft   u8   levels of the current tree below the subject
/// bits 231..224  traceDepth  u8   levels of the trace's tree
/// bits 223..192  nodeIndex   u32  the disputed node, once known
/// bits 191..160  index       u32  path so far in the current tree; chunk; from Fold on: element
/// bits 159..128  lo          u32  fold step at which the disputed stretch starts
/// bits 127..96   hi          u32  fold step before which it ends; in a tree's phases: count of its leaves
/// bits  95..64   grain       u32  fold steps that one leaf runs at most
/// bits  63..32   accumulator u32  word before step lo, agreed
/// bits  31..0    word        u32  claimed word after step hi - 1; of the element as loaded if hi is the end
/// ```
/// The other bits are zero, and so are fields that a phase does not use.
type Position is uint256;

using PositionLib for Position global;

/// @title PositionLib
/// @notice Reads and writes the fields of a {Position}.
library PositionLib {
    /// @notice The position of a dispute just opened.
    Position internal constant START = Position.wrap(uint256(1) << 240);

    /// @notice The phase.
    /// @param self The position.
    /// @return The phase.
    function phase(Position self) internal pure returns (Phase) {
        return Phase(Position.unwrap(self) >> 240);
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

    /// @notice A position inside the trace's tree.
    /// @param phase_ NodeReveal or NodePick.
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
        return Position.wrap((Position.unwrap(self) & ((uint256(1) << 240) - 1)) | (uint256(phase_) << 240));
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
    /// @param phase_ TensorReveal, or Chunk if there is only one.
    /// @param depth Levels of the tensor's tree.
    /// @param node The disputed node.
    /// @param chunks Chunks of the tensor.
    /// @return The position.
    function intoTensor(
        Position self,
        Phase phase_,
        uint256 depth,
        uint256 node,
        uint256 chunks
    ) internal pure returns (Position) {
        return
            Position.wrap(
                (uint256(phase_) << 240) |
                    (depth << 232) |
                    (traceDepth(self) << 224) |
                    (node << 192) |
                    (chunks << 96)
            );
    }

    /// @notice The whole fold of one element, in phase Interval.
    /// @param self A position in the same node.
    /// @param element Index of the element in its tensor.
    /// @param steps Fold steps.
    /// @param grain_ Most steps of one leaf.
    /// @param init Accumulator before the first step.
    /// @param word_ Claimed value of the element.
    /// @return The position.
    function inFold(
        Position self,
        uint256 element,
        uint256 steps,
        uint256 grain_,
        uint32 init,
        uint32 word_
    ) internal pure returns (Position) {
        return
            Position.wrap(
                (uint256(Phase.Interval) << 240) |
                    (traceDepth(self) << 224) |
                    (nodeIndex(self) << 192) |
                    (element << 160) |
                    (steps << 96) |
                    (grain_ << 64) |
                    (uint256(init) << 32) |
                    word_
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
