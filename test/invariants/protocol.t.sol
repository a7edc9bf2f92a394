// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { IDisputeGame } from "../../contracts/interfaces/IDisputeGame.sol";
import { IInferenceOracle } from "../../contracts/interfaces/IInferenceOracle.sol";
import { Commitments, IReferee } from "../../contracts/interfaces/IReferee.sol";
import { ToyReferee } from "../../contracts/mocks/ToyReferee.sol";
import { Test } from "../support/Test.sol";
import { Handler } from "./Handler.sol";

/// @notice A handler that runners find, because it is compiled with the tests.
contract ProtocolHandler is Handler {
    constructor(
        IReferee referee,
        bool withToken,
        bool providersSleep,
        bool watchersSleep
    ) Handler(referee, withToken, providersSleep, watchersSleep) {}
}

/// @notice The two main properties and solvency, whatever many actors do at random. `npm run invariants` makes more runs.
abstract contract ProtocolInvariants is Test {
    Handler internal handler;

    function _start(bool withToken) internal {
        handler = new ProtocolHandler(new ToyReferee(), withToken, false, false);
        targetContract(address(handler));
        // The handler lets its owner break the currency, for the tests of the tests.
        excludeSender(address(this));
    }

    /// @notice An honest challenger that moves in time defeats every false claim.
    function invariant_aFalseClaimIsNeverFinal() external view {
        vm.assertTrue(handler.falseClaimsAreNeverFinal(), "a false claim is final");
    }

    /// @notice Honest parties that move in time lose no bond.
    function invariant_theHonestLoseNothing() external view {
        vm.assertTrue(handler.honestPartiesLoseNothing(), "an honest party has lost");
    }

    /// @notice The oracle has exactly what it owes and holds.
    function invariant_theOracleIsSolvent() external view {
        vm.assertTrue(handler.isSolvent(), "the oracle has not what it owes");
    }

    /// @notice A fee goes to the first claim of the answer that is not falsified, whichever is final first.
    function invariant_feesGoToTheFirst() external view {
        vm.assertTrue(handler.feesGoToTheFirst(), "a fee went to another than the first");
    }

    /// @notice However a run has gone, everything can be ended, and ends well.
    function afterInvariant() external {
        handler.drain();
        vm.assertTrue(handler.allEnded(), "something did not end as it must");
        vm.assertTrue(handler.honestPartiesLoseNothing(), "an honest party has lost in the end");
        vm.assertTrue(handler.feesGoToTheFirst(), "a fee went to another than the first in the end");
        vm.assertTrue(handler.isSolvent(), "the oracle has not what it owes in the end");
    }
}

contract EtherProtocolTest is ProtocolInvariants {
    function setUp() external {
        _start(false);
    }
}

contract TokenProtocolTest is ProtocolInvariants {
    function setUp() external {
        _start(true);
    }
}

/// @notice Computes every word wrong.
contract WrongReferee is ToyReferee {
    function run(
        bytes calldata descriptor,
        uint32 element,
        uint32 from,
        uint32 to,
        uint32 accumulator,
        Commitments calldata commitments,
        bytes calldata witness
    ) public pure override returns (uint32) {
        return super.run(descriptor, element, from, to, accumulator, commitments, witness) ^ 1;
    }
}

