// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Batcher
/// @notice Makes many calls in one transaction in its own name. Calldata that repeats is handed over once.
contract Batcher {
    /// @notice Takes what is owed to it.
    receive() external payable {}

    /// @notice Makes several calls.
    /// @param targets What is called.
    /// @param calls With what.
    /// @param valuesWei What each call sends along.
    /// @param counts How many times each call is made.
    function all(
        address[] calldata targets,
        bytes[] calldata calls,
        uint256[] calldata valuesWei,
        uint256[] calldata counts
    ) external payable {
        for (uint256 i = 0; i < calls.length; ++i) {
            bytes memory data = calls[i];
            for (uint256 j = 0; j < counts[i]; ++j) _call(targets[i], data, valuesWei[i]);
        }
    }

    function _call(address to, bytes memory data, uint256 valueWei) private {
        (bool ok, bytes memory result) = to.call{ value: valueWei }(data);
        if (ok) return;
        assembly ("memory-safe") {
            revert(add(result, 32), mload(result))
        }
    }
}
