// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Dispute, IDisputeGame } from "../../contracts/interfaces/IDisputeGame.sol";
import { IInferenceConsumer } from "../../contracts/interfaces/IInferenceConsumer.sol";
import { IInferenceRootConsumer } from "../../contracts/interfaces/IInferenceRootConsumer.sol";
import {
    IInferenceOracle,
    Request,
    TermBounds,
    Terms
} from "../../contracts/interfaces/IInferenceOracle.sol";
import { IModelRegistry, TensorRef } from "../../contracts/interfaces/IModelRegistry.sol";
import { IProofVerifier } from "../../contracts/interfaces/IProofVerifier.sol";
import { IReferee } from "../../contracts/interfaces/IReferee.sol";
import { HostileToken } from "../../contracts/mocks/HostileToken.sol";
import { Rules } from "../../contracts/libraries/dispute/Rules.sol";
import { Tags } from "../../contracts/libraries/generated/Tags.sol";
import { Test, Vm } from "../support/Test.sol";
import { Match, ToyMoves } from "./ToyMoves.sol";
import { Lie } from "./ToyProgram.sol";

/// @notice A requester with code, whose callback fails when it is told to.
contract MoodyConsumer is IInferenceConsumer, IInferenceRootConsumer {
    bool public failing;

    error Moody();

    function plan(bool failing_) external {
        failing = failing_;
    }

    /// @inheritdoc IInferenceConsumer
    function onInference(uint256, bytes calldata) external view {
        if (failing) revert Moody();
    }

    /// @inheritdoc IInferenceRootConsumer
    function onInferenceRoots(uint256, bytes32[] calldata) external view {
        if (failing) revert Moody();
    }
}

/// @notice A verifier that knows the right answer, and needs no proof of it.
contract KnowingVerifier is IProofVerifier {
    bytes32 private immutable RIGHT;

    constructor(bytes32 right) {
        RIGHT = right;
    }

    /// @inheritdoc IProofVerifier
    function verify(
        bytes32,
        bytes32 outputHash,
        bytes calldata,
        bytes calldata
    ) external view returns (bool) {
        return outputHash == RIGHT;
    }

    /// @inheritdoc IProofVerifier
    function proofSystem() external pure returns (string memory) {
        return "none";
    }

    /// @inheritdoc IProofVerifier
    function proofProfile() external view returns (bytes32) {
        return RIGHT;
    }
}

/// @notice A request as it was made.
struct Asked {
    uint256 id;
    Request request;
}

/// @notice A claim as it was made.
/// @param asked Place of its request in the handler's list.
/// @param isFalse Whether its output is not the program's.
/// @param abandoned Whether its claimant never answers a challenge.
/// @param lies What its claimant holds to be true besides the truth.
struct Made {
    uint256 id;
    uint256 asked;
    address claimant;
    uint256 claimedAt;
    bool isFalse;
    bool abandoned;
    bytes output;
    bytes32 outputs;
    Lie[] lies;
}

