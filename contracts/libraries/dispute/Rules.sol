// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { IDisputeGame } from "../../interfaces/IDisputeGame.sol";
import { Phase, Position } from "../../types/Position.sol";
import { Limits } from "../generated/Limits.sol";

/// @title Rules
/// @notice Rules that both sides of a dispute apply to its state. Twin: src/dispute/rules.ts.
library Rules {
    /// @notice Whose turn it is.
    /// @param phase The dispute's phase.
    /// @return True for the claimant's.
    function claimantMoves(Phase phase) internal pure returns (bool) {
        return
            phase == Phase.Root ||
            phase == Phase.TraceReveal ||
            phase == Phase.NodeReveal ||
            phase == Phase.TensorReveal ||
            phase == Phase.Chunk ||
            phase == Phase.Fold ||
            phase == Phase.NodeDemand;
    }

    /// @notice Levels of the next reveal: as few reveals as possible, of even sizes.
    /// @param depthLeft Levels below the subject.
    /// @return Levels; 0 for a tree of one leaf.
    function levelsToReveal(uint256 depthLeft) internal pure returns (uint256) {
        if (depthLeft <= Limits.MAX_REVEAL_LEVELS) return depthLeft;
        return ceilDiv(depthLeft, ceilDiv(depthLeft, Limits.MAX_REVEAL_LEVELS));
    }

    /// @notice How the claimant divides a stretch of the fold.
    /// @param position The stretch.
    /// @return count Intervals, at least one.
    /// @return stride Steps of each but the last, which may be shorter: max(grain, ceil(steps / MAX_INTERVALS)).
    function intervalsOf(Position position) internal pure returns (uint256 count, uint256 stride) {
        uint256 steps = stepsOf(position);
        stride = ceilDiv(steps, Limits.MAX_INTERVALS);
        if (stride < position.grain()) stride = position.grain();
        count = ceilDiv(steps, stride);
    }

    /// @notice Fold steps of a stretch.
    /// @param position The stretch; hi is at least lo.
    /// @return Steps.
    function stepsOf(Position position) internal pure returns (uint256) {
        unchecked {
            return position.hi() - position.lo();
        }
    }

    /// @notice One of the intervals between posted accumulators.
    /// @param position The stretch that they divide.
    /// @param words The accumulators, as many as {intervalsOf} demands.
    /// @param interval Which, from 0.
    /// @return The interval, in phase Interval.
    function intervalAt(
        Position position,
        bytes calldata words,
        uint256 interval
    ) internal pure returns (Position) {
        (uint256 count, uint256 stride) = intervalsOf(position);
        if (interval >= count) revert IDisputeGame.IndexOutOfRange(interval, count);
        uint256 lo = position.lo() + interval * stride;
        uint32 before = interval == 0 ? position.accumulator() : wordAt(words, interval - 1);
        (uint256 hi, uint32 word) = interval + 1 == count
            ? (position.hi(), position.word())
            : (lo + stride, wordAt(words, interval));
        return position.narrowed(lo, hi, before, word);
    }

    /// @notice An element of the disputed chunk: its whole fold, in phase Interval.
    /// @param position Where the dispute stands, in phase Element.
    /// @param chunk The chunk's 256 bytes.
    /// @param offset Place of the element in the chunk, in elements.
    /// @return The stretch.
    function elementAt(
        Position position,
        bytes calldata chunk,
        uint256 offset
    ) internal pure returns (Position) {
        uint256 bytesEach = position.elementBytes();
        uint256 start = offset * bytesEach;
        if (start >= Limits.CHUNK_BYTES)
            revert IDisputeGame.IndexOutOfRange(offset, Limits.CHUNK_BYTES / bytesEach);
        start += position.index() * Limits.CHUNK_BYTES;
        uint256 end = position.byteLength();
        if (start >= end) revert IDisputeGame.IndexOutOfRange(start / bytesEach, end / bytesEach);
        return position.inFold(start / bytesEach, loadAt(position, chunk, start % Limits.CHUNK_BYTES));
    }

    /// @notice Loads an element into a word: four bytes little-endian, or one byte sign- or zero-extended.
    /// @param position Where the dispute stands, in phase Element.
    /// @param chunk The chunk's 256 bytes.
    /// @param start First byte of the element.
    /// @return word The word.
    function loadAt(
        Position position,
        bytes calldata chunk,
        uint256 start
    ) internal pure returns (uint32 word) {
        if (position.elementBytes() == 1) {
            uint8 low = uint8(chunk[start]);
            return position.isSigned() ? uint32(int32(int8(low))) : low;
        }
        word = uint32(bytes4(chunk[start:start + 4]));
        word = ((word & 0xff00ff00) >> 8) | ((word & 0x00ff00ff) << 8);
        word = (word >> 16) | (word << 16);
    }

    /// @notice One of the posted accumulators.
    /// @param words Four bytes each, big-endian.
    /// @param i Which, from 0.
    /// @return The word.
    function wordAt(bytes calldata words, uint256 i) internal pure returns (uint32) {
        return uint32(bytes4(words[4 * i:4 * i + 4]));
    }

    /// @notice Reverts unless a list or byte string has its one right length.
    /// @param expected The right length.
    /// @param given The given one.
    function requireLength(uint256 expected, uint256 given) internal pure {
        if (given != expected) revert IDisputeGame.LengthMismatch(expected, given);
    }

    /// @notice ceil(a / b).
    /// @param a Below 2^255.
    /// @param b From 1 to 2^255.
    /// @return The quotient, rounded up.
    function ceilDiv(uint256 a, uint256 b) internal pure returns (uint256) {
        unchecked {
            return (a + b - 1) / b;
        }
    }
}
