// Row 51 of what the protocol must survive: programs that are malformed, withheld, or too long to be sent.
import { expect } from 'chai';
import { programLeaf } from '../../../src/merkle/model.ts';
import { concat, MerkleTree, PROGRAM_TREE } from '../../../src/merkle/tree.ts';
import type { ToyModel } from '../../support/toy/model.ts';
import { type Call, nodeProof, PHASE, REQUEST } from '../../support/toy/moves.ts';
import {
  BURNED,
  deployProtocol,
  type Fight,
  type Protocol,
  placeOf,
  REASON,
  TERMS,
} from '../../support/toy/protocol.ts';
import { DEEP, INPUT, small, tale, truth } from '../../support/toy/small.ts';
import { type Values, valuesOf } from '../../support/toy/values.ts';

const { claimBondWei, challengeBondWei, clockSeconds } = TERMS;

describe('attacks: demanded nodes and malformed programs', () => {
  let p: Protocol;
  const lie = tale(DEEP);

  beforeEach(async () => {
    p = await deployProtocol();
    await p.publish(small);
  });

  const open = async (values: Values, claimant = p.liar) =>
    p.challenge(await p.claim(await p.ask(small, INPUT), values.output(), claimant), p.watcher);

  const demand = (fight: Fight, child: number): Call => ({
    name: 'demandNode',
    args: [fight.table.blockRoot, child],
  });

  /** The claimant's first answer shows the only block of the program. */
  async function openAtBlock(values: Values, claimant = p.liar): Promise<Fight> {
    const fight = await open(values, claimant);
    await p.step(fight, values);
    expect(placeOf(fight).phase).to.equal(PHASE.NodePick);
    return fight;
  }

  const refused = async (fight: Fight, call: Call, by: typeof p.liar, error: string): Promise<void> => {
    const state = await p.game.disputes(fight.id);
    await expect(p.send(fight, call, by)).to.be.revertedWithCustomError(p.game, error);
    expect(await p.game.disputes(fight.id)).to.equal(state);
  };

  it('attack 51: the claimant opens a node that the challenger lacks', async () => {
    const fight = await openAtBlock(lie);
    const { subject } = fight;
    await p.move(fight, demand(fight, 2), p.watcher);
    expect(placeOf(fight)).to.deep.include({ phase: PHASE.NodeDemand, nodeIndex: 2 });
    const receipt = await p.move(fight, (await p.nextCall(fight, lie))!, p.liar);
    expect(p.eventOf(receipt, 'NodeOpened')['descriptor']).to.equal(p.ethers.hexlify(small.descriptors[2]!));
    expect(placeOf(fight)).to.deep.include({ phase: PHASE.NodePick, nodeIndex: 0, lo: 1 });
    expect(fight.subject).to.equal(subject);
    await p.playOut(fight, lie, truth);
    expect(fight.ended).to.deep.equal({ winner: p.watcher.address, reason: REASON.WrongWord });
  });

  it('attack 51: an honest claimant opens a node of any kind and keeps its bond', async () => {
    for (const child of small.nodes.keys()) {
      const before = await p.oracle.owed(p.honest);
      const fight = await openAtBlock(truth, p.honest);
      await p.move(fight, demand(fight, child), p.watcher);
      await p.step(fight, truth);
      // One demand is all that a challenge bond pays for.
      await refused(fight, demand(fight, child), p.watcher, 'AlreadyDemanded');
      await p.runOut(fight);
      await p.timeout(fight);
      expect(fight.ended).to.deep.equal({ winner: p.honest.address, reason: REASON.ChallengerTimeout });
      expect((await p.oracle.owed(p.honest)) - before).to.equal(challengeBondWei);
    }
  });

  it('attack 51: a demand costs a challenger a move, a claimant the longest node', async () => {
    const fight = await openAtBlock(truth, p.honest);
    await refused(fight, demand(fight, 2), p.stranger, 'NotMover');
    await refused(fight, demand(fight, 2), p.honest, 'NotMover');
    await refused(fight, demand(fight, 5), p.watcher, 'IndexOutOfRange');
    await refused(fight, demand(fight, 8), p.watcher, 'IndexOutOfRange');
    await refused(fight, { name: 'demandNode', args: [p.ethers.ZeroHash, 2] }, p.watcher, 'StateMismatch');
    const opening = (node: number): Call => ({
      name: 'openNode',
      args: [fight.table.blockRoot, nodeProof(truth, node)],
    });
    await refused(fight, opening(2), p.honest, 'WrongPhase');
    await p.move(fight, demand(fight, 2), p.watcher);
    await refused(fight, opening(2), p.watcher, 'NotMover');
    await refused(fight, opening(3), p.honest, 'DescriptorMismatch');
    await refused(fight, demand(fight, 3), p.watcher, 'WrongPhase');
    await p.move(fight, opening(2), p.honest);
  });

  /** The small model with other bytes in the place of its third node, under the id that the registry gives. */
  async function withNode(descriptor: Uint8Array): Promise<ToyModel> {
    const descriptors = small.descriptors.map((given, i) => (i === 2 ? descriptor : given));
    const tree = new MerkleTree(PROGRAM_TREE, concat(descriptors.map(programLeaf)));
    const refs = (list: ToyModel['inputs']) => list.map((ref) => ({ ...ref }));
    const args = [tree.root, small.nodes.length, refs(small.inputs), refs(small.outputs), [], ''] as const;
    const id = await p.registry.publish.staticCall(args[0], args[1], args[2], args[3], [], args[5]);
    await p.registry.publish(args[0], args[1], args[2], args[3], [], args[5]);
    return { ...small, descriptors, tree, id: p.ethers.getBytes(id) };
  }

  it('attack 51: a node too long for a transaction, or lost, loses by the clock', async () => {
    for (const bytes of [4_097, 130_000]) {
      const model = await withNode(new Uint8Array(bytes).fill(255));
      const values = valuesOf(model, INPUT);
      const claimed = await p.claim(await p.ask(model, INPUT), values.output(), p.liar);
      const before = await p.oracle.owed(p.watcher);
      const fight = await p.challenge(claimed, p.watcher);
      await p.step(fight, values);
      await p.move(fight, demand(fight, 2), p.watcher);
      // Whatever the claimant opens: the node itself is longer than any well-formed one.
      await refused(fight, (await p.nextCall(fight, values))!, p.liar, 'DescriptorTooLong');
      const other = { name: 'openNode', args: [fight.table.blockRoot, nodeProof(truth, 2)] };
      await refused(fight, other, p.liar, 'DescriptorMismatch');
      await p.runOut(fight);
      await p.timeout(fight);
      expect(fight.ended).to.deep.equal({ winner: p.watcher.address, reason: REASON.ClaimantTimeout });
      expect((await p.oracle.owed(p.watcher)) - before).to.equal(claimBondWei / 2n + challengeBondWei);
    }
  });

  describe('a proof that a node is malformed', () => {
    let model: ToyModel;
    let values: Values;
    let fight: Fight;

    beforeEach(async () => {
      model = await withNode(new Uint8Array(3).fill(7));
      values = valuesOf(model, INPUT);
      const claimed = await p.claim(await p.ask(model, INPUT), values.output(), p.liar);
      fight = await p.challenge(claimed, p.watcher);
    });

    const proof = (of = fight): Call => ({
      name: 'proveMalformed',
      args: [of.subject, REQUEST, 2, nodeProof(values, 2)],
    });

    it('attack 51: cannot be copied from the pool, nor sent for somebody else', async () => {
      for (const thief of [p.stranger, p.liar]) await refused(fight, proof(), thief, 'NotMover');
      // The thief sees the proof and opens a dispute of its own before it, in the same block.
      const { provider } = p.ethers;
      await p.networkHelpers.setNextBlockBaseFeePerGas(10n ** 9n);
      await provider.send('evm_setAutomine', [false]);
      const when = (await p.lastTimestamp()) + 30n;
      const kept = ((10n ** 9n) >> 16n) << 16n;
      const clock = (kept << 96n) | (when << 56n) | (clockSeconds << 28n) | clockSeconds;
      const [, , , stake, program, position] = fight.dispute;
      const copied: Fight = {
        ...fight,
        id: fight.id + 1n,
        dispute: [p.liar.address, p.stranger.address, clock, stake, program, position],
        moves: [],
      };
      const price = { maxFeePerGas: 10n ** 12n };
      const { asked, outputs, id } = fight.claimed;
      const thief = p.oracle.connect(p.stranger);
      await thief.challenge(id, asked.request as never, outputs, {
        value: challengeBondWei,
        gasLimit: 300_000n,
        maxPriorityFeePerGas: 10n ** 11n,
        ...price,
      });
      const theirs = await p.send(copied, proof(copied), p.stranger, {
        gasLimit: 600_000n,
        maxPriorityFeePerGas: 10n ** 10n,
        ...price,
      });
      const ours = await p.send(fight, proof(), p.watcher, {
        gasLimit: 600_000n,
        maxPriorityFeePerGas: 10n ** 9n,
        ...price,
      });
      await p.at(when);
      await p.networkHelpers.mine();
      await provider.send('evm_setAutomine', [true]);
      expect(await p.game.stateHash(copied.dispute as never, copied.subject)).to.equal(
        await p.game.disputes(copied.id),
      );
      const receipts = [await provider.getTransactionReceipt(theirs.hash), await ours.wait()];
      expect(receipts.map((receipt) => receipt?.status)).to.deep.equal([0, 1]);
      expect(receipts[0]?.blockNumber).to.equal(receipts[1]?.blockNumber);
      expect(await p.oracle.owed(p.watcher)).to.equal(claimBondWei / 2n + challengeBondWei);
      await p.reclaim(copied);
      // Like anybody overtaken, it is repaid gas out of what is burned, less than opening its dispute cost it.
      expect(await p.oracle.owed(p.stranger)).to.equal(challengeBondWei + BURNED);
    });

    it('attack 51: may be sent out of turn, after the claimant has run out of time too', async () => {
      expect(p.moverOf(fight)).to.equal(p.liar);
      await p.runOut(fight);
      await p.move(fight, proof(), p.watcher);
      expect(fight.ended).to.deep.equal({ winner: p.watcher.address, reason: REASON.Malformed });
    });

    it('attack 51: can be put off by the claimant no more often than it has a move', async () => {
      const early = proof();
      const stale = { ...fight };
      await p.step(fight, values);
      await refused(stale, early, p.watcher, 'StateMismatch');
      // Now it is the challenger's turn, and nobody else can change the state.
      expect(p.moverOf(fight)).to.equal(p.watcher);
      await p.move(fight, proof(), p.watcher);
      expect(fight.ended?.reason).to.equal(REASON.Malformed);
    });

    it('attack 51: comes too late when its own clock has run out', async () => {
      await p.step(fight, values);
      await p.runOut(fight);
      await refused(fight, proof(), p.watcher, 'ClockRanOut');
      await p.timeout(fight);
      expect(fight.ended).to.deep.equal({ winner: p.liar.address, reason: REASON.ChallengerTimeout });
    });

    it('attack 51: is not taken with the request of another claim', async () => {
      const other = await p.ask(small, INPUT);
      const args = [fight.subject, other.request, 2, nodeProof(values, 2)];
      await refused(fight, { name: 'proveMalformed', args }, p.watcher, 'RequestMismatch');
    });
  });

  it('attack 44: a dispute keeps the base fee of its opening, whoever moves', async () => {
    const fees = [1n, 65_535n, 65_536n, 10n ** 9n, 123_456_789_012n];
    for (const fee of fees) {
      const claimed = await p.claim(await p.ask(small, INPUT), lie.output(), p.liar);
      await p.networkHelpers.setNextBlockBaseFeePerGas(fee);
      const fight = await p.challenge(claimed, p.watcher);
      for (let i = 0; i < 4; i++) await p.step(fight, i % 2 === 0 ? lie : truth);
      expect((fight.dispute[2] as bigint) >> 96n).to.equal((fee >> 16n) << 16n);
    }
  });
});
