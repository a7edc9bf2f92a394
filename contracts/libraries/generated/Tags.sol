// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// @title Tags
/// @notice First byte of every hash preimage. Generated from src/merkle/tags.ts: change that, then `npm run generate`.
library Tags {
    uint8 internal constant TENSOR_CHUNK = 0;
    uint8 internal constant TENSOR_NODE = 1;
    uint8 internal constant TRACE_NODE = 2;
    uint8 internal constant PROGRAM_LEAF = 3;
    uint8 internal constant PROGRAM_NODE = 4;
    uint8 internal constant MODEL = 5;
    uint8 internal constant INPUTS = 6;
    uint8 internal constant OUTPUTS = 7;
    uint8 internal constant DISPUTE = 8;
    uint8 internal constant DISPUTED_NODE = 9;
}
