// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { NodeKind } from "../../interfaces/IReferee.sol";
import { Header, NodeLib } from "../program/NodeLib.sol";
import { Operand, OperandReader } from "./OperandReader.sol";
import { ScalarMachine } from "../arithmetic/ScalarMachine.sol";
import { Tensor, Witness } from "../merkle/WitnessLib.sol";

/// @title LoopNest
/// @notice Runs an interval of one element of a loop node. Twin of `src/engine/reference/`, which defines what it
/// computes; see there for the semantics. For a malformed node the result means nothing.
library LoopNest {
    using NodeLib for bytes;

    /// @notice The node is an input or a constant: nothing runs.
    error NotALoop(uint256 kind);
    /// @notice The tensor has fewer elements.
    error ElementOutOfRange(uint256 element, uint256 elements);
    /// @notice No such interval: from ≤ to ≤ steps must hold, and a step or the end be in it.
    error IntervalInvalid(uint256 from, uint256 to, uint256 steps);
    /// @notice The interval has more steps than one leaf may run.
    error IntervalLongerThanGrain(uint256 steps, uint256 grain);

    /// @notice A loop laid out in memory.
    /// @param header The descriptor's first word.
    /// @param slots Address of slot 0.
    /// @param frame Where operands find their slots and indices.
    /// @param extents Calldata position of the fold extents.
    /// @param code Calldata position of the step program; post follows it.
    /// @param operands Calldata position of the operands.
    /// @param tensors Address of the last of a list of the tensors that operands read, 0 if it is empty.
    /// @param instructions Address of the table of functions.
    struct Nest {
        Header header;
        uint256 slots;
        OperandReader.Frame frame;
        uint256 extents;
        uint256 code;
        uint256 operands;
        uint256 tensors;
        uint256 instructions;
    }

    /// @dev Where `result` is in {Code}, from its address.
    uint256 private constant CODE_RESULT = 0x60;

    /// @notice A scalar program, decoded.
    /// @param start Address of its first instruction.
    /// @param end Where it ends.
    /// @param toResult {ScalarMachine-run}
    /// @param result Address of the slot whose word it yields.
    struct Code {
        uint256 start;
        uint256 end;
        uint256 toResult;
        uint256 result;
    }

    /// @notice Fold steps [from, to) of an element and, if `to` is the end, the post program.
    /// @param accumulator Word before step `from`.
    /// @return word The accumulator after step `to - 1`; or, if `to` is the end, the element as loaded again.
    function run(
        bytes calldata descriptor,
        uint256 element,
        uint256 from,
        uint256 to,
        uint256 accumulator,
        Witness memory witness
    ) internal pure returns (uint256 word) {
        Header h = descriptor.header();
        if (h.kind() != NodeKind.Loop) revert NotALoop(uint256(h.kind()));
        Nest memory nest;
        nest.header = h;
        nest.extents = descriptor.start() + NodeLib.HEADER_BYTES + 4 * h.rank();
        uint256 steps = NodeLib.product(nest.extents, h.foldRank());
        if (from > to || to > steps || (from == to && to != steps)) revert IntervalInvalid(from, to, steps);
        unchecked {
            if (to - from > h.grain()) revert IntervalLongerThanGrain(to - from, h.grain());
        }
        _place(nest);
        _setIndices(nest, element, from);
        _set(nest.slots, accumulator);
        if (from != to) _fold(nest, to - from, witness);
        if (to != steps) return _get(nest.slots);
        return _post(nest, witness);
    }

    /// @dev Gives each slot its place in memory, and the constants their words.
    function _place(Nest memory nest) private pure {
        unchecked {
            Header h = nest.header;
            uint256 results = h.stepLength() > h.postLength() ? h.stepLength() : h.postLength();
            uint256 slots;
            uint256 position = nest.extents + 4 * h.foldRank();
            uint256 count = h.constants();
            uint256 words = h.resultSlot() + results;
            // slots = allocate(32 * words)
            // for i = 1 … count: slots[i] = u32 at position; position += 4
            assembly ("memory-safe") {
                slots := mload(0x40)
                mstore(0x40, add(slots, shl(5, words)))
                let slot := slots
                for {} count {
                    count := sub(count, 1)
                } {
                    slot := add(slot, 32)
                    mstore(slot, shr(224, calldataload(position)))
                    position := add(position, 4)
                }
            }
            nest.slots = slots;
            nest.frame.operandSlots = slots + 32 * h.operandSlot();
            nest.frame.indices = slots + 32 * h.indexSlot();
            nest.frame.rank = h.rank();
            nest.code = position;
            nest.operands = position + 4 * (h.stepLength() + h.postLength());
            nest.instructions = ScalarMachine.instructions();
        }
    }

    /// @dev The output indices of an element and the fold indices of a step, both row-major.
    function _setIndices(Nest memory nest, uint256 element, uint256 step) private pure {
        unchecked {
            Header h = nest.header;
            uint256 extents = nest.extents - 4 * h.rank();
            uint256 rest = _setRowMajor(extents, h.rank(), nest.frame.indices, element);
            if (rest != 0) revert ElementOutOfRange(element, NodeLib.product(extents, h.rank()));
            _setRowMajor(nest.extents, h.foldRank(), nest.frame.indices + 32 * h.rank(), step);
        }
    }

    /// @notice Indices of a position among `count` extents, into slots.
    /// @return rest 0 if the position is inside.
    function _setRowMajor(
        uint256 extents,
        uint256 count,
        uint256 slots,
        uint256 position
    ) private pure returns (uint256 rest) {
        // for i = count - 1 … 0: slots[i] = rest % extents[i]; rest /= extents[i]
        assembly ("memory-safe") {
            rest := position
            for {} count {} {
                count := sub(count, 1)
                let extent := shr(224, calldataload(add(extents, shl(2, count))))
                // In an empty shape no position is inside.
                if iszero(extent) {
                    rest := not(0)
                    break
                }
                mstore(add(slots, shl(5, count)), mod(rest, extent))
                rest := div(rest, extent)
            }
        }
    }

    /// @dev `left` steps from where the indices stand, in runs along the last fold index.
    function _fold(Nest memory nest, uint256 left, Witness memory witness) private pure {
        unchecked {
            Header h = nest.header;
            uint256 lastFold = h.rank() + h.foldRank() - 1;
            nest.frame.folds = true;
            nest.frame.lastFold = h.foldRank() == 0 ? type(uint256).max : lastFold;
            Code memory code = _decode(nest, nest.code, h.stepLength(), h.stepResult());
            (Operand operands, Operand moving) = _decodeOperands(nest, NodeLib.USED_BY_STEP);
            if (h.foldRank() == 0) {
                _run(nest, code, operands, Operand.wrap(0), 1, 0, witness);
                return;
            }
            uint256 slot = nest.frame.indices + 32 * lastFold;
            uint256 extent = NodeLib.u32(nest.extents + 4 * h.foldRank() - 4);
            while (true) {
                uint256 count = extent - _get(slot);
                if (count > left) count = left;
                _run(nest, code, operands, moving, count, slot, witness);
                left -= count;
                if (left == 0) return;
                _carry(nest, slot);
            }
        }
    }

    /// @dev `count` steps along the last fold index, which is in `slot`.
    function _run(
        Nest memory nest,
        Code memory code,
        Operand operand,
        Operand moving,
        uint256 count,
        uint256 slot,
        Witness memory witness
    ) private pure {
        unchecked {
            for (; operand.exists(); operand = operand.next()) operand.place(witness);
            uint256 accumulator = nest.slots;
            while (true) {
                if (code.start != code.end) ScalarMachine.run(code.start, code.end, code.toResult);
                // slots[0] = slots[code.result]; --count
                assembly ("memory-safe") {
                    mstore(accumulator, mload(mload(add(code, CODE_RESULT))))
                    count := sub(count, 1)
                }
                if (count == 0) return;
                // ++slots[slot]
                assembly ("memory-safe") {
                    mstore(slot, add(mload(slot), 1))
                }
                if (moving.exists()) moving.advance(witness);
            }
        }
    }

    /// @dev Moves the fold indices on, the last one being at its end.
    function _carry(Nest memory nest, uint256 slot) private pure {
        unchecked {
            uint256 extent = nest.extents + 4 * nest.header.foldRank() - 4;
            while (true) {
                _set(slot, 0);
                slot -= 32;
                extent -= 4;
                uint256 index = _get(slot) + 1;
                _set(slot, index);
                if (index < NodeLib.u32(extent)) return;
            }
        }
    }

    /// @dev The post program; its word as the element's dtype keeps it.
    function _post(Nest memory nest, Witness memory witness) private pure returns (uint256 word) {
        unchecked {
            Header h = nest.header;
            nest.frame.folds = false;
            uint256 slot = nest.frame.indices + 32 * h.rank();
            for (uint256 i = h.foldRank(); i != 0; --i) {
                _set(slot, 0);
                slot += 32;
            }
            uint256 position = nest.code + 4 * h.stepLength();
            Code memory code = _decode(nest, position, h.postLength(), h.postResult());
            (Operand operand, ) = _decodeOperands(nest, NodeLib.USED_BY_POST);
            for (; operand.exists(); operand = operand.next()) operand.place(witness);
            if (code.start != code.end) ScalarMachine.run(code.start, code.end, code.toResult);
            word = _get(code.result);
            uint256 dtype = h.dtype();
            if (dtype == NodeLib.U8) word &= 0xff;
            if (dtype == NodeLib.I8) {
                // word = uint32(int32(int8(word)))
                assembly ("memory-safe") {
                    word := and(signextend(0, word), 0xffffffff)
                }
            }
        }
    }

    function _decode(
        Nest memory nest,
        uint256 position,
        uint256 count,
        uint256 result
    ) private pure returns (Code memory code) {
        unchecked {
            uint256 slots = nest.slots;
            code.start = ScalarMachine.decode(nest.instructions, position, count, slots);
            code.end = code.start + 32 * count;
            code.toResult = slots + 32 * nest.header.resultSlot() - code.start;
            code.result = slots + 32 * result;
        }
    }

    /// @notice The operands that a program uses, linked in their order.
    /// @return first The first.
    /// @return firstMoving The first that is not FIXED.
    function _decodeOperands(
        Nest memory nest,
        uint256 use
    ) private pure returns (Operand first, Operand firstMoving) {
        unchecked {
            uint256 position = nest.operands;
            uint256 count = nest.header.operands();
            uint256 slot = nest.frame.operandSlots;
            Operand last;
            Operand lastMoving;
            for (uint256 i = 0; i < count; ++i) {
                uint256 fields = NodeLib.word(position);
                if (NodeLib.byteAt(fields, 6) & use == 0) {
                    position += NodeLib.operandBytes(position);
                } else {
                    Operand operand;
                    uint256 tensor = _tensorOf(nest, fields >> 224);
                    (operand, position) = OperandReader.decode(nest.frame, position, slot, tensor);
                    if (first.exists()) last.link(operand);
                    else first = operand;
                    last = operand;
                    if (operand.mode() != OperandReader.FIXED) {
                        if (firstMoving.exists()) lastMoving.linkMoving(operand);
                        else firstMoving = operand;
                        lastMoving = operand;
                    }
                }
                slot += 32;
            }
        }
    }

    /// @dev Address of the tensor of a node; operands that read the same node share it.
    function _tensorOf(Nest memory nest, uint256 node) private pure returns (uint256 tensor) {
        for (tensor = nest.tensors; tensor != 0;) {
            // `node` is the first field of {Tensor}, `next` the second.
            if (_get(tensor) == node) return tensor;
            tensor = _get(tensor + 32);
        }
        Tensor memory opened = Tensor({ node: node, next: nest.tensors, opened: false, root: 0 });
        // tensor = the address of opened
        assembly ("memory-safe") {
            tensor := opened
        }
        nest.tensors = tensor;
    }

    function _get(uint256 memoryAddress) private pure returns (uint256 word) {
        // word = the 32 bytes there
        assembly ("memory-safe") {
            word := mload(memoryAddress)
        }
    }

    function _set(uint256 memoryAddress, uint256 word) private pure {
        // the 32 bytes there = word
        assembly ("memory-safe") {
            mstore(memoryAddress, word)
        }
    }
}
