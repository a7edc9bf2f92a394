// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// @title CodeStorage
/// @notice Keeps bytes as the code of a contract that does nothing. That takes 32,000 gas and 200 for each byte; storage takes
/// 22,100 for each 32 bytes. Known as SSTORE2 (0xsequence, Solady).
library CodeStorage {
    /// @notice Most bytes that one contract's code holds: EIP-170, less the STOP in front.
    uint256 internal constant MAX_BYTES = 24_575;

    /// @notice Init code that returns what follows it, then STOP: so the code does nothing when it is called, and does not start
    /// with 0xef, which no code may (EIP-3541).
    /// ```
    /// PUSH1 11   SUB from CODESIZE   CODECOPY(0, 11, all the rest)   RETURN(0, all the rest)   |   STOP
    /// ```
    bytes12 private constant HEAD = hex"600b5981380380925939f3_00";
    /// @notice Bytes of {HEAD}.
    uint256 private constant HEAD_BYTES = 12;

    /// @notice No contract was created: there are too many bytes, or too little gas. Nothing has changed.
    /// @param length Bytes given.
    error BytesNotKept(uint256 length);

    /// @notice Keeps bytes.
    /// @param data At most {MAX_BYTES}.
    /// @return kept The contract whose code they are.
    function write(bytes calldata data) internal returns (address kept) {
        // kept = create(abi.encodePacked(HEAD, data))
        assembly ("memory-safe") {
            let p := mload(0x40)
            mstore(p, HEAD)
            calldatacopy(add(p, HEAD_BYTES), data.offset, data.length)
            kept := create(0, p, add(data.length, HEAD_BYTES))
        }
        if (kept == address(0)) revert BytesNotKept(data.length);
    }

    /// @notice All bytes kept.
    /// @param kept The contract that {write} returned.
    /// @return data The bytes.
    function read(address kept) internal view returns (bytes memory data) {
        return read(kept, 0, kept.code.length - 1);
    }

    /// @notice Some of the bytes kept.
    /// @param kept The contract that {write} returned.
    /// @param from The first of them.
    /// @param to The one behind the last, at most as many as there are.
    /// @return data The bytes.
    function read(address kept, uint256 from, uint256 to) internal view returns (bytes memory data) {
        data = new bytes(to - from);
        // data = kept.code[from + 1:to + 1]
        assembly ("memory-safe") {
            extcodecopy(kept, add(data, 32), add(from, 1), sub(to, from))
        }
    }
}
