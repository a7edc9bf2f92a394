import { expect } from 'chai';
import { hexOf } from '../../src/merkle/keccak.ts';
import { LIMITS } from '../../src/program/limits.ts';
import { expectGas } from '../support/gas.ts';
import { toyInput, toyLoop, toyModel } from '../support/toy/model.ts';
import { deployProtocol, type Protocol, REASON, TERMS } from '../support/toy/protocol.ts';
import { valuesOf } from '../support/toy/values.ts';

// Shapes as large as a small model has them, with the toy's leaf, which costs next to nothing: what is measured is the
// game. 200 nodes are 8 levels; 300 chunks are 9.
const INPUT = Uint8Array.from({ length: 784 }, (_, i) => 255 - (i & 127));
const ELEMENTS = 64 * 300;
const NODES = [
  toyInput(784),
  ...Array.from({ length: 198 }, (_, i) =>
    // The last node of each block is what other blocks read of it.
    toyLoop(i === 100 ? ELEMENTS : 3, { foldSteps: 576, grain: 18, checkpoint: i % 16 === 14 }),
  ),
  toyLoop(2),
];
const model = toyModel(NODES);
const honestValues = valuesOf(model, INPUT);

describe('gas', () => {
  let protocol: Protocol;

  before(async () => {
    protocol = await deployProtocol();
    await protocol.publish(model);
  });

  it('of request, claim and finality is at most 350k for 784 bytes in and 8 out', async () => {
    const { ethers, oracle, claim, finalize, passWindow, askedFrom, requester, honest } = protocol;
    const terms = { ...TERMS, callbackGas: 100_000n, callbackFeeWei: 10n ** 15n };
    const fee = 10n ** 15n;
    const consumer = await ethers.deployContract('DigitReader', [oracle, model.id, terms, fee]);
    const value = await consumer.price();
    const sent = await consumer.connect(requester).ask(INPUT, { value });
    const asked = askedFrom((await sent.wait())!, model, terms);
    const claimed = await claim(asked, honestValues.output(), honest);
    await passWindow(claimed);
    const final = await finalize(claimed, honest);
    protocol.eventOf(final, 'CallbackRun');
    const total = asked.receipt.gasUsed + claimed.receipt.gasUsed + final.gasUsed;
    expectGas('request of 784 bytes through a consumer', asked.receipt.gasUsed);
    expectGas('claim of 8 bytes', claimed.receipt.gasUsed);
    expectGas('finality with callback', final.gasUsed);
    expectGas('request, claim and finality with callback', total);
    expect(Number(total)).to.be.at.most(350_000);
  });

  it('of a text of 120 tokens, from request to callback, is at most 450k', async () => {
    const { ethers, oracle, publish, claim, finalize, passWindow, askedFrom, requester, honest } = protocol;
    // The prompt, its length, and what a claim supplies: 120 tokens of two bytes.
    const text = toyModel([toyInput(16), toyInput(4, 1), toyInput(240, 2), toyLoop(1)], [3], 1);
    await publish(text);
    const terms = { ...TERMS, callbackGas: 150_000n, callbackFeeWei: 10n ** 15n };
    const keeper = await ethers.deployContract('TextKeeper', [oracle, terms, 2, 8]);
    const value = await keeper.priceWei(0);
    const sent = await keeper.connect(requester).ask(text.id, [483, 211, 464], { value });
    const asked = askedFrom((await sent.wait())!, text, terms);
    const tokens = Uint8Array.from({ length: 240 }, (_, i) => (i % 2 === 0 ? 1 + (i % 251) : i % 4));
    const claimed = await claim(asked, tokens, honest);
    await passWindow(claimed);
    const final = await finalize(claimed, honest);
    protocol.eventOf(final, 'CallbackRun');
    expect(await keeper.count()).to.equal(120);
    expect(await oracle.result(asked.id)).to.equal(hexOf(tokens));
    const total = asked.receipt.gasUsed + claimed.receipt.gasUsed + final.gasUsed;
    expectGas('text of 120 tokens: request through a consumer', asked.receipt.gasUsed);
    expectGas('text of 120 tokens: claim', claimed.receipt.gasUsed);
    expectGas('text of 120 tokens: finality with callback', final.gasUsed);
    expectGas('text of 120 tokens: request, claim and finality with callback', total);
    expect(Number(total)).to.be.at.most(450_000);
  });

  it('of the same with data by root is at most 330k, whatever the size', async () => {
    const { ethers, oracle, publish, eventOf, at, lastTimestamp, requester, honest } = protocol;
    const terms = { ...TERMS, answerByRoot: true, callbackGas: 100_000n, callbackFeeWei: 10n ** 15n };
    const fee = 10n ** 15n;
    const totals: number[] = [];
    // 784 bytes in and 8 out; 1 GB in and out, of which nobody hashes anything here.
    for (const bytes of [8, 2 ** 30]) {
      const large = toyModel([toyInput(bytes === 8 ? 784 : bytes), toyLoop(bytes / 4)]);
      await publish(large);
      const consumer = await ethers.deployContract('ElementReader', [oracle, terms]);
      const root = ethers.keccak256(large.id);
      const value = await consumer.priceWei(fee);
      const asked = (await (
        await consumer.connect(requester).ask(large.id, [root], 'ipfs://input', fee, { value })
      ).wait())!;
      const { requestId, request } = eventOf(asked, 'RequestedByRoot');
      const struct = request.toArray(true);
      const claimed = (await (
        await oracle
          .connect(honest)
          .claimByRoot(requestId, struct, [root], 'ipfs://output', { value: terms.claimBondWei })
      ).wait())!;
      const { claimId } = eventOf(claimed, 'ClaimedByRoot');
      await at((await lastTimestamp()) + terms.windowSeconds + 1n);
      const final = (await (
        await oracle.connect(honest).finalizeByRoot(claimId, struct, [root], true)
      ).wait())!;
      eventOf(final, 'CallbackRun');
      expect(await consumer.root()).to.equal(root);
      totals.push(Number(asked.gasUsed + claimed.gasUsed + final.gasUsed));
    }
    const [small, large] = totals as [number, number];
    expectGas('request, claim and finality with callback, by root', BigInt(large));
    expect(Math.abs(large - small)).to.be.below(30_000);
    expect(Math.max(small, large)).to.be.at.most(330_000);
  });

  it('of the longest first answer is what its calldata costs at least', async () => {
    const { publish, ask, claim, challenge, step, honest, watcher } = protocol;
    // 2,048 bytes besides 24 outputs, each with 7 siblings.
    const nodes = Array.from({ length: 128 }, () => toyLoop(2));
    const many = toyModel(nodes, [...nodes.keys()].slice(0, 24));
    await publish(many);
    const values = valuesOf(many, new Uint8Array());
    const dispute = await challenge(
      await claim(await ask(many, new Uint8Array()), values.output(), honest),
      watcher,
    );
    await step(dispute, values);
    const { name, gas } = dispute.moves.at(-1)!;
    expect(name).to.equal('commitTrace');
    expectGas('longest first answer, 24 outputs in 128 nodes', gas);
    expect(Number(gas)).to.be.below(21_000 + 40 * LIMITS.MAX_FIRST_ANSWER_BYTES);
  });

  it("of a dispute of 8 and 9 levels is at most 720k besides the referee's", async () => {
    const { ask, claim, challenge, playOut, liar, watcher } = protocol;
    // The tensors that other blocks read and the output are wrong too, as when a lie reaches them.
    const falseValues = valuesOf(model, INPUT, [
      { node: 101, byte: 4 * 12_345, step: 300 },
      { node: 111, byte: 0 },
      { node: 199, byte: 0 },
    ]);
    const asked = await ask(model, INPUT);
    const dispute = await challenge(await claim(asked, falseValues.output(), liar), watcher);
    await playOut(dispute, falseValues, honestValues);
    const total = dispute.moves.reduce((sum, { gas }) => sum + gas, 0n);
    const seen = new Map<string, number>();
    for (const { name, gas } of dispute.moves) {
      const nth = (seen.get(name) ?? 0) + 1;
      seen.set(name, nth);
      expectGas(`toy dispute: ${name}${nth > 1 ? `, number ${nth}` : ''}`, gas);
    }
    expectGas('toy dispute, whole', total);
    expect(dispute.ended?.reason).to.equal(REASON.WrongWord);
    expect(dispute.moves.filter(({ byClaimant }) => byClaimant)).to.have.length(6);
    expect(Number(total)).to.be.at.most(720_000);
  });
});
