// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import { IInferenceOracle, Terms } from "../interfaces/IInferenceOracle.sol";
import { TextConsumer } from "./TextConsumer.sol";

/// @title SentenceReader
/// @notice Example: asks a language model how a prompt goes on, and keeps the first sentence of the final text.
contract SentenceReader is TextConsumer {
    bytes32 private immutable MODEL_ID;
    uint96 private immutable FEE_WEI;
    uint256 private immutable FULL_STOP;

    mapping(uint256 requestId => uint24[]) private _sentences;

    /// @notice A sentence was read, for good.
    /// @param requestId The request.
    /// @param tokens Tokens of the sentence.
    event SentenceRead(uint256 indexed requestId, uint256 tokens);

    /// @notice There is no final text yet.
    /// @param requestId The request.
    error NoSentenceYet(uint256 requestId);

    /// @notice Fixes oracle, model, terms and fee.
    /// @param oracle_ The oracle.
    /// @param modelId_ A model that takes the likeliest tokens, of fewer than 2^24.
    /// @param terms_ Terms within the oracle's bounds, without `answerByRoot`.
    /// @param feeWei_ What a text earns.
    /// @param tokenBytes_ Bytes of a token.
    /// @param promptTokens_ Tokens of a prompt that the model takes, most.
    /// @param fullStop_ The token that ends a sentence.
    constructor(
        IInferenceOracle oracle_,
        bytes32 modelId_,
        Terms memory terms_,
        uint96 feeWei_,
        uint256 tokenBytes_,
        uint256 promptTokens_,
        uint256 fullStop_
    ) TextConsumer(oracle_, terms_, tokenBytes_, promptTokens_) {
        MODEL_ID = modelId_;
        FEE_WEI = feeWei_;
        FULL_STOP = fullStop_;
    }

    /// @notice Asks how a prompt goes on. The caller pays the fees.
    /// @param prompt Tokens of the prompt.
    /// @return requestId Id of the request.
    function ask(uint256[] calldata prompt) external payable returns (uint256 requestId) {
        _charge(FEE_WEI);
        return _askWith(MODEL_ID, _promptInput(prompt), FEE_WEI);
    }

    /// @notice The sentence; reverts before the text is final.
    /// @param requestId The request.
    /// @return Tokens of the sentence.
    function sentenceOf(uint256 requestId) external view returns (uint24[] memory) {
        uint24[] memory sentence = _sentences[requestId];
        if (sentence.length == 0) revert NoSentenceYet(requestId);
        return sentence;
    }

    /// @notice Keeps the tokens up to the first full stop.
    /// @param requestId The request.
    /// @param tokens Those of the text.
    function _onText(uint256 requestId, uint256[] memory tokens) internal override {
        uint24[] storage sentence = _sentences[requestId];
        uint256 count = 0;
        while (count < tokens.length) {
            uint256 token = tokens[count++];
            sentence.push(uint24(token));
            if (token == FULL_STOP) break;
        }
        emit SentenceRead(requestId, count);
    }
}
