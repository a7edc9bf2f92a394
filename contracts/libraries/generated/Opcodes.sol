// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// @title Opcodes
/// @notice The scalar instruction set. Generated from src/scalar/instructions.ts: change that, then `npm run generate`.
library Opcodes {
    /// @notice Version of the instruction set.
    uint32 internal constant VERSION = 1;
    uint8 internal constant F32_ADD = 1;
    uint8 internal constant F32_SUB = 2;
    uint8 internal constant F32_MUL = 3;
    uint8 internal constant F32_DIV = 4;
    uint8 internal constant F32_SQRT = 5;
    uint8 internal constant F32_MIN = 6;
    uint8 internal constant F32_MAX = 7;
    uint8 internal constant F32_EQ = 8;
    uint8 internal constant F32_LT = 9;
    uint8 internal constant F32_LE = 10;
    uint8 internal constant F32_NEAREST = 11;
    uint8 internal constant F32_FLOOR = 12;
    uint8 internal constant F32_CEIL = 13;
    uint8 internal constant F32_TRUNC = 14;
    uint8 internal constant I32_ADD = 15;
    uint8 internal constant I32_SUB = 16;
    uint8 internal constant I32_MUL = 17;
    uint8 internal constant I32_DIV = 18;
    uint8 internal constant I32_REM = 19;
    uint8 internal constant I32_AND = 20;
    uint8 internal constant I32_OR = 21;
    uint8 internal constant I32_XOR = 22;
    uint8 internal constant I32_SHL = 23;
    uint8 internal constant I32_SHR_S = 24;
    uint8 internal constant I32_SHR_U = 25;
    uint8 internal constant I32_EQ = 26;
    uint8 internal constant I32_LT_S = 27;
    uint8 internal constant I32_LT_U = 28;
    uint8 internal constant F32_FROM_I32 = 29;
    uint8 internal constant I32_FROM_F32 = 30;
    uint8 internal constant SELECT = 31;
    /// @notice The greatest opcode; 0 is none.
    uint8 internal constant LAST = 31;
    /// @notice References that each opcode reads, 2 bits each.
    uint256 internal constant ARITIES = 0x000000000000000000000000000000000000000000000000d6aaaaaa956aa6a8;
    /// @notice Gas bound of opcodes 0..15, 16 bits each.
    uint256 internal constant GAS_LOW = 0x00be01c201c201c201900154015400fa01680168028a0352044c04e204b00000;
    /// @notice Gas bound of opcodes 16..31, 16 bits each.
    uint256 internal constant GAS_HIGH = 0x00dc014a018600b400d200b400be00dc00c800b400b400b400fa00dc00be00be;
}
