// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { NodeKind } from "../../interfaces/IReferee.sol";

/// @notice The first 32 bytes of a node's descriptor; see `src/program/codec.ts` for the whole of it.
///
/// ```
/// byte 0 kind    1 dtype        2 rank         3 fold rank    4 operands   5 constants
///      6 step length  7 step result  8 post length  9 post result
///      10..13 grain   14..17 init    18..21 slot    22 checkpoint  23..31 zero
/// ```
type Header is uint256;

using NodeLib for Header global;

/// @title NodeLib
/// @notice Fields of a node's descriptor in calldata. Twin of `src/program/codec.ts` and `node.ts`. Nothing here checks
/// that a descriptor is well-formed, or that it goes on as long as its header says: that is {NodeRules}.
library NodeLib {
    uint256 internal constant HEADER_BYTES = 32;

    uint256 internal constant F32 = 1;
    uint256 internal constant I32 = 2;
    uint256 internal constant I8 = 3;
    uint256 internal constant U8 = 4;

    /// @notice Bits of an operand's `uses`: which of the loop's programs read it.
    uint256 internal constant USED_BY_STEP = 1;
    uint256 internal constant USED_BY_POST = 2;

    /// @notice Bytes of an operand before its dimensions: u32 node, u8 dtype, u8 rank, u8 uses, u32 fill.
    uint256 internal constant OPERAND_BYTES = 11;

    /// @notice Modes of a coordinate.
    uint256 internal constant AFFINE = 0;
    uint256 internal constant AFFINE_EXACT = 1;
    uint256 internal constant GATHERED = 2;

    /// @notice Bytes of a gathered dimension: u32 extent, u8 mode, u8 operand.
    uint256 internal constant GATHERED_BYTES = 6;
    /// @notice Bytes of an affine dimension before its terms: u32 extent, u8 mode, u8 terms, i32 offset, u32 divisor.
    uint256 internal constant AFFINE_BYTES = 14;
    /// @notice Bytes of a term: u8 index, i32 coefficient.
    uint256 internal constant TERM_BYTES = 5;

    /// @notice Where a descriptor starts in calldata.
    function start(bytes calldata descriptor) internal pure returns (uint256 position) {
        // position = where descriptor[0] is in msg.data
        assembly ("memory-safe") {
            position := descriptor.offset
        }
    }

    /// @notice The header of a descriptor.
    function header(bytes calldata descriptor) internal pure returns (Header) {
        return Header.wrap(word(start(descriptor)));
    }

    function kind(Header self) internal pure returns (NodeKind) {
        uint256 first = byteAt(Header.unwrap(self), 0);
        return first > uint256(NodeKind.Loop) ? NodeKind.None : NodeKind(first);
    }

    function dtype(Header self) internal pure returns (uint256) {
        return byteAt(Header.unwrap(self), 1);
    }

    function rank(Header self) internal pure returns (uint256) {
        return byteAt(Header.unwrap(self), 2);
    }

    function foldRank(Header self) internal pure returns (uint256) {
        return byteAt(Header.unwrap(self), 3);
    }

    function operands(Header self) internal pure returns (uint256) {
        return byteAt(Header.unwrap(self), 4);
    }

    function constants(Header self) internal pure returns (uint256) {
        return byteAt(Header.unwrap(self), 5);
    }

    function stepLength(Header self) internal pure returns (uint256) {
        return byteAt(Header.unwrap(self), 6);
    }

    function stepResult(Header self) internal pure returns (uint256) {
        return byteAt(Header.unwrap(self), 7);
    }

    function postLength(Header self) internal pure returns (uint256) {
        return byteAt(Header.unwrap(self), 8);
    }

    function postResult(Header self) internal pure returns (uint256) {
        return byteAt(Header.unwrap(self), 9);
    }

    function grain(Header self) internal pure returns (uint256) {
        return (Header.unwrap(self) >> 144) & 0xffffffff;
    }

    function init(Header self) internal pure returns (uint256) {
        return (Header.unwrap(self) >> 112) & 0xffffffff;
    }

    function slot(Header self) internal pure returns (uint256) {
        return (Header.unwrap(self) >> 80) & 0xffffffff;
    }

    function checkpoint(Header self) internal pure returns (bool) {
        return byteAt(Header.unwrap(self), 22) != 0;
    }

    /// @notice First slot of each group of a loop's slots, slot 0 being the accumulator. Twin of `slotsOf`.
    function operandSlot(Header self) internal pure returns (uint256) {
        return 1 + constants(self);
    }

    function indexSlot(Header self) internal pure returns (uint256) {
        return operandSlot(self) + operands(self);
    }

    function resultSlot(Header self) internal pure returns (uint256) {
        return indexSlot(self) + rank(self) + foldRank(self);
    }

    /// @notice log2 of an element's bytes.
    function elementShift(uint256 dtype_) internal pure returns (uint256) {
        return dtype_ < I8 ? 2 : 0;
    }

    /// @notice The product of `count` u32 extents in calldata. Does not overflow for 8 of them.
    function product(uint256 position, uint256 count) internal pure returns (uint256 size) {
        unchecked {
            size = 1;
            for (; count != 0; --count) {
                size *= u32(position);
                position += 4;
            }
        }
    }

    /// @notice Bytes of a dimension, its terms included.
    function dimensionBytes(uint256 position) internal pure returns (uint256) {
        uint256 fields = word(position);
        unchecked {
            return
                byteAt(fields, 4) == GATHERED
                    ? GATHERED_BYTES
                    : AFFINE_BYTES + TERM_BYTES * byteAt(fields, 5);
        }
    }

    /// @notice Bytes of an operand, its dimensions included.
    function operandBytes(uint256 position) internal pure returns (uint256) {
        unchecked {
            uint256 end = position + OPERAND_BYTES;
            for (uint256 left = byteAt(word(position), 5); left != 0; --left) end += dimensionBytes(end);
            return end - position;
        }
    }

    /// @notice Where a loop's operands start in calldata.
    function operandsStart(bytes calldata descriptor) internal pure returns (uint256) {
        Header h = header(descriptor);
        unchecked {
            uint256 words = h.rank() + h.foldRank() + h.constants() + h.stepLength() + h.postLength();
            return start(descriptor) + HEADER_BYTES + 4 * words;
        }
    }

    /// @notice 32 bytes of calldata, big-endian; zeros beyond its end.
    function word(uint256 position) internal pure returns (uint256 w) {
        // w = uint256(bytes32(msg.data[position:]))
        assembly ("memory-safe") {
            w := calldataload(position)
        }
    }

    /// @notice Four bytes of calldata, big-endian.
    function u32(uint256 position) internal pure returns (uint256 w) {
        // w = uint32(bytes4(msg.data[position:]))
        assembly ("memory-safe") {
            w := shr(224, calldataload(position))
        }
    }

    /// @notice One byte of calldata.
    function u8(uint256 position) internal pure returns (uint256 w) {
        // w = uint8(msg.data[position])
        assembly ("memory-safe") {
            w := byte(0, calldataload(position))
        }
    }

    /// @notice Four bytes of calldata, big-endian, sign-extended.
    function i32(uint256 position) internal pure returns (int256 w) {
        // w = int32(uint32(bytes4(msg.data[position:])))
        assembly ("memory-safe") {
            w := sar(224, calldataload(position))
        }
    }

    /// @notice Byte `i` of a word, counted from the most significant.
    function byteAt(uint256 w, uint256 i) internal pure returns (uint256 b) {
        // b = uint8(bytes32(w)[i])
        assembly ("memory-safe") {
            b := byte(i, w)
        }
    }
}
