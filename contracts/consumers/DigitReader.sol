// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import { IInferenceOracle, Request, Terms } from "../interfaces/IInferenceOracle.sol";
import { InferenceConsumer } from "./InferenceConsumer.sol";
import { TensorReader } from "./TensorReader.sol";

/// @title DigitReader
/// @notice Example: asks what digit an image shows and keeps the final answer.
contract DigitReader is InferenceConsumer {
    using TensorReader for bytes;

    /// @notice One question; one storage slot, so that the callback writes to a slot that is paid for.
    /// @param asker Who asked and gets the fee back if nobody answers.
    /// @param answered Whether the answer is there.
    /// @param digit The answer.
    struct Question {
        address asker;
        bool answered;
        uint8 digit;
    }

    bytes32 private immutable MODEL_ID;
    uint96 private immutable FEE_WEI;

    mapping(uint256 requestId => Question) private _questions;

    /// @notice A digit was read, for good.
    /// @param requestId The request.
    /// @param digit From 0 to 9.
    event DigitRead(uint256 indexed requestId, uint256 digit);

    /// @notice There is no final answer yet.
    /// @param requestId The request.
    error NotReadYet(uint256 requestId);
    /// @notice The fee goes back to who asked only.
    /// @param asker Who asked.
    /// @param caller Who tried.
    error NotAsker(address asker, address caller);

    /// @notice Fixes oracle, model, terms and fee.
    /// @param oracle_ The oracle.
    /// @param modelId_ The digits model.
    /// @param terms_ Terms within the oracle's bounds, without `answerByRoot`.
    /// @param feeWei_ Fee for an answer.
    constructor(
        IInferenceOracle oracle_,
        bytes32 modelId_,
        Terms memory terms_,
        uint96 feeWei_
    ) InferenceConsumer(oracle_, terms_) {
        MODEL_ID = modelId_;
        FEE_WEI = feeWei_;
    }

    /// @notice Asks which digit an image shows. The caller pays {price}.
    /// @param image 28 x 28 bytes, white on black.
    /// @return requestId Id of the request.
    function ask(bytes calldata image) external payable returns (uint256 requestId) {
        _charge(FEE_WEI);
        requestId = _ask(MODEL_ID, image, FEE_WEI);
        _questions[requestId].asker = msg.sender;
    }

    /// @notice Price of a question: ether to send along, or tokens to allow to this contract.
    /// @return In the smallest unit of the oracle's currency.
    function price() external view returns (uint256) {
        return priceWei(FEE_WEI);
    }

    /// @notice Takes a request back that nobody answers, and hands the fees to who asked. While claims on it are open this only
    /// closes it to further ones, and is to be called again when they have ended.
    /// @param requestId The request.
    /// @param request The request as emitted.
    function takeBack(uint256 requestId, Request calldata request) external {
        address asker = _questions[requestId].asker;
        if (msg.sender != asker) revert NotAsker(asker, msg.sender);
        if (_cancel(requestId, request) != 0) _collectTo(payable(asker));
    }

    /// @notice The digit; reverts before the answer is final.
    /// @param requestId The request.
    /// @return From 0 to 9.
    function digitOf(uint256 requestId) external view returns (uint256) {
        Question storage question = _questions[requestId];
        if (!question.answered) revert NotReadYet(requestId);
        return question.digit;
    }

    /// @notice Keeps the digit.
    /// @param requestId The request.
    /// @param output The digit as an int32, then its probability as a float32.
    function _onAnswer(uint256 requestId, bytes calldata output) internal override {
        uint8 digit = uint8(output.bitsAt(0));
        Question storage question = _questions[requestId];
        (question.answered, question.digit) = (true, digit);
        emit DigitRead(requestId, digit);
    }
}
