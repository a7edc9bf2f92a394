// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { NodeInfo } from "../../contracts/interfaces/IReferee.sol";
import { MerkleLib } from "../../contracts/libraries/merkle/MerkleLib.sol";
import { Clock, ClockLib } from "../../contracts/types/Clock.sol";
import { Phase, Position, PositionLib } from "../../contracts/types/Position.sol";
import { Stake, StakeLib } from "../../contracts/types/Stake.sol";

/// @notice Properties of packed types for all values, checked symbolically by halmos (`npm run symbolic`).
contract TypesCheck {
    function check_stake_keepsItsFields(
        uint96 claimId,
        uint80 claimBondWei,
        uint80 challengeBondWei
    ) external pure {
        Stake stake = StakeLib.pack(claimId, claimBondWei, challengeBondWei);
        assert(stake.claimId() == claimId);
        assert(stake.claimBondWei() == claimBondWei);
        assert(stake.challengeBondWei() == challengeBondWei);
    }

    function check_clock_startsWithEqualTimes(
        uint40 nowTimestamp,
        uint256 secondsEach,
        uint256 baseFeeWei
    ) external pure {
        if (secondsEach > ClockLib.MAX_SECONDS) return;
        Clock clock = ClockLib.start(nowTimestamp, secondsEach, baseFeeWei);
        assert(clock.lastMoveAt() == nowTimestamp);
        assert(clock.secondsLeft(true) == secondsEach && clock.secondsLeft(false) == secondsEach);
        assert(clock.openedAt(secondsEach) == nowTimestamp);
        assert(clock.baseFeeAtOpenWei() <= baseFeeWei);
        assert(baseFeeWei > type(uint64).max || baseFeeWei - clock.baseFeeAtOpenWei() < 1 << 16);
    }

    /// @notice Of a clock that has not run out, a move takes the elapsed seconds from its mover and nothing from anybody else.
    function check_clock_takesTimeFromTheMover(
        uint160 packed,
        bool claimantMoves,
        uint40 nowTimestamp
    ) external pure {
        Clock clock = Clock.wrap(packed);
        uint256 last = clock.lastMoveAt();
        if (nowTimestamp < last || clock.isOut(claimantMoves, nowTimestamp)) return;
        Clock next = clock.pressed(claimantMoves, nowTimestamp);
        assert(next.lastMoveAt() == nowTimestamp);
        assert(next.secondsLeft(claimantMoves) == clock.secondsLeft(claimantMoves) - (nowTimestamp - last));
        assert(next.secondsLeft(!claimantMoves) == clock.secondsLeft(!claimantMoves));
        assert(next.baseFeeAtOpenWei() == clock.baseFeeAtOpenWei());
    }

    /// @notice A side that has run out has used more than it had, to the second.
    function check_clock_runsOutAfterTheLastSecond(
        uint160 packed,
        bool claimantMoves,
        uint40 nowTimestamp
    ) external pure {
        Clock clock = Clock.wrap(packed);
        if (nowTimestamp < clock.lastMoveAt()) return;
        uint256 elapsed = nowTimestamp - clock.lastMoveAt();
        assert(clock.isOut(claimantMoves, nowTimestamp) == (elapsed > clock.secondsLeft(claimantMoves)));
    }

    function check_position_inTrace(
        uint8 depthLeft,
        uint8 traceDepth,
        uint32 index,
        uint32 leaves
    ) external pure {
        Position position = PositionLib.inTrace(Phase.TracePick, depthLeft, traceDepth, index, leaves);
        assert(position.phase() == Phase.TracePick);
        assert(position.depthLeft() == depthLeft && position.traceDepth() == traceDepth);
        assert(position.index() == index && position.leaves() == leaves);
        assert(position.nodeIndex() == 0 && position.grain() == 0 && position.word() == 0);
    }

    function check_position_withPhase(uint256 packed) external pure {
        Position position = Position.wrap(packed);
        Position next = position.withPhase(Phase.Fold);
        assert(next.phase() == Phase.Fold);
        assert((Position.unwrap(next) ^ packed) & ~(uint256(0xff) << 240) == 0);
    }

    function check_position_down(uint256 packed, uint8 levels, uint32 child) external pure {
        Position position = Position.wrap(packed);
        if (levels > 5 || levels > position.depthLeft() || child >> levels != 0) return;
        // RULE: a path has as many bits as its tree has levels.
        if (position.index() >> (32 - levels) != 0) return;
        Position next = position.down(Phase.TensorReveal, levels, child);
        assert(next.phase() == Phase.TensorReveal);
        assert(next.depthLeft() == position.depthLeft() - levels);
        assert(next.index() == ((position.index() << levels) | child));
        assert(next.nodeIndex() == position.nodeIndex() && next.traceDepth() == position.traceDepth());
        assert(next.leaves() == position.leaves() && next.byteLength() == position.byteLength());
        assert(next.foldSteps() == position.foldSteps() && next.grain() == position.grain());
        assert(next.elementBytes() == position.elementBytes() && next.isSigned() == position.isSigned());
    }

    function check_position_demand(uint256 packed, uint32 node) external pure {
        Position position = Position.wrap(packed);
        // In NodePick no node is known yet, and none was demanded.
        if (position.nodeIndex() != 0 || position.lo() != 0) return;
        Position demand = position.intoDemand(node);
        assert(demand.phase() == Phase.NodeDemand && demand.nodeIndex() == node);
        Position next = demand.afterDemand();
        assert(next.phase() == Phase.NodePick && next.hasDemanded() && next.nodeIndex() == 0);
        assert(next.index() == position.index() && next.depthLeft() == position.depthLeft());
        assert(next.leaves() == position.leaves() && next.checkpoints() == position.checkpoints());
        assert(next.traceDepth() == position.traceDepth());
    }

    function check_position_intoTensor(
        uint8 depth,
        uint32 node,
        uint32 byteLength,
        uint32 chunks
    ) external pure {
        NodeInfo memory info;
        (info.elementBytes, info.signed, info.byteLength) = (1, true, byteLength);
        (info.grain, info.init, info.foldSteps) = (3, type(uint32).max, type(uint32).max - 1);
        Position position = PositionLib.start(0).intoTensor(node, info, chunks, depth);
        assert(position.phase() == (depth == 0 ? Phase.Chunk : Phase.TensorReveal));
        assert(position.depthLeft() == depth && position.nodeIndex() == node && position.index() == 0);
        assert(position.byteLength() == byteLength && position.leaves() == chunks);
        assert(position.elementBytes() == 1 && position.isSigned());
        assert(position.grain() == 3 && position.accumulator() == type(uint32).max);
        assert(position.foldSteps() == type(uint32).max - 1);
    }

    function check_position_inFold(uint256 packed, uint32 element, uint32 word) external pure {
        Position position = Position.wrap(packed);
        Position next = position.inFold(element, word);
        assert(next.phase() == Phase.Interval && next.index() == element && next.word() == word);
        assert(next.lo() == 0 && next.hi() == position.foldSteps());
        assert(next.grain() == position.grain() && next.accumulator() == position.accumulator());
        assert(next.nodeIndex() == position.nodeIndex() && next.traceDepth() == position.traceDepth());
    }

    function check_position_narrowed(
        uint256 packed,
        uint32 lo,
        uint32 hi,
        uint32 accumulator,
        uint32 word
    ) external pure {
        Position position = Position.wrap(packed);
        Position next = position.narrowed(lo, hi, accumulator, word);
        assert(
            next.lo() == lo && next.hi() == hi && next.accumulator() == accumulator && next.word() == word
        );
        // Everything else is as it was.
        uint256 changed = (uint256(type(uint64).max) << 96) | type(uint64).max;
        assert((Position.unwrap(next) ^ packed) & ~changed == 0);
    }
}