/// @notice The same deeds in a fixed order: every kind of call goes through, and each invariant fails where it must.
contract ProtocolInvariantsTest is Test {
    uint256 private constant DEEDS = 600;

    function _deed(Handler handler, uint256 i) private returns (bool ok) {
        bytes4[12] memory deeds = [
            handler.ask.selector,
            handler.provide.selector,
            handler.lie.selector,
            handler.copy.selector,
            handler.attack.selector,
            handler.hurry.selector,
            handler.play.selector,
            handler.play.selector,
            handler.pass.selector,
            handler.end.selector,
            handler.errand.selector,
            handler.intrude.selector
        ];
        uint256 seed = uint256(keccak256(abi.encode("deeds", i)));
        (ok, ) = address(handler).call(abi.encodeWithSelector(deeds[seed % deeds.length], seed >> 8));
    }

    /// @return Whether all deeds went well.
    function _run(Handler handler) private returns (bool) {
        for (uint256 i = 0; i < DEEDS; ++i) if (!_deed(handler, i)) return false;
        return true;
    }

    function test_everyKindOfCallGoesThrough() external {
        Handler handler = new ProtocolHandler(new ToyReferee(), false, false, false);
        vm.assertTrue(_run(handler), "a deed that must succeed did not");
        handler.drain();
        vm.assertTrue(handler.allEnded() && handler.falseClaimsAreNeverFinal(), "ends");
        vm.assertTrue(handler.honestPartiesLoseNothing() && handler.isSolvent(), "money");
        vm.assertTrue(handler.feesGoToTheFirst(), "fees");
        bytes4[27] memory calls = [
            IInferenceOracle.request.selector,
            IInferenceOracle.claim.selector,
            IInferenceOracle.challenge.selector,
            IInferenceOracle.finalize.selector,
            IInferenceOracle.cancel.selector,
            IInferenceOracle.withdrawTo.selector,
            IInferenceOracle.runCallback.selector,
            IInferenceOracle.payFee.selector,
            IInferenceOracle.requestByRoot.selector,
            IInferenceOracle.claimByRoot.selector,
            IInferenceOracle.finalizeByRoot.selector,
            IInferenceOracle.runCallbackByRoot.selector,
            IInferenceOracle.finalizeProven.selector,
            IInferenceOracle.finalizeProvenByRoot.selector,
            IDisputeGame.commitTrace.selector,
            IDisputeGame.reveal.selector,
            IDisputeGame.pick.selector,
            IDisputeGame.pickNode.selector,
            IDisputeGame.demandNode.selector,
            IDisputeGame.openNode.selector,
            IDisputeGame.revealChunk.selector,
            IDisputeGame.nameElement.selector,
            IDisputeGame.postAccumulators.selector,
            IDisputeGame.pickInterval.selector,
            IDisputeGame.proveInterval.selector,
            IDisputeGame.timeout.selector,
            IDisputeGame.reclaim.selector
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            vm.assertTrue(handler.done(calls[i]) > 0, string.concat("call ", vm.toString(i)));
        }
        uint256 proofs =
            handler.done(IDisputeGame.proveElement.selector) +
                handler.done(IDisputeGame.proveInput.selector) +
                handler.done(IDisputeGame.proveConstant.selector) +
                handler.done(IDisputeGame.provePadding.selector) +
                handler.done(IDisputeGame.provePaddingByte.selector);
        vm.assertTrue(proofs > 4, "proofs");
    }

    function test_aFalseClaimIsFinal_ifWatchersSleep() external {
        Handler handler = new ProtocolHandler(new ToyReferee(), false, false, true);
        vm.assertTrue(_run(handler));
        handler.drain();
        vm.assertFalse(handler.falseClaimsAreNeverFinal());
        vm.assertTrue(handler.isSolvent());
    }

    function test_anHonestClaimantLoses_ifItSleeps() external {
        Handler handler = new ProtocolHandler(new ToyReferee(), false, true, false);
        vm.assertTrue(_run(handler));
        handler.drain();
        vm.assertTrue(handler.falseClaimsAreNeverFinal());
        vm.assertFalse(handler.honestPartiesLoseNothing());
        vm.assertTrue(handler.isSolvent());
    }

    function test_theHonestLose_ifTheRefereeIsWrong() external {
        Handler handler = new ProtocolHandler(new WrongReferee(), false, false, false);
        // A run ends at an honest move that is refused.
        vm.assertFalse(_run(handler) && handler.honestPartiesLoseNothing());
    }

    function test_theOracleIsNotSolvent_ifItsTokenLoses() external {
        Handler handler = new ProtocolHandler(new ToyReferee(), true, false, false);
        for (uint256 i = 0; i < 20; ++i) _deed(handler, i);
        vm.assertTrue(handler.isSolvent());
        handler.rebase();
        vm.assertFalse(handler.isSolvent());
    }
}
