// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Dispute, IDisputeGame } from "../../contracts/interfaces/IDisputeGame.sol";
import { NodeInfo } from "../../contracts/interfaces/IReferee.sol";
import { Bits } from "../../contracts/libraries/evm/Bits.sol";
import { CodeStorage } from "../../contracts/libraries/evm/CodeStorage.sol";
import { KeptAnswerLib } from "../../contracts/libraries/oracle/KeptAnswer.sol";
import { MerkleLib } from "../../contracts/libraries/merkle/MerkleLib.sol";
import { DisputeState, DisputeStateLib } from "../../contracts/libraries/dispute/DisputeState.sol";
import { MoveLog } from "../../contracts/libraries/dispute/MoveLog.sol";
import { Rules } from "../../contracts/libraries/dispute/Rules.sol";
import { Tags } from "../../contracts/libraries/generated/Tags.sol";
import { Clock, ClockLib } from "../../contracts/types/Clock.sol";
import { Phase, Position, PositionLib } from "../../contracts/types/Position.sol";
import { Stake, StakeLib } from "../../contracts/types/Stake.sol";
import { Test } from "../support/Test.sol";

/// @notice Gives the libraries calldata.
contract Outside {
    function rootOf(
        uint8 tag,
        bytes32 leaf,
        uint256 i,
        bytes32[] calldata s
    ) external pure returns (bytes32) {
        return MerkleLib.rootOf(tag, leaf, i, s);
    }

    function combine(uint8 tag, bytes32[] calldata hashes) external pure returns (bytes32) {
        return MerkleLib.combine(tag, hashes);
    }

    function combineMarked(
        uint8 tag,
        bytes32[] calldata hashes,
        uint256 marks
    ) external pure returns (bytes32) {
        return MerkleLib.combineMarked(tag, hashes, marks);
    }

    function tensorRoot(bytes calldata data) external pure returns (bytes32) {
        return MerkleLib.tensorRoot(data);
    }

    function taggedHash(uint8 tag, bytes calldata data) external pure returns (bytes32) {
        return MerkleLib.taggedHash(tag, data);
    }

    function load(Dispute calldata dispute, bytes32 subject) external pure returns (Dispute memory, bytes32) {
        DisputeState next = DisputeStateLib.load(dispute);
        bytes32 hash = next.seal(subject);
        return (_disputeIn(next), hash);
    }

    function pack(Dispute calldata d, bytes32 subject) external pure returns (Dispute memory, bytes32) {
        // Memory that was used before must not shine through.
        abi.encode(subject, subject, subject);
        DisputeState next = DisputeStateLib.pack(
            d.claimant,
            d.challenger,
            d.clock,
            d.stake,
            d.program,
            d.position
        );
        bytes32 hash = next.seal(subject);
        return (_disputeIn(next), hash);
    }

    function log(
        Dispute calldata dispute,
        bytes32 subject,
        bytes32[] calldata hashes,
        bytes calldata data
    ) external {
        DisputeState next = DisputeStateLib.load(dispute);
        next.seal(subject);
        MoveLog.opened(7, 8, next);
        MoveLog.picked(7, next);
        MoveLog.revealed(7, next, hashes);
        MoveLog.chunkRevealed(7, next, data);
        MoveLog.accumulatorsPosted(7, next, data);
    }

    function keep(bytes calldata data) external returns (bytes memory) {
        return KeptAnswerLib.keep(data).read();
    }

    /// @dev A state lies in memory as the struct does.
    function _disputeIn(DisputeState state) private pure returns (Dispute memory dispute) {
        assembly ("memory-safe") {
            dispute := state
        }
    }

    function loadAt(Position position, bytes calldata chunk, uint256 start) external pure returns (uint32) {
        return Rules.loadAt(position, chunk, start);
    }
}

