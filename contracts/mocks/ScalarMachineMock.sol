// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { ScalarMachine } from "../libraries/arithmetic/ScalarMachine.sol";

/// @title ScalarMachineMock
/// @notice Gives tests the scalar machine, one instruction over many operands at a time.
contract ScalarMachineMock {
    /// @notice The results of one instruction, packed in 4 bytes each.
    /// @param instruction opcode, a, b, c: slots 0, 1 and 2 hold a row's three words, slot 3 its result
    /// @param rows three big-endian words of 4 bytes for each application
    function map(
        bytes calldata instruction,
        bytes calldata rows
    ) external pure returns (bytes memory results) {
        (uint256 slots, uint256 code) = _prepare(instruction);
        results = new bytes((rows.length / 12) * 4);
        uint256 from;
        uint256 end;
        uint256 to;
        assembly ("memory-safe") {
            from := rows.offset
            end := add(from, rows.length)
            to := add(results, 32)
        }
        while (from < end) {
            _load(from, slots);
            ScalarMachine.run(code, code + 32, _toResult(slots, code));
            assembly ("memory-safe") {
                // Four bytes of result, and zeroes after them that the next ones overwrite.
                mstore(to, shl(224, mload(add(slots, 96))))
                to := add(to, 4)
                from := add(from, 12)
            }
        }
        // The zeroes after the last ones lie in memory that is free again.
        assembly ("memory-safe") {
            mstore(0x40, add(to, 64))
        }
    }

    /// @notice The most and the total gas that applications of one instruction took, dispatch included: what a second
    /// and a third one after the first add, halved.
    /// @param instruction the same one three times
    function measure(
        bytes calldata instruction,
        bytes calldata rows
    ) external view returns (uint256 most, uint256 total, uint256 worst) {
        (uint256 slots, uint256 code) = _prepare(instruction);
        uint256 count = rows.length / 12;
        for (uint256 i = 0; i < count; i++) {
            uint256 from;
            assembly ("memory-safe") {
                from := add(rows.offset, mul(i, 12))
            }
            _load(from, slots);
            uint256 one = gasleft();
            ScalarMachine.run(code, code + 32, _toResult(slots, code));
            one -= gasleft();
            uint256 three = gasleft();
            ScalarMachine.run(code, code + 96, _toResult(slots, code));
            three -= gasleft();
            uint256 spent = (three - one) / 2;
            total += spent;
            if (spent > most) (most, worst) = (spent, i);
        }
    }

    function _prepare(bytes calldata instructions) private pure returns (uint256 slots, uint256 code) {
        uint256 encoded;
        assembly ("memory-safe") {
            slots := mload(0x40)
            mstore(0x40, add(slots, 192))
            encoded := instructions.offset
        }
        code = ScalarMachine.decode(ScalarMachine.instructions(), encoded, instructions.length / 4, slots);
    }

    /// @dev From the code to slot 3.
    function _toResult(uint256 slots, uint256 code) private pure returns (uint256) {
        unchecked {
            return slots + 96 - code;
        }
    }

    /// @dev A row's three words into slots 0, 1 and 2.
    function _load(uint256 row, uint256 slots) private pure {
        assembly ("memory-safe") {
            row := calldataload(row)
            mstore(slots, shr(224, row))
            mstore(add(slots, 32), and(shr(192, row), 0xffffffff))
            mstore(add(slots, 64), and(shr(160, row), 0xffffffff))
        }
    }
}
