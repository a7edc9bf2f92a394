// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title GasMeter
/// @notice Measures what a call spends, without the transaction around it.
contract GasMeter {
    /// @notice The call reverted.
    error CallFailed(bytes reason);

    /// @notice Gas that a call spends.
    /// @param target Who is called.
    /// @param data With what.
    /// @return gas The gas.
    function spent(address target, bytes calldata data) external view returns (uint256 gas) {
        bytes memory copied = data;
        // The first call to an account costs more.
        (bool warm, ) = target.staticcall("");
        warm;
        gas = gasleft();
        (bool ok, bytes memory reason) = target.staticcall(copied);
        gas -= gasleft();
        if (!ok) revert CallFailed(reason);
    }
}
