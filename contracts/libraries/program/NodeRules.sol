// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Model, TensorRef } from "../../interfaces/IModelRegistry.sol";
import { NodeKind } from "../../interfaces/IReferee.sol";
import { Blocks } from "./Blocks.sol";
import { CostLib } from "./CostLib.sol";
import { Limits } from "../generated/Limits.sol";
import { MerkleLib } from "../merkle/MerkleLib.sol";
import { Header, NodeLib } from "./NodeLib.sol";
import { Opcodes } from "../generated/Opcodes.sol";

/// @notice The static rules, in the order of `RULES` in src/program/rules.ts.
enum Rule {
    None,
    DescriptorSize,
    Encoding,
    Rank,
    Extent,
    TensorSize,
    FoldSize,
    Count,
    Slots,
    Opcode,
    UnusedReference,
    Reference,
    Result,
    Post,
    OperandOrder,
    Divisor,
    TermIndex,
    Address,
    Gather,
    Grain,
    LeafWitness,
    LeafGas,
    Input,
    Output,
    Checkpoint,
    OperandSize,
    OperandDtype,
    OperandCheckpoint
}

/// @title NodeRules
/// @notice The static rules of a node. Twin: src/program/validate.ts, with the same rules in the same order.
library NodeRules {
    using NodeLib for bytes;

    uint256 private constant MAX_EXTENT = 0x7fffffff;

    /// @notice The first rule that a node breaks by itself or with the model.
    /// @param model The model as published.
    /// @param nodeIndex Index of the node in the program.
    /// @param descriptor The encoded node; any bytes whatever.
    /// @return rule The rule, or None.
    function violation(
        Model calldata model,
        uint256 nodeIndex,
        bytes calldata descriptor
    ) internal pure returns (Rule rule) {
        if (descriptor.length > Limits.MAX_DESCRIPTOR_BYTES) return Rule.DescriptorSize;
        if (!_isCanonical(descriptor)) return Rule.Encoding;
        rule = _sizes(descriptor);
        if (rule != Rule.None) return rule;
        if (descriptor.header().kind() == NodeKind.Loop) {
            rule = _code(descriptor);
            if (rule == Rule.None) rule = _operands(descriptor, nodeIndex);
            if (rule == Rule.None) rule = _cost(descriptor);
            if (rule != Rule.None) return rule;
        }
        return _interface(model, nodeIndex, descriptor.header(), _byteLength(descriptor));
    }

    /// @notice The first rule that an operand breaks with the node that it reads.
    /// @param nodeCount Nodes of the program.
    /// @param nodeIndex Index of the node that reads.
    /// @param operand Calldata position of the operand.
    /// @param read The encoded node that it reads.
    /// @return The rule, or None.
    function operandViolation(
        uint256 nodeCount,
        uint256 nodeIndex,
        uint256 operand,
        bytes calldata read
    ) internal pure returns (Rule) {
        Header h = read.header();
        if (_viewSize(operand) != NodeLib.product(read.start() + NodeLib.HEADER_BYTES, h.rank())) {
            return Rule.OperandSize;
        }
        if (NodeLib.u8(operand + 4) != h.dtype()) return Rule.OperandDtype;
        uint256 levels = Blocks.levels(MerkleLib.depthOf(nodeCount));
        bool sameBlock = NodeLib.u32(operand) >> levels == nodeIndex >> levels;
        return !sameBlock && _isOpen(h, nodeCount) ? Rule.OperandCheckpoint : Rule.None;
    }

    /// @notice Whether the root of the trace leaves a node's tensor open until its block is disputed.
    function _isOpen(Header h, uint256 nodeCount) private pure returns (bool) {
        if (h.kind() != NodeKind.Loop || h.checkpoint()) return false;
        uint256 traceDepth = MerkleLib.depthOf(nodeCount);
        return Blocks.levels(traceDepth) < traceDepth;
    }

    /// @notice Whether the bytes are what encoding some node gives.
    function _isCanonical(bytes calldata descriptor) private pure returns (bool) {
        if (descriptor.length < NodeLib.HEADER_BYTES) return false;
        Header h = descriptor.header();
        uint256 word = Header.unwrap(h);
        NodeKind kind = h.kind();
        if (kind == NodeKind.None) return false;
        if (h.dtype() < NodeLib.F32 || h.dtype() > NodeLib.U8) return false;
        // Byte 22 is 0 or 1, 23..31 are zero; 3..17 and 22 are a loop's, 18..21 an input's.
        if (word & ((type(uint256).max >> 176) ^ (1 << 72)) != 0) return false;
        if (kind != NodeKind.Loop && ((word << 24) >> 136 != 0 || h.checkpoint())) return false;
        if (kind != NodeKind.Input && h.slot() != 0) return false;
        if (kind == NodeKind.Loop) return _isCanonicalLoop(descriptor, h);
        return
            descriptor.length == NodeLib.HEADER_BYTES + 4 * h.rank() + (kind == NodeKind.Constant ? 32 : 0);
    }

    /// @notice Whether the operands are whole, end with the descriptor, and name their uses.
    function _isCanonicalLoop(bytes calldata descriptor, Header h) private pure returns (bool) {
        uint256 end = descriptor.start() + descriptor.length;
        uint256 position = descriptor.operandsStart();
        if (position > end) return false;
        uint256[] memory operands = new uint256[](h.operands());
        for (uint256 i = 0; i < operands.length; ++i) {
            operands[i] = position;
            if (position + NodeLib.OPERAND_BYTES > end) return false;
            uint256 fields = NodeLib.word(position);
            uint256 dtype = NodeLib.byteAt(fields, 4);
            if (dtype < NodeLib.F32 || dtype > NodeLib.U8) return false;
            position += NodeLib.OPERAND_BYTES;
            for (uint256 left = NodeLib.byteAt(fields, 5); left != 0; --left) {
                if (position + NodeLib.GATHERED_BYTES > end) return false;
                if (NodeLib.u8(position + 4) > NodeLib.GATHERED) return false;
                position += NodeLib.dimensionBytes(position);
                if (position > end) return false;
            }
        }
        if (position != end) return false;
        uint256 code = end - descriptor.length + NodeLib.HEADER_BYTES;
        code += 4 * (h.rank() + h.foldRank() + h.constants());
        uint256 step = _used(operands, h, code, h.stepLength(), h.stepResult());
        uint256 post = _used(operands, h, code + 4 * h.stepLength(), h.postLength(), h.postResult());
        for (uint256 i = 0; i < operands.length; ++i) {
            uint256 uses = ((step >> i) & 1) | (((post >> i) & 1) << 1);
            if (NodeLib.u8(operands[i] + 6) != uses) return false;
        }
        return true;
    }

    /// @notice The operands that a scalar program reads, directly or as the coordinate of one that it reads; a bit each.
    function _used(
        uint256[] memory operands,
        Header h,
        uint256 code,
        uint256 length,
        uint256 result
    ) private pure returns (uint256 used) {
        uint256 first = h.operandSlot();
        used = _bit(result, first, operands.length);
        for (; length != 0; --length) {
            uint256 instruction = NodeLib.word(code);
            for (uint256 i = 1; i < 4; ++i) {
                used |= _bit(NodeLib.byteAt(instruction, i), first, operands.length);
            }
            code += 4;
        }
        // A gathered coordinate names an earlier operand, so one pass from the last to the first closes the set.
        for (uint256 i = operands.length; i != 0; --i) {
            if ((used >> (i - 1)) & 1 == 0) continue;
            uint256 position = operands[i - 1] + NodeLib.OPERAND_BYTES;
            for (uint256 left = NodeLib.u8(operands[i - 1] + 5); left != 0; --left) {
                uint256 fields = NodeLib.word(position);
                if (NodeLib.byteAt(fields, 4) == NodeLib.GATHERED) used |= 1 << NodeLib.byteAt(fields, 5);
                position += NodeLib.dimensionBytes(position);
            }
        }
    }

    function _bit(uint256 slot, uint256 first, uint256 count) private pure returns (uint256) {
        return slot >= first && slot < first + count ? 1 << (slot - first) : 0;
    }

    /// @notice Sizes: of shapes, folds, views, lists.
    function _sizes(bytes calldata descriptor) private pure returns (Rule rule) {
        Header h = descriptor.header();
        uint256 extents = descriptor.start() + NodeLib.HEADER_BYTES;
        rule = _extents(extents, h.rank());
        if (rule != Rule.None) return rule;
        if (h.kind() != NodeKind.Loop) {
            return _byteLength(descriptor) > Limits.MAX_TENSOR_BYTES ? Rule.TensorSize : Rule.None;
        }
        extents += 4 * h.rank();
        rule = _extents(extents, h.foldRank());
        if (rule != Rule.None) return rule;
        rule = _views(descriptor);
        if (rule != Rule.None) return rule;
        if (_byteLength(descriptor) > Limits.MAX_TENSOR_BYTES) return Rule.TensorSize;
        rule = _viewSizes(descriptor);
        if (rule != Rule.None) return rule;
        if (NodeLib.product(extents, h.foldRank()) > Limits.MAX_FOLD_STEPS) return Rule.FoldSize;
        if (
            h.operands() > Limits.MAX_OPERANDS ||
            h.constants() > Limits.MAX_CONSTANTS ||
            h.stepLength() > Limits.MAX_CODE ||
            h.postLength() > Limits.MAX_CODE
        ) return Rule.Count;
        uint256 results = h.stepLength() > h.postLength() ? h.stepLength() : h.postLength();
        return h.resultSlot() + results > Limits.MAX_SLOTS ? Rule.Slots : Rule.None;
    }

    /// @notice Number and size of extents that follow each other.
    function _extents(uint256 position, uint256 count) private pure returns (Rule) {
        if (count > Limits.MAX_RANK) return Rule.Rank;
        for (; count != 0; --count) {
            if (NodeLib.u32(position) > MAX_EXTENT) return Rule.Extent;
            position += 4;
        }
        return Rule.None;
    }

    /// @notice Number and size of the extents of views.
    function _views(bytes calldata descriptor) private pure returns (Rule) {
        uint256 position = descriptor.operandsStart();
        for (uint256 left = descriptor.header().operands(); left != 0; --left) {
            uint256 rank = NodeLib.u8(position + 5);
            if (rank > Limits.MAX_RANK) return Rule.Rank;
            position += NodeLib.OPERAND_BYTES;
            for (; rank != 0; --rank) {
                if (NodeLib.u32(position) > MAX_EXTENT) return Rule.Extent;
                position += NodeLib.dimensionBytes(position);
            }
        }
        return Rule.None;
    }

    function _viewSizes(bytes calldata descriptor) private pure returns (Rule) {
        uint256 position = descriptor.operandsStart();
        for (uint256 left = descriptor.header().operands(); left != 0; --left) {
            uint256 byteLength = _viewSize(position) << NodeLib.elementShift(NodeLib.u8(position + 4));
            if (byteLength > Limits.MAX_TENSOR_BYTES) return Rule.TensorSize;
            position += NodeLib.operandBytes(position);
        }
        return Rule.None;
    }

    /// @notice Elements of an operand's view. Does not overflow for a rank within the limit.
    function _viewSize(uint256 position) private pure returns (uint256 size) {
        size = 1;
        uint256 rank = NodeLib.u8(position + 5);
        position += NodeLib.OPERAND_BYTES;
        unchecked {
            for (; rank != 0; --rank) {
                size *= NodeLib.u32(position);
                position += NodeLib.dimensionBytes(position);
            }
        }
    }

    /// @notice Scalar programs: opcodes and references.
    function _code(bytes calldata descriptor) private pure returns (Rule rule) {
        Header h = descriptor.header();
        uint256 words = h.rank() + h.foldRank() + h.constants();
        uint256 code = descriptor.start() + NodeLib.HEADER_BYTES + 4 * words;
        rule = _program(code, h.stepLength(), h.stepResult(), h.resultSlot());
        if (rule != Rule.None) return rule;
        code += 4 * h.stepLength();
        rule = _program(code, h.postLength(), h.postResult(), h.resultSlot());
        if (rule != Rule.None) return rule;
        uint256 folds = h.resultSlot() - h.foldRank();
        uint256 read = _bit(h.postResult(), folds, h.foldRank());
        for (uint256 left = h.postLength(); left != 0; --left) {
            for (uint256 i = 1; i < 4; ++i) read |= _bit(NodeLib.u8(code + i), folds, h.foldRank());
            code += 4;
        }
        return read == 0 ? Rule.None : Rule.Post;
    }

    /// @notice One scalar program whose results start at slot `results`.
    function _program(
        uint256 code,
        uint256 length,
        uint256 result,
        uint256 results
    ) private pure returns (Rule) {
        for (uint256 i = 0; i < length; ++i) {
            uint256 instruction = NodeLib.word(code);
            uint256 opcode = NodeLib.byteAt(instruction, 0);
            if (opcode == 0 || opcode > Opcodes.LAST) return Rule.Opcode;
            uint256 arity = (Opcodes.ARITIES >> (2 * opcode)) & 3;
            for (uint256 r = arity + 1; r < 4; ++r) {
                if (NodeLib.byteAt(instruction, r) != 0) return Rule.UnusedReference;
            }
            for (uint256 r = 1; r <= arity; ++r) {
                if (NodeLib.byteAt(instruction, r) >= results + i) return Rule.Reference;
            }
            code += 4;
        }
        return result < results + length ? Rule.None : Rule.Result;
    }

    /// @notice Operands: what they read, and by which coordinates.
    function _operands(bytes calldata descriptor, uint256 nodeIndex) private pure returns (Rule rule) {
        uint256 position = descriptor.operandsStart();
        uint256[] memory operands = new uint256[](descriptor.header().operands());
        for (uint256 i = 0; i < operands.length; ++i) {
            operands[i] = position;
            uint256 fields = NodeLib.word(position);
            if (fields >> 224 >= nodeIndex) return Rule.OperandOrder;
            bool usedByPost = NodeLib.byteAt(fields, 6) & NodeLib.USED_BY_POST != 0;
            position += NodeLib.OPERAND_BYTES;
            for (uint256 left = NodeLib.byteAt(fields, 5); left != 0; --left) {
                uint256 by = NodeLib.u8(position + 5);
                if (NodeLib.u8(position + 4) != NodeLib.GATHERED) {
                    rule = _coordinate(descriptor, position, usedByPost);
                    if (rule != Rule.None) return rule;
                } else if (by >= i || NodeLib.u8(operands[by] + 4) == NodeLib.F32) {
                    return Rule.Gather;
                }
                position += NodeLib.dimensionBytes(position);
            }
        }
        return Rule.None;
    }

    /// @notice One affine coordinate.
    function _coordinate(
        bytes calldata descriptor,
        uint256 position,
        bool usedByPost
    ) private pure returns (Rule) {
        Header h = descriptor.header();
        uint256 extents = descriptor.start() + NodeLib.HEADER_BYTES;
        uint256 terms = NodeLib.u8(position + 5);
        if (NodeLib.u32(position + 10) == 0) return Rule.Divisor;
        if (terms > Limits.MAX_TERMS) return Rule.Count;
        uint256 bound = _magnitude(NodeLib.i32(position + 6));
        position += NodeLib.AFFINE_BYTES;
        for (; terms != 0; --terms) {
            uint256 index = NodeLib.u8(position);
            if (index >= h.rank() + h.foldRank()) return Rule.TermIndex;
            uint256 coefficient = _magnitude(NodeLib.i32(position + 1));
            if (usedByPost && index >= h.rank() && coefficient != 0) return Rule.Post;
            uint256 extent = NodeLib.u32(extents + 4 * index);
            if (extent != 0) bound += coefficient * (extent - 1);
            position += NodeLib.TERM_BYTES;
        }
        return bound > Limits.MAX_ADDRESS ? Rule.Address : Rule.None;
    }

    function _magnitude(int256 x) private pure returns (uint256) {
        return uint256(x < 0 ? -x : x);
    }

    function _cost(bytes calldata descriptor) private pure returns (Rule) {
        if (descriptor.header().grain() == 0) return Rule.Grain;
        (uint256 witnessBytes, uint256 computeGas) = CostLib.leafCost(descriptor);
        if (witnessBytes > Limits.MAX_LEAF_WITNESS_BYTES) return Rule.LeafWitness;
        return computeGas > Limits.MAX_LEAF_COMPUTE_GAS ? Rule.LeafGas : Rule.None;
    }

    /// @notice Checks that the node and the model's lists of inputs and outputs name each other.
    function _interface(
        Model calldata model,
        uint256 nodeIndex,
        Header h,
        uint256 byteLength
    ) private pure returns (Rule) {
        uint256 slot = h.kind() == NodeKind.Input ? h.slot() : type(uint256).max;
        // Slots count the inputs first, then the answers.
        uint256 inputs = model.inputs.length;
        uint256 slots = inputs + model.answers.length;
        if (h.kind() == NodeKind.Input && slot >= slots) return Rule.Input;
        for (uint256 i = 0; i < slots; ++i) {
            TensorRef calldata ref = i < inputs ? model.inputs[i] : model.answers[i - inputs];
            if (i == slot && (ref.node != nodeIndex || ref.byteLength != byteLength)) return Rule.Input;
            if (i != slot && ref.node == nodeIndex) return Rule.Input;
        }
        bool isOutput = false;
        for (uint256 i = 0; i < model.outputs.length; ++i) {
            TensorRef calldata output = model.outputs[i];
            if (output.node != nodeIndex) continue;
            if (output.byteLength != byteLength) return Rule.Output;
            isOutput = true;
        }
        return isOutput && _isOpen(h, model.nodeCount) ? Rule.Checkpoint : Rule.None;
    }

    function _byteLength(bytes calldata descriptor) private pure returns (uint256) {
        Header h = descriptor.header();
        uint256 size = NodeLib.product(descriptor.start() + NodeLib.HEADER_BYTES, h.rank());
        return size << NodeLib.elementShift(h.dtype());
    }
}
