// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Bits } from "./Bits.sol";
import { NodeLib } from "./NodeLib.sol";
import { Witness, WitnessLib } from "./WitnessLib.sol";

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

    /// @notice What decoding an operand needs to know of its loop.
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

    /// @notice Lays an operand out in memory.
    /// @param position Its calldata position.
    /// @param slot Address of its slot.
    /// @param tensor Address of the Tensor that it reads.
    /// @return operand Its memory address; its links are 0.
    /// @return end Calldata position after it.
    function decode(
        Frame memory frame,
        uint256 position,
        uint256 slot,
        uint256 tensor
    ) internal pure returns (uint256 operand, uint256 end) {
        uint256 left;
        assembly {
            operand := mload(0x40)
            mstore(0x40, add(operand, 0x200))
            mstore(operand, 0)
            mstore(add(operand, 0x020), 0)
            mstore(add(operand, 0x040), slot)
            let fields := calldataload(position)
            mstore(add(operand, 0x060), and(shr(168, fields), 0xffffffff))
            mstore(add(operand, 0x080), byte(4, fields))
            mstore(add(operand, 0x0a0), tensor)
            mstore(add(operand, 0x0e0), not(0))
            mstore(add(operand, 0x120), 0)
            mstore(add(operand, 0x160), 0)
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
            assembly {
                // Index of the last chunk; 0 for an empty tensor too.
                last := shr(8, sub(last, iszero(iszero(last))))
            }
            last = Bits.clz(last);
            assembly {
                // depth = ceil(log2(chunks))
                mstore(add(operand, 0x0c0), sub(256, last))
                mstore(add(operand, 0x1e0), mload(0x40))
            }
        }
    }

    /// @dev Appends a dimension at the free memory pointer; adds to the operand's mode and delta what follows from it.
    function _decodeDimension(
        Frame memory frame,
        uint256 operand,
        uint256 position
    ) private pure returns (uint256 end) {
        assembly {
            let dimension := mload(0x40)
            let term := add(dimension, 0xc0)
            let fields := calldataload(position)
            let offset
            mstore(dimension, 0)
            mstore(add(dimension, 0x80), shr(224, fields))
            switch eq(byte(4, fields), 2)
            case 0 {
                mstore(add(dimension, 0x60), byte(4, fields))
                offset := signextend(3, shr(176, fields))
                let divisor := and(shr(144, fields), 0xffffffff)
                mstore(add(dimension, 0x40), divisor)
                position := add(position, 14)
                end := add(position, mul(byte(5, fields), 5))
                for {} lt(position, end) {
                    position := add(position, 5)
                } {
                    fields := calldataload(position)
                    let index := byte(0, fields)
                    let coefficient := signextend(3, shr(216, fields))
                    switch lt(index, mload(add(frame, 0x40)))
                    case 0 {
                        if mload(add(frame, 0x80)) {
                            mstore(term, add(mload(add(frame, 0x20)), shl(5, index)))
                            mstore(add(term, 0x20), coefficient)
                            term := add(term, 0x40)
                            if eq(index, mload(add(frame, 0x60))) {
                                mstore(dimension, 1)
                                mstore(add(operand, 0x160), add(mload(add(operand, 0x160)), coefficient))
                            }
                        }
                    }
                    default {
                        offset := add(
                            offset,
                            mul(coefficient, mload(add(mload(add(frame, 0x20)), shl(5, index))))
                        )
                    }
                }
                if mload(dimension) {
                    // A second one that moves, or a divisor: GENERAL.
                    let general := or(gt(mload(add(operand, 0x120)), 0), iszero(eq(divisor, 1)))
                    mstore(add(operand, 0x120), add(1, general))
                }
            }
            default {
                end := add(position, 6)
                mstore(add(dimension, 0x40), 1)
                mstore(add(dimension, 0x60), 0)
                mstore(term, add(mload(frame), shl(5, byte(5, fields))))
                mstore(add(term, 0x20), 1)
                term := add(term, 0x40)
                mstore(add(operand, 0x120), 2)
            }
            mstore(add(dimension, 0x20), offset)
            mstore(add(dimension, 0xa0), term)
            mstore(0x40, term)
        }
    }

    /// @notice Computes an operand's address from all indices and reads its word into its slot.
    function place(uint256 operand, Witness memory witness) internal pure {
        uint256 elementAddress;
        uint256 inside;
        assembly {
            let linear := eq(mload(add(operand, 0x120)), 1)
            let stride
            let end := mload(add(operand, 0x1e0))
            inside := 1
            for {
                let dimension := add(operand, 0x200)
            } lt(dimension, end) {
                dimension := mload(add(dimension, 0xa0))
            } {
                let coordinate := mload(add(dimension, 0x20))
                let next := mload(add(dimension, 0xa0))
                for {
                    let term := add(dimension, 0xc0)
                } lt(term, next) {
                    term := add(term, 0x40)
                } {
                    coordinate := add(coordinate, mul(mload(mload(term)), mload(add(term, 0x20))))
                }
                // Row-major: address = (… (c_0 * extent_1 + c_1) * extent_2 + …), the one that moves left out.
                let extent := mload(add(dimension, 0x80))
                elementAddress := mul(elementAddress, extent)
                switch and(linear, mload(dimension))
                case 0 {
                    let divisor := mload(add(dimension, 0x40))
                    if gt(divisor, 1) {
                        // Below zero the quotient of the two's complement is huge, so outside, as the floor is.
                        if mload(add(dimension, 0x60)) {
                            inside := and(inside, iszero(mod(coordinate, divisor)))
                        }
                        coordinate := div(coordinate, divisor)
                    }
                    inside := and(inside, lt(coordinate, extent))
                    elementAddress := add(elementAddress, coordinate)
                    stride := mul(stride, extent)
                }
                default {
                    mstore(add(operand, 0x140), coordinate)
                    mstore(add(operand, 0x180), extent)
                    stride := 1
                }
            }
            elementAddress := shl(shl(1, lt(mload(add(operand, 0x080)), 3)), elementAddress)
            if linear {
                let coordinate := mload(add(operand, 0x140))
                let limit := mul(mload(add(operand, 0x180)), inside)
                inside := lt(coordinate, limit)
                stride := shl(shl(1, lt(mload(add(operand, 0x080)), 3)), stride)
                elementAddress := add(elementAddress, mul(coordinate, stride))
                mstore(add(operand, 0x180), limit)
                mstore(add(operand, 0x1a0), elementAddress)
                mstore(add(operand, 0x1c0), mul(mload(add(operand, 0x160)), stride))
            }
        }
        uint256 word;
        if (inside != 0) {
            uint256 position;
            uint256 dtype;
            assembly {
                if eq(mload(add(operand, 0x0e0)), shr(8, elementAddress)) {
                    position := mload(add(operand, 0x100))
                }
                dtype := mload(add(operand, 0x080))
            }
            if (position == 0) position = _openChunk(operand, elementAddress >> 8, witness);
            position += elementAddress & 0xff;
            word = load(position, dtype);
        } else {
            assembly {
                word := mload(add(operand, 0x060))
            }
        }
        assembly {
            mstore(mload(add(operand, 0x040)), word)
        }
    }

    /// @notice Reads the next words of the operands that are not FIXED, after the last fold index grew by one.
    /// @param operand The first of them, 0 if there is none.
    function advance(uint256 operand, Witness memory witness) internal pure {
        while (operand != 0) {
            uint256 chunk;
            bool general;
            bool closed;
            // for each operand, as long as they are LINEAR and their chunks open:
            //   coordinate += delta; address += address delta
            //   word = coordinate < limit ? load(chunk position + address % 256, dtype) : fill
            assembly {
                for {} operand {
                    operand := mload(add(operand, 0x020))
                } {
                    if iszero(eq(mload(add(operand, 0x120)), 1)) {
                        general := 1
                        break
                    }
                    let word := add(mload(add(operand, 0x140)), mload(add(operand, 0x160)))
                    let byteAddress := add(mload(add(operand, 0x1a0)), mload(add(operand, 0x1c0)))
                    mstore(add(operand, 0x140), word)
                    mstore(add(operand, 0x1a0), byteAddress)
                    switch lt(word, mload(add(operand, 0x180)))
                    case 0 {
                        word := mload(add(operand, 0x060))
                    }
                    default {
                        chunk := shr(8, byteAddress)
                        if sub(chunk, mload(add(operand, 0x0e0))) {
                            // The first slot of the table where a chunk that is open may be, as in {WitnessLib}.
                            word := or(shl(24, mload(add(operand, 0x0a0))), chunk)
                            let slot := shr(248, mul(word, or(mload(add(witness, 0x40)), 1)))
                            slot := mload(add(mload(add(witness, 0x80)), shl(5, slot)))
                            if sub(shr(32, slot), word) {
                                closed := 1
                                break
                            }
                            mstore(add(operand, 0x0e0), chunk)
                            mstore(add(operand, 0x100), and(slot, 0xffffffff))
                        }
                        word := calldataload(add(mload(add(operand, 0x100)), and(byteAddress, 0xff)))
                        // As in {load}.
                        switch lt(mload(add(operand, 0x080)), 3)
                        case 0 {
                            word := byte(0, word)
                            if eq(mload(add(operand, 0x080)), 3) {
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
                    mstore(mload(add(operand, 0x040)), word)
                }
            }
            if (general) place(operand, witness);
            else if (closed) _loadFrom(operand, chunk, witness);
            else return;
            assembly {
                operand := mload(add(operand, 0x020))
            }
        }
    }

    /// @notice The element at a calldata position, as a word: four bytes little-endian, or one byte zero-extended (u8)
    /// or sign-extended (i8).
    function load(uint256 position, uint256 dtype) internal pure returns (uint256 word) {
        assembly {
            word := calldataload(position)
            switch lt(dtype, 3)
            case 0 {
                word := byte(0, word)
                if eq(dtype, 3) {
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
    function _loadFrom(uint256 operand, uint256 chunk, Witness memory witness) private pure {
        uint256 position = _openChunk(operand, chunk, witness);
        uint256 dtype;
        assembly {
            position := add(position, and(mload(add(operand, 0x1a0)), 0xff))
            dtype := mload(add(operand, 0x080))
        }
        uint256 word = load(position, dtype);
        assembly {
            mstore(mload(add(operand, 0x040)), word)
        }
    }

    /// @dev Makes a chunk the one that the operand reads. Returns its calldata position.
    function _openChunk(
        uint256 operand,
        uint256 chunk,
        Witness memory witness
    ) private pure returns (uint256 position) {
        uint256 tensor;
        uint256 depth;
        assembly {
            tensor := mload(add(operand, 0x0a0))
            depth := mload(add(operand, 0x0c0))
        }
        position = WitnessLib.chunkPosition(witness, tensor, chunk, depth);
        assembly {
            mstore(add(operand, 0x0e0), chunk)
            mstore(add(operand, 0x100), position)
        }
    }
}
