// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Request } from "../../interfaces/IInferenceOracle.sol";

/// @title RequestLib
/// @notice Hash under which the oracle keeps a request.
library RequestLib {
    /// @notice Bytes of an encoded request: 5 words and the 10 of its terms.
    uint256 private constant ENCODED_BYTES = 480;

    /// @notice Equivalent to keccak256(abi.encode(request)).
    /// @dev The struct has no dynamic part, so calldata holds it as abi.encode would write it. Bits outside of a field's
    /// type are hashed too and make the hash another one.
    /// @param request The request.
    /// @return digest The hash.
    function hash(Request calldata request) internal pure returns (bytes32 digest) {
        assembly ("memory-safe") {
            let p := mload(0x40)
            calldatacopy(p, request, ENCODED_BYTES)
            digest := keccak256(p, ENCODED_BYTES)
        }
    }
}
