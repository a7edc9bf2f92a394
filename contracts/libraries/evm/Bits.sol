// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Bits
/// @notice Counts leading zeros with the opcode CLZ (EIP-7939), for chains from Osaka on. Every use of the opcode goes
/// through here, so that {BitsWithoutClz} can stand in for this file on other chains.
library Bits {
    /// @notice Init code that runs MCOPY, TLOAD and CLZ, and reverts with the word 255: see {OpcodeProbe}.
    /// ```
    /// MSTORE(0, CLZ(1))   MCOPY(0, 0, 0)   POP(TLOAD(0))   REVERT(0, 32)
    /// ```
    bytes internal constant PROBE = hex"60011e_600052_6000600060005e_60005c50_60206000fd";

    /// @notice Zeros above the highest bit that is set.
    /// @param x The word.
    /// @return n 0 to 255; 256 for 0.
    function clz(uint256 x) internal pure returns (uint256 n) {
        // n = 256; while x != 0: x >>= 1; --n
        assembly ("memory-safe") {
            n := clz(x)
        }
    }
}
