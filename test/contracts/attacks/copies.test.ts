// Row 43: who earns the fee when several claim the same output. Row 30: how a request ends while claims on it are open.
import { expect } from 'chai';
import { REQUEST_STATUS } from '../../../src/chain/contracts/status.ts';
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
import { DEEP, honestValues, INPUT, small, withFalseOutput } from '../../support/toy/small.ts';

const { claimBondWei, challengeBondWei, windowSeconds, clockSeconds, patienceSeconds } = TERMS;
/** The winner's part of a falsified claim's bond. */
const REWARD = claimBondWei / 2n;

describe('attacks: copies', () => {
  let protocol: Protocol;
  const falseValues = withFalseOutput(DEEP);

  beforeEach(async () => {
    protocol = await deployProtocol();
    await protocol.publish(small);
  });

  const payFee = ({ asked, outputs }: Claimed) =>
    protocol.oracle.connect(protocol.stranger).payFee(asked.id, asked.request as never, outputs);

  const feeHeld = async ({ id }: Asked) => (await protocol.oracle.progress(id)).feeHeld;

  describe('the fee', () => {
    it('attack 43: a copy that is final before its disputed original earns nothing', async () => {
      const asked = await protocol.ask(small, INPUT);
      const original = await protocol.claim(asked, honestValues.output(), protocol.honest);
      const copy = await protocol.claim(asked, honestValues.output(), protocol.liar);
      await protocol.at(original.claimedAt + windowSeconds);
      const slow = await protocol.challenge(original, protocol.stranger);
      await protocol.passWindow(copy);
      const receipt = await protocol.finalize(copy);
      // The answer is there at once, its fee is not.
      expect(await protocol.oracle.result(asked.id)).to.equal(protocol.ethers.hexlify(honestValues.output()));
      expect(() => protocol.eventOf(receipt, 'FeePaid')).to.throw();
      expect(await protocol.oracle.owed(protocol.liar)).to.equal(claimBondWei);
      expect(await feeHeld(asked)).to.equal(true);
      await expect(payFee(copy))
        .to.be.revertedWithCustomError(protocol.oracle, 'FeeAwaitsClaim')
        .withArgs(asked.id, original.id);
      await protocol.step(slow, honestValues);
      await protocol.runOut(slow);
      await protocol.timeout(slow);
      const paid = protocol.eventOf(await protocol.finalize(original), 'FeePaid');
      expect(paid.claimId).to.equal(original.id);
      expect(await protocol.oracle.owed(protocol.honest)).to.equal(claimBondWei + challengeBondWei + FEE);
      expect(await protocol.oracle.owed(protocol.liar)).to.equal(claimBondWei);
      await expect(payFee(copy))
        .to.be.revertedWithCustomError(protocol.oracle, 'FeeNotHeld')
        .withArgs(asked.id);
    });

    it('attack 43: an original falsified after its copy is final leaves it the fee', async () => {
      const asked = await protocol.ask(small, INPUT);
      const original = await protocol.claim(asked, honestValues.output(), protocol.liar);
      const copy = await protocol.claim(asked, honestValues.output(), protocol.honest);
      const dispute = await protocol.challenge(original, protocol.stranger);
      await protocol.passWindow(copy);
      await protocol.finalize(copy);
      await protocol.runOut(dispute);
      await protocol.timeout(dispute);
      expect(await protocol.oracle.owed(protocol.honest)).to.equal(claimBondWei);
      await expect(payFee(copy)).to.emit(protocol.oracle, 'FeePaid').withArgs(asked.id, copy.id);
      expect(await protocol.oracle.owed(protocol.honest)).to.equal(claimBondWei + FEE);
      expect(await feeHeld(asked)).to.equal(false);
    });

    it('attack 43: the fee is paid for no other output than the answer, ever', async () => {
      const asked = await protocol.ask(small, INPUT);
      const wrong = await protocol.claim(asked, falseValues.output(), protocol.liar);
      const dispute = await protocol.challenge(wrong, protocol.liar);
      await protocol.step(dispute, falseValues);
      const original = await protocol.claim(asked, honestValues.output(), protocol.honest);
      const copy = await protocol.claim(asked, honestValues.output(), protocol.stranger);
      const slow = await protocol.challenge(original, protocol.liar);
      await expect(payFee(copy)).to.be.revertedWithCustomError(protocol.oracle, 'NotFinal');
      await protocol.passWindow(copy);
      await protocol.finalize(copy);
      await expect(payFee(wrong)).to.be.revertedWithCustomError(protocol.oracle, 'NotResult');
      await expect(payFee({ ...copy, asked: { ...asked, id: 2n } })).to.be.revertedWithCustomError(
        protocol.oracle,
        'RequestMismatch',
      );
      // A claim of something else that becomes final later, as if nobody watched, is not the answer.
      await protocol.timeout(dispute);
      await protocol.finalize(wrong);
      expect(await feeHeld(asked)).to.equal(true);
      expect(await protocol.oracle.owed(protocol.liar)).to.equal(claimBondWei + challengeBondWei);
      // By now the original's claimant has let its own clock run out.
      await protocol.timeout(slow);
      await payFee(copy);
      expect(await protocol.oracle.owed(protocol.stranger)).to.equal(claimBondWei + FEE);
    });

    it('attack 43: a request without a fee holds none, and neither does a first claim', async () => {
      const free = await protocol.ask(small, INPUT, { fee: 0n });
      await protocol.claim(free, honestValues.output(), protocol.honest);
      const copy = await protocol.claim(free, honestValues.output(), protocol.liar);
      await protocol.passWindow(copy);
      await protocol.finalize(copy);
      expect(await feeHeld(free)).to.equal(false);
      await expect(payFee(copy)).to.be.revertedWithCustomError(protocol.oracle, 'FeeNotHeld');
    });

    it('attack 43: 32 false claims before the right one delay its fee by one call', async () => {
      const asked = await protocol.ask(small, INPUT);
      const before = 70;
      for (let i = 0; i < before; i++) {
        await protocol.claim(
          asked,
          Uint8Array.from({ length: 8 }, () => i),
          protocol.liar,
        );
      }
      const right = await protocol.claim(asked, honestValues.output(), protocol.honest);
      await protocol.passWindow(right);
      const { gasUsed } = await protocol.finalize(right);
      expect(Number(gasUsed)).to.be.below(350_000);
      expect(await protocol.oracle.isFinal(asked.id)).to.equal(true);
      await payFee(right);
      expect(await feeHeld(asked)).to.equal(true);
      await payFee(right);
      expect(await protocol.oracle.owed(protocol.honest)).to.equal(claimBondWei + FEE);
    });

    it('attack 43: in every order of ends the first right claim earns the fee', async () => {
      const random = new Random(43);
      for (let run = 0; run < 30; run++) {
        const snapshot = await protocol.networkHelpers.takeSnapshot();
        const asked = await protocol.ask(small, INPUT);
        const claimants = protocol.signers.slice(5, 10);
        // Three or four of the answer and one or two of something else, any of which may turn out to be falsified.
        const outputs = claimants.map((_, i) =>
          (i < 3 || random.chance(50) ? honestValues : falseValues).output(),
        );
        const order = [0, 1, 2, 3, 4].sort(() => (random.chance(50) ? 1 : -1));
        const claims: (Claimed & { falls: boolean })[] = [];
        for (const i of order) {
          const claimed = await protocol.claim(asked, outputs[i]!, claimants[i]!);
          claims.push({ ...claimed, falls: random.chance(45) });
        }
        const disputes = [];
        for (const one of claims)
          disputes.push(one.falls ? await protocol.challenge(one, protocol.watcher) : undefined);
        await protocol.at((await protocol.lastTimestamp()) + windowSeconds + clockSeconds);
        const left = [...claims.keys()];
        let answer: Claimed | undefined;
        while (left.length > 0) {
          const [i] = left.splice(random.below(left.length), 1) as [number];
          const dispute = disputes[i];
          if (dispute) await protocol.timeout(dispute);
          else {
            await protocol.finalize(claims[i]!);
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
          expect(await protocol.oracle.owed(claimant), `run ${run}`).to.equal(due);
          owed += due;
        }
        const fallen = BigInt(claims.filter(({ falls }) => falls).length);
        expect(await protocol.oracle.owed(protocol.watcher)).to.equal(fallen * (REWARD + challengeBondWei));
        const burned = fallen * (claimBondWei - REWARD);
        owed += fallen * (REWARD + challengeBondWei) + burned + (answer ? 0n : FEE);
        expect(await protocol.balanceOf(protocol.oracle)).to.equal(owed);
        await snapshot.restore();
      }
    });
  });

  describe('a request that its requester gives up', () => {
    const cancel = (asked: Asked) =>
      protocol.oracle.connect(protocol.requester).cancel(asked.id, asked.request as never);
    const statusOf = async ({ id }: Asked) => (await protocol.oracle.progress(id)).status;

    it('attack 30: false claims that overlap do not keep it from being cancelled', async () => {
      const asked = await protocol.ask(small, INPUT);
      await protocol.at(asked.requestedAt + patienceSeconds);
      const first = await protocol.claim(asked, falseValues.output(), protocol.liar);
      await expect(cancel(asked)).to.emit(protocol.oracle, 'Closed').withArgs(asked.id);
      expect(await statusOf(asked)).to.equal(REQUEST_STATUS.closed);
      expect(await protocol.oracle.owed(protocol.requester)).to.equal(0n);
      await expect(protocol.claim(asked, honestValues.output(), protocol.liar))
        .to.be.revertedWithCustomError(protocol.oracle, 'RequestNotOpen')
        .withArgs(asked.id, REQUEST_STATUS.closed);
      await expect(cancel(asked))
        .to.be.revertedWithCustomError(protocol.oracle, 'ClaimsOpen')
        .withArgs(asked.id, 1);
      await protocol.playOut(await protocol.challenge(first, protocol.watcher), falseValues, honestValues);
      await expect(cancel(asked)).to.emit(protocol.oracle, 'Cancelled').withArgs(asked.id);
      expect(await protocol.oracle.owed(protocol.requester)).to.equal(FEE);
      expect(await statusOf(asked)).to.equal(REQUEST_STATUS.cancelled);
      await expect(cancel(asked)).to.be.revertedWithCustomError(protocol.oracle, 'RequestNotOpen');
    });

    it('attack 30: a right claim made before it was closed answers it for the fee', async () => {
      const asked = await protocol.ask(small, INPUT);
      await protocol.at(asked.requestedAt + patienceSeconds);
      const claimed = await protocol.claim(asked, honestValues.output(), protocol.honest);
      await cancel(asked);
      await protocol.passWindow(claimed);
      await protocol.finalize(claimed);
      expect(await statusOf(asked)).to.equal(REQUEST_STATUS.answered);
      expect(await protocol.oracle.owed(protocol.honest)).to.equal(claimBondWei + FEE);
      await expect(cancel(asked)).to.be.revertedWithCustomError(protocol.oracle, 'RequestNotOpen');
    });

    it('attack 30: a consumer, and a feed, closes it first and gets the fee back later', async () => {
      const model = toyModel([toyInput(10), toyLoop(2)]);
      await protocol.publish(model);
      const reader = await protocol.ethers.deployContract('DigitReader', [
        protocol.oracle,
        model.id,
        TERMS,
        FEE,
      ]);
      const feed = await protocol.ethers.deployContract('CountingFeed', [
        protocol.oracle,
        TERMS,
        model.id,
        60,
        FEE,
        0n,
      ]);
      await feed.fund(FEE, { value: FEE });
      for (const [contract, ask] of [
        [reader, () => reader.ask(new Uint8Array(10), { value: FEE })],
        [feed, () => feed.poke()],
      ] as const) {
        const asked = protocol.askedFrom((await (await ask()).wait())!, model, TERMS);
        await protocol.at(asked.requestedAt + patienceSeconds + 1n);
        const claimed = await protocol.claim(asked, new Uint8Array(8), protocol.liar);
        const dispute = await protocol.challenge(claimed, protocol.watcher);
        const takeBack = () => contract.takeBack(asked.id, asked.request as never);
        const before = await protocol.balanceOf(protocol.oracle);
        await takeBack();
        expect(await statusOf(asked)).to.equal(REQUEST_STATUS.closed);
        expect(await protocol.balanceOf(protocol.oracle)).to.equal(before);
        await protocol.runOut(dispute);
        await protocol.timeout(dispute);
        await takeBack();
        expect(await statusOf(asked)).to.equal(REQUEST_STATUS.cancelled);
        expect(await protocol.balanceOf(protocol.oracle)).to.equal(before - FEE);
        expect(await protocol.oracle.owed(contract)).to.equal(0n);
      }
      expect(await feed.purseWei()).to.equal(FEE);
    });
  });
});
