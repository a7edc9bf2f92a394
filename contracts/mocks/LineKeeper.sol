// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import { IInferenceOracle, Terms } from "../interfaces/IInferenceOracle.sol";
import { Utf8TextConsumer } from "../consumers/Utf8TextConsumer.sol";
import { Vocabulary } from "../consumers/Vocabulary.sol";

/// @title LineKeeper
/// @notice Asks a language model and emits the text.
contract LineKeeper is Utf8TextConsumer {
    /// @notice A text is final.
    /// @param requestId The request.
    /// @param text The text.
    event Written(uint256 indexed requestId, string text);

    /// @notice Fixes oracle, terms, sizes and vocabulary.
    /// @param oracle_ The oracle.
    /// @param terms_ Terms within its bounds.
    /// @param tokenBytes_ Bytes of a token.
    /// @param promptTokens_ Tokens of a prompt, most.
    /// @param vocabulary_ The model's tokens.
    constructor(
        IInferenceOracle oracle_,
        Terms memory terms_,
        uint256 tokenBytes_,
        uint256 promptTokens_,
        Vocabulary vocabulary_
    ) Utf8TextConsumer(oracle_, terms_, tokenBytes_, promptTokens_, vocabulary_) {}

    /// @notice Asks.
    /// @param modelId The model.
    /// @param prompt Tokens of the prompt.
    /// @return Id of the request.
    function ask(bytes32 modelId, uint256[] memory prompt) external payable returns (uint256) {
        return _askWith(modelId, _promptInput(prompt), 0);
    }

    /// @notice Emits the text.
    /// @param requestId The request.
    /// @param text The text.
    function _onUtf8(uint256 requestId, bytes memory text) internal override {
        emit Written(requestId, string(text));
    }
}
