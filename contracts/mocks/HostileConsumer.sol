// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { IInferenceConsumer } from "../interfaces/IInferenceConsumer.sol";
import { IInferenceOracle, Terms } from "../interfaces/IInferenceOracle.sol";
import { IInferenceRootConsumer } from "../interfaces/IInferenceRootConsumer.sol";

/// @title HostileConsumer
/// @notice A requester whose callback and whose receipt of ether do whatever a test says.
contract HostileConsumer is IInferenceConsumer, IInferenceRootConsumer {
    /// @notice What the callback does.
    enum Mood {
        Accept,
        Revert,
        BurnGas,
        ReturnBomb,
        Reenter
    }

    /// @notice What the callback does.
    Mood public mood;
    /// @notice Whether ether that is sent here is refused.
    bool public refusesEther;
    /// @notice What the callback and the receipt of ether call.
    address public target;
    /// @notice With what.
    bytes public payload;
    /// @notice Whether that call succeeded; set by a callback that itself succeeds.
    bool public reentered;
    /// @notice What that call returned or reverted with.
    bytes public returned;
    /// @notice Callbacks that ran to their end.
    uint256 public calls;
    /// @notice Roots of the last callback by root.
    bytes32[] public roots;
    /// @notice Gas that the last callback found.
    uint256 public gasSeen;

    /// @notice Why the callback reverts.
    error Moody();
    /// @notice Why ether is refused.
    error NoEther();

    /// @notice Refuses ether, or tries to reenter on it.
    receive() external payable {
        _onEther();
    }

    /// @notice Sets what happens.
    /// @param mood_ What the callback does.
    /// @param refusesEther_ Whether ether is refused.
    /// @param target_ What is called back.
    /// @param payload_ With what.
    function plan(Mood mood_, bool refusesEther_, address target_, bytes calldata payload_) external {
        mood = mood_;
        refusesEther = refusesEther_;
        target = target_;
        payload = payload_;
    }

    /// @notice Asks the oracle.
    /// @param oracle The oracle.
    /// @param modelId The model.
    /// @param input The input.
    /// @param terms The terms.
    /// @param feeWei The fee.
    function ask(
        IInferenceOracle oracle,
        bytes32 modelId,
        bytes calldata input,
        Terms calldata terms,
        uint96 feeWei
    ) external payable {
        oracle.request{ value: msg.value }(modelId, input, terms, feeWei);
    }

    /// @notice Makes any call in this contract's name.
    /// @param to What is called.
    /// @param data With what.
    function act(address to, bytes calldata data) external payable {
        (bool ok, bytes memory result) = to.call{ value: msg.value }(data);
        if (ok) return;
        assembly ("memory-safe") {
            revert(add(result, 32), mload(result))
        }
    }

    /// @inheritdoc IInferenceConsumer
    function onInference(uint256, bytes calldata) external {
        _onCallback();
    }

    /// @inheritdoc IInferenceRootConsumer
    function onInferenceRoots(uint256, bytes32[] calldata outputRoots) external {
        roots = outputRoots;
        _onCallback();
    }

    function _onCallback() private {
        gasSeen = gasleft();
        if (mood == Mood.Revert) revert Moody();
        if (mood == Mood.BurnGas) {
            while (true) {}
        }
        if (mood == Mood.ReturnBomb) {
            assembly ("memory-safe") {
                revert(0, 20000)
            }
        }
        if (mood == Mood.Reenter) _reenter();
        ++calls;
    }

    function _onEther() private {
        if (refusesEther) revert NoEther();
        if (payload.length != 0) _reenter();
    }

    function _reenter() private {
        (reentered, returned) = target.call(payload);
    }
}
