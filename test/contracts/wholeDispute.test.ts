import { expect } from 'chai';
import { CLAIM_STATUS } from '../../src/chain/contracts/status.ts';
import { tensorRoot } from '../../src/merkle/tensor.ts';
import { type ToyNode, toyConstant, toyInput, toyLoop, toyModel } from '../support/toy/model.ts';
import { type Dispute, deployProtocol, FEE, type Protocol, REASON, TERMS } from '../support/toy/protocol.ts';
import { constantBytes, type Lie, valuesOf } from '../support/toy/values.ts';

const INPUT = Uint8Array.from({ length: 600 }, (_, i) => i & 255);

// Every shape that the game tells apart: one chunk and several, folds of zero, one and several grains, signed bytes,
// an empty tensor, a count of nodes that needs padding.
const NODES: readonly ToyNode[] = [
  toyInput(600),
  toyConstant(300, tensorRoot(constantBytes(300))),
  toyLoop(3, { foldSteps: 0 }),
  toyLoop(700, { foldSteps: 9, grain: 2 }),
  toyLoop(300, { elementBytes: 1, signed: true, foldSteps: 100, grain: 1 }),
  toyLoop(0),
  toyLoop(5000, { elementBytes: 1, foldSteps: 5 }),
  toyLoop(64, { foldSteps: 3000, grain: 2 }),
  toyLoop(1),
];

const model = toyModel(NODES);
const honestValues = valuesOf(model, INPUT);

const bytesOf = (node: number) => NODES[node]!.elementBytes;

/** Node and element that a dispute named. */
function isolatedBy({ moves }: Dispute) {
  const named = moves.find(({ name }) => name === 'nameElement' || name === 'proveElement')!;
  const { nodeIndex, index } = named.place;
  return { node: nodeIndex, element: (index * 256) / bytesOf(nodeIndex) + (named.args[1] as number) };
}

const placeOfLie = ({ node, byte = 0 }: Lie) => ({ node, element: Math.floor(byte / bytesOf(node)) });

