// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import { IInferenceOracle, Terms } from "../interfaces/IInferenceOracle.sol";
import { TextConsumer } from "./TextConsumer.sol";
import { Vocabulary } from "./Vocabulary.sol";

/// @title Utf8TextConsumer
/// @notice Base of a contract that asks a language model and is called back with the bytes of the final text.
/// @dev A callback before the vocabulary has all pages that the text needs fails, and can be run again.
abstract contract Utf8TextConsumer is TextConsumer {
    Vocabulary private immutable VOCABULARY;

    /// @notice Fixes oracle, terms, sizes and vocabulary.
    /// @param oracle_ The oracle.
    /// @param terms_ Terms within its bounds, without `answerByRoot`.
    /// @param tokenBytes_ Bytes of a token.
    /// @param promptTokens_ Tokens of a prompt that the model takes, most.
    /// @param vocabulary_ The model's tokens.
    constructor(
        IInferenceOracle oracle_,
        Terms memory terms_,
        uint256 tokenBytes_,
        uint256 promptTokens_,
        Vocabulary vocabulary_
    ) TextConsumer(oracle_, terms_, tokenBytes_, promptTokens_) {
        VOCABULARY = vocabulary_;
    }

    /// @notice The tokens that texts are made of.
    /// @return The vocabulary.
    function vocabulary() public view returns (Vocabulary) {
        return VOCABULARY;
    }

    /// @notice Turns the tokens of the answer into text.
    /// @param requestId The request.
    /// @param tokens Tokens of the text.
    function _onText(uint256 requestId, uint256[] memory tokens) internal override {
        _onUtf8(requestId, VOCABULARY.textOf(tokens));
    }

    /// @notice Succeeds at most once for each request, when its text is final.
    /// @param requestId The request; check that it is one of yours.
    /// @param text UTF-8, though it may end inside a character.
    function _onUtf8(uint256 requestId, bytes memory text) internal virtual;
}
