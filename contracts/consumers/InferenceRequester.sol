// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import { IERC20 } from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import { SafeERC20 } from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import { ERC165 } from "@openzeppelin/contracts/utils/introspection/ERC165.sol";
import { IInferenceOracle, Request, Terms } from "../interfaces/IInferenceOracle.sol";
import { Currency } from "../types/Currency.sol";

/// @title InferenceRequester
/// @notice Base of a contract that asks for inferences: its oracle, its terms, and what it pays.
/// @dev Terms are fixed at deployment. Whoever could choose them for a question could name a bond that nobody puts up
/// against it, a window that nobody can keep, or a verifier of its own, and so make a false answer final.
abstract contract InferenceRequester is ERC165 {
    using SafeERC20 for IERC20;

    IInferenceOracle private immutable ORACLE;
    Currency private immutable CURRENCY;

    uint96 private immutable CLAIM_BOND_WEI;
    uint96 private immutable CHALLENGE_BOND_WEI;
    uint32 private immutable WINDOW_SECONDS;
    uint32 private immutable CLOCK_SECONDS;
    uint32 private immutable PATIENCE_SECONDS;
    uint32 private immutable CALLBACK_GAS;
    uint96 private immutable CALLBACK_FEE_WEI;
    bool private immutable ANSWER_BY_ROOT;
    address private immutable PROVIDER;
    address private immutable VERIFIER;

    /// @notice Only the oracle calls back.
    /// @param caller Who tried.
    error NotOracle(address caller);
    /// @notice The terms say that answers come in the other form: as bytes, or by root.
    /// @param answerByRoot The term as given.
    error WrongAnswerForm(bool answerByRoot);

    modifier onlyOracle() {
        if (msg.sender != address(ORACLE)) revert NotOracle(msg.sender);
        _;
    }

    /// @notice Fixes oracle and terms.
    /// @param oracle_ The oracle.
    /// @param terms_ Terms within its bounds.
    constructor(IInferenceOracle oracle_, Terms memory terms_) {
        ORACLE = oracle_;
        CURRENCY = Currency.wrap(oracle_.currency());
        CLAIM_BOND_WEI = terms_.claimBondWei;
        CHALLENGE_BOND_WEI = terms_.challengeBondWei;
        WINDOW_SECONDS = terms_.windowSeconds;
        CLOCK_SECONDS = terms_.clockSeconds;
        PATIENCE_SECONDS = terms_.patienceSeconds;
        CALLBACK_GAS = terms_.callbackGas;
        CALLBACK_FEE_WEI = terms_.callbackFeeWei;
        ANSWER_BY_ROOT = terms_.answerByRoot;
        PROVIDER = terms_.provider;
        VERIFIER = terms_.verifier;
    }

    /// @notice The oracle that is asked.
    /// @return Its address.
    function oracle() public view returns (IInferenceOracle) {
        return ORACLE;
    }

    /// @notice The terms of every question.
    /// @return The terms.
    function terms() public view returns (Terms memory) {
        return
            Terms({
                claimBondWei: CLAIM_BOND_WEI,
                challengeBondWei: CHALLENGE_BOND_WEI,
                windowSeconds: WINDOW_SECONDS,
                clockSeconds: CLOCK_SECONDS,
                patienceSeconds: PATIENCE_SECONDS,
                callbackGas: CALLBACK_GAS,
                callbackFeeWei: CALLBACK_FEE_WEI,
                answerByRoot: ANSWER_BY_ROOT,
                provider: PROVIDER,
                verifier: VERIFIER
            });
    }

    /// @notice Price of a question: the fee and the callback fee.
    /// @param feeWei Fee for the answer.
    /// @return In the smallest unit of the oracle's currency.
    function priceWei(uint96 feeWei) public view returns (uint256) {
        return uint256(feeWei) + CALLBACK_FEE_WEI;
    }

    /// @notice Takes the price of a question from the caller: the ether sent along, exactly, or tokens that it allowed.
    /// @param feeWei Fee for the answer.
    function _charge(uint96 feeWei) internal {
        CURRENCY.take(priceWei(feeWei));
    }

    /// @notice Asks for an inference; this contract pays.
    /// @param modelId A published model.
    /// @param input All input tensors, one after the other, little-endian.
    /// @param feeWei Fee for the answer.
    /// @return requestId Id of the request.
    function _ask(bytes32 modelId, bytes calldata input, uint96 feeWei) internal returns (uint256 requestId) {
        return ORACLE.request{ value: _allow(feeWei) }(modelId, input, terms(), feeWei);
    }

    /// @notice {_ask} with an input that this contract makes itself.
    /// @param modelId A published model.
    /// @param input All input tensors, one after the other, little-endian.
    /// @param feeWei Fee for the answer.
    /// @return requestId Id of the request.
    function _askWith(
        bytes32 modelId,
        bytes memory input,
        uint96 feeWei
    ) internal returns (uint256 requestId) {
        return ORACLE.request{ value: _allow(feeWei) }(modelId, input, terms(), feeWei);
    }

    /// @notice Asks for an inference on an input given by its roots; this contract pays, and vouches that the bytes can be
    /// had for as long as claims can be challenged.
    /// @param modelId A published model.
    /// @param inputRoots Root of each input tensor.
    /// @param uri Where their bytes are.
    /// @param feeWei Fee for the answer.
    /// @return requestId Id of the request.
    function _askByRoot(
        bytes32 modelId,
        bytes32[] calldata inputRoots,
        string calldata uri,
        uint96 feeWei
    ) internal returns (uint256 requestId) {
        return ORACLE.requestByRoot{ value: _allow(feeWei) }(modelId, inputRoots, uri, terms(), feeWei);
    }

    /// @notice Takes back a request that nobody answers; its fees are then owed to this contract. While claims on it are open
    /// this only closes it to further ones, and is to be called again when they have ended.
    /// @param requestId The request.
    /// @param request The request as emitted.
    /// @return refundWei Fees that are owed back; 0 if it was only closed.
    function _cancel(uint256 requestId, Request calldata request) internal returns (uint256 refundWei) {
        return ORACLE.cancel(requestId, request);
    }

    /// @notice Sends on what the oracle owes this contract.
    /// @param to Receiver.
    /// @return amountWei How much.
    function _collectTo(address payable to) internal returns (uint256 amountWei) {
        return ORACLE.withdrawTo(to);
    }

    /// @notice Lets the oracle take what a question costs.
    /// @return etherWei Ether to send along.
    function _allow(uint96 feeWei) private returns (uint256 etherWei) {
        uint256 amountWei = priceWei(feeWei);
        if (CURRENCY.isEther()) return amountWei;
        IERC20(Currency.unwrap(CURRENCY)).forceApprove(address(ORACLE), amountWei);
    }
}
