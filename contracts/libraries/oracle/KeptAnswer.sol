// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { CodeStorage } from "../evm/CodeStorage.sol";

/// @notice An answer's bytes in one storage slot: themselves if they fit, else where they are.
///
/// ```
/// up to 31 bytes   bits 255..8   the bytes, then zeros            bits 7..0   how many
/// more             bits 167..8   a contract whose code they are   bits 7..0   255
/// ```
type KeptAnswer is bytes32;

using KeptAnswerLib for KeptAnswer global;

/// @title KeptAnswerLib
/// @notice Keeps answers and reads them.
library KeptAnswerLib {
    uint256 private constant MOST_INSIDE = 31;
    uint256 private constant IN_CODE = 255;

    /// @notice Keeps an answer.
    /// @param output Its bytes.
    /// @return The word to store for it.
    function keep(bytes calldata output) internal returns (KeptAnswer) {
        uint256 length = output.length;
        if (length > MOST_INSIDE) {
            uint256 kept = uint160(CodeStorage.write(output));
            return KeptAnswer.wrap(bytes32((kept << 8) | IN_CODE));
        }
        // A conversion to bytes32 pads with zeros.
        return KeptAnswer.wrap(bytes32(output) | bytes32(length));
    }

    /// @notice The answer.
    /// @param self The word that {keep} returned.
    /// @return output Its bytes.
    function read(KeptAnswer self) internal view returns (bytes memory output) {
        uint256 word = uint256(KeptAnswer.unwrap(self));
        uint256 length = word & 0xff;
        if (length == IN_CODE) return CodeStorage.read(address(uint160(word >> 8)));
        output = new bytes(length);
        // output = the first bytes of the word
        assembly ("memory-safe") {
            // The word's other bytes are the padding of the array in memory.
            if length {
                mstore(add(output, 32), and(word, not(0xff)))
            }
        }
    }
}
