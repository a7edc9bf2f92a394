// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Limits } from "../generated/Limits.sol";

/// @title Blocks
/// @notice The tensors that the root of a trace commits to. The nodes of a program lie in aligned blocks: the root commits
/// to checkpoints, which are what other blocks read and the outputs; all tensors of a block are committed to when a
/// dispute reaches it. Twin: src/program/blocks.ts.
library Blocks {
    /// @notice Levels of traces up to which a program of several blocks has blocks of 16 nodes, not 32.
    uint256 private constant SMALL_TRACE_DEPTH = 8;

    /// @notice Levels of the tree over the tensors of one block. A program of at most 32 nodes is one block.
    /// @param traceDepth Levels of the trace's tree.
    /// @return Levels, at most {Limits-MAX_REVEAL_LEVELS}.
    function levels(uint256 traceDepth) internal pure returns (uint256) {
        if (traceDepth <= Limits.MAX_REVEAL_LEVELS) return traceDepth;
        return traceDepth <= SMALL_TRACE_DEPTH ? Limits.MAX_REVEAL_LEVELS - 1 : Limits.MAX_REVEAL_LEVELS;
    }
}
