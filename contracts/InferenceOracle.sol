// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { ERC165, IERC165 } from "@openzeppelin/contracts/utils/introspection/ERC165.sol";
import { IDisputeGame } from "./interfaces/IDisputeGame.sol";
import {
    Claim,
    IInferenceOracle,
    Progress,
    RequestStatus,
    TermBounds
} from "./interfaces/IInferenceOracle.sol";
import { IModelRegistry } from "./interfaces/IModelRegistry.sol";
import { IReferee } from "./interfaces/IReferee.sol";
import { Claims } from "./oracle/Claims.sol";
import { Finality } from "./oracle/Finality.sol";
import { OracleState } from "./oracle/OracleState.sol";
import { Requests } from "./oracle/Requests.sol";
import { Currency } from "./types/Currency.sol";

/// @title InferenceOracle
/// @notice Requests, bonded claims, finality and all money. Knows nothing of how a dispute is played.
///
/// ```
/// request   –        → Open        claim     –    → Open
///           Open     → Answered              Open → Final       window passed or answer proven, no dispute open
///           Open     → Cancelled             Open → Falsified   the game: a dispute
///           Open     → Closed     its requester gives up while claims are open
///           Closed   → Answered   one of them became final
///           Closed   → Cancelled  none did
///
/// fee       of an open request → held or paid, at the answer
///           held     → paid       the first claim of the answer's output that was not falsified is final
///
/// callback  None     → Waiting    the request is answered, its requester has code and ordered gas
///           Waiting  → Done       the first run, paid, succeeded
///           Waiting  → Failed     the first run failed; it was paid nevertheless
///           Failed   → Done       a later run, unpaid, succeeded
/// ```
/// An open request has status None in storage: its hash alone shows that it was made.
///
/// INVARIANT: balance = fees and callback fees of open and closed requests + fees held + callback fees of callbacks never run
/// + bonds of open claims + bonds of open disputes + what is `owed` + what is burned (+ what was forced in). Money leaves only
/// in {withdrawTo}.
///
/// The parts, in `oracle/`: {Requests}, {Claims}, {Finality} with its {Callbacks} and {Fees}, over one {OracleState}.
contract InferenceOracle is Requests, Claims, Finality, ERC165 {
    /// @notice Deploys the game along with the oracle, so that each knows the other for good. Refuses a chain without
    /// the opcodes that both need.
    /// @param registry_ The models.
    /// @param referee_ Recomputes leaves.
    /// @param currency_ An ERC-20 token that moves exactly what it is told, or zero for ether.
    /// @param min Least of each term; bonds, window and clock above zero. The lesser of window and clock is the
    /// censorship that both sides outlast.
    /// @param max Most of each term.
    constructor(
        IModelRegistry registry_,
        IReferee referee_,
        Currency currency_,
        TermBounds memory min,
        TermBounds memory max
    ) OracleState(registry_, referee_, currency_, min, max) {}

    // ---- money out ------------------------------------------------------------------------------------------------

    /// @inheritdoc IInferenceOracle
    function withdraw() external returns (uint256 amountWei) {
        return withdrawTo(payable(msg.sender));
    }

    /// @inheritdoc IInferenceOracle
    function withdrawTo(address payable to) public nonReentrant returns (uint256 amountWei) {
        amountWei = owed[msg.sender];
        if (amountWei == 0) revert NothingOwed(msg.sender);
        owed[msg.sender] = 0;
        emit Withdrawn(msg.sender, to, amountWei);
        CURRENCY.pay(to, amountWei);
    }

    // ---- views ----------------------------------------------------------------------------------------------------

    /// @inheritdoc IInferenceOracle
    function registry() external view returns (IModelRegistry) {
        return REGISTRY;
    }

    /// @inheritdoc IInferenceOracle
    function game() external view returns (IDisputeGame) {
        return GAME;
    }

    /// @inheritdoc IInferenceOracle
    function currency() external view returns (address) {
        return Currency.unwrap(CURRENCY);
    }

    /// @inheritdoc IInferenceOracle
    function bounds() external view returns (TermBounds memory min, TermBounds memory max) {
        min = TermBounds(
            MIN_CLAIM_BOND_WEI,
            MIN_CHALLENGE_BOND_WEI,
            MIN_WINDOW_SECONDS,
            MIN_CLOCK_SECONDS,
            MIN_PATIENCE_SECONDS,
            MIN_CALLBACK_GAS
        );
        max = TermBounds(
            MAX_CLAIM_BOND_WEI,
            MAX_CHALLENGE_BOND_WEI,
            MAX_WINDOW_SECONDS,
            MAX_CLOCK_SECONDS,
            MAX_PATIENCE_SECONDS,
            MAX_CALLBACK_GAS
        );
    }

    /// @inheritdoc IInferenceOracle
    function requestCount() external view returns (uint256) {
        return _nextRequestId - 1;
    }

    /// @inheritdoc IInferenceOracle
    function progress(uint256 requestId) external view returns (Progress memory state) {
        state = _progress[requestId];
        if (state.status == RequestStatus.None && requestHash[requestId] != 0)
            state.status = RequestStatus.Open;
    }

    /// @inheritdoc IInferenceOracle
    function claims(uint256 claimId) external view returns (Claim memory) {
        return _claims[claimId];
    }

    /// @inheritdoc IInferenceOracle
    function isFinal(uint256 requestId) external view returns (bool) {
        return _progress[requestId].status == RequestStatus.Answered;
    }

    /// @inheritdoc IInferenceOracle
    function result(uint256 requestId) external view returns (bytes memory output) {
        Progress memory state = _progress[requestId];
        if (state.status != RequestStatus.Answered) revert NotFinal(requestId);
        if (!state.stored) revert OutputNotStored(requestId);
        return _answers[requestId].read();
    }

    /// @inheritdoc IInferenceOracle
    function isResult(uint256 requestId, bytes32 outputs) external view returns (bool) {
        return _isResult(requestId, outputs);
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return interfaceId == type(IInferenceOracle).interfaceId || super.supportsInterface(interfaceId);
    }
}
