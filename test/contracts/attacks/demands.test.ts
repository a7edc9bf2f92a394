// Row 51 of what the protocol must survive: programs that are malformed, withheld, or too long to be sent.
import { expect } from 'chai';
import { programLeaf } from '../../../src/merkle/model.ts';
import { concat, MerkleTree, PROGRAM_TREE } from '../../../src/merkle/tree.ts';
import type { ToyModel } from '../../support/toy/model.ts';
import { type Call, nodeProof, PHASE, REQUEST } from '../../support/toy/moves.ts';
import {
  BURNED,
  type Dispute,
  deployProtocol,
  type Protocol,
  placeOf,
  REASON,
  TERMS,
} from '../../support/toy/protocol.ts';
import { DEEP, honestValues, INPUT, small, withFalseOutput } from '../../support/toy/small.ts';
import { type Values, valuesOf } from '../../support/toy/values.ts';

const { claimBondWei, challengeBondWei, clockSeconds } = TERMS;

describe('attacks: demanded nodes and malformed programs', () => {
  let protocol: Protocol;
  const falseValues = withFalseOutput(DEEP);

  beforeEach(async () => {
    protocol = await deployProtocol();
    await protocol.publish(small);
  });

  const open = async (values: Values, claimant = protocol.liar) =>
    protocol.challenge(
      await protocol.claim(await protocol.ask(small, INPUT), values.output(), claimant),
      protocol.watcher,
    );

  const demand = (dispute: Dispute, child: number): Call => ({
    name: 'demandNode',
    args: [dispute.table.blockRoot, child],
  });

  /** The claimant's first answer shows the only block of the program. */
  async function openAtBlock(values: Values, claimant = protocol.liar): Promise<Dispute> {
    const dispute = await open(values, claimant);
    await protocol.step(dispute, values);
    expect(placeOf(dispute).phase).to.equal(PHASE.NodePick);
    return dispute;
  }

  const refused = async (
    dispute: Dispute,
    call: Call,
    by: typeof protocol.liar,
    error: string,
  ): Promise<void> => {
    const state = await protocol.game.disputes(dispute.id);
    await expect(protocol.send(dispute, call, by)).to.be.revertedWithCustomError(protocol.game, error);
    expect(await protocol.game.disputes(dispute.id)).to.equal(state);
  };

  it('attack 51: the claimant opens a node that the challenger lacks', async () => {
    const dispute = await openAtBlock(falseValues);
    const { subject } = dispute;
    await protocol.move(dispute, demand(dispute, 2), protocol.watcher);
    expect(placeOf(dispute)).to.deep.include({ phase: PHASE.NodeDemand, nodeIndex: 2 });
    const receipt = await protocol.move(
      dispute,
      (await protocol.nextCall(dispute, falseValues))!,
      protocol.liar,
    );
    expect(protocol.eventOf(receipt, 'NodeOpened')['descriptor']).to.equal(
      protocol.ethers.hexlify(small.descriptors[2]!),
    );
    expect(placeOf(dispute)).to.deep.include({ phase: PHASE.NodePick, nodeIndex: 0, lo: 1 });
    expect(dispute.subject).to.equal(subject);
    await protocol.playOut(dispute, falseValues, honestValues);
    expect(dispute.ended).to.deep.equal({ winner: protocol.watcher.address, reason: REASON.WrongWord });
  });

  it('attack 51: an honest claimant opens a node of any kind and keeps its bond', async () => {
    for (const child of small.nodes.keys()) {
      const before = await protocol.oracle.owed(protocol.honest);
      const dispute = await openAtBlock(honestValues, protocol.honest);
      await protocol.move(dispute, demand(dispute, child), protocol.watcher);
      await protocol.step(dispute, honestValues);
      // One demand is all that a challenge bond pays for.
      await refused(dispute, demand(dispute, child), protocol.watcher, 'AlreadyDemanded');
      await protocol.runOut(dispute);
      await protocol.timeout(dispute);
      expect(dispute.ended).to.deep.equal({
        winner: protocol.honest.address,
        reason: REASON.ChallengerTimeout,
      });
      expect((await protocol.oracle.owed(protocol.honest)) - before).to.equal(challengeBondWei);
    }
  });

  it('attack 51: a demand costs a challenger a move, a claimant the longest node', async () => {
    const dispute = await openAtBlock(honestValues, protocol.honest);
    await refused(dispute, demand(dispute, 2), protocol.stranger, 'NotMover');
    await refused(dispute, demand(dispute, 2), protocol.honest, 'NotMover');
    await refused(dispute, demand(dispute, 5), protocol.watcher, 'IndexOutOfRange');
    await refused(dispute, demand(dispute, 8), protocol.watcher, 'IndexOutOfRange');
    await refused(
      dispute,
      { name: 'demandNode', args: [protocol.ethers.ZeroHash, 2] },
      protocol.watcher,
      'StateMismatch',
    );
    const opening = (node: number): Call => ({
      name: 'openNode',
      args: [dispute.table.blockRoot, nodeProof(honestValues, node)],
    });
    await refused(dispute, opening(2), protocol.honest, 'WrongPhase');
    await protocol.move(dispute, demand(dispute, 2), protocol.watcher);
    await refused(dispute, opening(2), protocol.watcher, 'NotMover');
    await refused(dispute, opening(3), protocol.honest, 'DescriptorMismatch');
    await refused(dispute, demand(dispute, 3), protocol.watcher, 'WrongPhase');
    await protocol.move(dispute, opening(2), protocol.honest);
  });

  /** The small model with other bytes in the place of its third node, under the id that the registry gives. */
  async function withNode(descriptor: Uint8Array): Promise<ToyModel> {
    const descriptors = small.descriptors.map((original, i) => (i === 2 ? descriptor : original));
    const tree = new MerkleTree(PROGRAM_TREE, concat(descriptors.map(programLeaf)));
    const refs = (list: ToyModel['inputs']) => list.map((ref) => ({ ...ref }));
    const args = [tree.root, small.nodes.length, refs(small.inputs), refs(small.outputs), [], ''] as const;
    const id = await protocol.registry.publish.staticCall(args[0], args[1], args[2], args[3], [], args[5]);
    await protocol.registry.publish(args[0], args[1], args[2], args[3], [], args[5]);
    return { ...small, descriptors, tree, id: protocol.ethers.getBytes(id) };
  }

  it('attack 51: a node too long for a transaction, or lost, loses by the clock', async () => {
    for (const bytes of [4_097, 130_000]) {
      const model = await withNode(new Uint8Array(bytes).fill(255));
      const values = valuesOf(model, INPUT);
      const claimed = await protocol.claim(await protocol.ask(model, INPUT), values.output(), protocol.liar);
      const before = await protocol.oracle.owed(protocol.watcher);
      const dispute = await protocol.challenge(claimed, protocol.watcher);
      await protocol.step(dispute, values);
      await protocol.move(dispute, demand(dispute, 2), protocol.watcher);
      // Whatever the claimant opens: the node itself is longer than any well-formed one.
      await refused(dispute, (await protocol.nextCall(dispute, values))!, protocol.liar, 'DescriptorTooLong');
      const other = { name: 'openNode', args: [dispute.table.blockRoot, nodeProof(honestValues, 2)] };
      await refused(dispute, other, protocol.liar, 'DescriptorMismatch');
      await protocol.runOut(dispute);
      await protocol.timeout(dispute);
      expect(dispute.ended).to.deep.equal({
        winner: protocol.watcher.address,
        reason: REASON.ClaimantTimeout,
      });
      expect((await protocol.oracle.owed(protocol.watcher)) - before).to.equal(
        claimBondWei / 2n + challengeBondWei,
      );
    }
  });

  describe('a proof that a node is malformed', () => {
    let model: ToyModel;
    let values: Values;
    let dispute: Dispute;

    beforeEach(async () => {
      model = await withNode(new Uint8Array(3).fill(7));
      values = valuesOf(model, INPUT);
      const claimed = await protocol.claim(await protocol.ask(model, INPUT), values.output(), protocol.liar);
      dispute = await protocol.challenge(claimed, protocol.watcher);
    });

    const proof = (target = dispute): Call => ({
      name: 'proveMalformed',
      args: [target.subject, REQUEST, 2, nodeProof(values, 2)],
    });

    it('attack 51: cannot be copied from the pool, nor sent for somebody else', async () => {
      for (const thief of [protocol.stranger, protocol.liar])
        await refused(dispute, proof(), thief, 'NotMover');
      // The thief sees the proof and opens a dispute of its own before it, in the same block.
      const { provider } = protocol.ethers;
      await protocol.networkHelpers.setNextBlockBaseFeePerGas(10n ** 9n);
      await provider.send('evm_setAutomine', [false]);
      const when = (await protocol.lastTimestamp()) + 30n;
      const kept = ((10n ** 9n) >> 16n) << 16n;
      const clock = (kept << 96n) | (when << 56n) | (clockSeconds << 28n) | clockSeconds;
      const [, , , stake, program, position] = dispute.fields;
      const copied: Dispute = {
        ...dispute,
        id: dispute.id + 1n,
        fields: [protocol.liar.address, protocol.stranger.address, clock, stake, program, position],
        moves: [],
      };
      const price = { maxFeePerGas: 10n ** 12n };
      const { asked, outputs, id } = dispute.claimed;
      const thief = protocol.oracle.connect(protocol.stranger);
      await thief.challenge(id, asked.request as never, outputs, {
        value: challengeBondWei,
        gasLimit: 300_000n,
        maxPriorityFeePerGas: 10n ** 11n,
        ...price,
      });
      const theirs = await protocol.send(copied, proof(copied), protocol.stranger, {
        gasLimit: 600_000n,
        maxPriorityFeePerGas: 10n ** 10n,
        ...price,
      });
      const ours = await protocol.send(dispute, proof(), protocol.watcher, {
        gasLimit: 600_000n,
        maxPriorityFeePerGas: 10n ** 9n,
        ...price,
      });
      await protocol.at(when);
      await protocol.networkHelpers.mine();
      await provider.send('evm_setAutomine', [true]);
      expect(await protocol.game.stateHash(copied.fields as never, copied.subject)).to.equal(
        await protocol.game.disputes(copied.id),
      );
      const receipts = [await provider.getTransactionReceipt(theirs.hash), await ours.wait()];
      expect(receipts.map((receipt) => receipt?.status)).to.deep.equal([0, 1]);
      expect(receipts[0]?.blockNumber).to.equal(receipts[1]?.blockNumber);
      expect(await protocol.oracle.owed(protocol.watcher)).to.equal(claimBondWei / 2n + challengeBondWei);
      await protocol.reclaim(copied);
      // Like anybody overtaken, it is repaid gas out of what is burned, less than opening its dispute cost it.
      expect(await protocol.oracle.owed(protocol.stranger)).to.equal(challengeBondWei + BURNED);
    });

    it('attack 51: may be sent out of turn, after the claimant has run out of time too', async () => {
      expect(protocol.moverOf(dispute)).to.equal(protocol.liar);
      await protocol.runOut(dispute);
      await protocol.move(dispute, proof(), protocol.watcher);
      expect(dispute.ended).to.deep.equal({ winner: protocol.watcher.address, reason: REASON.Malformed });
    });

    it('attack 51: can be put off by the claimant no more often than it has a move', async () => {
      const early = proof();
      const stale = { ...dispute };
      await protocol.step(dispute, values);
      await refused(stale, early, protocol.watcher, 'StateMismatch');
      // Now it is the challenger's turn, and nobody else can change the state.
      expect(protocol.moverOf(dispute)).to.equal(protocol.watcher);
      await protocol.move(dispute, proof(), protocol.watcher);
      expect(dispute.ended?.reason).to.equal(REASON.Malformed);
    });

    it('attack 51: comes too late when its own clock has run out', async () => {
      await protocol.step(dispute, values);
      await protocol.runOut(dispute);
      await refused(dispute, proof(), protocol.watcher, 'ClockRanOut');
      await protocol.timeout(dispute);
      expect(dispute.ended).to.deep.equal({
        winner: protocol.liar.address,
        reason: REASON.ChallengerTimeout,
      });
    });

    it('attack 51: is not taken with the request of another claim', async () => {
      const other = await protocol.ask(small, INPUT);
      const args = [dispute.subject, other.request, 2, nodeProof(values, 2)];
      await refused(dispute, { name: 'proveMalformed', args }, protocol.watcher, 'RequestMismatch');
    });
  });

  it('attack 44: a dispute keeps the base fee of its opening, whoever moves', async () => {
    const fees = [1n, 65_535n, 65_536n, 10n ** 9n, 123_456_789_012n];
    for (const fee of fees) {
      const claimed = await protocol.claim(
        await protocol.ask(small, INPUT),
        falseValues.output(),
        protocol.liar,
      );
      await protocol.networkHelpers.setNextBlockBaseFeePerGas(fee);
      const dispute = await protocol.challenge(claimed, protocol.watcher);
      for (let i = 0; i < 4; i++) await protocol.step(dispute, i % 2 === 0 ? falseValues : honestValues);
      expect((dispute.fields[2] as bigint) >> 96n).to.equal((fee >> 16n) << 16n);
    }
  });
});
