// Rows 5 to 8 and 10: time, order and the end of a dispute.
import { expect } from 'chai';
import { encodeStart } from '../../../src/dispute/position.ts';
import { toyInput, toyLoop, toyModel } from '../../support/toy/model.ts';
import { commitTrace, PHASE } from '../../support/toy/moves.ts';
import {
  BURNED,
  deployProtocol,
  type Fight,
  MIN,
  type Protocol,
  placeOf,
  REASON,
  TERMS,
  type Terms,
} from '../../support/toy/protocol.ts';
import { DEEP, INPUT, small, tale, truth } from '../../support/toy/small.ts';

const { windowSeconds, clockSeconds, challengeBondWei } = TERMS;

describe('attacks: time', () => {
  let p: Protocol;
  const lie = tale(DEEP);

  beforeEach(async () => {
    p = await deployProtocol();
    await p.publish(small);
  });

  const claimed = async (values = lie, terms = {}) =>
    p.claim(await p.ask(small, INPUT, { terms }), values.output(), p.liar);

  it('attack 5: a dispute of moves at the last second ends within both clocks', async () => {
    const fight = await p.challenge(await claimed(), p.watcher);
    const opened = await p.lastTimestamp();
    const left = { claimant: clockSeconds, challenger: clockSeconds };
    let moves = 0;
    while (!fight.ended) {
      const side = p.moverOf(fight) === p.liar ? 'claimant' : 'challenger';
      // Half of what is left each time, so that there always is a next move.
      const pause = left[side] / 2n + 1n;
      if (pause > left[side]) break;
      await p.at((await p.lastTimestamp()) + pause);
      left[side] -= pause;
      await p.step(fight, side === 'claimant' ? lie : truth);
      moves++;
    }
    expect(moves).to.equal(8);
    expect((await p.lastTimestamp()) - opened).to.be.at.most(2n * clockSeconds);
    expect(fight.ended?.winner).to.equal(p.watcher.address);
  });

  it('attack 6: a window or clock below the censorship budget is refused', async () => {
    for (const terms of [
      { windowSeconds: MIN.windowSeconds - 1n },
      { clockSeconds: MIN.clockSeconds - 1n },
    ]) {
      await expect(p.ask(small, INPUT, { terms })).to.be.revertedWithCustomError(p.oracle, 'TermOutOfBounds');
    }
  });

  it('attack 6: a challenger censored for the window and the budget still wins', async () => {
    const terms = { windowSeconds: MIN.windowSeconds, clockSeconds: MIN.clockSeconds };
    const made = await claimed(lie, terms);
    await p.at(made.claimedAt + MIN.windowSeconds);
    const fight = await p.challenge(made, p.watcher);
    let budget = MIN.clockSeconds - 20n;
    while (!fight.ended) {
      // Blocks are a second apart, so that twenty seconds are left for all moves together.
      if (p.moverOf(fight) === p.watcher && budget > 0n) {
        await p.at((await p.lastTimestamp()) + budget);
        budget = 0n;
      }
      await p.step(fight, p.moverOf(fight) === p.watcher ? truth : lie);
    }
    expect(fight.ended.reason).to.equal(REASON.WrongWord);
  });

  it('attack 7: a challenge is taken until the last second of the window', async () => {
    for (const [offset, taken] of [
      [-1n, true],
      [0n, true],
      [1n, false],
    ] as const) {
      const made = await claimed();
      await p.at(made.claimedAt + windowSeconds + offset);
      const sent = p.challenge(made, p.watcher);
      if (taken) await sent;
      else {
        await expect(sent)
          .to.be.revertedWithCustomError(p.oracle, 'WindowPassed')
          .withArgs(made.id, made.claimedAt + windowSeconds);
      }
    }
  });

  it('attack 7: a claim is final from the first second without a challenge', async () => {
    for (const [offset, taken] of [
      [-1n, false],
      [0n, false],
      [1n, true],
    ] as const) {
      const made = await claimed(truth);
      await p.at(made.claimedAt + windowSeconds + offset);
      if (taken) await p.finalize(made);
      else {
        await expect(p.sendFinalize(made))
          .to.be.revertedWithCustomError(p.oracle, 'WindowOpen')
          .withArgs(made.id, made.claimedAt + windowSeconds);
      }
    }
  });

  for (const mover of ['claimant', 'challenger'] as const) {
    it(`attack 7: a move of the ${mover} and the end by its clock exclude each other`, async () => {
      for (const offset of [-1n, 0n, 1n]) {
        const fight = await p.challenge(await claimed(), p.watcher);
        if (mover === 'challenger') await p.step(fight, lie);
        const call = (await p.nextCall(fight, mover === 'claimant' ? lie : truth))!;
        const last = (await p.lastTimestamp()) + clockSeconds;
        const snapshot = await p.networkHelpers.takeSnapshot();
        await p.at(last + offset);
        if (offset <= 0n) {
          await expect(p.sendTimeout(fight))
            .to.be.revertedWithCustomError(p.game, 'ClockRuns')
            .withArgs(last);
          await snapshot.restore();
          await p.at(last + offset);
          await p.move(fight, call, p.moverOf(fight));
        } else {
          await expect(p.send(fight, call, p.moverOf(fight)))
            .to.be.revertedWithCustomError(p.game, 'ClockRanOut')
            .withArgs(last);
          await snapshot.restore();
          await p.at(last + offset);
          await p.timeout(fight);
          const winner = mover === 'claimant' ? p.watcher : p.liar;
          expect(fight.ended?.winner).to.equal(winner.address);
        }
      }
    });
  }

  it('attack 7: cancelling starts in the first second after the patience', async () => {
    for (const offset of [0n, 1n]) {
      const asked = await p.ask(small, INPUT);
      const last = asked.requestedAt + TERMS.patienceSeconds;
      await p.at(last + offset);
      const sent = p.oracle.connect(p.requester).cancel(asked.id, asked.request as never);
      if (offset === 1n) await sent;
      else
        await expect(sent).to.be.revertedWithCustomError(p.oracle, 'PatienceLasts').withArgs(asked.id, last);
    }
  });

  it('attack 8: a challenge meant for a claim that a reorganisation replaced reverts', async () => {
    const asked = await p.ask(small, INPUT);
    const snapshot = await p.networkHelpers.takeSnapshot();
    const before = await p.claim(asked, lie.output(), p.liar);
    await snapshot.restore();
    const after = await p.claim(asked, truth.output(), p.honest);
    expect(after.id).to.equal(before.id);
    await expect(p.challenge(before, p.watcher))
      .to.be.revertedWithCustomError(p.oracle, 'OutputMismatch')
      .withArgs(before.id, before.outputs);
    // So does a claim or a cancellation for a request that was replaced, and a finality.
    await expect(p.sendFinalize({ ...after, output: before.output })).to.be.revertedWithCustomError(
      p.oracle,
      'OutputMismatch',
    );
  });

  it('attack 8: a claim meant for a request that a reorganisation replaced reverts', async () => {
    const snapshot = await p.networkHelpers.takeSnapshot();
    const before = await p.ask(small, INPUT);
    await snapshot.restore();
    const after = await p.ask(small, INPUT, { terms: { windowSeconds: 200n } });
    expect(after.id).to.equal(before.id);
    await expect(p.claim(before, truth.output(), p.honest)).to.be.revertedWithCustomError(
      p.oracle,
      'RequestMismatch',
    );
  });

  it('attack 8: a first answer meant for a replaced claim reverts', async () => {
    const checked = toyModel([toyInput(16), toyInput(8, 1), toyLoop(1)], [2], 1);
    await p.publish(checked);
    for (const model of [small, checked]) {
      const start = (await p.lastTimestamp()) + 100n;
      const open = async (output: Uint8Array, terms: Partial<Terms> = {}) => {
        await p.at(start);
        const asked = await p.ask(model, INPUT, { terms });
        await p.at(start + 1n);
        const made = await p.claim(asked, output, p.liar);
        await p.at(start + 2n);
        return p.challenge(made, p.watcher);
      };
      const snapshot = await p.networkHelpers.takeSnapshot();
      const meant = await open(lie.output());
      const { asked, id, outputs } = meant.claimed;
      const named = p.ethers.concat([await p.oracle.requestHash(asked.id), outputs]);
      expect(meant.dispute.at(-1)).to.equal(encodeStart(BigInt(p.ethers.keccak256(named))));
      await snapshot.restore();
      // Another answer to the same request, and the same answer to a request that differs where no dispute looks.
      for (const [output, patienceSeconds] of [
        [truth.output(), TERMS.patienceSeconds],
        [lie.output(), TERMS.patienceSeconds + 1n],
      ] as const) {
        const before = await p.networkHelpers.takeSnapshot();
        const other = await open(output, { patienceSeconds });
        expect([other.id, other.claimed.id]).to.deep.equal([meant.id, id]);
        expect(other.dispute.slice(0, -1)).to.deep.equal(meant.dispute.slice(0, -1));
        await expect(p.send(meant, commitTrace(truth), p.liar)).to.be.revertedWithCustomError(
          p.game,
          'StateMismatch',
        );
        await before.restore();
      }
    }
  });

  it('attack 8: a move meant for a replaced state reverts and changes nothing', async () => {
    const fight = await p.challenge(await claimed(), p.watcher);
    const snapshot = await p.networkHelpers.takeSnapshot();
    await p.step(fight, lie);
    const call = (await p.nextCall(fight, truth))!;
    const stale: Fight = { ...fight };
    await snapshot.restore();
    const other = { ...fight, dispute: stale.dispute };
    await expect(p.send(other, call, p.watcher)).to.be.revertedWithCustomError(p.game, 'StateMismatch');
  });

  it('attack 8: a move on a state that has moved on reverts', async () => {
    const fight = await p.challenge(await claimed(), p.watcher);
    const old = { ...fight };
    const call = (await p.nextCall(fight, lie))!;
    await p.step(fight, lie);
    await expect(p.send(old, call, p.liar)).to.be.revertedWithCustomError(p.game, 'StateMismatch');
    await expect(p.sendTimeout(old)).to.be.revertedWithCustomError(p.game, 'StateMismatch');
  });

  it('attack 10: a dispute that has ended takes nothing more, and is paid once', async () => {
    const fight = await p.challenge(await claimed(), p.watcher);
    let call = await p.nextCall(fight, lie);
    let before: Fight = fight;
    while (!fight.ended) {
      before = { ...fight };
      call = await p.nextCall(fight, p.moverOf(fight) === p.liar ? lie : truth);
      await p.step(fight, p.moverOf(fight) === p.liar ? lie : truth);
    }
    const owed = await p.oracle.owed(p.watcher);
    for (const again of [
      () => p.send(before, call!, p.watcher),
      () => p.sendTimeout(before),
      () => p.sendReclaim(before),
    ]) {
      await expect(again()).to.be.revertedWithCustomError(p.game, 'NoDispute').withArgs(fight.id);
    }
    expect(await p.oracle.owed(p.watcher)).to.equal(owed);
    expect((await p.oracle.claims(fight.claimed.id)).openDisputes).to.equal(0n);
  });

  it('attack 10: a bond is reclaimed once, and only from a falsified claim', async () => {
    const made = await claimed();
    const first = await p.challenge(made, p.watcher);
    const second = await p.challenge(made, p.stranger);
    await expect(p.sendReclaim(second)).to.be.revertedWithCustomError(p.oracle, 'ClaimNotFalsified');
    await p.playOut(first, lie, truth);
    await p.reclaim(second);
    await expect(p.sendReclaim(second)).to.be.revertedWithCustomError(p.game, 'NoDispute');
    expect(await p.oracle.owed(p.stranger)).to.equal(challengeBondWei + BURNED);
  });

  it('attack 10: two leaves against one claim in one block pay one reward', async () => {
    const made = await claimed();
    const first = await p.challenge(made, p.watcher);
    const second = await p.challenge(made, p.stranger);
    for (const fight of [first, second]) {
      while (placeOf(fight).phase !== PHASE.Interval) {
        await p.step(fight, p.moverOf(fight) === p.liar ? lie : truth);
      }
    }
    await p.playOut(first, lie, truth);
    const call = (await p.nextCall(second, truth))!;
    await expect(p.send(second, call, p.stranger)).to.be.revertedWithCustomError(p.oracle, 'ClaimNotOpen');
    expect(await p.oracle.owed(p.stranger)).to.equal(0n);
  });
});
