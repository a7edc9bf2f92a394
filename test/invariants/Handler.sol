// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { IDisputeGame } from "../../contracts/interfaces/IDisputeGame.sol";
import {
    CallbackStatus,
    ClaimStatus,
    IInferenceOracle,
    Progress,
    Request,
    RequestStatus,
    Terms
} from "../../contracts/interfaces/IInferenceOracle.sol";
import { IReferee } from "../../contracts/interfaces/IReferee.sol";
import { EtherForcer } from "../../contracts/mocks/EtherForcer.sol";
import { Phase } from "../../contracts/types/Position.sol";
import { Actors, Asked, Made } from "./Actors.sol";
import { Match } from "./ToyMoves.sol";
import { Lie } from "./ToyProgram.sol";

/// @title Handler
/// @notice Everything that may happen, at random: each function is a deed of somebody. Providers claim the truth and watchers
/// challenge what is false; both may wait until the last second that they have, and no longer ({pass}). Adversaries lie,
/// copy, challenge what is right, play well or badly, or not at all.
/// @dev A deed that must succeed and does not reverts, and the runs stop at reverts; what may fail is only tried.
abstract contract Handler is Actors {
    uint256 private constant MAX_PASS_SECONDS = 200;
    /// @notice Room for deeds that a run of the long profile cannot fill.
    uint256 private constant MAX_REQUESTS = 64;

    /// @notice Who may end a run.
    address private immutable OWNER;
    /// @notice Parties that ought to act and do not: a fault for the test of the tests.
    bool internal providersSleep;
    bool internal watchersSleep;

    modifier deed() {
        vm.warp(nowAt);
        // Enough for the gas of overtaken challengers to be repaid.
        vm.fee(1 << 20);
        _;
    }

    constructor(
        IReferee referee,
        bool withToken,
        bool providersSleep_,
        bool watchersSleep_
    ) Actors(referee, withToken) {
        OWNER = msg.sender;
        (providersSleep, watchersSleep) = (providersSleep_, watchersSleep_);
    }

    // ---- requesters -----------------------------------------------------------------------------------------------

    /// @notice Somebody asks.
    function ask(uint256 seed) external deed {
        if (requests.length < MAX_REQUESTS) _askAtRandom(seed);
    }

    function _askAtRandom(uint256 seed) private {
        Terms memory terms;
        terms.claimBondWei = uint96(bound(_part(seed, 0), 10, 1e12));
        terms.challengeBondWei = uint96(bound(_part(seed, 1), 5, terms.claimBondWei / 2));
        terms.windowSeconds = uint32(bound(_part(seed, 2), 300, 1_200));
        terms.clockSeconds = uint32(CLOCK_SECONDS);
        terms.patienceSeconds = uint32(bound(_part(seed, 3), 0, 600));
        if (_chance(seed, 4, 75)) terms.callbackGas = 100_000;
        if (terms.callbackGas != 0) terms.callbackFeeWei = uint96(_part(seed, 5) % 1e9);
        terms.answerByRoot = _chance(seed, 8, 30);
        if (_chance(seed, 9, 30)) terms.verifier = address(verifier);
        address by = requesters[_chance(seed, 6, 70) ? 0 : 1];
        _ask(by, uint96(_part(seed, 7) % 1e9), terms, _chance(seed, 10, 30));
    }

    /// @notice A requester gives up.
    function _cancel(uint256 seed) private {
        if (requests.length == 0) return;
        Asked storage asked = requests[_part(seed, 0) % requests.length];
        bytes memory data = abi.encodeCall(IInferenceOracle.cancel, (asked.id, asked.request));
        _send(_chance(seed, 1, 90) ? asked.request.requester : _adversary(seed), address(oracle), 0, data);
    }

    // ---- claimants and challengers --------------------------------------------------------------------------------

    /// @notice A provider claims the truth.
    function provide(uint256 seed) external deed {
        if (requests.length == 0) _askAtRandom(seed >> 1);
        uint256 asked = _recent(seed, requests.length);
        _claim(providers[_part(seed, 1) % providers.length], asked, new Lie[](0));
    }

    /// @notice An adversary claims something false, or the truth with a trace that is not.
    function lie(uint256 seed) external deed {
        if (requests.length == 0) _askAtRandom(seed >> 1);
        _claim(_adversary(seed), _recent(seed, requests.length), _lies(seed, _chance(seed, 9, 80)));
    }

    /// @notice An adversary copies the truth, often to lose it.
    function copy(uint256 seed) external deed {
        if (requests.length == 0 || !_claim(_adversary(seed), _recent(seed, requests.length), new Lie[](0)))
            return;
        if (_chance(seed, 1, 50)) return;
        uint256 last = claims.length - 1;
        claims[last].abandoned = true;
        _challenge(_adversary(seed >> 1), last);
    }

    /// @notice An adversary challenges whatever it likes.
    function attack(uint256 seed) external deed {
        if (claims.length != 0) _challenge(_adversary(seed), _recent(seed, claims.length));
    }

    /// @notice An honest party does something that it need not do yet.
    function hurry(uint256 seed) external deed {
        uint256 place = _part(seed, 0);
        if (live.length != 0) _answer(matches[live[place % live.length]]);
        if (claims.length != 0) _guard(place % claims.length);
    }

    /// @notice A few rounds in which adversaries whose turn it is move, some as their lies have it, some at random; some
    /// honest parties answer at once.
    function play(uint256 seed) external deed {
        for (uint256 round = _part(seed, 0) % 6; round > 0; --round) {
            uint256 choice = _part(seed, round);
            uint256[] memory places = live;
            for (uint256 i = 0; i < places.length; ++i) {
                Match storage m = matches[places[i]];
                if (_chance(choice, 2 * i, 30)) continue;
                if (_claimantMoves(m) && claims[m.claim].abandoned) continue;
                if (_has(adversaries, _mover(m))) _moveBadly(m, _part(choice, 2 * i + 1));
                else _answer(m);
            }
        }
    }

    function _moveBadly(Match storage m, uint256 seed) private {
        Lie[] memory lies = _claimantMoves(m) ? claims[m.claim].lies : new Lie[](0);
        bytes memory call_;
        if (_claimantMoves(m)) {
            if (_chance(seed, 0, 10)) lies = _lies(seed, true);
            call_ = _claimantMove(m, lies);
        } else if (m.state.position.phase() == Phase.NodePick && _chance(seed, 0, 15)) {
            uint32 child = uint32(_part(seed, 1) % (NODES + 1));
            call_ = abi.encodeCall(IDisputeGame.demandNode, (m.id, m.state, m.subject, child));
        } else {
            if (_chance(seed, 0, 40)) lies = _lies(seed, false);
            uint256 choice = _chance(seed, 1, 50) ? FIRST_WRONG : _part(seed, 2) % (4 * CHUNK);
            call_ = _challengerMove(m, requests[claims[m.claim].asked].request, lies, choice);
        }
        if (call_.length != 0) _send(_mover(m), address(game), 0, call_);
    }

    // ---- whoever likes --------------------------------------------------------------------------------------------

    /// @notice Time passes, once honest parties have done what they must do before; the lazy ones do no more.
    function pass(uint256 seed) external deed {
        _pass(bound(_part(seed, 0), 1, MAX_PASS_SECONDS), _chance(seed, 1, 50));
    }

    function _pass(uint256 elapsedSeconds, bool lazily) private {
        uint256 until = nowAt + elapsedSeconds;
        for (uint256 i = 0; i < claims.length; ++i) {
            if (!lazily || until > _windowEnd(claims[i])) _guard(i);
        }
        uint256[] memory places = live;
        for (uint256 i = 0; i < places.length; ++i) {
            Match storage m = matches[places[i]];
            if (!lazily || m.state.clock.isOut(_claimantMoves(m), until)) _answer(m);
        }
        nowAt = until;
        vm.warp(nowAt);
    }

    /// @notice A stranger ends what may be ended, or tries to.
    function end(uint256 seed) external deed {
        address by = _adversary(seed);
        if (matches.length != 0) {
            Match storage m = matches[_recent(seed, matches.length)];
            if (_part(seed, 2) % 2 == 0) _timeout(by, m);
            else _reclaim(by, m);
        }
        bool ok;
        for (uint256 i = claims.length; i > 0 && !ok; --i) {
            ok = _finalize(by, claims[i - 1], _chance(seed, 3, 30));
        }
    }

    /// @notice What happens less often: a request is cancelled, a callback is run again or changes, money moves.
    function errand(uint256 seed) external deed {
        uint256 kind = _part(seed, 110) % 7;
        if (kind == 0) _cancel(seed);
        else if (kind == 1) _callBack(seed);
        else if (kind == 5) _payFees(_adversary(seed));
        else if (kind == 6) _proveOne(seed);
        else if (kind == 2) _force(seed);
        else if (kind == 3) _withdraw(accounts[_part(seed, 0) % accounts.length]);
        else consumer.plan(_chance(seed, 0, 50));
    }

    /// @notice A stranger runs a callback that is due.
    function _callBack(uint256 seed) private {
        bool ok;
        for (uint256 i = claims.length; i > 0 && !ok; --i) ok = _runCallback(_adversary(seed), claims[i - 1]);
    }

    /// @notice Somebody has a claim made final by its request's verifier. It says no to what is false.
    function _proveOne(uint256 seed) private {
        bool ok;
        for (uint256 i = claims.length; i > 0 && !ok; --i) {
            ok = _prove(_adversary(seed), claims[i - 1], _chance(seed, 3, 50));
        }
    }

    /// @notice Fees that are held go where they belong, if that is decided.
    function _payFees(address by) private {
        for (uint256 i = 0; i < claims.length; ++i) _payFee(by, claims[i]);
    }

    /// @notice Somebody forces money into the oracle.
    function _force(uint256 seed) private {
        uint256 amountWei = 1 + (_part(seed, 0) % 1_000);
        forcedWei += amountWei;
        if (address(token) != address(0)) token.mint(address(oracle), amountWei);
        else {
            vm.deal(address(this), amountWei);
            new EtherForcer{ value: amountWei }(payable(address(oracle)));
        }
    }

    /// @notice A move comes too late, or from somebody whose turn it is not. Neither may count.
    function intrude(uint256 seed) external deed {
        if (live.length == 0) return;
        Match storage m = matches[live[_part(seed, 0) % live.length]];
        address by = _adversary(seed);
        bytes memory call_ =
            _claimantMoves(m)
                ? _claimantMove(m, claims[m.claim].lies)
                : _challengerMove(m, requests[claims[m.claim].asked].request, claims[m.claim].lies, 0);
        if (by != _mover(m)) {
            (bool moved, ) = _send(by, address(game), 0, call_);
            require(!moved, "moved out of turn");
        }
        if (!m.hasEarlier) return;
        (bool late, ) = _send(
            by,
            address(game),
            0,
            abi.encodeCall(IDisputeGame.timeout, (m.id, m.earlier, m.subject))
        );
        require(!late, "a state that is past was taken");
    }

    // ---- the honest -----------------------------------------------------------------------------------------------

    /// @notice Watchers challenge a claim that is false, once each.
    function _guard(uint256 claim) private {
        Made storage made = claims[claim];
        if (!made.isFalse || watchersSleep || nowAt > _windowEnd(made)) return;
        for (uint256 w = 0; w < watchers.length; ++w) {
            if (oracle.claims(made.id).status != ClaimStatus.Open || _challenged(claim, watchers[w]))
                continue;
            require(_challenge(watchers[w], claim), "an honest challenge was refused");
        }
    }

    function _challenged(uint256 claim, address by) private view returns (bool) {
        for (uint256 i = 0; i < matches.length; ++i) {
            if (matches[i].claim == claim && matches[i].challenger == by) return true;
        }
        return false;
    }

    /// @notice The honest party of a dispute moves, if it is its turn, or takes its bond back.
    function _answer(Match storage m) private {
        if (m.ended) return;
        Made storage made = claims[m.claim];
        if (oracle.claims(made.id).status == ClaimStatus.Falsified) {
            if (_has(watchers, m.challenger)) require(_reclaim(m.challenger, m), "a bond was kept");
            return;
        }
        bool forClaimant = _claimantMoves(m);
        address by = _mover(m);
        if (forClaimant ? providersSleep || !_has(providers, by) : watchersSleep || !_has(watchers, by))
            return;
        bytes memory call_ =
            forClaimant
                ? _claimantMove(m, new Lie[](0))
                : _challengerMove(m, requests[made.asked].request, new Lie[](0), FIRST_WRONG);
        require(call_.length != 0, "an honest challenger sees nothing wrong");
        (bool ok, ) = _send(by, address(game), 0, call_);
        require(ok, "an honest move was refused");
    }

    // ---- the end of a run -----------------------------------------------------------------------------------------

    /// @notice Adversaries fall asleep, everybody else ends what can be ended, and all take what they are owed.
    function drain() external deed {
        // Runners call this at random as well.
        if (msg.sender != OWNER) return;
        address by = accounts[0];
        // Some claims become final while disputes on others with the same output are open.
        _pass(1_300, false);
        _finalizeAll(by);
        // A dispute takes less than 40 moves; each side that does not answer runs out of time once.
        for (uint256 round = 0; round < 40 && live.length != 0; ++round) {
            _pass(round % 8 == 7 ? CLOCK_SECONDS + 1 : 1, false);
            for (uint256 i = live.length; i > 0; --i) {
                if (i > live.length) continue;
                Match storage m = matches[live[i - 1]];
                if (!_timeout(by, m)) _reclaim(by, m);
            }
        }
        _pass(5_000, false);
        _finalizeAll(by);
        for (uint256 i = 0; i < requests.length; ++i) {
            bytes memory data = abi.encodeCall(
                IInferenceOracle.cancel,
                (requests[i].id, requests[i].request)
            );
            _send(requests[i].request.requester, address(oracle), 0, data);
        }
        _payFees(by);
        for (uint256 i = 0; i < accounts.length; ++i) _withdraw(accounts[i]);
    }

    function _finalizeAll(address by) private {
        for (uint256 i = 0; i < claims.length; ++i) _finalize(by, claims[i], true);
    }

    // ---- chance ---------------------------------------------------------------------------------------------------

    function _part(uint256 seed, uint256 i) private pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed, i)));
    }

    function _chance(uint256 seed, uint256 i, uint256 percent) private pure returns (bool) {
        return _part(seed, i) % 100 < percent;
    }

    function _adversary(uint256 seed) private view returns (address) {
        return adversaries[_part(seed, 100) % adversaries.length];
    }

    /// @notice One of the last few, because most that is older has ended.
    function _recent(uint256 seed, uint256 count) private pure returns (uint256) {
        uint256 last = count < 4 ? count : 4;
        return count - 1 - (_part(seed, 101) % last);
    }

    /// @notice One lie of each kind in turn, and one about the output if the claim is to be false.
    function _lies(uint256 seed, bool aboutOutput) private pure returns (Lie[] memory lies) {
        lies = new Lie[](aboutOutput ? 2 : 1);
        uint256 kind = _part(seed, 102) % 7;
        uint256 offset = _part(seed, 103);
        uint8 step = uint8(_part(seed, 104) % 80);
        if (kind == 0) lies[0] = Lie(0, uint16(offset % 16), 0);
        else if (kind == 1) lies[0] = Lie(1, uint16(offset % 40), 0);
        else if (kind == 2) lies[0] = Lie(uint8(DEEP), uint16(offset % 560), step);
        else if (kind == 3) lies[0] = Lie(uint8(DEEP), uint16(offset % 1_024), step);
        else if (kind == 4) lies[0] = Lie(3, uint16(offset % 16), 0);
        else if (kind == 5) lies[0] = Lie(uint8(NODES + (offset % 3)), uint16(offset >> 8), 0);
        else lies[0] = Lie(uint8(OUTPUT), uint16(OUTPUT_BYTES + (offset % 8)), 0);
        if (aboutOutput) lies[1] = Lie(uint8(OUTPUT), uint16((offset >> 64) % OUTPUT_BYTES), 0);
    }

    function _windowEnd(Made storage made) private view returns (uint256) {
        return made.claimedAt + requests[made.asked].request.terms.windowSeconds;
    }

    // ---- what must hold -------------------------------------------------------------------------------------------

    /// @notice A claim is never final if it is false.
    function falseClaimsAreNeverFinal() external view returns (bool) {
        for (uint256 i = 0; i < claims.length; ++i) {
            if (claims[i].isFalse && oracle.claims(claims[i].id).status == ClaimStatus.Final) return false;
        }
        return true;
    }

    /// @notice A provider's claim is never falsified, and what providers and watchers have paid is owed to them or lies on
    /// something that is still open.
    function honestPartiesLoseNothing() external view returns (bool) {
        for (uint256 i = 0; i < claims.length; ++i) {
            if (!_has(providers, claims[i].claimant)) continue;
            if (oracle.claims(claims[i].id).status == ClaimStatus.Falsified) return false;
        }
        for (uint256 i = 0; i < providers.length; ++i) if (_loss(providers[i]) != 0) return false;
        for (uint256 i = 0; i < watchers.length; ++i) if (_loss(watchers[i]) != 0) return false;
        return true;
    }

    function _loss(address account) private view returns (uint256) {
        uint256 keptWei = receivedWei[account] + oracle.owed(account) + _stakes(account);
        return paidWei[account] > keptWei ? paidWei[account] - keptWei : 0;
    }

    /// @notice Bonds of one account's open claims and disputes, of everybody's for zero.
    function _stakes(address account) private view returns (uint256 heldWei) {
        for (uint256 i = 0; i < claims.length; ++i) {
            if (account != address(0) && claims[i].claimant != account) continue;
            if (oracle.claims(claims[i].id).status != ClaimStatus.Open) continue;
            heldWei += requests[claims[i].asked].request.terms.claimBondWei;
        }
        for (uint256 i = 0; i < live.length; ++i) {
            Match storage m = matches[live[i]];
            if (account != address(0) && m.challenger != account) continue;
            heldWei += requests[claims[m.claim].asked].request.terms.challengeBondWei;
        }
    }

    /// @notice What is owed, held and burned, and what was forced in, is what the oracle has.
    function isSolvent() external view returns (bool) {
        uint256 heldWei = forcedWei + _stakes(address(0));
        for (uint256 i = 0; i < accounts.length; ++i) heldWei += oracle.owed(accounts[i]);
        for (uint256 i = 0; i < requests.length; ++i) heldWei += _heldFor(requests[i]);
        uint256 balanceWei =
            address(token) == address(0) ? address(oracle).balance : token.balanceOf(address(oracle));
        return balanceWei == heldWei;
    }

    /// @notice Fees of a request that wait, and what was burned on it.
    function _heldFor(Asked storage asked) private view returns (uint256 heldWei) {
        Request storage request = asked.request;
        Progress memory state = oracle.progress(asked.id);
        bool undecided = state.status == RequestStatus.Open || state.status == RequestStatus.Closed;
        heldWei = state.burnedWei;
        if (undecided || state.feeHeld) heldWei += request.feeWei;
        if (undecided || state.callback == CallbackStatus.Waiting) heldWei += request.terms.callbackFeeWei;
    }

    /// @notice A fee that is paid was earned by the first claim of the answer that was not falsified, and one that is held
    /// waits for an earlier claim that is open.
    function feesGoToTheFirst() external view returns (bool) {
        for (uint256 i = 0; i < requests.length; ++i) {
            Progress memory state = oracle.progress(requests[i].id);
            if (state.status != RequestStatus.Answered || requests[i].request.feeWei == 0) continue;
            if (
                state.feeHeld
                    ? earner[requests[i].id] != 0
                    : earner[requests[i].id] != _first(i, state.answer)
            ) return false;
        }
        return true;
    }

    /// @return The first claim of a request's answer that was not falsified.
    function _first(uint256 asked, uint32 answer) private view returns (uint256) {
        bytes32 outputs;
        for (uint256 i = 0; i < claims.length; ++i) {
            if (claims[i].asked == asked && uint32(claims[i].id) == answer) outputs = claims[i].outputs;
        }
        for (uint256 i = 0; i < claims.length; ++i) {
            if (claims[i].asked != asked || claims[i].outputs != outputs) continue;
            if (oracle.claims(claims[i].id).status != ClaimStatus.Falsified) return claims[i].id;
        }
        return 0;
    }

    /// @notice After {drain}: nothing is open or held, every false claim is falsified, every provider's claim final.
    function allEnded() external view returns (bool) {
        for (uint256 i = 0; i < requests.length; ++i)
            if (oracle.progress(requests[i].id).feeHeld) return false;
        for (uint256 i = 0; i < claims.length; ++i) {
            ClaimStatus status = oracle.claims(claims[i].id).status;
            if (status == ClaimStatus.Open) return false;
            if (claims[i].isFalse && status != ClaimStatus.Falsified) return false;
            if (_has(providers, claims[i].claimant) && status != ClaimStatus.Final) return false;
        }
        return live.length == 0;
    }

    /// @notice Breaks the currency, if it is a token: a fault for the test of the tests.
    function rebase() external {
        if (msg.sender == OWNER) token.rebase(9);
    }
}