/// @title Actors
/// @notice The deployment under test, everybody's accounts, and the calls that they make: each is sent from its account and
/// paid in the currency, and what it did to disputes and balances is kept.
abstract contract Actors is ToyMoves, Test {
    uint256 internal constant PURSE_WEI = 1e24;
    uint256 internal constant CLOCK_SECONDS = 500;
    uint256 private constant START_TIMESTAMP = 4_000_000_000;

    IModelRegistry internal registry;
    IInferenceOracle internal oracle;
    /// @notice The currency; zero for ether.
    HostileToken internal token;
    bytes32 internal modelId;
    MoodyConsumer internal consumer;
    KnowingVerifier internal verifier;

    address[] internal requesters;
    address[] internal providers;
    address[] internal watchers;
    address[] internal adversaries;
    /// @notice All of them.
    address[] internal accounts;

    Asked[] internal requests;
    Made[] internal claims;
    Match[] internal matches;
    /// @notice Matches that have not ended, by their place.
    uint256[] internal live;
    mapping(uint256 disputeId => uint256 place) private _placeOfMatch;

    /// @notice What an account has put in, and what it has got out.
    mapping(address account => uint256) internal paidWei;
    mapping(address account => uint256) internal receivedWei;
    /// @notice Wei that came into the oracle by force.
    uint256 internal forcedWei;
    /// @notice The claim that earned the fee of a request; 0 before.
    mapping(uint256 requestId => uint256 claimId) internal earner;
    /// @notice How often each call went through, by its selector.
    mapping(bytes4 selector => uint256) public done;
    /// @notice The clock of the chain. Kept here, because a runner may set it back between calls.
    uint256 internal nowAt = START_TIMESTAMP;

    constructor(IReferee referee, bool withToken) {
        vm.warp(nowAt);
        registry = IModelRegistry(_deploy("ModelRegistry", ""));
        if (withToken) token = new HostileToken();
        TermBounds memory min = TermBounds(10, 5, 100, 100, 0, 0);
        TermBounds memory max = TermBounds(1e20, 1e20, 1_000_000, 1_000_000, 10_000_000, 5_000_000);
        bytes memory arguments = abi.encode(registry, referee, token, min, max);
        oracle = IInferenceOracle(_deploy("InferenceOracle", arguments));
        game = oracle.game();
        modelId = registry.publish(
            programRoot,
            uint32(NODES),
            _refs(0),
            _refs(OUTPUT),
            new TensorRef[](0),
            "toy:"
        );
        consumer = new MoodyConsumer();
        verifier = new KnowingVerifier(registry.commitOutput(modelId, _output(new Lie[](0))));
        requesters = [address(consumer), _account("requester")];
        providers = [_account("provider 0"), _account("provider 1")];
        watchers = [_account("watcher 0"), _account("watcher 1")];
        adversaries = [
            _account("adversary 0"),
            _account("adversary 1"),
            _account("adversary 2"),
            _account("adversary 3"),
            _account("adversary 4")
        ];
        _open(requesters);
        _open(providers);
        _open(watchers);
        _open(adversaries);
    }

    /// @notice Deploys a contract as it was compiled for deployment, which is with other settings than the tests.
    function _deploy(string memory name, bytes memory arguments) private returns (address deployed) {
        string memory path = string.concat("build/artifacts/contracts/", name, ".sol/", name, ".json");
        bytes memory code = abi.encodePacked(vm.parseJsonBytes(vm.readFile(path), ".bytecode"), arguments);
        assembly ("memory-safe") {
            deployed := create(0, add(code, 32), mload(code))
        }
        require(deployed != address(0), "not deployed");
    }

    function _refs(uint256 node) private view returns (TensorRef[] memory refs) {
        refs = new TensorRef[](1);
        refs[0] = TensorRef(uint32(node), uint32(_byteLength(node)));
    }

    function _account(string memory name) private pure returns (address) {
        return address(uint160(uint256(keccak256(bytes(name)))));
    }

    function _open(address[] storage list) private {
        for (uint256 i = 0; i < list.length; ++i) {
            accounts.push(list[i]);
            vm.deal(list[i], PURSE_WEI);
            if (address(token) == address(0)) continue;
            token.mint(list[i], PURSE_WEI);
            vm.prank(list[i]);
            token.approve(address(oracle), type(uint256).max);
        }
    }

    function _has(address[] storage list, address account) internal view returns (bool) {
        for (uint256 i = 0; i < list.length; ++i) if (list[i] == account) return true;
        return false;
    }

    // ---- calls ----------------------------------------------------------------------------------------------------

    /// @notice Sends a call and keeps what it did. It may fail.
    /// @param valueWei What the account pays with it, in the currency.
    function _send(
        address by,
        address to,
        uint256 valueWei,
        bytes memory data
    ) internal returns (bool ok, bytes memory returned) {
        vm.recordLogs();
        vm.prank(by);
        (ok, returned) = to.call{ value: address(token) == address(0) ? valueWei : 0 }(data);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        if (!ok) return (ok, returned);
        ++done[bytes4(data)];
        paidWei[by] += valueWei;
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].emitter == address(game)) _absorb(logs[i]);
            else if (logs[i].emitter == address(oracle)) _absorbFee(logs[i]);
        }
    }

    /// @notice Keeps who earned a fee: the request's first claim with its answer, any other by an event of its own.
    function _absorbFee(Vm.Log memory log) private {
        bytes32 kind = log.topics[0];
        bool answered = kind == IInferenceOracle.Answered.selector;
        if (!answered && kind != IInferenceOracle.FeePaid.selector) return;
        uint256 claimId = uint256(log.topics[2]);
        if (answered && uint32(claimId) != 1) return;
        uint256 requestId = uint256(log.topics[1]);
        require(earner[requestId] == 0, "a fee was paid twice");
        earner[requestId] = claimId;
    }

    function _ask(address by, uint96 feeWei, Terms memory terms, bool inputByRoot) internal {
        uint256 valueWei = uint256(feeWei) + terms.callbackFeeWei;
        bytes memory data =
            inputByRoot
                ? abi.encodeCall(IInferenceOracle.requestByRoot, (modelId, _rightRoots(0), "", terms, feeWei))
                : abi.encodeCall(IInferenceOracle.request, (modelId, input, terms, feeWei));
        (bool ok, bytes memory returned) = _send(by, address(oracle), valueWei, data);
        require(ok, "a request within bounds was refused");
        Asked storage asked = requests.push();
        asked.id = abi.decode(returned, (uint256));
        Request storage made = asked.request;
        (made.requester, made.feeWei, made.modelId) = (by, feeWei, modelId);
        made.inputs = registry.commitInput(modelId, input);
        made.requestedAt = uint40(nowAt);
        made.terms = terms;
    }

    function _claim(address by, uint256 asked, Lie[] memory lies) internal returns (bool ok) {
        Asked storage on = requests[asked];
        bytes memory output = _output(lies);
        bytes memory returned;
        bytes memory data =
            on.request.terms.answerByRoot
                ? abi.encodeCall(IInferenceOracle.claimByRoot, (on.id, on.request, _outputRoots(output), ""))
                : abi.encodeCall(IInferenceOracle.claim, (on.id, on.request, output));
        (ok, returned) = _send(by, address(oracle), on.request.terms.claimBondWei, data);
        if (!ok) return false;
        Made storage made = claims.push();
        made.id = abi.decode(returned, (uint256));
        (made.asked, made.claimant, made.claimedAt, made.output) = (asked, by, nowAt, output);
        made.isFalse = keccak256(output) != keccak256(_output(new Lie[](0)));
        made.outputs = registry.commitOutput(modelId, output);
        for (uint256 i = 0; i < lies.length; ++i) made.lies.push(lies[i]);
    }

    function _challenge(address by, uint256 claim) internal returns (bool ok) {
        Made storage made = claims[claim];
        Request storage request = requests[made.asked].request;
        bytes memory returned;
        bytes memory data = abi.encodeCall(IInferenceOracle.challenge, (made.id, request, made.outputs));
        (ok, returned) = _send(by, address(oracle), request.terms.challengeBondWei, data);
        if (!ok) return false;
        // {_absorb} has made the match.
        matches[_placeOfMatch[abi.decode(returned, (uint256))]].claim = claim;
    }

    function _withdraw(address by) internal {
        uint256 owedWei = oracle.owed(by);
        address to = by == address(consumer) ? requesters[1] : by;
        (bool ok, ) = _send(
            by,
            address(oracle),
            0,
            abi.encodeCall(IInferenceOracle.withdrawTo, (payable(to)))
        );
        require(ok == (owedWei != 0), "a withdrawal");
        if (ok) receivedWei[by] += owedWei;
    }

    function _timeout(address by, Match storage m) internal returns (bool ok) {
        (ok, ) = _send(
            by,
            address(game),
            0,
            abi.encodeCall(IDisputeGame.timeout, (m.id, m.state, m.subject))
        );
    }

    function _reclaim(address by, Match storage m) internal returns (bool ok) {
        (ok, ) = _send(
            by,
            address(game),
            0,
            abi.encodeCall(IDisputeGame.reclaim, (m.id, m.state, m.subject))
        );
    }

    function _finalize(address by, Made storage made, bool withCallback) internal returns (bool ok) {
        Request storage request = requests[made.asked].request;
        bytes memory data =
            request.terms.answerByRoot
                ? abi.encodeCall(
                    IInferenceOracle.finalizeByRoot,
                    (made.id, request, _outputRoots(made.output), withCallback)
                )
                : abi.encodeCall(
                    IInferenceOracle.finalize,
                    (made.id, request, made.outputs, made.output, withCallback)
                );
        (ok, ) = _send(by, address(oracle), 0, data);
    }

    /// @notice Makes a claim final by the verifier of its request, if there is one and it agrees.
    function _prove(address by, Made storage made, bool withCallback) internal returns (bool ok) {
        Request storage request = requests[made.asked].request;
        bytes memory data =
            request.terms.answerByRoot
                ? abi.encodeCall(
                    IInferenceOracle.finalizeProvenByRoot,
                    (made.id, request, _outputRoots(made.output), "", withCallback)
                )
                : abi.encodeCall(
                    IInferenceOracle.finalizeProven,
                    (made.id, request, made.outputs, made.output, "", withCallback)
                );
        (ok, ) = _send(by, address(oracle), 0, data);
    }

    function _runCallback(address by, Made storage made) internal returns (bool ok) {
        Asked storage on = requests[made.asked];
        bytes memory data =
            on.request.terms.answerByRoot
                ? abi.encodeCall(
                    IInferenceOracle.runCallbackByRoot,
                    (on.id, on.request, _outputRoots(made.output))
                )
                : abi.encodeCall(IInferenceOracle.runCallback, (on.id, on.request, made.output));
        (ok, ) = _send(by, address(oracle), 0, data);
    }

    /// @notice Root of an output, which is one chunk.
    function _outputRoots(bytes memory output) private pure returns (bytes32[] memory roots) {
        roots = new bytes32[](1);
        bytes memory padding = new bytes(CHUNK - output.length);
        roots[0] = keccak256(abi.encodePacked(Tags.TENSOR_CHUNK, output, padding));
    }

    function _payFee(address by, Made storage made) internal {
        Asked storage on = requests[made.asked];
        _send(
            by,
            address(oracle),
            0,
            abi.encodeCall(IInferenceOracle.payFee, (on.id, on.request, made.outputs))
        );
    }

    // ---- disputes -------------------------------------------------------------------------------------------------

    function _claimantMoves(Match storage m) internal view returns (bool) {
        return Rules.claimantMoves(m.state.position.phase());
    }

    function _mover(Match storage m) internal view returns (address) {
        return _claimantMoves(m) ? m.state.claimant : m.challenger;
    }

    /// @notice Keeps what an event of the game tells.
    function _absorb(Vm.Log memory log) private {
        bytes32 kind = log.topics[0];
        if (kind == IDisputeGame.TraceCommitted.selector) return;
        uint256 id = uint256(log.topics[1]);
        if (kind == IDisputeGame.Opened.selector) {
            _placeOfMatch[id] = matches.length;
            live.push(matches.length);
            Match storage opened = matches.push();
            opened.id = id;
            opened.state = abi.decode(log.data, (Dispute));
            opened.challenger = opened.state.challenger;
            return;
        }
        Match storage m = matches[_placeOfMatch[id]];
        if (kind == IDisputeGame.Ended.selector) {
            m.ended = true;
            _forget(_placeOfMatch[id]);
            return;
        }
        (m.earlier, m.hasEarlier) = (m.state, true);
        if (kind == IDisputeGame.Revealed.selector) {
            (m.state, m.subject, m.hashes) = abi.decode(log.data, (Dispute, bytes32, bytes32[]));
            // The first reveal of a program of one block is of its tensors.
            if (m.blockRoot == 0) m.blockRoot = m.subject;
        } else if (
            kind == IDisputeGame.ChunkRevealed.selector || kind == IDisputeGame.AccumulatorsPosted.selector
        ) {
            (m.state, m.subject, m.data) = abi.decode(log.data, (Dispute, bytes32, bytes));
        } else {
            (m.state, m.subject) = abi.decode(log.data, (Dispute, bytes32));
        }
    }

    function _forget(uint256 place) private {
        for (uint256 i = 0; i < live.length; ++i) {
            if (live[i] != place) continue;
            live[i] = live[live.length - 1];
            live.pop();
            return;
        }
    }
}
