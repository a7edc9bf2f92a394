// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { IReferee } from "../../interfaces/IReferee.sol";
import { Bits } from "./Bits.sol";

/// @title OpcodeProbe
/// @notice Refuses chains without an opcode that the contracts need. Without it everything deploys and takes money on
/// such a chain, and then no claimant can answer a challenge.
library OpcodeProbe {
    /// @notice For constructors: runs each of the opcodes once. Reverts with {IReferee-OpcodeMissing} if one is unknown.
    /// @dev In a creation that always reverts, because an unknown opcode takes all gas of its call and leaves no data.
    function requireOpcodes() internal {
        bytes memory initCode = Bits.PROBE;
        uint256 answer;
        // try new Probe() reverts with 32 bytes: answer = those bytes
        assembly ("memory-safe") {
            // Init code that succeeds would leave a contract, so it reverts with its answer.
            let created := create(0, add(initCode, 32), mload(initCode))
            if iszero(or(created, xor(returndatasize(), 32))) {
                returndatacopy(0, 0, 32)
                answer := mload(0)
            }
        }
        if (answer != 255) revert IReferee.OpcodeMissing();
    }
}
