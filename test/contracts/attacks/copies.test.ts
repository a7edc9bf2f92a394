// Row 43: who earns the fee when several claim the same output. Row 30: how a request ends while claims on it are open.
import { expect } from 'chai';
import { Random } from '../../support/randomProgram.ts';
import { toyInput, toyLoop, toyModel } from '../../support/toy/model.ts';
import {
  type Asked,
  type Claimed,
  deployProtocol,
  FEE,
  type Protocol,
  TERMS,
} from '../../support/toy/protocol.ts';
import { DEEP, INPUT, small, tale, truth } from '../../support/toy/small.ts';

const { claimBondWei, challengeBondWei, windowSeconds, clockSeconds, patienceSeconds } = TERMS;
/** The winner's part of a falsified claim's bond. */
const REWARD = claimBondWei / 2n;
const STATUS = { open: 1n, answered: 2n, cancelled: 3n, closed: 4n } as const;

describe('attacks: copies', () => {
  let p: Protocol;
  const lie = tale(DEEP);

  beforeEach(async () => {
    p = await deployProtocol();
    await p.publish(small);
  });

  const payFee = ({ asked, outputs }: Claimed) =>
    p.oracle.connect(p.stranger).payFee(asked.id, asked.request as never, outputs);

  const feeHeld = async ({ id }: Asked) => (await p.oracle.progress(id)).feeHeld;

  describe('the fee', () => {
    it('attack 43: a copy that is final before its disputed original earns nothing', async () => {
      const asked = await p.ask(small, INPUT);
      const original = await p.claim(asked, truth.output(), p.honest);
      const copy = await p.claim(asked, truth.output(), p.liar);
      await p.at(original.claimedAt + windowSeconds);
      const slow = await p.challenge(original, p.stranger);
      await p.passWindow(copy);
      const receipt = await p.finalize(copy);
      // The answer is there at once, its fee is not.
      expect(await p.oracle.result(asked.id)).to.equal(p.ethers.hexlify(truth.output()));
      expect(() => p.eventOf(receipt, 'FeePaid')).to.throw();
      expect(await p.oracle.owed(p.liar)).to.equal(claimBondWei);
      expect(await feeHeld(asked)).to.equal(true);
      await expect(payFee(copy))
        .to.be.revertedWithCustomError(p.oracle, 'FeeAwaitsClaim')
        .withArgs(asked.id, original.id);
      await p.step(slow, truth);
      await p.runOut(slow);
      await p.timeout(slow);
      const paid = p.eventOf(await p.finalize(original), 'FeePaid');
      expect(paid.claimId).to.equal(original.id);
      expect(await p.oracle.owed(p.honest)).to.equal(claimBondWei + challengeBondWei + FEE);
      expect(await p.oracle.owed(p.liar)).to.equal(claimBondWei);
      await expect(payFee(copy)).to.be.revertedWithCustomError(p.oracle, 'FeeNotHeld').withArgs(asked.id);
    });

    it('attack 43: an original falsified after its copy is final leaves it the fee', async () => {
      const asked = await p.ask(small, INPUT);
      const original = await p.claim(asked, truth.output(), p.liar);
      const copy = await p.claim(asked, truth.output(), p.honest);
      const own = await p.challenge(original, p.stranger);
      await p.passWindow(copy);
      await p.finalize(copy);
      await p.runOut(own);
      await p.timeout(own);
      expect(await p.oracle.owed(p.honest)).to.equal(claimBondWei);
      await expect(payFee(copy)).to.emit(p.oracle, 'FeePaid').withArgs(asked.id, copy.id);
      expect(await p.oracle.owed(p.honest)).to.equal(claimBondWei + FEE);
      expect(await feeHeld(asked)).to.equal(false);
    });

    it('attack 43: the fee is paid for no other output than the answer, ever', async () => {
      const asked = await p.ask(small, INPUT);
      const wrong = await p.claim(asked, lie.output(), p.liar);
      const own = await p.challenge(wrong, p.liar);
      await p.step(own, lie);
      const original = await p.claim(asked, truth.output(), p.honest);
      const copy = await p.claim(asked, truth.output(), p.stranger);
      const slow = await p.challenge(original, p.liar);
      await expect(payFee(copy)).to.be.revertedWithCustomError(p.oracle, 'NotFinal');
      await p.passWindow(copy);
      await p.finalize(copy);
      await expect(payFee(wrong)).to.be.revertedWithCustomError(p.oracle, 'NotResult');
      await expect(payFee({ ...copy, asked: { ...asked, id: 2n } })).to.be.revertedWithCustomError(
        p.oracle,
        'RequestMismatch',
      );
      // A claim of something else that becomes final later, as if nobody watched, is not the answer.
      await p.timeout(own);
      await p.finalize(wrong);
      expect(await feeHeld(asked)).to.equal(true);
      expect(await p.oracle.owed(p.liar)).to.equal(claimBondWei + challengeBondWei);
      // By now the original's claimant has let its own clock run out.
      await p.timeout(slow);
      await payFee(copy);
      expect(await p.oracle.owed(p.stranger)).to.equal(claimBondWei + FEE);
    });

    it('attack 43: a request without a fee holds none, and neither does a first claim', async () => {
      const free = await p.ask(small, INPUT, { fee: 0n });
      await p.claim(free, truth.output(), p.honest);
      const copy = await p.claim(free, truth.output(), p.liar);
      await p.passWindow(copy);
      await p.finalize(copy);
      expect(await feeHeld(free)).to.equal(false);
      await expect(payFee(copy)).to.be.revertedWithCustomError(p.oracle, 'FeeNotHeld');
    });

    it('attack 43: 32 false claims before the right one delay its fee by one call', async () => {
      const asked = await p.ask(small, INPUT);
      const before = 70;
      for (let i = 0; i < before; i++) {
        await p.claim(
          asked,
          Uint8Array.from({ length: 8 }, () => i),
          p.liar,
        );
      }
      const right = await p.claim(asked, truth.output(), p.honest);
      await p.passWindow(right);
      const { gasUsed } = await p.finalize(right);
      expect(Number(gasUsed)).to.be.below(350_000);
      expect(await p.oracle.isFinal(asked.id)).to.equal(true);
      await payFee(right);
      expect(await feeHeld(asked)).to.equal(true);
      await payFee(right);
      expect(await p.oracle.owed(p.honest)).to.equal(claimBondWei + FEE);
    });

    it('attack 43: in every order of ends the first right claim earns the fee', async () => {
      const random = new Random(43);
      for (let run = 0; run < 30; run++) {
        const snapshot = await p.networkHelpers.takeSnapshot();
        const asked = await p.ask(small, INPUT);
        const claimants = p.signers.slice(5, 10);
        // Three or four of the answer and one or two of something else, any of which may turn out to be falsified.
        const outputs = claimants.map((_, i) => (i < 3 || random.chance(50) ? truth : lie).output());
        const order = [0, 1, 2, 3, 4].sort(() => (random.chance(50) ? 1 : -1));
        const claims: (Claimed & { falls: boolean })[] = [];
        for (const i of order) {
          const claimed = await p.claim(asked, outputs[i]!, claimants[i]!);
          claims.push({ ...claimed, falls: random.chance(45) });
        }
        const fights = [];
        for (const one of claims) fights.push(one.falls ? await p.challenge(one, p.watcher) : undefined);
        await p.at((await p.lastTimestamp()) + windowSeconds + clockSeconds);
        const left = [...claims.keys()];
        let answer: Claimed | undefined;
        while (left.length > 0) {
          const [i] = left.splice(random.below(left.length), 1) as [number];
          const fight = fights[i];
          if (fight) await p.timeout(fight);
          else {
            await p.finalize(claims[i]!);
            answer ??= claims[i]!;
          }
          // Whoever likes pushes the fee on at any time.
          if (answer && (await feeHeld(asked)) && random.chance(30)) {
            await payFee(answer).catch((error) => expect(`${error}`).to.contain('FeeAwaitsClaim'));
          }
        }
        if (answer && (await feeHeld(asked))) await payFee(answer);
        const earner = claims.find((one) => !one.falls && one.outputs === answer?.outputs);
        let owed = 0n;
        for (const { falls, claimant } of claims) {
          const due = (falls ? 0n : claimBondWei) + (claimant === earner?.claimant ? FEE : 0n);
          expect(await p.oracle.owed(claimant), `run ${run}`).to.equal(due);
          owed += due;
        }
        const fallen = BigInt(claims.filter(({ falls }) => falls).length);
        expect(await p.oracle.owed(p.watcher)).to.equal(fallen * (REWARD + challengeBondWei));
        const burned = fallen * (claimBondWei - REWARD);
        owed += fallen * (REWARD + challengeBondWei) + burned + (answer ? 0n : FEE);
        expect(await p.balanceOf(p.oracle)).to.equal(owed);
        await snapshot.restore();
      }
    });
  });

  describe('a request that its requester gives up', () => {
    const cancel = (asked: Asked) => p.oracle.connect(p.requester).cancel(asked.id, asked.request as never);
    const statusOf = async ({ id }: Asked) => (await p.oracle.progress(id)).status;

    it('attack 30: false claims that overlap do not keep it from being cancelled', async () => {
      const asked = await p.ask(small, INPUT);
      await p.at(asked.requestedAt + patienceSeconds);
      const first = await p.claim(asked, lie.output(), p.liar);
      await expect(cancel(asked)).to.emit(p.oracle, 'Closed').withArgs(asked.id);
      expect(await statusOf(asked)).to.equal(STATUS.closed);
      expect(await p.oracle.owed(p.requester)).to.equal(0n);
      await expect(p.claim(asked, truth.output(), p.liar))
        .to.be.revertedWithCustomError(p.oracle, 'RequestNotOpen')
        .withArgs(asked.id, STATUS.closed);
      await expect(cancel(asked)).to.be.revertedWithCustomError(p.oracle, 'ClaimsOpen').withArgs(asked.id, 1);
      await p.playOut(await p.challenge(first, p.watcher), lie, truth);
      await expect(cancel(asked)).to.emit(p.oracle, 'Cancelled').withArgs(asked.id);
      expect(await p.oracle.owed(p.requester)).to.equal(FEE);
      expect(await statusOf(asked)).to.equal(STATUS.cancelled);
      await expect(cancel(asked)).to.be.revertedWithCustomError(p.oracle, 'RequestNotOpen');
    });

    it('attack 30: a right claim made before it was closed answers it for the fee', async () => {
      const asked = await p.ask(small, INPUT);
      await p.at(asked.requestedAt + patienceSeconds);
      const claimed = await p.claim(asked, truth.output(), p.honest);
      await cancel(asked);
      await p.passWindow(claimed);
      await p.finalize(claimed);
      expect(await statusOf(asked)).to.equal(STATUS.answered);
      expect(await p.oracle.owed(p.honest)).to.equal(claimBondWei + FEE);
      await expect(cancel(asked)).to.be.revertedWithCustomError(p.oracle, 'RequestNotOpen');
    });

    it('attack 30: a consumer, and a feed, closes it first and gets the fee back later', async () => {
      const model = toyModel([toyInput(10), toyLoop(2)]);
      await p.publish(model);
      const reader = await p.ethers.deployContract('DigitReader', [p.oracle, model.id, TERMS, FEE]);
      const feed = await p.ethers.deployContract('CountingFeed', [p.oracle, TERMS, model.id, 60, FEE, 0n]);
      await feed.fund(FEE, { value: FEE });
      for (const [contract, ask] of [
        [reader, () => reader.ask(new Uint8Array(10), { value: FEE })],
        [feed, () => feed.poke()],
      ] as const) {
        const asked = p.askedFrom((await (await ask()).wait())!, model, TERMS);
        await p.at(asked.requestedAt + patienceSeconds + 1n);
        const claimed = await p.claim(asked, new Uint8Array(8), p.liar);
        const fight = await p.challenge(claimed, p.watcher);
        const takeBack = () => contract.takeBack(asked.id, asked.request as never);
        const before = await p.balanceOf(p.oracle);
        await takeBack();
        expect(await statusOf(asked)).to.equal(STATUS.closed);
        expect(await p.balanceOf(p.oracle)).to.equal(before);
        await p.runOut(fight);
        await p.timeout(fight);
        await takeBack();
        expect(await statusOf(asked)).to.equal(STATUS.cancelled);
        expect(await p.balanceOf(p.oracle)).to.equal(before - FEE);
        expect(await p.oracle.owed(contract)).to.equal(0n);
      }
      expect(await feed.purseWei()).to.equal(FEE);
    });
  });
});
