// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// @title Limits
/// @notice Static limits of a program and of the moves. Generated from src/program/limits.ts: change that, then `npm run generate`.
library Limits {
    uint256 internal constant MAX_NODES = 1048576;
    uint256 internal constant MAX_RANK = 8;
    uint256 internal constant MAX_TENSOR_BYTES = 1073741824;
    uint256 internal constant MAX_FOLD_STEPS = 2147483647;
    uint256 internal constant MAX_OPERANDS = 16;
    uint256 internal constant MAX_CONSTANTS = 64;
    uint256 internal constant MAX_CODE = 128;
    uint256 internal constant MAX_TERMS = 16;
    uint256 internal constant MAX_SLOTS = 256;
    uint256 internal constant MAX_ADDRESS = 140737488355328;
    uint256 internal constant MAX_DESCRIPTOR_BYTES = 4096;
    uint256 internal constant MAX_LEAF_WITNESS_BYTES = 24576;
    uint256 internal constant MAX_LEAF_COMPUTE_GAS = 1000000;
    uint256 internal constant MAX_MOVE_BYTES = 130000;
    uint256 internal constant MAX_FIRST_ANSWER_BYTES = 8192;
    uint256 internal constant MAX_DATA_BYTES = 122880;
    uint256 internal constant LEAF_GAS_BASE = 13000;
    uint256 internal constant LEAF_GAS_DESCRIPTOR_BYTE = 75;
    uint256 internal constant LEAF_GAS_RUN = 1250;
    uint256 internal constant LEAF_GAS_STEP = 260;
    uint256 internal constant LEAF_GAS_READ = 800;
    uint256 internal constant LEAF_GAS_DIMENSION = 370;
    uint256 internal constant LEAF_GAS_TERM = 130;
    uint256 internal constant LEAF_GAS_NEXT_READ = 650;
    uint256 internal constant CHUNK_BYTES = 256;
    uint256 internal constant MAX_REVEAL_LEVELS = 5;
    uint256 internal constant MAX_INTERVALS = 32;
}
