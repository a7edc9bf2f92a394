// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Claim, ClaimStatus, IInferenceOracle, Request } from "../interfaces/IInferenceOracle.sol";
import { OracleState } from "./OracleState.sol";

/// @title Fees
/// @notice The fee of an answered request goes to the first claim of its output that was not falsified.
abstract contract Fees is OracleState {
    /// @notice Most claims that one call looks at to find who earned a fee, so that no crowd of claims keeps another from
    /// becoming final.
    uint256 private constant FEE_STEPS = 32;

    /// @inheritdoc IInferenceOracle
    function payFee(uint256 requestId, Request calldata request_, bytes32 outputs) external nonReentrant {
        _requireRequest(requestId, request_);
        if (!_isResult(requestId, outputs)) revert NotResult(requestId, outputs);
        if (!_progress[requestId].feeHeld) revert FeeNotHeld(requestId);
        uint256 awaited = _payFee(requestId, request_.feeWei, outputs);
        if (awaited != 0) revert FeeAwaitsClaim(requestId, awaited);
    }

    /// @notice Credits a fee that is held, or comes closer to the claim that earned it.
    /// RULE: the fee goes to the first claim of the answer's output, by number, that was not falsified, whichever of them
    /// became final first; so a copy gains nothing by being faster.
    /// @param outputs The answer's.
    /// @return awaited The open claim that decides who earned the fee; 0 if it is none.
    function _payFee(uint256 requestId, uint256 feeWei, bytes32 outputs) internal returns (uint256 awaited) {
        uint32 number = _feeFrom[requestId];
        if (number == 0) number = 1;
        // INVARIANT: the claim that answered is final and has this output, so the search ends there at the latest.
        for (uint256 i = 0; i < FEE_STEPS; ++i) {
            uint256 claimId = _idOf(requestId, number);
            Claim storage first = _claims[claimId];
            ClaimStatus status = first.status;
            address claimant = first.claimant;
            if (status == ClaimStatus.Falsified || claimOf(requestId, outputs, claimant) != claimId) {
                ++number;
                continue;
            }
            if (status == ClaimStatus.Open) {
                awaited = claimId;
                break;
            }
            _progress[requestId].feeHeld = false;
            owed[claimant] += feeWei;
            emit FeePaid(requestId, claimId);
            return 0;
        }
        _feeFrom[requestId] = number;
    }
}
