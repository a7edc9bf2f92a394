// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Dispute, IDisputeGame, Pick } from "../../contracts/interfaces/IDisputeGame.sol";
import { NodeKind } from "../../contracts/interfaces/IReferee.sol";
import { Request } from "../../contracts/interfaces/IInferenceOracle.sol";
import { Rules } from "../../contracts/libraries/dispute/Rules.sol";
import { Tags } from "../../contracts/libraries/generated/Tags.sol";
import { Phase, Position } from "../../contracts/types/Position.sol";
import { Lie, ToyProgram } from "./ToyProgram.sol";

/// @notice A dispute with what lies on its table.
/// @param id The dispute.
/// @param claim Place of its claim in the handler's list.
/// @param challenger Who opened it.
/// @param ended Whether it has ended.
/// @param hasEarlier Whether `earlier` is set.
/// @param state What to hand back with the next move.
/// @param subject What the next move opens.
/// @param earlier A state that it was in before.
/// @param blockRoot Root of the tree over all tensors.
/// @param hashes What the claimant revealed last.
/// @param data The chunk or the accumulators that it gave last.
struct Match {
    uint256 id;
    uint256 claim;
    address challenger;
    bool ended;
    bool hasEarlier;
    Dispute state;
    bytes32 subject;
    Dispute earlier;
    bytes32 blockRoot;
    bytes32[] hashes;
    bytes data;
}