describe('a whole dispute on the toy referee', () => {
  let protocol: Protocol;

  before(async () => {
    protocol = await deployProtocol();
    await protocol.publish(model);
  });

  async function playWithLies(lies: readonly Lie[]): Promise<Dispute> {
    const { ask, claim, challenge, playOut, liar, watcher } = protocol;
    const falseValues = valuesOf(model, INPUT, lies);
    const claimed = await claim(await ask(model, INPUT), falseValues.output(), liar);
    const dispute = await challenge(claimed, watcher);
    await playOut(dispute, falseValues, honestValues);
    return dispute;
  }

  const lies: [string, Lie, bigint][] = [
    ['an input', { node: 0, byte: 599 }, REASON.WrongInput],
    ['a constant', { node: 1, byte: 0 }, REASON.WrongConstant],
    ['an element without a fold', { node: 2, byte: 8 }, REASON.WrongWord],
    ['the first element of several chunks', { node: 3, byte: 0 }, REASON.WrongWord],
    [
      'the last element of several chunks, first fold step',
      { node: 3, byte: 2796, step: 0 },
      REASON.WrongWord,
    ],
    ['the last fold step', { node: 3, byte: 1400, step: 8 }, REASON.WrongWord],
    ['a signed byte', { node: 4, byte: 299, step: 50 }, REASON.WrongWord],
    ['a post program after a right fold', { node: 4, byte: 3 }, REASON.WrongWord],
    ['a padding byte of an empty tensor', { node: 5, byte: 255 }, REASON.WrongPadding],
    ['a padding byte of the last chunk', { node: 6, byte: 5000 }, REASON.WrongPadding],
    ['a padding chunk', { node: 6, byte: 8000 }, REASON.WrongPadding],
    ['a fold that takes two posts', { node: 7, byte: 252, step: 1777 }, REASON.WrongWord],
    ['the last node', { node: 8, byte: 0 }, REASON.WrongWord],
    ['a padding node', { node: 15, leaf: new Uint8Array(32).fill(9) }, REASON.WrongPadding],
  ];
  for (const [what, lie, reason] of lies) {
    it(`attack 25: a lie in ${what} is isolated and slashed`, async () => {
      const { oracle, watcher, game } = protocol;
      const before = await oracle.owed(watcher);
      const dispute = await playWithLies([lie]);
      expect(dispute.ended).to.deep.equal({ winner: watcher.address, reason });
      if (reason === REASON.WrongWord) expect(isolatedBy(dispute)).to.deep.equal(placeOfLie(lie));
      expect((await oracle.owed(watcher)) - before).to.equal(
        TERMS.claimBondWei / 2n + TERMS.challengeBondWei,
      );
      const { burnedWei } = await oracle.progress(dispute.claimed.asked.id);
      expect(burnedWei).to.equal((TERMS.claimBondWei + 1n) / 2n);
      expect(await game.disputes(dispute.id)).to.equal(protocol.ethers.ZeroHash);
      expect((await oracle.claims(dispute.claimed.id)).status).to.equal(CLAIM_STATUS.falsified);
    });
  }

  it('attack 26: of two lies the leftmost is isolated, also within one node', async () => {
    const dispute = await playWithLies([
      { node: 6, byte: 4000 },
      { node: 3, byte: 2000 },
      { node: 3, byte: 1028 },
    ]);
    expect(isolatedBy(dispute)).to.deep.equal({ node: 3, element: 257 });
  });

  it('an honest claimant challenged at every node earns the fee and every bond', async () => {
    const { ask, claim, challenge, honest, stranger, oracle, move, nextCall, moverOf, timeout, runOut } =
      protocol;
    const before = await oracle.owed(honest);
    const claimed = await claim(await ask(model, INPUT), honestValues.output(), honest);
    const disputes: Dispute[] = [];
    for (let i = 0; i < NODES.length; i++) disputes.push(await challenge(claimed, stranger));
    for (const [node, dispute] of disputes.entries()) {
      // The challenger plays as if the node were wrong, and is stuck where it would have to prove something.
      const falseValues = valuesOf(model, INPUT, [{ node, byte: 0 }]);
      for (;;) {
        const byClaimant = moverOf(dispute) === honest;
        const call = await nextCall(dispute, byClaimant ? honestValues : falseValues);
        if (!call) break;
        const sent = move(dispute, call, moverOf(dispute));
        if (call.name.startsWith('prove')) {
          const error = NODES[node]!.kind === 'input' ? 'InputsMismatch' : 'NothingWrong';
          await expect(sent).to.be.revertedWithCustomError(protocol.game, error);
          break;
        }
        await sent;
      }
    }
    await runOut(disputes[0]!);
    for (const dispute of disputes) {
      await timeout(dispute);
      expect(dispute.ended).to.deep.equal({ winner: honest.address, reason: REASON.ChallengerTimeout });
    }
    await protocol.at((await protocol.lastTimestamp()) + TERMS.windowSeconds);
    await protocol.finalize(claimed);
    expect((await oracle.owed(honest)) - before).to.equal(
      TERMS.claimBondWei + FEE + BigInt(disputes.length) * TERMS.challengeBondWei,
    );
    expect(await oracle.result(claimed.asked.id)).to.equal(protocol.ethers.hexlify(honestValues.output()));
  });

  it('plays on a program of one node, whose trace tree has no levels', async () => {
    const single = toyModel([toyLoop(10, { foldSteps: 8, grain: 4 })]);
    await protocol.publish(single);
    const { ask, claim, challenge, playOut, liar, watcher } = protocol;
    const nothing = new Uint8Array();
    const falseValues = valuesOf(single, nothing, [{ node: 0, byte: 5, step: 3 }]);
    const dispute = await challenge(
      await claim(await ask(single, nothing), falseValues.output(), liar),
      watcher,
    );
    await playOut(dispute, falseValues, valuesOf(single, nothing));
    expect(dispute.ended?.reason).to.equal(REASON.WrongWord);
  });
});
