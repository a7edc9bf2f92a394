// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// @notice The two clocks of a dispute, which run in turn like those of a chess game.
///
/// ```
/// bits 159..96  baseFeeAtOpenWei        u64, of the block that opened the dispute, see {start}; no part of the clock
/// bits  95..56  lastMoveAt              u40, Unix seconds
/// bits  55..28  claimantSecondsLeft     u28
/// bits  27..0   challengerSecondsLeft   u28
/// ```
type Clock is uint160;

using ClockLib for Clock global;

/// @title ClockLib
/// @notice Reads and advances a {Clock}. Twin: src/dispute/clock.ts.
library ClockLib {
    /// @notice Most seconds that one side can have.
    uint256 internal constant MAX_SECONDS = (1 << 28) - 1;

    /// @notice A clock that starts now with the same time for both sides.
    /// @param nowTimestamp Unix seconds, below 2^40.
    /// @param secondsEach Seconds for each side, at most MAX_SECONDS.
    /// @param baseFeeWei Base fee of the block. It is kept rounded down to a multiple of 2^16, because bytes that are zero make
    /// every move cheaper; one that needs more than 64 bits is kept as the greatest of 64.
    /// @return The clock.
    function start(
        uint256 nowTimestamp,
        uint256 secondsEach,
        uint256 baseFeeWei
    ) internal pure returns (Clock) {
        uint256 kept = (baseFeeWei > type(uint64).max ? type(uint64).max : baseFeeWei) >> 16;
        return Clock.wrap(uint160((kept << 112) | (nowTimestamp << 56) | (secondsEach << 28) | secondsEach));
    }

    /// @notice Base fee of the block that opened the dispute.
    /// @param self The clock.
    /// @return In wei, below 2^64, a multiple of 2^16.
    function baseFeeAtOpenWei(Clock self) internal pure returns (uint256) {
        return Clock.unwrap(self) >> 96;
    }

    /// @notice When the dispute was opened: every second since then was taken from one of the two sides.
    /// @param self The clock.
    /// @param secondsEach Seconds that each side had at the start.
    /// @return Unix seconds.
    function openedAt(Clock self, uint256 secondsEach) internal pure returns (uint256) {
        return lastMoveAt(self) + secondsLeft(self, true) + secondsLeft(self, false) - 2 * secondsEach;
    }

    /// @notice When the last move was made, in Unix seconds.
    /// @param self The clock.
    /// @return Unix seconds.
    function lastMoveAt(Clock self) internal pure returns (uint256) {
        return uint40(Clock.unwrap(self) >> 56);
    }

    /// @notice Seconds that one side had left at the last move.
    /// @param self The clock.
    /// @param ofClaimant Whether the claimant's are meant, else the challenger's.
    /// @return Seconds.
    function secondsLeft(Clock self, bool ofClaimant) internal pure returns (uint256) {
        return ofClaimant ? (Clock.unwrap(self) >> 28) & MAX_SECONDS : Clock.unwrap(self) & MAX_SECONDS;
    }

    /// @notice Whether the side to move has run out: elapsed > left. It may still move at elapsed == left.
    /// @param self The clock.
    /// @param claimantMoves Whose turn it is.
    /// @param nowTimestamp Unix seconds.
    /// @return True from the first second too late.
    function isOut(Clock self, bool claimantMoves, uint256 nowTimestamp) internal pure returns (bool) {
        unchecked {
            return nowTimestamp - lastMoveAt(self) > secondsLeft(self, claimantMoves);
        }
    }

    /// @notice The clock after a move: the mover pays for the seconds since the last one.
    /// @dev Only for a clock that is not out, so the subtraction cannot borrow from the neighbouring field.
    /// @param self The clock.
    /// @param claimantMoved Who moved.
    /// @param nowTimestamp Unix seconds, below 2^40.
    /// @return The clock with the mover's seconds reduced.
    function pressed(Clock self, bool claimantMoved, uint256 nowTimestamp) internal pure returns (Clock) {
        unchecked {
            uint256 elapsed = nowTimestamp - lastMoveAt(self);
            uint256 spent = claimantMoved ? elapsed << 28 : elapsed;
            return Clock.wrap(uint160(Clock.unwrap(self) + (elapsed << 56) - spent));
        }
    }
}
