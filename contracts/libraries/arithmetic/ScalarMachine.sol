// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Float32 } from "./Float32.sol";

/// @title ScalarMachine
/// @notice Runs straight-line scalar code over slots in memory. Twin of `src/scalar/machine.ts`.
///
/// A slot is one memory word that holds a 32-bit word, upper bits zero; slot i lies at `slots + 32 * i`. Code is
/// decoded once, to one memory word an instruction, because a fold runs it many times:
/// ```
/// bits 255..240  memory address of the slot that it reads as a
///       63..48   … as c
///       47..32   … as b
///       31..0    the instruction's function pointer
/// ```
/// Slots therefore lie below 2^16 (see {LoopNest}). A function takes the words a and b and the decoded instruction,
/// from which the one that reads c gets it.
library ScalarMachine {
    /// @notice The byte is no instruction.
    error OpcodeUnknown(uint256 opcode);

    /// @notice The function of each opcode from 1 on, in the order of `src/scalar/instructions.ts`.
    /// @return table Memory address of the function pointers, 32 bytes each.
    function instructions() internal pure returns (uint256 table) {
        function(uint256, uint256, uint256) pure returns (uint256)[31] memory functions = [
            Float32.add,
            Float32.sub,
            Float32.mul,
            Float32.div,
            Float32.sqrt,
            Float32.min,
            Float32.max,
            Float32.eq,
            Float32.lt,
            Float32.le,
            Float32.nearest,
            Float32.floor,
            Float32.ceil,
            Float32.trunc,
            _i32Add,
            _i32Sub,
            _i32Mul,
            _i32Div,
            _i32Rem,
            _i32And,
            _i32Or,
            _i32Xor,
            _i32Shl,
            _i32ShrS,
            _i32ShrU,
            _i32Eq,
            _i32LtS,
            _i32LtU,
            Float32.fromI32,
            Float32.toI32,
            _select
        ];
        // table = the address of functions
        assembly ("memory-safe") {
            table := functions
        }
    }

    /// @notice Decodes `count` instructions of four bytes (opcode, a, b, c).
    /// @param table Address of {instructions}.
    /// @param encoded calldata position of the first instruction
    /// @param slots memory address of slot 0, below 2^16 - 2^13
    /// @return code memory address of the decoded instructions
    function decode(
        uint256 table,
        uint256 encoded,
        uint256 count,
        uint256 slots
    ) internal pure returns (uint256 code) {
        uint256 unknown;
        // code = allocate(32 * count)
        // for each instruction (opcode, a, b, c):
        //   if opcode is not in the table: unknown = opcode + 256
        //   its word = address of slot a << 240 | address of slot c << 48 | address of slot b << 32 | table[opcode - 1]
        assembly ("memory-safe") {
            code := mload(0x40)
            mstore(0x40, add(code, shl(5, count)))
            let to := code
            for {
                let end := add(encoded, shl(2, count))
            } lt(encoded, end) {
                encoded := add(encoded, 4)
            } {
                let word := calldataload(encoded)
                let opcode := byte(0, word)
                // LAST - 1
                if gt(sub(opcode, 1), 30) {
                    unknown := add(opcode, 256)
                }
                // The three addresses and the function pointer; an unknown opcode is refused below.
                let references := or(
                    shl(245, byte(1, word)),
                    or(shl(37, byte(2, word)), shl(53, byte(3, word)))
                )
                references := add(references, or(shl(240, slots), mul(slots, 0x1000100000000)))
                mstore(to, or(mload(add(table, shl(5, and(sub(opcode, 1), 31)))), references))
                to := add(to, 32)
            }
        }
        if (unknown != 0) revert OpcodeUnknown(unknown - 256);
    }

    /// @notice Runs decoded code, at least one instruction; the result of the one at `code + 32 * i` goes to
    /// `code + 32 * i + toResult`.
    /// @param code {decode}
    /// @param end where the code ends
    /// @param toResult memory address of the first result's slot, less that of the code, modulo 2^256
    function run(uint256 code, uint256 end, uint256 toResult) internal pure {
        unchecked {
            function(uint256, uint256, uint256) pure returns (uint256) f;
            uint256 a;
            uint256 b;
            do {
                // f = the word at code; (a, b) = the words in the slots that it names
                assembly ("memory-safe") {
                    f := mload(code)
                    a := mload(shr(240, f))
                    b := mload(and(shr(32, f), 0xffff))
                }
                uint256 instruction;
                // instruction = f, as a number; a call through f takes the pointer's bits only
                assembly ("memory-safe") {
                    instruction := f
                }
                uint256 result = f(a, b, instruction);
                // the slot at code + toResult = result; code += 32
                assembly ("memory-safe") {
                    mstore(add(code, toResult), result)
                    code := add(code, 32)
                }
            } while (code != end);
        }
    }

    function _i32Add(uint256 a, uint256 b, uint256) private pure returns (uint256) {
        unchecked {
            return (a + b) & 0xffffffff;
        }
    }

    function _i32Sub(uint256 a, uint256 b, uint256) private pure returns (uint256) {
        unchecked {
            return (a - b) & 0xffffffff;
        }
    }

    function _i32Mul(uint256 a, uint256 b, uint256) private pure returns (uint256) {
        unchecked {
            return (a * b) & 0xffffffff;
        }
    }

    /// @dev Truncates; x / 0 = 0 (as in the EVM), and -2^31 / -1 wraps to -2^31.
    function _i32Div(uint256 a, uint256 b, uint256) private pure returns (uint256 r) {
        // r = b == 0 ? 0 : uint32(int32(a) / int32(b))
        assembly ("memory-safe") {
            r := and(sdiv(signextend(3, a), signextend(3, b)), 0xffffffff)
        }
    }

    /// @dev The remainder has the dividend's sign; x rem 0 = x, where the EVM says 0.
    function _i32Rem(uint256 a, uint256 b, uint256) private pure returns (uint256 r) {
        // r = b == 0 ? a : uint32(int32(a) % int32(b))
        assembly ("memory-safe") {
            r := or(and(smod(signextend(3, a), signextend(3, b)), 0xffffffff), mul(a, iszero(b)))
        }
    }

    function _i32And(uint256 a, uint256 b, uint256) private pure returns (uint256) {
        return a & b;
    }

    function _i32Or(uint256 a, uint256 b, uint256) private pure returns (uint256) {
        return a | b;
    }

    function _i32Xor(uint256 a, uint256 b, uint256) private pure returns (uint256) {
        return a ^ b;
    }

    /// @dev Shift distances are taken modulo 32.
    function _i32Shl(uint256 a, uint256 b, uint256) private pure returns (uint256) {
        return (a << (b & 31)) & 0xffffffff;
    }

    function _i32ShrS(uint256 a, uint256 b, uint256) private pure returns (uint256 r) {
        // r = uint32(int32(a) >> (b & 31))
        assembly ("memory-safe") {
            r := and(sar(and(b, 31), signextend(3, a)), 0xffffffff)
        }
    }

    function _i32ShrU(uint256 a, uint256 b, uint256) private pure returns (uint256) {
        return a >> (b & 31);
    }

    function _i32Eq(uint256 a, uint256 b, uint256) private pure returns (uint256 r) {
        // r = a == b ? 1 : 0
        assembly ("memory-safe") {
            r := eq(a, b)
        }
    }

    function _i32LtS(uint256 a, uint256 b, uint256) private pure returns (uint256 r) {
        // r = int32(a) < int32(b) ? 1 : 0
        assembly ("memory-safe") {
            r := slt(signextend(3, a), signextend(3, b))
        }
    }

    function _i32LtU(uint256 a, uint256 b, uint256) private pure returns (uint256 r) {
        // r = a < b ? 1 : 0
        assembly ("memory-safe") {
            r := lt(a, b)
        }
    }

    function _select(uint256 a, uint256 b, uint256 instruction) private pure returns (uint256 r) {
        // r = a != 0 ? b : slots[c]
        assembly ("memory-safe") {
            r := b
            if iszero(a) {
                r := mload(and(shr(48, instruction), 0xffff))
            }
        }
    }
}