/// @notice {MerkleLib.combineMarked} is {MerkleLib.combine} of the same hashes with zero where nothing is marked, for all
/// hashes of a level of the given size. The marks are tried one by one, because they decide where memory is written.
contract CombineCheck {
    function check_combineMarked_1(bytes32[1] calldata given) external view {
        _check(abi.encodePacked(given));
    }

    function check_combineMarked_2(bytes32[2] calldata given) external view {
        _check(abi.encodePacked(given));
    }

    function check_combineMarked_4(bytes32[4] calldata given) external view {
        _check(abi.encodePacked(given));
    }

    function _check(bytes memory packed) private view {
        uint256 count = packed.length / 32;
        bytes32[] memory hashes = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            assembly ("memory-safe") {
                mstore(add(add(hashes, 32), shl(5, i)), mload(add(add(packed, 32), shl(5, i))))
            }
        }
        for (uint256 marks = 0; marks < 1 << count; ++marks) {
            bytes32[] memory kept = new bytes32[](count);
            for (uint256 i = 0; i < count; ++i) if ((marks >> i) & 1 != 0) kept[i] = hashes[i];
            bytes32 expected = this.combine(kept);
            assert(this.combineMarked(hashes, marks) == expected);
            // Marks beyond the last hash mark nothing.
            assert(this.combineMarked(hashes, marks | (1 << count) | (1 << 255)) == expected);
        }
    }

    function combineMarked(bytes32[] calldata hashes, uint256 marks) external pure returns (bytes32) {
        return MerkleLib.combineMarked(2, hashes, marks);
    }

    function combine(bytes32[] calldata hashes) external pure returns (bytes32) {
        return MerkleLib.combine(2, hashes);
    }
}

/// @notice A check that must fail, so that a run that checks nothing is seen.
contract FalseCheck {
    function check_fails_whereItMust(uint96 claimId, uint256 bondWei) external pure {
        assert(StakeLib.pack(claimId, bondWei, 0).claimId() == claimId);
    }
}