contract LibrariesTest is Test {
    Outside internal outside = new Outside();

    function test_zeroChunk_isTheHashOfZeros() public pure {
        vm.assertEq(MerkleLib.ZERO_CHUNK, keccak256(abi.encodePacked(Tags.TENSOR_CHUNK, new bytes(256))));
    }

    function test_depthOf_isCeilLog2() public pure {
        for (uint256 leaves = 1; leaves < 600; ++leaves) {
            uint256 depth = MerkleLib.depthOf(leaves);
            vm.assertTrue(2 ** depth >= leaves && (depth == 0 || 2 ** (depth - 1) < leaves));
        }
        vm.assertEq(MerkleLib.depthOf(2 ** 22 + 1), 23);
    }

    function testFuzz_clz_equalsPlain(uint256 x, uint8 shift) public pure {
        _checkClz(x >> shift);
    }

    function test_clz_ofEveryPowerAndItsNeighbours() public pure {
        _checkClz(0);
        for (uint256 bit = 0; bit < 256; ++bit) {
            uint256 power = 1 << bit;
            _checkClz(power);
            _checkClz(power - 1);
            _checkClz(power | 1);
            _checkClz(power | (power - 1));
        }
    }

    function testFuzz_combine_equalsPlain(uint8 tag, uint256 levels, bytes32 seed) public view {
        bytes32[] memory hashes = new bytes32[](2 ** (levels % 6));
        for (uint256 i = 0; i < hashes.length; ++i) hashes[i] = keccak256(abi.encode(seed, i));
        vm.assertEq(outside.combine(tag, hashes), _plainRoot(tag, hashes));
    }

    function testFuzz_combineMarked_equalsPlain(
        uint8 tag,
        uint256 levels,
        uint256 marks,
        bytes32 seed
    ) public view {
        bytes32[] memory hashes = new bytes32[](2 ** (levels % 6));
        // Few marks are the usual case.
        if (uint256(seed) % 2 == 0) marks &= uint256(seed) & uint256(keccak256(abi.encode(seed)));
        for (uint256 i = 0; i < hashes.length; ++i) hashes[i] = keccak256(abi.encode(seed, i));
        bytes32 given = outside.combineMarked(tag, hashes, marks);
        for (uint256 i = 0; i < hashes.length; ++i) {
            if ((marks >> i) & 1 == 0) hashes[i] = 0;
        }
        vm.assertEq(given, _plainRoot(tag, hashes));
    }

    function testFuzz_rootOf_leadsToTheRoot(
        uint8 tag,
        uint256 levels,
        uint256 index,
        bytes32 seed
    ) public view {
        levels %= 6;
        bytes32[] memory level = new bytes32[](2 ** levels);
        for (uint256 i = 0; i < level.length; ++i) level[i] = keccak256(abi.encode(seed, i));
        index %= level.length;
        bytes32 leaf = level[index];
        bytes32 root = _plainRoot(tag, level);
        bytes32[] memory siblings = new bytes32[](levels);
        uint256 place = index;
        for (uint256 l = 0; l < levels; ++l) {
            siblings[l] = level[place ^ 1];
            level = _above(tag, level);
            place /= 2;
        }
        vm.assertEq(outside.rootOf(tag, leaf, index, siblings), root);
        if (levels > 0) vm.assertNotEq(outside.rootOf(tag, leaf, index ^ 1, siblings), root);
    }

    function testFuzz_tensorRoot_equalsPlain(uint256 length, bytes32 seed) public view {
        bytes memory data = new bytes(length % 1500);
        for (uint256 i = 0; i < data.length; ++i) data[i] = bytes1(uint8(uint256(seed) >> (i % 250)));
        uint256 chunks = MerkleLib.chunksOf(data.length);
        bytes32[] memory leaves = new bytes32[](2 ** MerkleLib.depthOf(chunks));
        for (uint256 c = 0; c < leaves.length; ++c) {
            bytes memory chunk = new bytes(256);
            for (uint256 i = 0; i < 256 && c * 256 + i < data.length; ++i) chunk[i] = data[c * 256 + i];
            leaves[c] = keccak256(abi.encodePacked(Tags.TENSOR_CHUNK, chunk));
        }
        vm.assertEq(outside.tensorRoot(data), _plainRoot(Tags.TENSOR_NODE, leaves));
    }

    function testFuzz_taggedHash_equalsPlain(uint8 tag, bytes calldata data) public view {
        vm.assertEq(outside.taggedHash(tag, data), keccak256(abi.encodePacked(tag, data)));
    }

    function testFuzz_seal_equalsPlain(
        address a,
        address b,
        uint256[4] calldata rest,
        bytes32 subject
    ) public view {
        Dispute memory dispute = _dispute(a, b, rest);
        (Dispute memory copy, bytes32 hash) = outside.load(dispute, subject);
        vm.assertEq(hash, keccak256(abi.encodePacked(Tags.DISPUTE, abi.encode(dispute), subject)));
        vm.assertEq(keccak256(abi.encode(copy)), keccak256(abi.encode(dispute)));
        (copy, hash) = outside.pack(dispute, subject);
        vm.assertEq(hash, keccak256(abi.encodePacked(Tags.DISPUTE, abi.encode(dispute), subject)));
        vm.assertEq(keccak256(abi.encode(copy)), keccak256(abi.encode(dispute)));
    }

    function testFuzz_moveLog_equalsEmit(
        address a,
        address b,
        uint256[4] calldata rest,
        bytes32 subject,
        bytes32[] calldata hashes,
        bytes calldata data
    ) public {
        Dispute memory dispute = _dispute(a, b, rest);
        vm.expectEmit(address(outside));
        emit IDisputeGame.Opened(7, 8, dispute.challenger, dispute);
        vm.expectEmit(address(outside));
        emit IDisputeGame.Picked(7, dispute, subject);
        vm.expectEmit(address(outside));
        emit IDisputeGame.Revealed(7, dispute, subject, hashes);
        vm.expectEmit(address(outside));
        emit IDisputeGame.ChunkRevealed(7, dispute, subject, data);
        vm.expectEmit(address(outside));
        emit IDisputeGame.AccumulatorsPosted(7, dispute, subject, data);
        outside.log(dispute, subject, hashes, data);
    }

    function testFuzz_keptAnswer_isReadBack(uint256 length, bytes32 seed) public {
        _checkKept(length % 1025, seed);
    }

    function test_keptAnswer_isReadBackWhereItsFormChanges() public {
        uint256[8] memory lengths = [uint256(0), 1, 30, 31, 32, 33, 255, 1024];
        for (uint256 i = 0; i < lengths.length; ++i) _checkKept(lengths[i], bytes32(type(uint256).max));
    }

    function test_keptAnswer_revertsWithoutGasForItsCode() public {
        try outside.keep{ gas: 200_000 }(new bytes(1024)) {
            vm.assertTrue(false);
        } catch (bytes memory reason) {
            vm.assertEq(
                keccak256(reason),
                keccak256(abi.encodeWithSelector(CodeStorage.BytesNotKept.selector, 1024))
            );
        }
    }

    function _checkKept(uint256 length, bytes32 seed) private {
        bytes memory data = new bytes(length);
        for (uint256 i = 0; i < length; ++i) data[i] = seed[i % 32];
        vm.assertEq(keccak256(outside.keep(data)), keccak256(data));
    }

    function testFuzz_clock_runsForTheMoverOnly(
        uint40 nowAt,
        uint32 each,
        uint32 pause,
        bool claimant,
        uint256 baseFee
    ) public pure {
        each &= uint32(ClockLib.MAX_SECONDS);
        pause &= uint32(ClockLib.MAX_SECONDS);
        vm.assume(uint256(nowAt) + pause < 2 ** 40);
        Clock clock = ClockLib.start(nowAt, each, baseFee);
        uint256 kept = baseFee > type(uint64).max ? type(uint64).max : baseFee;
        kept -= kept % 65_536;
        vm.assertEq(clock.baseFeeAtOpenWei(), kept);
        vm.assertEq(clock.lastMoveAt(), nowAt);
        vm.assertEq(clock.openedAt(each), nowAt);
        uint256 later = uint256(nowAt) + pause;
        vm.assertTrue(clock.isOut(claimant, later) == (pause > each));
        if (pause > each) return;
        Clock next = clock.pressed(claimant, later);
        vm.assertEq(next.lastMoveAt(), later);
        vm.assertEq(next.secondsLeft(claimant), each - pause);
        vm.assertEq(next.secondsLeft(!claimant), each);
        vm.assertEq(next.baseFeeAtOpenWei(), kept);
        vm.assertEq(next.openedAt(each), nowAt);
    }

    function testFuzz_stake_keepsItsFields(
        uint96 claimId,
        uint80 claimBond,
        uint80 challengeBond
    ) public pure {
        Stake stake = StakeLib.pack(claimId, claimBond, challengeBond);
        vm.assertEq(stake.claimId(), claimId);
        vm.assertEq(stake.claimBondWei(), claimBond);
        vm.assertEq(stake.challengeBondWei(), challengeBond);
    }

    function testFuzz_position_keepsItsFields(
        uint32[4] calldata sizes,
        bool signed,
        uint32 node,
        uint8 depth,
        uint32 word
    ) public pure {
        NodeInfo memory info;
        (info.elementBytes, info.signed) = (word % 2 == 0 ? 1 : 4, signed);
        (info.byteLength, info.foldSteps, info.grain, info.init) = (sizes[0], sizes[1], sizes[2], sizes[3]);
        Position top = PositionLib.inTrace(Phase.NodePick, 9, 13, 5, 700);
        vm.assertEq(top.leaves(), 700);
        vm.assertEq(top.hasDemanded(), false);
        Position demanded = top.intoBlock(word).intoDemand(node);
        vm.assertTrue(demanded.phase() == Phase.NodeDemand);
        vm.assertEq(demanded.nodeIndex(), node);
        Position opened = demanded.afterDemand();
        vm.assertTrue(opened.phase() == Phase.NodePick);
        vm.assertTrue(opened.hasDemanded());
        vm.assertEq(opened.nodeIndex(), 0);
        vm.assertEq(opened.checkpoints(), word);
        vm.assertEq(opened.leaves(), 700);
        vm.assertEq(opened.index(), 5);
        vm.assertEq(opened.depthLeft(), 9);
        vm.assertEq(opened.traceDepth(), 13);
        Position below = top.down(Phase.NodeReveal, 4, 11);
        vm.assertEq(below.index(), 5 * 16 + 11);
        vm.assertEq(below.depthLeft(), 5);
        Position tensor = below.intoTensor(node, info, 3, depth);
        vm.assertTrue(tensor.phase() == (depth == 0 ? Phase.Chunk : Phase.TensorReveal));
        vm.assertEq(tensor.nodeIndex(), node);
        vm.assertEq(tensor.byteLength(), info.byteLength);
        vm.assertEq(tensor.foldSteps(), info.foldSteps);
        vm.assertEq(tensor.elementBytes(), info.elementBytes);
        vm.assertEq(tensor.isSigned(), info.signed);
        vm.assertEq(tensor.depthLeft(), depth);
        Position fold = tensor.withPhase(Phase.Element).inFold(42, word);
        vm.assertTrue(fold.phase() == Phase.Interval);
        vm.assertEq(fold.traceDepth(), 13);
        vm.assertEq(fold.nodeIndex(), node);
        vm.assertEq(fold.index(), 42);
        vm.assertEq(fold.lo(), 0);
        vm.assertEq(fold.hi(), info.foldSteps);
        vm.assertEq(fold.grain(), info.grain);
        vm.assertEq(fold.accumulator(), info.init);
        vm.assertEq(fold.word(), word);
        vm.assertEq(Position.unwrap(fold) >> 248, 0);
        vm.assertEq(fold.depthLeft(), 0);
    }

    function testFuzz_loadAt_equalsPlain(bytes32 seed, uint8 offset, bool signed) public view {
        bytes memory chunk = new bytes(256);
        for (uint256 i = 0; i < 256; ++i) chunk[i] = bytes1(uint8(uint256(keccak256(abi.encode(seed, i)))));
        NodeInfo memory info;
        info.elementBytes = 1;
        info.signed = signed;
        Position place = PositionLib.start(0).intoTensor(0, info, 1, 0);
        uint8 low = uint8(chunk[offset]);
        uint32 word = signed && low > 127 ? uint32(low) + 0xffffff00 : low;
        vm.assertEq(outside.loadAt(place, chunk, offset), word);
        info.elementBytes = 4;
        place = PositionLib.start(0).intoTensor(0, info, 1, 0);
        uint256 start = uint256(offset) & ~uint256(3);
        uint256 expected;
        for (uint256 i = 0; i < 4; ++i) expected += uint256(uint8(chunk[start + i])) * 256 ** i;
        vm.assertEq(outside.loadAt(place, chunk, start), expected);
    }

    /// @dev Opcode or plain operations, as the contracts are compiled.
    function _checkClz(uint256 x) private pure {
        uint256 zeros = 0;
        while (zeros < 256 && (x >> (255 - zeros)) == 0) ++zeros;
        vm.assertEq(Bits.clz(x), zeros);
    }

    function _dispute(address a, address b, uint256[4] calldata rest) private pure returns (Dispute memory) {
        return
            Dispute(
                a,
                b,
                Clock.wrap(uint96(rest[0])),
                Stake.wrap(rest[1]),
                bytes32(rest[2]),
                Position.wrap(rest[3])
            );
    }

    function _above(uint8 tag, bytes32[] memory level) private pure returns (bytes32[] memory next) {
        next = new bytes32[](level.length / 2);
        for (uint256 i = 0; i < next.length; ++i) {
            next[i] = keccak256(abi.encodePacked(tag, level[2 * i], level[2 * i + 1]));
        }
    }

    function _plainRoot(uint8 tag, bytes32[] memory level) private pure returns (bytes32) {
        while (level.length > 1) level = _above(tag, level);
        return level[0];
    }
}
