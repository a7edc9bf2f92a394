// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Dispute } from "../../interfaces/IDisputeGame.sol";
import { Clock } from "../../types/Clock.sol";
import { Position } from "../../types/Position.sol";
import { Stake } from "../../types/Stake.sol";
import { Tags } from "../generated/Tags.sol";

/// @notice Address in memory of a {Dispute} that {seal} hashes and {MoveLog} emits where it lies. Only {load} and {pack} make
/// one: they leave room for a tag in front of it, and for the subject behind.
///
/// ```
/// -0x01 tag            0x00 claimant   0x20 challenger   0x40 clock   0x60 stake
///                      0x80 program    0xa0 position     0xc0 subject, once it is sealed
/// ```
/// @dev A struct would be filled with zeros wherever a function returns one, 100 gas each time.
type DisputeState is uint256;

using DisputeStateLib for DisputeState global;

/// @title DisputeStateLib
/// @notice Copies a dispute's state into memory, changes and hashes it.
library DisputeStateLib {
    uint256 private constant CHALLENGER = 0x20;
    uint256 private constant CLOCK = 0x40;
    uint256 private constant STAKE = 0x60;
    uint256 private constant PROGRAM = 0x80;
    uint256 private constant POSITION = 0xa0;
    uint256 private constant SUBJECT = 0xc0;

    /// @notice Bytes of a {Dispute}; all its fields are value types, so calldata and memory hold it the same way.
    uint256 private constant DISPUTE_BYTES = 0xc0;
    /// @notice Bytes that a state takes in memory: a word whose last byte is the tag, the dispute, the subject.
    uint256 private constant ROOM_BYTES = 0x100;

    /// @notice Copies a state into memory.
    /// @dev Does not check that the high bits of short fields are zero: compare the hash first, since no state that was ever
    /// sealed has others.
    /// @param dispute The state.
    /// @return state The copy.
    function load(Dispute calldata dispute) internal pure returns (DisputeState state) {
        // (state.claimant, …, state.position) = (dispute.claimant, …, dispute.position)
        assembly ("memory-safe") {
            let room := mload(0x40)
            mstore(0x40, add(room, ROOM_BYTES))
            state := add(room, 32)
            calldatacopy(state, dispute, DISPUTE_BYTES)
        }
    }

    /// @notice A new state.
    /// @param claimant_ Of {Dispute}.
    /// @param challenger_ Of {Dispute}.
    /// @param clock_ Of {Dispute}.
    /// @param stake_ Of {Dispute}.
    /// @param program_ Of {Dispute}.
    /// @param position_ Of {Dispute}.
    /// @return state The state.
    function pack(
        address claimant_,
        address challenger_,
        Clock clock_,
        Stake stake_,
        bytes32 program_,
        Position position_
    ) internal pure returns (DisputeState state) {
        // (state.claimant, …, state.position) = (claimant_, …, position_)
        assembly ("memory-safe") {
            let room := mload(0x40)
            mstore(0x40, add(room, ROOM_BYTES))
            state := add(room, 32)
            mstore(state, claimant_)
            mstore(add(state, CHALLENGER), challenger_)
            mstore(add(state, CLOCK), clock_)
            mstore(add(state, STAKE), stake_)
            mstore(add(state, PROGRAM), program_)
            mstore(add(state, POSITION), position_)
        }
    }

    /// @notice The hash that the game keeps of a dispute.
    /// @param self The state.
    /// @param subject Its subject.
    /// @return hash keccak256(u8 DISPUTE ‖ 6 words of the state ‖ subject).
    function seal(DisputeState self, bytes32 subject) internal pure returns (bytes32 hash) {
        uint256 tag = Tags.DISPUTE;
        // self.subject = subject
        // hash = keccak256(abi.encodePacked(Tags.DISPUTE, abi.encode(the dispute), subject))
        assembly ("memory-safe") {
            mstore8(sub(self, 1), tag)
            mstore(add(self, SUBJECT), subject)
            hash := keccak256(sub(self, 1), add(SUBJECT, 33))
        }
    }

    /// @notice Whose claim it is.
    /// @param self The state.
    /// @return account The claimant.
    function claimant(DisputeState self) internal pure returns (address account) {
        // return self.claimant
        assembly ("memory-safe") {
            account := mload(self)
        }
    }

    /// @notice Who opened the dispute.
    /// @param self The state.
    /// @return account The challenger.
    function challenger(DisputeState self) internal pure returns (address account) {
        // return self.challenger
        assembly ("memory-safe") {
            account := mload(add(self, CHALLENGER))
        }
    }

    /// @notice The seconds that both have left.
    /// @param self The state.
    /// @return clock_ The clock.
    function clock(DisputeState self) internal pure returns (Clock clock_) {
        // return self.clock
        assembly ("memory-safe") {
            clock_ := mload(add(self, CLOCK))
        }
    }

    /// @notice Changes the clock.
    /// @param self The state.
    /// @param clock_ The new one.
    function setClock(DisputeState self, Clock clock_) internal pure {
        // self.clock = clock_
        assembly ("memory-safe") {
            mstore(add(self, CLOCK), clock_)
        }
    }

    /// @notice Changes what stands for the program.
    /// @param self The state.
    /// @param program_ See {Dispute}.
    function setProgram(DisputeState self, bytes32 program_) internal pure {
        // self.program = program_
        assembly ("memory-safe") {
            mstore(add(self, PROGRAM), program_)
        }
    }

    /// @notice Where the dispute stands.
    /// @param self The state.
    /// @return position_ The position.
    function position(DisputeState self) internal pure returns (Position position_) {
        // return self.position
        assembly ("memory-safe") {
            position_ := mload(add(self, POSITION))
        }
    }

    /// @notice Moves the dispute on.
    /// @param self The state.
    /// @param position_ The new position.
    function setPosition(DisputeState self, Position position_) internal pure {
        // self.position = position_
        assembly ("memory-safe") {
            mstore(add(self, POSITION), position_)
        }
    }
}
