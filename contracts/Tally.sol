// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Tally
/// @notice Counts; stands in until the real contracts arrive.
contract Tally {
    /// @notice The count so far.
    uint256 public count;

    /// @notice The count grew.
    /// @param count The new count.
    event Counted(uint256 count);

    /// @notice A step of zero counts nothing.
    error StepIsZero();

    /// @notice Adds `step` to the count.
    /// @param step How much to add.
    function add(uint256 step) external {
        if (step == 0) revert StepIsZero();
        count += step;
        emit Counted(count);
    }
}
