// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import { IInferenceOracle, Terms } from "../interfaces/IInferenceOracle.sol";
import { TextConsumer } from "../consumers/TextConsumer.sol";

/// @title TextKeeper
/// @notice Asks a language model and keeps how the text begins.
contract TextKeeper is TextConsumer {
    /// @notice Number of tokens of the latest text. It shares a storage slot with the next two.
    uint32 public count;
    /// @notice The first of them.
    uint32 public first;
    /// @notice The last of them.
    uint32 public last;

    /// @notice Fixes oracle, terms and sizes.
    /// @param oracle_ The oracle.
    /// @param terms_ Terms within its bounds.
    /// @param tokenBytes_ Bytes of a token.
    /// @param promptTokens_ Tokens of a prompt, most.
    constructor(
        IInferenceOracle oracle_,
        Terms memory terms_,
        uint256 tokenBytes_,
        uint256 promptTokens_
    ) TextConsumer(oracle_, terms_, tokenBytes_, promptTokens_) {}

    /// @notice Asks.
    /// @param modelId The model.
    /// @param prompt Tokens of the prompt.
    /// @return Id of the request.
    function ask(bytes32 modelId, uint256[] memory prompt) external payable returns (uint256) {
        return _askWith(modelId, _promptInput(prompt), 0);
    }

    /// @notice The input that a prompt is.
    /// @param prompt Its tokens.
    /// @return The bytes.
    function inputFor(uint256[] memory prompt) external view returns (bytes memory) {
        return _promptInput(prompt);
    }

    /// @notice Keeps the beginning and the end.
    /// @param tokens Those of the text.
    function _onText(uint256, uint256[] memory tokens) internal override {
        uint256 length = tokens.length;
        if (length == 0) count = 0;
        else (count, first, last) = (uint32(length), uint32(tokens[0]), uint32(tokens[length - 1]));
    }
}
