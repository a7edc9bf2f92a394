// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Bits } from "../evm/Bits.sol";
import { NodeLib } from "../program/NodeLib.sol";
import { Witness, WitnessLib } from "../merkle/WitnessLib.sol";

/// @notice Address of a decoded operand in memory, 0 for none; {OperandReader} draws what is there.
type Operand is uint256;

using OperandReader for Operand global;

/// @title OperandReader
/// @notice Computes addresses and reads words. Twin of the operand reading in `src/engine/reference/`.
///
/// An operand is decoded once a leaf: the terms of output indices are summed up, those of fold indices kept. Most
/// operands have one coordinate that moves with the last fold index, and linearly; from one step to the next such an
/// operand only adds to it. In memory, an operand is
/// ```
/// 0x000 next            address of the next operand in use, 0 after the last
/// 0x020 next moving     address of the next that is not FIXED, 0 after the last
/// 0x040 slot            address of its slot
/// 0x060 fill            word outside the view
/// 0x080 dtype
/// 0x0a0 tensor          address of its Tensor, see {WitnessLib}
/// 0x0c0 depth           levels of that tensor's tree
/// 0x0e0 chunk           the one read last, or all ones
/// 0x100 chunk position  where that is in calldata
/// 0x120 mode            FIXED, LINEAR or GENERAL
/// 0x140 coordinate      LINEAR: the one that moves; below zero it is huge, and outside like one beyond the limit
/// 0x160 delta           … by how much, when the last fold index grows by one
/// 0x180 limit           … its extent, or 0 if another coordinate is outside
/// 0x1a0 address         … in bytes
/// 0x1c0 address delta   … by how much that grows with the last fold index
/// 0x1e0 end             where the dimensions end
/// 0x200 dimension, for each
/// ```
/// and a dimension is
/// ```
/// 0x00 moves            1 if it has the coordinate that moves in a LINEAR operand, else 0
/// 0x20 offset           the terms of output indices included
/// 0x40 divisor
/// 0x60 exact            1 if the division must be exact
/// 0x80 extent
/// 0xa0 next             address of the next dimension
/// 0xc0 address of the index's slot, coefficient; for each remaining term
/// ```
/// A gathered coordinate is a term with coefficient 1 whose index is the other operand's slot: a negative i32 reads
/// as 2^31 or more there, which no extent reaches.
library OperandReader {
    /// @notice The address does not depend on the last fold index.
    uint256 internal constant FIXED = 0;
    /// @notice One coordinate depends on it, with divisor 1, and none is gathered.
    uint256 internal constant LINEAR = 1;
    uint256 internal constant GENERAL = 2;

    /// @dev {load}: the four copies and what is kept of them.
    uint256 private constant REVERSE_COPIES = 0x100000000000100000001000000000000000000010000000000;
    uint256 private constant REVERSE_KEPT = 0xff000000000000ff00ff0000000000000000ff0000000000000000;

    /// @dev {NodeLib-I8}: the first dtype of one byte.
    uint256 private constant I8 = 3;

    /// @dev Where an operand's fields are, from its address; see the layout above.
    uint256 private constant NEXT_MOVING = 0x020;
    uint256 private constant SLOT = 0x040;
    uint256 private constant FILL = 0x060;
    uint256 private constant DTYPE = 0x080;
    uint256 private constant TENSOR = 0x0a0;
    uint256 private constant DEPTH = 0x0c0;
    uint256 private constant CHUNK = 0x0e0;
    uint256 private constant CHUNK_POSITION = 0x100;
    uint256 private constant MODE = 0x120;
    uint256 private constant COORDINATE = 0x140;
    uint256 private constant DELTA = 0x160;
    uint256 private constant LIMIT = 0x180;
    uint256 private constant ADDRESS = 0x1a0;
    uint256 private constant ADDRESS_DELTA = 0x1c0;
    uint256 private constant DIMENSIONS_END = 0x1e0;
    uint256 private constant DIMENSIONS = 0x200;

    /// @dev Where a dimension's fields are, from its address.
    uint256 private constant OFFSET = 0x20;
    uint256 private constant DIVISOR = 0x40;
    uint256 private constant EXACT = 0x60;
    uint256 private constant EXTENT = 0x80;
    uint256 private constant NEXT_DIMENSION = 0xa0;
    uint256 private constant TERMS = 0xc0;
    /// @dev Where a term's coefficient is, and the next term.
    uint256 private constant COEFFICIENT = 0x20;
    uint256 private constant TERM_SIZE = 0x40;

    /// @dev Where fields of {Frame} are, from its address; `operandSlots` is the first.
    uint256 private constant FRAME_INDICES = 0x20;
    uint256 private constant FRAME_RANK = 0x40;
    uint256 private constant FRAME_LAST_FOLD = 0x60;
    uint256 private constant FRAME_FOLDS = 0x80;

    /// @dev Where fields of {Witness} are, from its address, and its table of opened chunks; see {WitnessLib-chunkPosition}.
    uint256 private constant WITNESS_TRACE_ROOT = 0x40;
    uint256 private constant WITNESS_CHUNKS = 0x80;

    /// @notice The properties of a loop that are needed to decode its operands.
    /// @param operandSlots Address of the first operand's slot.
    /// @param indices Address of the first output index's slot; the fold indices follow.
    /// @param rank Number of output indices.
    /// @param lastFold Position of the last fold index among the indices; all ones if there is none.
    /// @param folds Whether the fold indices can be other than zero.
    struct Frame {
        uint256 operandSlots; // 0x00
        uint256 indices; // 0x20
        uint256 rank; // 0x40
        uint256 lastFold; // 0x60
        bool folds; // 0x80
    }

    /// @notice Whether this is an operand, and not the end of a list.
    function exists(Operand self) internal pure returns (bool) {
        return Operand.unwrap(self) != 0;
    }

    /// @notice The next operand in use.
    function next(Operand self) internal pure returns (Operand operand) {
        // return self.next
        assembly ("memory-safe") {
            operand := mload(self)
        }
    }

    /// @notice Appends an operand to the list of those in use, after its last one.
    function link(Operand self, Operand operand) internal pure {
        // self.next = operand
        assembly ("memory-safe") {
            mstore(self, operand)
        }
    }

    /// @notice Appends an operand to the list of those that are not FIXED, after its last one.
    function linkMoving(Operand self, Operand operand) internal pure {
        // self.nextMoving = operand
        assembly ("memory-safe") {
            mstore(add(self, NEXT_MOVING), operand)
        }
    }

    /// @notice FIXED, LINEAR or GENERAL.
    function mode(Operand self) internal pure returns (uint256 mode_) {
        // return self.mode
        assembly ("memory-safe") {
            mode_ := mload(add(self, MODE))
        }
    }

    /// @notice Lays an operand out in memory.
    /// @param frame Its loop.
    /// @param position Its calldata position.
    /// @param slot Address of its slot.
    /// @param tensor Address of the {Tensor} that it reads.
    /// @return operand The operand, in no list yet.
    /// @return end Calldata position after it.
    function decode(
        Frame memory frame,
        uint256 position,
        uint256 slot,
        uint256 tensor
    ) internal pure returns (Operand operand, uint256 end) {
        uint256 left;
        // operand = allocate(DIMENSIONS)
        // (operand.slot, operand.tensor, operand.chunk) = (slot, tensor, type(uint256).max)
        // (operand.dtype, left, operand.fill) = bytes 4, 5 and 7..10 at position; the fields not named are 0
        assembly ("memory-safe") {
            operand := mload(0x40)
            mstore(0x40, add(operand, DIMENSIONS))
            mstore(operand, 0)
            mstore(add(operand, NEXT_MOVING), 0)
            mstore(add(operand, SLOT), slot)
            let fields := calldataload(position)
            mstore(add(operand, FILL), and(shr(168, fields), 0xffffffff))
            mstore(add(operand, DTYPE), byte(4, fields))
            mstore(add(operand, TENSOR), tensor)
            mstore(add(operand, CHUNK), not(0))
            mstore(add(operand, MODE), 0)
            mstore(add(operand, DELTA), 0)
            left := byte(5, fields)
            end := add(position, 11)
        }
        unchecked {
            uint256 size = 1;
            for (; left != 0; --left) {
                size *= NodeLib.u32(end);
                end = _decodeDimension(frame, operand, end);
            }
            uint256 last = size << NodeLib.elementShift(NodeLib.u8(position + 4));
            // Index of the last chunk: last = last == 0 ? 0 : (last - 1) / 256
            assembly ("memory-safe") {
                last := shr(8, sub(last, iszero(iszero(last))))
            }
            last = Bits.clz(last);
            // operand.depth = 256 - last, which is ceil(log2(chunks)); operand.dimensionsEnd = the free memory pointer
            assembly ("memory-safe") {
                mstore(add(operand, DEPTH), sub(256, last))
                mstore(add(operand, DIMENSIONS_END), mload(0x40))
            }
        }
    }

    /// @dev Appends a dimension at the free memory pointer; adds to the operand's mode and delta what follows from it.
    function _decodeDimension(
        Frame memory frame,
        Operand operand,
        uint256 position
    ) private pure returns (uint256 end) {
        // dimension = allocate(TERMS)
        // (dimension.extent, mode) = bytes 0..3 and 4 at position
        // if mode is GATHERED:
        //   dimension.divisor = 1; operand.mode = GENERAL
        //   append the term (slot of the operand that byte 5 names, 1)
        // else:
        //   (dimension.exact, dimension.offset, dimension.divisor) = (mode, i32 at 6, u32 at 10)
        //   for each term (index, coefficient) from byte 14 on, of which byte 5 says how many:
        //     if index is an output's: dimension.offset += coefficient * slots[index]
        //     else if frame.folds:
        //       append the term (slot of the index, coefficient)
        //       if index is the last fold's: dimension.moves = 1; operand.delta += coefficient
        //   if dimension.moves: operand.mode = operand.mode == FIXED && dimension.divisor == 1 ? LINEAR : GENERAL
        assembly ("memory-safe") {
            let dimension := mload(0x40)
            let term := add(dimension, TERMS)
            let fields := calldataload(position)
            let offset
            mstore(dimension, 0)
            mstore(add(dimension, EXTENT), shr(224, fields))
            switch eq(byte(4, fields), 2)
            case 0 {
                mstore(add(dimension, EXACT), byte(4, fields))
                offset := signextend(3, shr(176, fields))
                let divisor := and(shr(144, fields), 0xffffffff)
                mstore(add(dimension, DIVISOR), divisor)
                position := add(position, 14)
                end := add(position, mul(byte(5, fields), 5))
                for {} lt(position, end) {
                    position := add(position, 5)
                } {
                    fields := calldataload(position)
                    let index := byte(0, fields)
                    let coefficient := signextend(3, shr(216, fields))
                    switch lt(index, mload(add(frame, FRAME_RANK)))
                    case 0 {
                        if mload(add(frame, FRAME_FOLDS)) {
                            mstore(term, add(mload(add(frame, FRAME_INDICES)), shl(5, index)))
                            mstore(add(term, COEFFICIENT), coefficient)
                            term := add(term, TERM_SIZE)
                            if eq(index, mload(add(frame, FRAME_LAST_FOLD))) {
                                mstore(dimension, 1)
                                mstore(add(operand, DELTA), add(mload(add(operand, DELTA)), coefficient))
                            }
                        }
                    }
                    default {
                        offset := add(
                            offset,
                            mul(coefficient, mload(add(mload(add(frame, FRAME_INDICES)), shl(5, index))))
                        )
                    }
                }
                if mload(dimension) {
                    // A second one that moves, or a divisor: GENERAL.
                    let general := or(gt(mload(add(operand, MODE)), 0), iszero(eq(divisor, 1)))
                    mstore(add(operand, MODE), add(LINEAR, general))
                }
            }
            default {
                end := add(position, 6)
                mstore(add(dimension, DIVISOR), 1)
                mstore(add(dimension, EXACT), 0)
                mstore(term, add(mload(frame), shl(5, byte(5, fields))))
                mstore(add(term, COEFFICIENT), 1)
                term := add(term, TERM_SIZE)
                mstore(add(operand, MODE), GENERAL)
            }
            mstore(add(dimension, OFFSET), offset)
            mstore(add(dimension, NEXT_DIMENSION), term)
            mstore(0x40, term)
        }
    }

    /// @notice Computes an operand's address from all indices and reads its word into its slot.
    /// @dev The first block is equivalent to
    /// ```
    /// inside = true; linear = operand.mode == LINEAR
    /// for each dimension:
    ///   coordinate = dimension.offset + sum of slot * coefficient over its terms
    ///   elementAddress *= dimension.extent
    ///   if linear && dimension.moves: (operand.coordinate, operand.limit, stride) = (coordinate, dimension.extent, 1)
    ///   else:
    ///     if dimension.exact: inside = inside && coordinate % dimension.divisor == 0
    ///     coordinate /= dimension.divisor
    ///     inside = inside && coordinate < dimension.extent
    ///     elementAddress += coordinate; stride *= dimension.extent
    /// (elementAddress, stride) = both times the bytes of an element
    /// if linear:
    ///   operand.limit = inside ? operand.limit : 0
    ///   inside = operand.coordinate < operand.limit
    ///   elementAddress += operand.coordinate * stride
    ///   (operand.address, operand.addressDelta) = (elementAddress, operand.delta * stride)
    /// ```
    /// @param operand The operand.
    /// @param witness The stream of openings.
    function place(Operand operand, Witness memory witness) internal pure {
        uint256 elementAddress;
        uint256 inside;
        assembly ("memory-safe") {
            let linear := eq(mload(add(operand, MODE)), LINEAR)
            let stride
            let end := mload(add(operand, DIMENSIONS_END))
            inside := 1
            for {
                let dimension := add(operand, DIMENSIONS)
            } lt(dimension, end) {
                dimension := mload(add(dimension, NEXT_DIMENSION))
            } {
                let coordinate := mload(add(dimension, OFFSET))
                let termsEnd := mload(add(dimension, NEXT_DIMENSION))
                for {
                    let term := add(dimension, TERMS)
                } lt(term, termsEnd) {
                    term := add(term, TERM_SIZE)
                } {
                    coordinate := add(coordinate, mul(mload(mload(term)), mload(add(term, COEFFICIENT))))
                }
                // Row-major: address = (… (c_0 * extent_1 + c_1) * extent_2 + …), the one that moves left out.
                let extent := mload(add(dimension, EXTENT))
                elementAddress := mul(elementAddress, extent)
                switch and(linear, mload(dimension))
                case 0 {
                    let divisor := mload(add(dimension, DIVISOR))
                    if gt(divisor, 1) {
                        // Below zero the quotient of the two's complement is huge, so outside, as the floor is.
                        if mload(add(dimension, EXACT)) {
                            inside := and(inside, iszero(mod(coordinate, divisor)))
                        }
                        coordinate := div(coordinate, divisor)
                    }
                    inside := and(inside, lt(coordinate, extent))
                    elementAddress := add(elementAddress, coordinate)
                    stride := mul(stride, extent)
                }
                default {
                    mstore(add(operand, COORDINATE), coordinate)
                    mstore(add(operand, LIMIT), extent)
                    stride := 1
                }
            }
            elementAddress := shl(shl(1, lt(mload(add(operand, DTYPE)), I8)), elementAddress)
            if linear {
                let coordinate := mload(add(operand, COORDINATE))
                let limit := mul(mload(add(operand, LIMIT)), inside)
                inside := lt(coordinate, limit)
                stride := shl(shl(1, lt(mload(add(operand, DTYPE)), I8)), stride)
                elementAddress := add(elementAddress, mul(coordinate, stride))
                mstore(add(operand, LIMIT), limit)
                mstore(add(operand, ADDRESS), elementAddress)
                mstore(add(operand, ADDRESS_DELTA), mul(mload(add(operand, DELTA)), stride))
            }
        }
        uint256 word;
        if (inside != 0) {
            uint256 position;
            uint256 dtype;
            // if operand.chunk == elementAddress / 256: position = operand.chunkPosition; dtype = operand.dtype
            assembly ("memory-safe") {
                if eq(mload(add(operand, CHUNK)), shr(8, elementAddress)) {
                    position := mload(add(operand, CHUNK_POSITION))
                }
                dtype := mload(add(operand, DTYPE))
            }
            if (position == 0) position = _openChunk(operand, elementAddress >> 8, witness);
            position += elementAddress & 0xff;
            word = load(position, dtype);
        } else {
            // word = operand.fill
            assembly ("memory-safe") {
                word := mload(add(operand, FILL))
            }
        }
        // slots[operand.slot] = word
        assembly ("memory-safe") {
            mstore(mload(add(operand, SLOT)), word)
        }
    }

    /// @notice Reads the next words of the operands that are not FIXED, after the last fold index grew by one.
    /// @param operand The first of them, if there is one.
    /// @param witness The stream of openings.
    function advance(Operand operand, Witness memory witness) internal pure {
        while (operand.exists()) {
            uint256 chunk;
            bool general;
            bool closed;
            // for each operand in the list:
            //   if operand.mode != LINEAR: general = true; break
            //   operand.coordinate += operand.delta; operand.address += operand.addressDelta
            //   if operand.coordinate >= operand.limit: word = operand.fill
            //   else:
            //     chunk = operand.address / 256
            //     if chunk != operand.chunk:
            //       if chunk is not at its first place in witness.chunks: closed = true; break
            //       (operand.chunk, operand.chunkPosition) = (chunk, its position)
            //     word = load(operand.chunkPosition + operand.address % 256, operand.dtype)
            //   slots[operand.slot] = word
            assembly ("memory-safe") {
                for {} operand {
                    operand := mload(add(operand, NEXT_MOVING))
                } {
                    if iszero(eq(mload(add(operand, MODE)), LINEAR)) {
                        general := 1
                        break
                    }
                    let word := add(mload(add(operand, COORDINATE)), mload(add(operand, DELTA)))
                    let byteAddress := add(mload(add(operand, ADDRESS)), mload(add(operand, ADDRESS_DELTA)))
                    mstore(add(operand, COORDINATE), word)
                    mstore(add(operand, ADDRESS), byteAddress)
                    switch lt(word, mload(add(operand, LIMIT)))
                    case 0 {
                        word := mload(add(operand, FILL))
                    }
                    default {
                        chunk := shr(8, byteAddress)
                        if sub(chunk, mload(add(operand, CHUNK))) {
                            // As in {WitnessLib-chunkPosition}, without looking on after the first slot.
                            word := or(shl(24, mload(add(operand, TENSOR))), chunk)
                            let slot := shr(248, mul(word, or(mload(add(witness, WITNESS_TRACE_ROOT)), 1)))
                            slot := mload(add(mload(add(witness, WITNESS_CHUNKS)), shl(5, slot)))
                            if sub(shr(32, slot), word) {
                                closed := 1
                                break
                            }
                            mstore(add(operand, CHUNK), chunk)
                            mstore(add(operand, CHUNK_POSITION), and(slot, 0xffffffff))
                        }
                        word := calldataload(add(mload(add(operand, CHUNK_POSITION)), and(byteAddress, 0xff)))
                        // As in {load}.
                        switch lt(mload(add(operand, DTYPE)), I8)
                        case 0 {
                            word := byte(0, word)
                            if eq(mload(add(operand, DTYPE)), I8) {
                                word := and(signextend(0, word), 0xffffffff)
                            }
                        }
                        default {
                            word := mod(
                                and(mul(shr(224, word), REVERSE_COPIES), REVERSE_KEPT),
                                0xffffffffffffffff
                            )
                        }
                    }
                    mstore(mload(add(operand, SLOT)), word)
                }
            }
            if (general) place(operand, witness);
            else if (closed) _loadFrom(operand, chunk, witness);
            else return;
            // operand = operand.nextMoving
            assembly ("memory-safe") {
                operand := mload(add(operand, NEXT_MOVING))
            }
        }
    }

    /// @notice The element at a calldata position, as a word: four bytes little-endian, or one byte zero-extended (u8)
    /// or sign-extended (i8).
    /// @param position The calldata position.
    /// @param dtype As {NodeLib} numbers it.
    /// @return word The word.
    function load(uint256 position, uint256 dtype) internal pure returns (uint256 word) {
        // F32, I32: word = b0 | b1 << 8 | b2 << 16 | b3 << 24, of the four bytes at position
        // I8: word = uint32(int32(int8(b0)))      U8: word = b0
        assembly ("memory-safe") {
            word := calldataload(position)
            switch lt(dtype, I8)
            case 0 {
                word := byte(0, word)
                if eq(dtype, I8) {
                    word := and(signextend(0, word), 0xffffffff)
                }
            }
            // Reverses b0 b1 b2 b3: four copies, of which b0 is kept at bit 64, b1 at 136, b2 at 208 and b3 at 152;
            // modulo 2^64 - 1 these are bits 0, 8, 16 and 24.
            default {
                word := mod(and(mul(shr(224, word), REVERSE_COPIES), REVERSE_KEPT), 0xffffffffffffffff)
            }
        }
    }

    /// @dev Opens the chunk that a LINEAR operand has moved to, and reads the word there.
    function _loadFrom(Operand operand, uint256 chunk, Witness memory witness) private pure {
        uint256 position = _openChunk(operand, chunk, witness);
        uint256 dtype;
        // position += operand.address % 256; dtype = operand.dtype
        assembly ("memory-safe") {
            position := add(position, and(mload(add(operand, ADDRESS)), 0xff))
            dtype := mload(add(operand, DTYPE))
        }
        uint256 word = load(position, dtype);
        // slots[operand.slot] = word
        assembly ("memory-safe") {
            mstore(mload(add(operand, SLOT)), word)
        }
    }

    /// @dev Makes a chunk the one that the operand reads. Returns its calldata position.
    function _openChunk(
        Operand operand,
        uint256 chunk,
        Witness memory witness
    ) private pure returns (uint256 position) {
        uint256 tensor;
        uint256 depth;
        // (tensor, depth) = (operand.tensor, operand.depth)
        assembly ("memory-safe") {
            tensor := mload(add(operand, TENSOR))
            depth := mload(add(operand, DEPTH))
        }
        position = WitnessLib.chunkPosition(witness, tensor, chunk, depth);
        // (operand.chunk, operand.chunkPosition) = (chunk, position)
        assembly ("memory-safe") {
            mstore(add(operand, CHUNK), chunk)
            mstore(add(operand, CHUNK_POSITION), position)
        }
    }
}
