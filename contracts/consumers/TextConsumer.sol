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
    /// @param tokenBytes Bytes given.
    error TokenBytesOutOfRange(uint256 tokenBytes);
    /// @notice A prompt has one token at least, and no more than the model takes.
    /// @param tokens Tokens of the prompt.
    /// @param most Most tokens that the model takes.
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
    /// @param tokens Tokens of the text, without padding.
    function _onText(uint256 requestId, uint256[] memory tokens) internal virtual;

    /// @notice Takes the tokens out of the answer.
    /// @param requestId The request.
    /// @param output The text as it was claimed.
    function _onAnswer(uint256 requestId, bytes calldata output) internal override {
        _onText(requestId, _tokensIn(output));
    }

    /// @notice The input of a request to a model that takes the likeliest tokens: the prompt, then its length.
    /// @param tokens Tokens of the prompt.
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
            uint256 token = _tokenAt(output, width * count) & padding;
            if (token == padding) break;
            tokens[count] = token;
        }
        // Equivalent to cutting the list after its tokens.
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            mstore(tokens, count)
        }
    }

    /// @notice Four bytes, little-endian, of which a token is the first ones; meaningless beyond the end.
    function _tokenAt(bytes calldata output, uint256 start) private pure returns (uint256) {
        uint256 word;
        // word = uint32(bytes4(output[start:start + 4]))
        // solhint-disable-next-line no-inline-assembly
        assembly ("memory-safe") {
            word := shr(224, calldataload(add(output.offset, start)))
        }
        word = ((word & 0xff00ff00) >> 8) | ((word & 0x00ff00ff) << 8);
        return (word >> 16) | ((word & 0xffff) << 16);
    }
}
