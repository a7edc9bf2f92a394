// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Batcher
/// @notice Makes many calls in one transaction in its own name, as cheaply as anybody could.
contract Batcher {
    /// @notice Takes what is owed to it.
    receive() external payable {}

    /// @notice Makes several calls.
    /// @param targets What is called.
    /// @param calls With what.
    /// @param valuesWei What each call sends along.
    function all(
        address[] calldata targets,
        bytes[] calldata calls,
        uint256[] calldata valuesWei
    ) external payable {
        for (uint256 i = 0; i < calls.length; ++i) _call(targets[i], calls[i], valuesWei[i]);
    }

    function _call(address to, bytes memory data, uint256 valueWei) private {
        (bool ok, bytes memory result) = to.call{ value: valueWei }(data);
        if (ok) return;
        assembly ("memory-safe") {
            revert(add(result, 32), mload(result))
        }
    }
}
