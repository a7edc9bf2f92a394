// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Bits
/// @notice Counts leading zeros in 18 plain operations, for chains without the opcode CLZ. Compiled in the place of
/// Bits.sol (`hardhat.withoutClz.config.ts`), hence the same name.
library Bits {
    /// @notice Init code that runs MCOPY, TLOAD, and reverts with the word 255: see {OpcodeProbe}.
    /// ```
    /// MSTORE(0, 255)   MCOPY(0, 0, 0)   POP(TLOAD(0))   REVERT(0, 32)
    /// ```
    bytes internal constant PROBE = hex"60ff_600052_6000600060005e_60005c50_60206000fd";

    /// @notice Zeros above the highest bit that is set.
    /// @param x The word.
    /// @return n 0 to 255; 256 for 0.
    function clz(uint256 x) internal pure returns (uint256 n) {
        // Binary search for the highest bit (Warren, Hacker's Delight, §5-3); a table answers for the last four bits.
        assembly ("memory-safe") {
            let s := shl(7, lt(0xffffffffffffffffffffffffffffffff, x))
            s := or(s, shl(6, lt(0xffffffffffffffff, shr(s, x))))
            s := or(s, shl(5, lt(0xffffffff, shr(s, x))))
            s := or(s, shl(4, lt(0xffff, shr(s, x))))
            s := or(s, shl(3, lt(0xff, shr(s, x))))
            s := or(s, shl(2, lt(0xf, shr(s, x))))
            s := or(s, byte(shr(s, x), 0x0000010102020202030303030303030300000000000000000000000000000000))
            n := add(sub(255, s), iszero(x))
        }
    }
}
