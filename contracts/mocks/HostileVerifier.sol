// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { IProofVerifier } from "../interfaces/IProofVerifier.sol";

/// @title HostileVerifier
/// @notice A verifier that does whatever a test says.
contract HostileVerifier is IProofVerifier {
    /// @notice What the verifier does.
    enum Mood {
        Yes,
        No,
        Revert,
        BurnGas,
        ReturnBomb,
        ReturnTwo,
        ReturnNothing,
        Reenter,
        Write
    }

    /// @notice What the verifier does.
    Mood public mood;
    /// @notice What it calls.
    address public target;
    /// @notice With what.
    bytes public payload;

    /// @notice Why it reverts.
    error Moody();

    /// @notice Sets what happens.
    /// @param mood_ What the verifier does.
    /// @param target_ What it calls, if it reenters.
    /// @param payload_ With what.
    function plan(Mood mood_, address target_, bytes calldata payload_) external {
        (mood, target, payload) = (mood_, target_, payload_);
    }

    /// @notice Writes to this contract, as no verifier may.
    function write() external {
        payload = "";
    }

    /// @inheritdoc IProofVerifier
    function verify(bytes32, bytes32, bytes calldata, bytes calldata) external view returns (bool) {
        if (mood == Mood.No) return false;
        if (mood == Mood.Revert) revert Moody();
        if (mood == Mood.BurnGas) {
            while (true) {}
        }
        if (mood == Mood.ReturnBomb) {
            assembly ("memory-safe") {
                return(0, 200000)
            }
        }
        if (mood == Mood.ReturnTwo) {
            assembly ("memory-safe") {
                mstore(0, 2)
                return(0, 32)
            }
        }
        if (mood == Mood.ReturnNothing) {
            assembly ("memory-safe") {
                return(0, 0)
            }
        }
        if (mood == Mood.Reenter) {
            (bool ok, ) = target.staticcall(payload);
            return ok;
        }
        if (mood == Mood.Write) {
            (bool ok, ) = address(this).staticcall(abi.encodeCall(this.write, ()));
            return ok;
        }
        return true;
    }

    /// @inheritdoc IProofVerifier
    function proofSystem() external pure returns (string memory) {
        return "test/hostile";
    }

    /// @inheritdoc IProofVerifier
    function proofProfile() external pure returns (bytes32) {
        return 0;
    }
}
