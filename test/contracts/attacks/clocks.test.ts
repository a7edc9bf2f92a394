// Rows 5 to 8 and 10: time, order and the end of a dispute.
import { expect } from 'chai';
import { encodeStart } from '../../../src/dispute/position.ts';
import { toyInput, toyLoop, toyModel } from '../../support/toy/model.ts';
import { commitTrace, PHASE } from '../../support/toy/moves.ts';
import {
  BURNED,
  type Dispute,
  deployProtocol,
  MIN,
  type Protocol,
  placeOf,
  REASON,
  TERMS,
  type Terms,
} from '../../support/toy/protocol.ts';
import { DEEP, honestValues, INPUT, small, withFalseOutput } from '../../support/toy/small.ts';

const { windowSeconds, clockSeconds, challengeBondWei } = TERMS;

describe('attacks: time', () => {
  let protocol: Protocol;
  const falseValues = withFalseOutput(DEEP);

  beforeEach(async () => {
    protocol = await deployProtocol();
    await protocol.publish(small);
  });

  const claimed = async (values = falseValues, terms = {}) =>
    protocol.claim(await protocol.ask(small, INPUT, { terms }), values.output(), protocol.liar);

  it('attack 5: a dispute of moves at the last second ends within both clocks', async () => {
    const dispute = await protocol.challenge(await claimed(), protocol.watcher);
    const opened = await protocol.lastTimestamp();
    const left = { claimant: clockSeconds, challenger: clockSeconds };
    let moves = 0;
    while (!dispute.ended) {
      const side = protocol.moverOf(dispute) === protocol.liar ? 'claimant' : 'challenger';
      // Half of what is left each time, so that there always is a next move.
      const pause = left[side] / 2n + 1n;
      if (pause > left[side]) break;
      await protocol.at((await protocol.lastTimestamp()) + pause);
      left[side] -= pause;
      await protocol.step(dispute, side === 'claimant' ? falseValues : honestValues);
      moves++;
    }
    expect(moves).to.equal(8);
    expect((await protocol.lastTimestamp()) - opened).to.be.at.most(2n * clockSeconds);
    expect(dispute.ended?.winner).to.equal(protocol.watcher.address);
  });

  it('attack 6: a window or clock below the censorship budget is refused', async () => {
    for (const terms of [
      { windowSeconds: MIN.windowSeconds - 1n },
      { clockSeconds: MIN.clockSeconds - 1n },
    ]) {
      await expect(protocol.ask(small, INPUT, { terms })).to.be.revertedWithCustomError(
        protocol.oracle,
        'TermOutOfBounds',
      );
    }
  });

  it('attack 6: a challenger censored for the window and the budget still wins', async () => {
    const terms = { windowSeconds: MIN.windowSeconds, clockSeconds: MIN.clockSeconds };
    const claim = await claimed(falseValues, terms);
    await protocol.at(claim.claimedAt + MIN.windowSeconds);
    const dispute = await protocol.challenge(claim, protocol.watcher);
    let budget = MIN.clockSeconds - 20n;
    while (!dispute.ended) {
      // Blocks are a second apart, so that twenty seconds are left for all moves together.
      if (protocol.moverOf(dispute) === protocol.watcher && budget > 0n) {
        await protocol.at((await protocol.lastTimestamp()) + budget);
        budget = 0n;
      }
      await protocol.step(
        dispute,
        protocol.moverOf(dispute) === protocol.watcher ? honestValues : falseValues,
      );
    }
    expect(dispute.ended.reason).to.equal(REASON.WrongWord);
  });

  it('attack 7: a challenge is taken until the last second of the window', async () => {
    for (const [offset, taken] of [
      [-1n, true],
      [0n, true],
      [1n, false],
    ] as const) {
      const claim = await claimed();
      await protocol.at(claim.claimedAt + windowSeconds + offset);
      const sent = protocol.challenge(claim, protocol.watcher);
      if (taken) await sent;
      else {
        await expect(sent)
          .to.be.revertedWithCustomError(protocol.oracle, 'WindowPassed')
          .withArgs(claim.id, claim.claimedAt + windowSeconds);
      }
    }
  });

  it('attack 7: a claim is final from the first second without a challenge', async () => {
    for (const [offset, taken] of [
      [-1n, false],
      [0n, false],
      [1n, true],
    ] as const) {
      const claim = await claimed(honestValues);
      await protocol.at(claim.claimedAt + windowSeconds + offset);
      if (taken) await protocol.finalize(claim);
      else {
        await expect(protocol.sendFinalize(claim))
          .to.be.revertedWithCustomError(protocol.oracle, 'WindowOpen')
          .withArgs(claim.id, claim.claimedAt + windowSeconds);
      }
    }
  });

  for (const mover of ['claimant', 'challenger'] as const) {
    it(`attack 7: a move of the ${mover} and the end by its clock exclude each other`, async () => {
      for (const offset of [-1n, 0n, 1n]) {
        const dispute = await protocol.challenge(await claimed(), protocol.watcher);
        if (mover === 'challenger') await protocol.step(dispute, falseValues);
        const call = (await protocol.nextCall(dispute, mover === 'claimant' ? falseValues : honestValues))!;
        const last = (await protocol.lastTimestamp()) + clockSeconds;
        const snapshot = await protocol.networkHelpers.takeSnapshot();
        await protocol.at(last + offset);
        if (offset <= 0n) {
          await expect(protocol.sendTimeout(dispute))
            .to.be.revertedWithCustomError(protocol.game, 'ClockRuns')
            .withArgs(last);
          await snapshot.restore();
          await protocol.at(last + offset);
          await protocol.move(dispute, call, protocol.moverOf(dispute));
        } else {
          await expect(protocol.send(dispute, call, protocol.moverOf(dispute)))
            .to.be.revertedWithCustomError(protocol.game, 'ClockRanOut')
            .withArgs(last);
          await snapshot.restore();
          await protocol.at(last + offset);
          await protocol.timeout(dispute);
          const winner = mover === 'claimant' ? protocol.watcher : protocol.liar;
          expect(dispute.ended?.winner).to.equal(winner.address);
        }
      }
    });
  }

  it('attack 7: cancelling starts in the first second after the patience', async () => {
    for (const offset of [0n, 1n]) {
      const asked = await protocol.ask(small, INPUT);
      const last = asked.requestedAt + TERMS.patienceSeconds;
      await protocol.at(last + offset);
      const sent = protocol.oracle.connect(protocol.requester).cancel(asked.id, asked.request as never);
      if (offset === 1n) await sent;
      else
        await expect(sent)
          .to.be.revertedWithCustomError(protocol.oracle, 'PatienceLasts')
          .withArgs(asked.id, last);
    }
  });

  it('attack 8: a challenge meant for a claim that a reorganisation replaced reverts', async () => {
    const asked = await protocol.ask(small, INPUT);
    const snapshot = await protocol.networkHelpers.takeSnapshot();
    const before = await protocol.claim(asked, falseValues.output(), protocol.liar);
    await snapshot.restore();
    const after = await protocol.claim(asked, honestValues.output(), protocol.honest);
    expect(after.id).to.equal(before.id);
    await expect(protocol.challenge(before, protocol.watcher))
      .to.be.revertedWithCustomError(protocol.oracle, 'OutputMismatch')
      .withArgs(before.id, before.outputs);
    // So does a claim or a cancellation for a request that was replaced, and a finality.
    await expect(protocol.sendFinalize({ ...after, output: before.output })).to.be.revertedWithCustomError(
      protocol.oracle,
      'OutputMismatch',
    );
  });

  it('attack 8: a claim meant for a request that a reorganisation replaced reverts', async () => {
    const snapshot = await protocol.networkHelpers.takeSnapshot();
    const before = await protocol.ask(small, INPUT);
    await snapshot.restore();
    const after = await protocol.ask(small, INPUT, { terms: { windowSeconds: 200n } });
    expect(after.id).to.equal(before.id);
    await expect(
      protocol.claim(before, honestValues.output(), protocol.honest),
    ).to.be.revertedWithCustomError(protocol.oracle, 'RequestMismatch');
  });

  it('attack 8: a first answer meant for a replaced claim reverts', async () => {
    const checked = toyModel([toyInput(16), toyInput(8, 1), toyLoop(1)], [2], 1);
    await protocol.publish(checked);
    for (const model of [small, checked]) {
      const start = (await protocol.lastTimestamp()) + 100n;
      const open = async (output: Uint8Array, terms: Partial<Terms> = {}) => {
        await protocol.at(start);
        const asked = await protocol.ask(model, INPUT, { terms });
        await protocol.at(start + 1n);
        const claim = await protocol.claim(asked, output, protocol.liar);
        await protocol.at(start + 2n);
        return protocol.challenge(claim, protocol.watcher);
      };
      const snapshot = await protocol.networkHelpers.takeSnapshot();
      const meant = await open(falseValues.output());
      const { asked, id, outputs } = meant.claimed;
      const named = protocol.ethers.concat([await protocol.oracle.requestHash(asked.id), outputs]);
      expect(meant.fields.at(-1)).to.equal(encodeStart(BigInt(protocol.ethers.keccak256(named))));
      await snapshot.restore();
      // Another answer to the same request, and the same answer to a request that differs where no dispute looks.
      for (const [output, patienceSeconds] of [
        [honestValues.output(), TERMS.patienceSeconds],
        [falseValues.output(), TERMS.patienceSeconds + 1n],
      ] as const) {
        const before = await protocol.networkHelpers.takeSnapshot();
        const other = await open(output, { patienceSeconds });
        expect([other.id, other.claimed.id]).to.deep.equal([meant.id, id]);
        expect(other.fields.slice(0, -1)).to.deep.equal(meant.fields.slice(0, -1));
        await expect(
          protocol.send(meant, commitTrace(honestValues), protocol.liar),
        ).to.be.revertedWithCustomError(protocol.game, 'StateMismatch');
        await before.restore();
      }
    }
  });

  it('attack 8: a move meant for a replaced state reverts and changes nothing', async () => {
    const dispute = await protocol.challenge(await claimed(), protocol.watcher);
    const snapshot = await protocol.networkHelpers.takeSnapshot();
    await protocol.step(dispute, falseValues);
    const call = (await protocol.nextCall(dispute, honestValues))!;
    const stale: Dispute = { ...dispute };
    await snapshot.restore();
    const other = { ...dispute, fields: stale.fields };
    await expect(protocol.send(other, call, protocol.watcher)).to.be.revertedWithCustomError(
      protocol.game,
      'StateMismatch',
    );
  });

  it('attack 8: a move on a state that has moved on reverts', async () => {
    const dispute = await protocol.challenge(await claimed(), protocol.watcher);
    const old = { ...dispute };
    const call = (await protocol.nextCall(dispute, falseValues))!;
    await protocol.step(dispute, falseValues);
    await expect(protocol.send(old, call, protocol.liar)).to.be.revertedWithCustomError(
      protocol.game,
      'StateMismatch',
    );
    await expect(protocol.sendTimeout(old)).to.be.revertedWithCustomError(protocol.game, 'StateMismatch');
  });

  it('attack 10: a dispute that has ended takes nothing more, and is paid once', async () => {
    const dispute = await protocol.challenge(await claimed(), protocol.watcher);
    let call = await protocol.nextCall(dispute, falseValues);
    let before: Dispute = dispute;
    while (!dispute.ended) {
      before = { ...dispute };
      call = await protocol.nextCall(
        dispute,
        protocol.moverOf(dispute) === protocol.liar ? falseValues : honestValues,
      );
      await protocol.step(dispute, protocol.moverOf(dispute) === protocol.liar ? falseValues : honestValues);
    }
    const owed = await protocol.oracle.owed(protocol.watcher);
    for (const again of [
      () => protocol.send(before, call!, protocol.watcher),
      () => protocol.sendTimeout(before),
      () => protocol.sendReclaim(before),
    ]) {
      await expect(again()).to.be.revertedWithCustomError(protocol.game, 'NoDispute').withArgs(dispute.id);
    }
    expect(await protocol.oracle.owed(protocol.watcher)).to.equal(owed);
    expect((await protocol.oracle.claims(dispute.claimed.id)).openDisputes).to.equal(0n);
  });

  it('attack 10: a bond is reclaimed once, and only from a falsified claim', async () => {
    const claim = await claimed();
    const first = await protocol.challenge(claim, protocol.watcher);
    const second = await protocol.challenge(claim, protocol.stranger);
    await expect(protocol.sendReclaim(second)).to.be.revertedWithCustomError(
      protocol.oracle,
      'ClaimNotFalsified',
    );
    await protocol.playOut(first, falseValues, honestValues);
    await protocol.reclaim(second);
    await expect(protocol.sendReclaim(second)).to.be.revertedWithCustomError(protocol.game, 'NoDispute');
    expect(await protocol.oracle.owed(protocol.stranger)).to.equal(challengeBondWei + BURNED);
  });

  it('attack 10: two leaves against one claim in one block pay one reward', async () => {
    const claim = await claimed();
    const first = await protocol.challenge(claim, protocol.watcher);
    const second = await protocol.challenge(claim, protocol.stranger);
    for (const dispute of [first, second]) {
      while (placeOf(dispute).phase !== PHASE.Interval) {
        await protocol.step(
          dispute,
          protocol.moverOf(dispute) === protocol.liar ? falseValues : honestValues,
        );
      }
    }
    await protocol.playOut(first, falseValues, honestValues);
    const call = (await protocol.nextCall(second, honestValues))!;
    await expect(protocol.send(second, call, protocol.stranger)).to.be.revertedWithCustomError(
      protocol.oracle,
      'ClaimNotOpen',
    );
    expect(await protocol.oracle.owed(protocol.stranger)).to.equal(0n);
  });
});
