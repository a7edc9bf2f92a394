// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title EtherForcer
/// @notice Sends ether to an account that has no way to receive it.
contract EtherForcer {
    /// @notice Forces the ether sent along into an account.
    /// @param to The account.
    constructor(address payable to) payable {
        selfdestruct(to);
    }
}
