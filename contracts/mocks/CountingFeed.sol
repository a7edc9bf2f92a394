// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { TensorReader } from "../consumers/TensorReader.sol";
import { InferenceFeed } from "../feeds/InferenceFeed.sol";
import { IInferenceOracle, Terms } from "../interfaces/IInferenceOracle.sol";

/// @title CountingFeed
/// @notice A feed whose input is the number of the round and whose value is the first int32 of the answer. Negative answers
/// are refused, so that a callback can fail.
contract CountingFeed is InferenceFeed {
    using TensorReader for bytes;

    error Negative(int32 value);

    constructor(
        IInferenceOracle oracle_,
        Terms memory terms_,
        bytes32 modelId_,
        uint40 periodSeconds_,
        uint96 feeWei_,
        uint96 pokePayWei_
    ) InferenceFeed(oracle_, terms_, modelId_, periodSeconds_, feeWei_, pokePayWei_) {}

    function decimals() external pure returns (uint8) {
        return 0;
    }

    function description() external pure returns (string memory) {
        return "first element of the answer";
    }

    function _input(uint80 roundId) internal pure override returns (bytes memory) {
        return abi.encodePacked(roundId);
    }

    function _value(uint80, bytes calldata output) internal pure override returns (int256) {
        int32 value = output.i32At(0);
        if (value < 0) revert Negative(value);
        return value;
    }
}
