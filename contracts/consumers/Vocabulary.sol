// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import { CodeStorage } from "../libraries/evm/CodeStorage.sol";

/// @title Vocabulary
/// @notice The bytes of every token of a language model, kept as code: turns tokens into text on chain. One serves every
/// consumer of the model. Twin: src/text/vocabulary.ts, which makes the pages.
/// @dev Fixed at deployment by the hashes of its pages, so whoever adds them can change nothing. A page is
/// ```
/// u16 for each of its tokens and one more, big-endian: where the token's bytes start, counted from behind this table
/// the bytes of its tokens, one after the other
/// ```
contract Vocabulary {
    /// @notice Number of tokens.
    uint256 public immutable TOKENS;
    /// @notice Tokens of a page; the last page may have fewer.
    uint256 public immutable PAGE_TOKENS;
    /// @notice keccak256 of each page, in order.
    bytes32[] public pageHashes;
    /// @notice The contract whose code a page is; zero before it is added.
    mapping(uint256 page => address) public pageOf;

    /// @notice A page was added.
    /// @param page Its place.
    /// @param kept The contract whose code it is.
    event PageAdded(uint256 indexed page, address kept);

    /// @notice There is not one page for so many tokens, or a vocabulary is empty.
    /// @param expected Pages wanted.
    /// @param given Pages given.
    error PageCountMismatch(uint256 expected, uint256 given);
    /// @notice The page is another one, or there is none at that place.
    /// @param page The place.
    /// @param given keccak256 of what was given.
    error PageMismatch(uint256 page, bytes32 given);
    /// @notice Nobody has added the page yet; anybody can.
    /// @param page Its place.
    error PageMissing(uint256 page);
    /// @notice No token has this number.
    /// @param token The number.
    /// @param tokens Number of tokens.
    error TokenUnknown(uint256 token, uint256 tokens);

    /// @notice Fixes the vocabulary. Its pages are added afterwards, each in a transaction of its own.
    /// @param tokens_ Number of tokens.
    /// @param pageTokens_ Tokens of a page.
    /// @param pageHashes_ keccak256 of each page, in order.
    constructor(uint256 tokens_, uint256 pageTokens_, bytes32[] memory pageHashes_) {
        uint256 pages = pageTokens_ == 0 ? 0 : (tokens_ + pageTokens_ - 1) / pageTokens_;
        if (pages == 0 || pages != pageHashes_.length) revert PageCountMismatch(pages, pageHashes_.length);
        TOKENS = tokens_;
        PAGE_TOKENS = pageTokens_;
        pageHashes = pageHashes_;
    }

    /// @notice Adds a page. Anybody may; a second time changes nothing.
    /// @param page Its place.
    /// @param data Its bytes, at most {CodeStorage-MAX_BYTES}.
    function addPage(uint256 page, bytes calldata data) external {
        bytes32 given = keccak256(data);
        if (page >= pageHashes.length || pageHashes[page] != given) revert PageMismatch(page, given);
        if (pageOf[page] != address(0)) return;
        address kept = CodeStorage.write(data);
        pageOf[page] = kept;
        emit PageAdded(page, kept);
    }

    /// @notice The text that tokens are.
    /// @param tokens Their numbers, without padding.
    /// @return text Their bytes, one after the other: UTF-8, though a text may end inside a character.
    function textOf(uint256[] calldata tokens) external view returns (bytes memory text) {
        uint256 pageTokens = PAGE_TOKENS;
        uint256 current = type(uint256).max;
        address kept;
        uint256 end;
        // text = all memory from here on, which nothing allocates before the end
        assembly ("memory-safe") {
            text := mload(0x40)
            end := add(text, 32)
        }
        for (uint256 i = 0; i < tokens.length; ++i) {
            uint256 token = tokens[i];
            if (token >= TOKENS) revert TokenUnknown(token, TOKENS);
            if (token / pageTokens != current) {
                current = token / pageTokens;
                kept = pageOf[current];
                if (kept == address(0)) revert PageMissing(current);
            }
            // (from, to) = the u16 at 2 * (token % pageTokens) of the page, and the next one
            // append the page's bytes between them, both counted from behind its table, to text
            assembly ("memory-safe") {
                // The page starts behind the STOP of {CodeStorage}.
                extcodecopy(kept, 0, add(1, shl(1, mod(token, pageTokens))), 4)
                let offsets := shr(224, mload(0))
                let from := shr(16, offsets)
                let length := sub(and(offsets, 0xffff), from)
                extcodecopy(kept, end, add(add(3, shl(1, pageTokens)), from), length)
                end := add(end, length)
            }
        }
        // text.length = end - the first byte; what follows is free again
        assembly ("memory-safe") {
            mstore(text, sub(sub(end, text), 32))
            mstore(0x40, and(add(end, 31), not(31)))
        }
    }
}
