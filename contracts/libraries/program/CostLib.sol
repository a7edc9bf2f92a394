// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Limits } from "../generated/Limits.sol";
import { MerkleLib } from "../merkle/MerkleLib.sol";
import { Header, NodeLib } from "./NodeLib.sol";
import { Opcodes } from "../generated/Opcodes.sol";

/// @title CostLib
/// @notice The static cost rule: what the worst leaf of a loop needs at most, seen from its descriptor alone. Twin:
/// src/program/cost.ts, which says what the figures mean. Every number of the loop must be within the other limits.
library CostLib {
    /// @notice Levels of the trace's tree that the rule assumes: those of the largest program.
    uint256 private constant MAX_TRACE_DEPTH = 20;

    /// @notice How the address of a step's operand follows the fold indices.
    /// @param folds A fold index matters.
    /// @param affine The address is an affine function of the fold indices.
    /// @param advances The chain adds a constant to one coordinate from step to step.
    /// @param moves The last fold index matters.
    /// @param strides Bytes by which the address grows with each fold index, if it is affine.
    struct Movement {
        bool folds;
        bool affine;
        bool advances;
        bool moves;
        int256[] strides;
    }

    /// @notice The loop, and how many of its steps a leaf runs.
    /// @param header The descriptor's first word.
    /// @param folds Calldata position of the fold extents.
    /// @param steps Fold steps of one element.
    /// @param reads Steps that one leaf runs.
    /// @param runs Runs along the last fold index that those touch at most.
    struct Interval {
        Header header;
        uint256 folds;
        uint256 steps;
        uint256 reads;
        uint256 runs;
    }

    /// @notice The cost of a loop's worst leaf.
    /// @param descriptor The encoded node.
    /// @return witnessBytes Openings.
    /// @return computeGas Decoding, addresses and arithmetic.
    function leafCost(
        bytes calldata descriptor
    ) internal pure returns (uint256 witnessBytes, uint256 computeGas) {
        Interval memory interval = _interval(descriptor);
        Header h = interval.header;
        computeGas =
            Limits.LEAF_GAS_BASE +
            Limits.LEAF_GAS_DESCRIPTOR_BYTE * descriptor.length +
            Limits.LEAF_GAS_RUN * interval.runs;
        uint256 code = interval.folds + 4 * (h.foldRank() + h.constants());
        computeGas += (Limits.LEAF_GAS_STEP + _codeGas(code, h.stepLength())) * interval.reads;
        computeGas += _codeGas(code + 4 * h.stepLength(), h.postLength());
        uint256 position = NodeLib.operandsStart(descriptor);
        for (uint256 left = h.operands(); left != 0; --left) {
            (uint256 bytes_, uint256 gas_) = _operandCost(interval, position);
            witnessBytes += bytes_;
            computeGas += gas_;
            position += NodeLib.operandBytes(position);
        }
    }

    function _interval(bytes calldata descriptor) private pure returns (Interval memory interval) {
        Header h = NodeLib.header(descriptor);
        interval.header = h;
        interval.folds = NodeLib.start(descriptor) + NodeLib.HEADER_BYTES + 4 * h.rank();
        interval.steps = NodeLib.product(interval.folds, h.foldRank());
        interval.reads = h.grain() < interval.steps ? h.grain() : interval.steps;
        uint256 last = h.foldRank() == 0 ? 1 : NodeLib.u32(interval.folds + 4 * h.foldRank() - 4);
        interval.runs = _runsTouched(interval.reads, last, interval.steps);
    }

    function _operandCost(
        Interval memory interval,
        uint256 position
    ) private pure returns (uint256 witnessBytes, uint256 computeGas) {
        uint256 fields = NodeLib.word(position);
        uint256 uses = NodeLib.byteAt(fields, 6);
        if (uses == 0) return (0, 0);
        (uint256 size, uint256 readGas) = _view(position);
        uint256 chunks;
        if (uses & NodeLib.USED_BY_POST != 0) {
            chunks = 1;
            computeGas += readGas;
        }
        if (uses & NodeLib.USED_BY_STEP != 0) {
            Movement memory movement = _movementOf(interval.header, position);
            bool anew = movement.moves && !movement.advances;
            computeGas += (anew ? interval.reads : interval.runs) * readGas;
            if (movement.moves && movement.advances) {
                computeGas += interval.reads * Limits.LEAF_GAS_NEXT_READ;
            }
            // In an empty view nothing is read, and its strides may be too large to reckon with.
            uint256 touched = size == 0 ? 0 : _chunksTouched(movement, interval);
            if (touched > chunks) chunks = touched;
        }
        uint256 byteLength = size << NodeLib.elementShift(NodeLib.byteAt(fields, 4));
        uint256 tensorChunks = (byteLength + Limits.CHUNK_BYTES - 1) / Limits.CHUNK_BYTES;
        if (chunks > tensorChunks) chunks = tensorChunks;
        if (chunks > 0) {
            witnessBytes = 32 * (1 + MAX_TRACE_DEPTH);
            witnessBytes += chunks * (Limits.CHUNK_BYTES + 32 * MerkleLib.depthOf(tensorChunks));
        }
    }

    /// @notice Elements of an operand's view, and gas of computing an address in it anew and reading.
    function _view(uint256 position) private pure returns (uint256 size, uint256 readGas) {
        size = 1;
        readGas = Limits.LEAF_GAS_READ;
        uint256 rank = NodeLib.u8(position + 5);
        position += NodeLib.OPERAND_BYTES;
        for (; rank != 0; --rank) {
            uint256 fields = NodeLib.word(position);
            size *= fields >> 224;
            uint256 terms = NodeLib.byteAt(fields, 4) == NodeLib.GATHERED ? 1 : NodeLib.byteAt(fields, 5);
            readGas += Limits.LEAF_GAS_DIMENSION + Limits.LEAF_GAS_TERM * terms;
            position += NodeLib.dimensionBytes(position);
        }
    }

    function _movementOf(Header h, uint256 position) private pure returns (Movement memory movement) {
        uint256 rank = NodeLib.u8(position + 5);
        int256 stride = int256(1 << NodeLib.elementShift(NodeLib.u8(position + 4)));
        uint256[] memory dimensions = new uint256[](rank);
        position += NodeLib.OPERAND_BYTES;
        for (uint256 d = 0; d < rank; ++d) {
            dimensions[d] = position;
            position += NodeLib.dimensionBytes(position);
        }
        movement.strides = new int256[](h.foldRank());
        movement.affine = true;
        movement.advances = true;
        for (; rank != 0; --rank) {
            _addDimension(movement, h, dimensions[rank - 1], stride);
            stride *= int256(NodeLib.u32(dimensions[rank - 1]));
        }
    }

    /// @notice Adds one dimension, the last one first.
    /// @param stride Bytes by which the address grows with its coordinate.
    function _addDimension(Movement memory movement, Header h, uint256 position, int256 stride) private pure {
        uint256 fields = NodeLib.word(position);
        if (NodeLib.byteAt(fields, 4) == NodeLib.GATHERED) {
            movement.folds = true;
            movement.affine = false;
            movement.advances = false;
            movement.moves = true;
            return;
        }
        bool divided = (fields >> 144) & 0xffffffff != 1;
        bool moves = false;
        uint256 rank = h.rank();
        uint256 indices = rank + h.foldRank();
        position += NodeLib.AFFINE_BYTES;
        for (uint256 left = NodeLib.byteAt(fields, 5); left != 0; --left) {
            uint256 index = NodeLib.u8(position);
            if (index >= rank) {
                movement.folds = true;
                if (divided) movement.affine = false;
                movement.strides[index - rank] += int256(NodeLib.i32(position + 1)) * stride;
                if (index + 1 == indices) moves = true;
            }
            position += NodeLib.TERM_BYTES;
        }
        if (moves) {
            if (divided || movement.moves) movement.advances = false;
            movement.moves = true;
        }
    }

    /// @notice Chunks that a leaf's consecutive steps touch at most.
    function _chunksTouched(
        Movement memory movement,
        Interval memory interval
    ) private pure returns (uint256) {
        uint256 reads = interval.reads;
        if (reads == 0) return 0;
        if (!movement.folds) return 1;
        if (!movement.affine) return reads;
        // Fold dimensions across which the address goes on as along the last one form one run.
        uint256 d = interval.header.foldRank() - 1;
        int256 stride = movement.strides[d];
        uint256 length = NodeLib.u32(interval.folds + 4 * d);
        while (d > 0 && movement.strides[d - 1] == stride * int256(length)) {
            --d;
            length *= NodeLib.u32(interval.folds + 4 * d);
        }
        uint256 run = reads < length ? reads : length;
        uint256 span = (run - 1) * uint256(stride < 0 ? -stride : stride);
        uint256 perRun = span == 0 ? 1 : span / Limits.CHUNK_BYTES + 2;
        if (perRun > run) perRun = run;
        uint256 touched = _runsTouched(reads, length, interval.steps) * perRun;
        return touched < reads ? touched : reads;
    }

    /// @notice Runs of `length` steps, out of `steps`, that `reads` consecutive steps touch at most.
    function _runsTouched(uint256 reads, uint256 length, uint256 steps) private pure returns (uint256) {
        if (reads == 0) return 0;
        if (length >= steps) return 1;
        return 1 + (reads - 1 + length - 1) / length;
    }

    function _codeGas(uint256 position, uint256 count) private pure returns (uint256 sum) {
        for (; count != 0; --count) {
            uint256 opcode = NodeLib.u8(position);
            uint256 gases = opcode < 16 ? Opcodes.GAS_LOW : Opcodes.GAS_HIGH;
            sum += (gases >> (16 * (opcode & 15))) & 0xffff;
            position += 4;
        }
    }
}
