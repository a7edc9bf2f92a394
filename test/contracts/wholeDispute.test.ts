import { expect } from 'chai';
import { tensorRoot } from '../../src/merkle/tensor.ts';
import { type ToyNode, toyConstant, toyInput, toyLoop, toyModel } from '../support/toy/model.ts';
import { deployProtocol, FEE, type Fight, type Protocol, REASON, TERMS } from '../support/toy/protocol.ts';
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
const truth = valuesOf(model, INPUT);

const bytesOf = (node: number) => NODES[node]!.elementBytes;

/** Node and element that a dispute named. */
function isolatedBy({ moves }: Fight) {
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

  async function fight(lies: readonly Lie[]): Promise<Fight> {
    const { ask, claim, challenge, playOut, liar, watcher } = protocol;
    const tale = valuesOf(model, INPUT, lies);
    const claimed = await claim(await ask(model, INPUT), tale.output(), liar);
    const opened = await challenge(claimed, watcher);
    await playOut(opened, tale, truth);
    return opened;
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
      const ended = await fight([lie]);
      expect(ended.ended).to.deep.equal({ winner: watcher.address, reason });
      if (reason === REASON.WrongWord) expect(isolatedBy(ended)).to.deep.equal(placeOfLie(lie));
      expect((await oracle.owed(watcher)) - before).to.equal(
        TERMS.claimBondWei / 2n + TERMS.challengeBondWei,
      );
      const { burnedWei } = await oracle.progress(ended.claimed.asked.id);
      expect(burnedWei).to.equal((TERMS.claimBondWei + 1n) / 2n);
      expect(await game.disputes(ended.id)).to.equal(protocol.ethers.ZeroHash);
      expect((await oracle.claims(ended.claimed.id)).status).to.equal(3n);
    });
  }

  it('attack 26: of two lies the leftmost is isolated, also within one node', async () => {
    const ended = await fight([
      { node: 6, byte: 4000 },
      { node: 3, byte: 2000 },
      { node: 3, byte: 1028 },
    ]);
    expect(isolatedBy(ended)).to.deep.equal({ node: 3, element: 257 });
  });

  it('an honest claimant challenged at every node earns the fee and every bond', async () => {
    const { ask, claim, challenge, honest, stranger, oracle, move, nextCall, moverOf, timeout, runOut } =
      protocol;
    const before = await oracle.owed(honest);
    const claimed = await claim(await ask(model, INPUT), truth.output(), honest);
    const fights: Fight[] = [];
    for (let i = 0; i < NODES.length; i++) fights.push(await challenge(claimed, stranger));
    for (const [node, opened] of fights.entries()) {
      // The challenger plays as if the node were wrong, and is stuck where it would have to prove something.
      const tale = valuesOf(model, INPUT, [{ node, byte: 0 }]);
      for (;;) {
        const byClaimant = moverOf(opened) === honest;
        const call = await nextCall(opened, byClaimant ? truth : tale);
        if (!call) break;
        const sent = move(opened, call, moverOf(opened));
        if (call.name.startsWith('prove')) {
          const error = NODES[node]!.kind === 'input' ? 'InputsMismatch' : 'NothingWrong';
          await expect(sent).to.be.revertedWithCustomError(protocol.game, error);
          break;
        }
        await sent;
      }
    }
    await runOut(fights[0]!);
    for (const opened of fights) {
      await timeout(opened);
      expect(opened.ended).to.deep.equal({ winner: honest.address, reason: REASON.ChallengerTimeout });
    }
    await protocol.at((await protocol.lastTimestamp()) + TERMS.windowSeconds);
    await protocol.finalize(claimed);
    expect((await oracle.owed(honest)) - before).to.equal(
      TERMS.claimBondWei + FEE + BigInt(fights.length) * TERMS.challengeBondWei,
    );
    expect(await oracle.result(claimed.asked.id)).to.equal(protocol.ethers.hexlify(truth.output()));
  });

  it('plays on a program of one node, whose trace tree has no levels', async () => {
    const single = toyModel([toyLoop(10, { foldSteps: 8, grain: 4 })]);
    await protocol.publish(single);
    const { ask, claim, challenge, playOut, liar, watcher } = protocol;
    const nothing = new Uint8Array();
    const tale = valuesOf(single, nothing, [{ node: 0, byte: 5, step: 3 }]);
    const opened = await challenge(await claim(await ask(single, nothing), tale.output(), liar), watcher);
    await playOut(opened, tale, valuesOf(single, nothing));
    expect(opened.ended?.reason).to.equal(REASON.WrongWord);
  });
});
