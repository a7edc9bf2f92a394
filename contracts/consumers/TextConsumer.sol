// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import { IInferenceOracle, Terms } from "../interfaces/IInferenceOracle.sol";
import { InferenceConsumer } from "./InferenceConsumer.sol";

/// @title TextConsumer
/// @notice Base of a contract that asks a language model and is called back with the tokens of the final text.
/// @dev Prompts and texts are tokens of 1 to 4 bytes, little-endian, as many bytes as the vocabulary takes; all bits set
/// are padding behind the end of a text.
abstract contract TextConsumer is InferenceConsumer {
    uint256 private immutable TOKEN_BYTES;
    uint256 private immutable PROMPT_TOKENS;

    /// @notice A token has 1 to 4 bytes.
    /// @param tokenBytes What was given.
    error TokenBytesOutOfRange(uint256 tokenBytes);
    /// @notice A prompt has one token at least, and no more than the model takes.
    /// @param tokens What it has.
    /// @param most What the model takes.
    error PromptOutOfRange(uint256 tokens, uint256 most);
    /// @notice No token has this number: its bytes do not hold it, or it is padding.
    /// @param token The number.
    error NoToken(uint256 token);

    /// @notice Fixes oracle, terms and sizes.
    /// @param oracle_ The oracle.
    /// @param terms_ Terms within its bounds, without `answerByRoot`.
    /// @param tokenBytes_ Bytes of a token.
    /// @param promptTokens_ Tokens of a prompt that the model takes, most.
    constructor(
        IInferenceOracle oracle_,
        Terms memory terms_,
        uint256 tokenBytes_,
        uint256 promptTokens_
    ) InferenceConsumer(oracle_, terms_) {
        if (tokenBytes_ == 0 || tokenBytes_ > 4) revert TokenBytesOutOfRange(tokenBytes_);
        TOKEN_BYTES = tokenBytes_;
        PROMPT_TOKENS = promptTokens_;
    }

    /// @notice Succeeds at most once for each request, when its text is final.
    /// @param requestId The request; check that it is one of yours.
    /// @param tokens Those of the text, without padding.
    function _onText(uint256 requestId, uint256[] memory tokens) internal virtual;

    /// @notice Takes the tokens out of the answer.
    /// @param requestId The request.
    /// @param output The text as it was claimed.
    function _onAnswer(uint256 requestId, bytes calldata output) internal override {
        _onText(requestId, _tokensIn(output));
    }

    /// @notice The input of a request to a model that takes the likeliest tokens: the prompt, then its length.
    /// @param tokens Those of the prompt.
    /// @return input The bytes.
    function _promptInput(uint256[] memory tokens) internal view returns (bytes memory input) {
        uint256 count = tokens.length;
        if (count == 0 || count > PROMPT_TOKENS) revert PromptOutOfRange(count, PROMPT_TOKENS);
        uint256 width = TOKEN_BYTES;
        uint256 start = width * PROMPT_TOKENS;
        input = new bytes(start + 4);
        for (uint256 i = 0; i < count; ++i) {
            if (tokens[i] + 1 >= 1 << (8 * width)) revert NoToken(tokens[i]);
            for (uint256 j = 0; j < width; ++j) input[width * i + j] = bytes1(uint8(tokens[i] >> (8 * j)));
        }
        for (uint256 j = 0; j < 4; ++j) input[start + j] = bytes1(uint8(count >> (8 * j)));
    }

    /// @notice The tokens of a text up to its padding.
    /// @param output The bytes of an answer.
    /// @return tokens Their numbers.
    function _tokensIn(bytes calldata output) internal view returns (uint256[] memory tokens) {
        uint256 width = TOKEN_BYTES;
        uint256 padding = (1 << (8 * width)) - 1;
        uint256 most = output.length / width;
        tokens = new uint256[](most);
        uint256 count = 0;
        for (; count < most; ++count) {
            uint256 token = 0;
            for (uint256 j = width; j > 0; --j) token = (token << 8) | uint8(output[width * count + j - 1]);
            if (token == padding) break;
            tokens[count] = token;
        }
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            mstore(tokens, count) // Equivalent to cutting the list after its tokens.
        }
    }
}
