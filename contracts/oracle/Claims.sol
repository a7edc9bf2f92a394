// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Claim, ClaimStatus, IInferenceOracle, Progress, Request } from "../interfaces/IInferenceOracle.sol";
import { Limits } from "../libraries/generated/Limits.sol";
import { OracleState } from "./OracleState.sol";

/// @title Claims
/// @notice Claims are made under a bond and challenged under another one; the game reports how disputes ended.
abstract contract Claims is OracleState {
    /// @notice Gas repaid for an overtaken dispute: less than the cheapest way to open one, some 31,000, many in one
    /// transaction by a contract, all refunds taken off. With more, a cheat would get burned ether back by overtaking itself.
    uint256 public constant REPAID_GAS = 30_000;

    modifier onlyGame() {
        if (msg.sender != address(GAME)) revert NotGame(msg.sender);
        _;
    }

    /// @inheritdoc IInferenceOracle
    function claim(
        uint256 requestId,
        Request calldata request_,
        bytes calldata output
    ) external payable nonReentrant returns (uint256 claimId) {
        // RULE: what is claimed can be made final, so it fits the transactions that must carry it again.
        if (output.length > Limits.MAX_DATA_BYTES) {
            revert AnswerTooLong(output.length, Limits.MAX_DATA_BYTES);
        }
        _requireRequest(requestId, request_);
        bytes32 outputs = REGISTRY.commitOutput(request_.modelId, output);
        claimId = _claim(requestId, request_, outputs, _digest(output), false);
        emit Claimed(claimId, msg.sender, outputs, output);
    }

    /// @inheritdoc IInferenceOracle
    function claimByRoot(
        uint256 requestId,
        Request calldata request_,
        bytes32[] calldata outputRoots,
        string calldata uri
    ) external payable nonReentrant returns (uint256 claimId) {
        _requireRequest(requestId, request_);
        bytes32 outputs = REGISTRY.commitOutputRoots(request_.modelId, outputRoots);
        claimId = _claim(requestId, request_, outputs, 0, true);
        emit ClaimedByRoot(claimId, msg.sender, outputs, outputRoots, uri);
    }

    /// @inheritdoc IInferenceOracle
    function challenge(
        uint256 claimId,
        Request calldata request_,
        bytes32 outputs
    ) external payable nonReentrant returns (uint256 disputeId) {
        _requireRequest(claimId >> 32, request_);
        Claim storage challenged = _openClaim(claimId);
        _requireOutputs(claimId, challenged.claimant, outputs);
        uint256 last = uint256(challenged.claimedAt) + request_.terms.windowSeconds;
        if (block.timestamp > last) revert WindowPassed(claimId, last);
        CURRENCY.take(request_.terms.challengeBondWei);
        ++challenged.openDisputes;
        disputeId = GAME.open(
            challenged.claimant,
            uint96(claimId),
            msg.sender,
            request_.modelId,
            keccak256(abi.encode(requestHash[claimId >> 32], outputs)),
            request_.terms.clockSeconds,
            request_.terms.claimBondWei,
            request_.terms.challengeBondWei
        );
    }

    // ---- outcomes, reported by the game ---------------------------------------------------------------------------

    /// @inheritdoc IInferenceOracle
    function falsifyByDispute(
        uint256 claimId,
        address challenger,
        uint256 claimBondWei,
        uint256 challengeBondWei
    ) external onlyGame nonReentrant {
        --_claims[claimId].openDisputes;
        _falsify(claimId, challenger, claimBondWei, challengeBondWei);
    }

    /// @inheritdoc IInferenceOracle
    function failChallenge(uint256 claimId, uint256 challengeBondWei) external onlyGame nonReentrant {
        Claim storage defended = _openClaim(claimId);
        --defended.openDisputes;
        owed[defended.claimant] += challengeBondWei;
    }

    /// @inheritdoc IInferenceOracle
    function returnChallenge(
        uint256 claimId,
        address challenger,
        uint256 challengeBondWei,
        uint256 baseFeeAtOpenWei
    ) external onlyGame nonReentrant {
        Claim storage falsified = _claims[claimId];
        if (falsified.status != ClaimStatus.Falsified) revert ClaimNotFalsified(claimId, falsified.status);
        --falsified.openDisputes;
        owed[challenger] += challengeBondWei + _repay(claimId, challenger, baseFeeAtOpenWei);
    }

    // ---- what these do --------------------------------------------------------------------------------------------

    function _claim(
        uint256 requestId,
        Request calldata request_,
        bytes32 outputs,
        bytes28 digest,
        bool byRoot
    ) private returns (uint256 claimId) {
        _requireForm(requestId, request_, byRoot);
        address provider = request_.terms.provider;
        if (provider != address(0) && provider != msg.sender) {
            revert NotProvider(requestId, provider, msg.sender);
        }
        Progress storage state = _progress[requestId];
        _requireOpen(requestId, state.status);
        // A copy that is lost on purpose must not delay the right answer, so others may claim the same.
        uint256 earlier = claimOf(requestId, outputs, msg.sender);
        if (earlier != 0 && _claims[earlier].status != ClaimStatus.Falsified) {
            revert OutputAlreadyClaimed(earlier);
        }
        CURRENCY.take(request_.terms.claimBondWei);
        uint32 number = ++state.claims;
        ++state.openClaims;
        claimId = _idOf(requestId, number);
        _supplied[requestId][outputs][msg.sender] = Supplied(number, digest);
        _claims[claimId] = Claim(msg.sender, uint40(block.timestamp), 0, ClaimStatus.Open);
    }

    function _falsify(
        uint256 claimId,
        address winner,
        uint256 claimBondWei,
        uint256 challengeBondWei
    ) private {
        _openClaim(claimId).status = ClaimStatus.Falsified;
        uint256 rewardWei = _reward(claimBondWei);
        uint256 burnedWei = claimBondWei - rewardWei;
        Progress storage state = _progress[claimId >> 32];
        --state.openClaims;
        state.burnedWei += uint128(burnedWei);
        owed[winner] += rewardWei + challengeBondWei;
        emit ClaimFalsified(claimId, winner, rewardWei, burnedWei);
    }

    /// @notice Takes an overtaken challenger's gas out of what is burned, while that lasts. A token has no price here, so
    /// there only ether is repaid.
    /// @dev Not by the base fee of this block: nodes estimate gas with a base fee of zero, so a transaction whose gas depends
    /// on it would run out.
    /// @return repaidWei Amount to credit.
    function _repay(
        uint256 claimId,
        address challenger,
        uint256 baseFeeAtOpenWei
    ) private returns (uint256 repaidWei) {
        if (!CURRENCY.isEther()) return 0;
        Progress storage state = _progress[claimId >> 32];
        repaidWei = REPAID_GAS * baseFeeAtOpenWei;
        uint256 burnedWei = state.burnedWei;
        if (repaidWei > burnedWei) repaidWei = burnedWei;
        if (repaidWei == 0) return 0;
        state.burnedWei = uint128(burnedWei - repaidWei);
        emit GasRepaid(claimId, challenger, repaidWei);
    }
}