/// @title ToyMoves
/// @notice The next move of either side, from the contract's table and a party's values, as calldata of the game.
abstract contract ToyMoves is ToyProgram {
    /// @notice A challenger's choice that leaves it to the first difference.
    uint256 internal constant FIRST_WRONG = type(uint256).max;

    IDisputeGame internal game;

    // ---- the claimant's moves -------------------------------------------------------------------------------------

    function _claimantMove(Match storage m, Lie[] memory lies) internal view returns (bytes memory) {
        Dispute memory state = m.state;
        Position position = state.position;
        Phase phase = position.phase();
        if (phase == Phase.Root) return _firstAnswer(m.id, state, lies);
        if (phase == Phase.TensorReveal) {
            return
                abi.encodeCall(IDisputeGame.reveal, (m.id, state, _chunkHashes(position.nodeIndex(), lies)));
        }
        if (phase == Phase.Chunk) {
            bytes memory chunk = _chunk(position.nodeIndex(), position.index(), lies);
            return abi.encodeCall(IDisputeGame.revealChunk, (m.id, state, chunk));
        }
        if (phase == Phase.NodeDemand) {
            return
                abi.encodeCall(IDisputeGame.openNode, (m.id, state, m.subject, _node(position.nodeIndex())));
        }
        require(phase == Phase.Fold, "a toy has one block");
        bytes memory words = _accumulators(uint32(position.index()), _stepsIn(position), lies);
        return abi.encodeCall(IDisputeGame.postAccumulators, (m.id, state, words));
    }

    function _firstAnswer(
        uint256 id,
        Dispute memory state,
        Lie[] memory lies
    ) private view returns (bytes memory) {
        bytes32[] memory trace = _trace(lies);
        if (game.traceOf(state.stake.claimId()) != 0) {
            return abi.encodeCall(IDisputeGame.reveal, (id, state, trace));
        }
        bytes32[] memory outputs = new bytes32[](1);
        outputs[0] = trace[OUTPUT];
        bytes32[] memory proof = _proof(Tags.TRACE_NODE, trace, OUTPUT);
        return abi.encodeCall(IDisputeGame.commitTrace, (id, state, outputs, proof, trace));
    }

    /// @notice Fold steps before which accumulators are posted.
    function _stepsIn(Position position) private pure returns (uint256[] memory steps) {
        (uint256 count, uint256 stride) = Rules.intervalsOf(position);
        steps = new uint256[](count - 1);
        for (uint256 i = 0; i < steps.length; ++i) steps[i] = position.lo() + (i + 1) * stride;
    }

    // ---- the challenger's moves -----------------------------------------------------------------------------------

    /// @notice The move of a challenger that holds `lies` to be true.
    /// @param choice Which child, element or interval to name, or FIRST_WRONG.
    /// @return Nothing if it sees nothing wrong.
    function _challengerMove(
        Match storage m,
        Request storage request,
        Lie[] memory lies,
        uint256 choice
    ) internal view returns (bytes memory) {
        Phase phase = m.state.position.phase();
        if (phase == Phase.NodePick) return _nodeMove(m, request, lies, choice);
        if (phase == Phase.TensorPick) return _tensorMove(m, lies, choice);
        if (phase == Phase.Element) return _elementMove(m, lies, choice);
        require(phase == Phase.Interval, "not the challenger's turn");
        return _intervalMove(m, lies, choice);
    }

    function _nodeMove(
        Match storage m,
        Request storage request,
        Lie[] memory lies,
        uint256 choice
    ) private view returns (bytes memory) {
        bytes32[] memory hashes = m.hashes;
        uint256 child = choice == FIRST_WRONG ? _firstWrong(hashes, _trace(lies)) : choice % hashes.length;
        if (child == FIRST_WRONG) return "";
        Dispute memory state = m.state;
        Pick memory picked = _picked(Tags.TRACE_NODE, hashes, child);
        if (child >= NODES) return abi.encodeCall(IDisputeGame.provePadding, (m.id, state, picked));
        NodeKind kind = toys[child].kind;
        if (kind == NodeKind.Loop) {
            return abi.encodeCall(IDisputeGame.pickNode, (m.id, state, picked, _node(child)));
        }
        if (kind == NodeKind.Constant) {
            return abi.encodeCall(IDisputeGame.proveConstant, (m.id, state, picked, _node(child)));
        }
        return
            abi.encodeCall(
                IDisputeGame.proveInput,
                (m.id, state, picked, _node(child), request, _rightRoots(child))
            );
    }

    function _tensorMove(
        Match storage m,
        Lie[] memory lies,
        uint256 choice
    ) private view returns (bytes memory) {
        bytes32[] memory hashes = m.hashes;
        Dispute memory state = m.state;
        uint256 child = choice % hashes.length;
        if (choice == FIRST_WRONG) {
            child = _firstWrong(hashes, _chunkHashes(state.position.nodeIndex(), lies));
        }
        if (child == FIRST_WRONG) return "";
        Pick memory picked = _picked(Tags.TENSOR_NODE, hashes, child);
        return
            child >= state.position.leaves()
                ? abi.encodeCall(IDisputeGame.provePadding, (m.id, state, picked))
                : abi.encodeCall(IDisputeGame.pick, (m.id, state, picked));
    }

    function _elementMove(
        Match storage m,
        Lie[] memory lies,
        uint256 choice
    ) private view returns (bytes memory) {
        Dispute memory state = m.state;
        bytes memory chunk = m.data;
        uint256 node = state.position.nodeIndex();
        uint256 index = state.position.index();
        uint256 wrong =
            choice == FIRST_WRONG
                ? _firstWrongByte(chunk, _chunk(node, index, lies))
                : _chosenByte(choice, _byteLength(node) - index * CHUNK);
        if (wrong == FIRST_WRONG) return "";
        if (index * CHUNK + wrong >= _byteLength(node)) {
            return abi.encodeCall(IDisputeGame.provePaddingByte, (m.id, state, chunk));
        }
        uint32 offset = uint32(wrong / toys[node].elementBytes);
        if (toys[node].foldSteps > toys[node].grain) {
            return abi.encodeCall(IDisputeGame.nameElement, (m.id, state, chunk, offset));
        }
        return
            abi.encodeCall(
                IDisputeGame.proveElement,
                (m.id, state, chunk, offset, _descriptor(node), m.blockRoot, "")
            );
    }

    /// @notice Mostly a byte of the tensor, sometimes one of its padding.
    function _chosenByte(uint256 choice, uint256 bytesLeft) private pure returns (uint256) {
        uint256 range = choice % 4 == 0 || bytesLeft > CHUNK ? CHUNK : bytesLeft;
        return ((choice / 4) * 4) % range;
    }

    function _intervalMove(
        Match storage m,
        Lie[] memory lies,
        uint256 choice
    ) private view returns (bytes memory) {
        Dispute memory state = m.state;
        Position position = state.position;
        bytes memory words = m.data;
        uint256[] memory steps = _stepsIn(position);
        uint256 interval = choice % (steps.length + 1);
        if (choice == FIRST_WRONG) {
            uint256 wrong = _firstWrongByte(words, _accumulators(uint32(position.index()), steps, lies));
            interval = wrong == FIRST_WRONG ? steps.length : wrong / 4;
        }
        uint256 from = interval == 0 ? position.lo() : steps[interval - 1];
        uint256 to = interval == steps.length ? position.hi() : steps[interval];
        if (to - from > position.grain()) {
            return abi.encodeCall(IDisputeGame.pickInterval, (m.id, state, words, uint32(interval)));
        }
        return
            abi.encodeCall(
                IDisputeGame.proveInterval,
                (m.id, state, words, uint32(interval), _descriptor(position.nodeIndex()), m.blockRoot, "")
            );
    }

    function _picked(uint8 tag, bytes32[] memory hashes, uint256 child) private pure returns (Pick memory) {
        return Pick(uint32(child), hashes[child], _proof(tag, hashes, child));
    }

    function _firstWrong(bytes32[] memory given, bytes32[] memory own) private pure returns (uint256) {
        for (uint256 i = 0; i < given.length; ++i) if (given[i] != own[i]) return i;
        return FIRST_WRONG;
    }

    function _firstWrongByte(bytes memory given, bytes memory own) private pure returns (uint256) {
        for (uint256 i = 0; i < given.length; ++i) if (given[i] != own[i]) return i;
        return FIRST_WRONG;
    }
}
