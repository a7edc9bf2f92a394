// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { IDisputeGame } from "../../interfaces/IDisputeGame.sol";
import { DisputeState } from "./DisputeState.sol";

/// @title MoveLog
/// @notice Emits the events of moves straight from where a sealed state and its subject lie in memory.
library MoveLog {
    /// @notice Bytes of a {Dispute}.
    uint256 private constant DISPUTE_BYTES = 6 * 32;
    /// @notice Bytes of a {Dispute} and its subject.
    uint256 private constant STATE_BYTES = 7 * 32;

    /// @notice Emits {IDisputeGame.Opened}.
    /// @param disputeId The dispute.
    /// @param claimId The claim.
    /// @param next Its state, sealed.
    function opened(uint256 disputeId, uint256 claimId, DisputeState next) internal {
        bytes32 topic = IDisputeGame.Opened.selector;
        address challenger = next.challenger();
        // emit IDisputeGame.Opened(disputeId, claimId, challenger, the dispute)
        assembly ("memory-safe") {
            log4(next, DISPUTE_BYTES, topic, disputeId, claimId, challenger)
        }
    }

    /// @notice Emits {IDisputeGame.Picked}.
    /// @param disputeId The dispute.
    /// @param next Its new state, sealed with its subject.
    function picked(uint256 disputeId, DisputeState next) internal {
        bytes32 topic = IDisputeGame.Picked.selector;
        // emit IDisputeGame.Picked(disputeId, the dispute, next.subject)
        assembly ("memory-safe") {
            log2(next, STATE_BYTES, topic, disputeId)
        }
    }

    /// @notice Emits {IDisputeGame.Revealed}.
    /// @param disputeId The dispute.
    /// @param next Its new state, sealed with its subject.
    /// @param hashes The revealed hashes.
    function revealed(uint256 disputeId, DisputeState next, bytes32[] calldata hashes) internal {
        uint256 start;
        // start = where hashes[0] is in msg.data
        assembly ("memory-safe") {
            start := hashes.offset
        }
        _log(IDisputeGame.Revealed.selector, disputeId, next, start, hashes.length, hashes.length * 32);
    }

    /// @notice Emits {IDisputeGame.ChunkRevealed}.
    /// @param disputeId The dispute.
    /// @param next Its new state, sealed with its subject.
    /// @param chunk The chunk.
    function chunkRevealed(uint256 disputeId, DisputeState next, bytes calldata chunk) internal {
        _logBytes(IDisputeGame.ChunkRevealed.selector, disputeId, next, chunk);
    }

    /// @notice Emits {IDisputeGame.AccumulatorsPosted}.
    /// @param disputeId The dispute.
    /// @param next Its new state, sealed with its subject.
    /// @param words The accumulators.
    function accumulatorsPosted(uint256 disputeId, DisputeState next, bytes calldata words) internal {
        _logBytes(IDisputeGame.AccumulatorsPosted.selector, disputeId, next, words);
    }

    /// @notice Emits {IDisputeGame.NodeOpened}.
    /// @param disputeId The dispute.
    /// @param next Its new state, sealed with its subject.
    /// @param descriptor The encoded node.
    function nodeOpened(uint256 disputeId, DisputeState next, bytes calldata descriptor) internal {
        _logBytes(IDisputeGame.NodeOpened.selector, disputeId, next, descriptor);
    }

    function _logBytes(bytes32 topic, uint256 disputeId, DisputeState next, bytes calldata data) private {
        uint256 start;
        // start = where data[0] is in msg.data
        assembly ("memory-safe") {
            start := data.offset
        }
        _log(topic, disputeId, next, start, data.length, data.length);
    }

    /// @notice Emits an event of state, subject, and one dynamic argument.
    /// @param topic The event.
    /// @param disputeId The dispute.
    /// @param next Its new state, sealed with its subject.
    /// @param start Where the argument's contents start in the calldata.
    /// @param count Its length as the ABI counts it.
    /// @param size Its length in bytes.
    function _log(
        bytes32 topic,
        uint256 disputeId,
        DisputeState next,
        uint256 start,
        uint256 count,
        uint256 size
    ) private {
        // emit topic(disputeId, the dispute, next.subject, the bytes or hashes at start)
        assembly ("memory-safe") {
            let p := mload(0x40)
            mcopy(p, next, STATE_BYTES)
            let head := add(p, STATE_BYTES)
            mstore(head, add(STATE_BYTES, 32))
            mstore(add(head, 32), count)
            let contents := add(head, 64)
            calldatacopy(contents, start, size)
            // Bytes are padded with zeros to whole words.
            mstore(add(contents, size), 0)
            let end := add(contents, and(add(size, 31), not(31)))
            log2(p, sub(end, p), topic, disputeId)
        }
    }
}
