// Rows 9 and 13 to 20: what is opened, proven and run.
import { expect } from 'chai';
import type { ContractTransactionResponse } from 'ethers';
import { keccakTagged } from '../../../src/merkle/keccak.ts';
import { programLeaf } from '../../../src/merkle/model.ts';
import { TAGS } from '../../../src/merkle/tags.ts';
import { concat, MerkleTree, PROGRAM_TREE, TRACE_TREE } from '../../../src/merkle/tree.ts';
import { type ToyModel, type ToyNode, toyInput, toyLoop, toyModel } from '../../support/toy/model.ts';
import { type Call, commitTrace, PHASE, REQUEST } from '../../support/toy/moves.ts';
import {
  BURNED,
  deployProtocol,
  type Fight,
  type Protocol,
  placeOf,
  REASON,
  TERMS,
} from '../../support/toy/protocol.ts';
import { DEEP, INPUT, small, tale, told, truth } from '../../support/toy/small.ts';
import { type Values, valuesOf } from '../../support/toy/values.ts';

const { challengeBondWei } = TERMS;
const random32 = new Uint8Array(32).fill(0xab);

describe('attacks: openings and proofs', () => {
  let p: Protocol;
  const lie = tale(DEEP);

  beforeEach(async () => {
    p = await deployProtocol();
    await p.publish(small);
  });

  const open = async (values: Values, model = small, input = INPUT) =>
    p.challenge(await p.claim(await p.ask(model, input), values.output(), p.liar), p.watcher);

  /** Both sides play until a phase is reached. */
  async function playTo(fight: Fight, phase: number, claimant: Values, challenger: Values): Promise<void> {
    while (placeOf(fight).phase !== phase) {
      expect(await p.step(fight, p.moverOf(fight) === p.liar ? claimant : challenger)).to.equal(true);
    }
  }

  /** Sends a move that must revert, and sees that state, clock and money are as before. */
  async function refused(
    fight: Fight,
    call: Call,
    error: string,
    by = p.moverOf(fight),
    openDisputes = 1n,
  ): Promise<void> {
    const state = await p.game.disputes(fight.id);
    const sent = p.send(fight, call, by) as Promise<ContractTransactionResponse>;
    await expect(sent).to.be.revertedWithCustomError(p.game, error);
    expect(await p.game.disputes(fight.id)).to.equal(state);
    expect(await p.game.stateHash(fight.dispute as never, fight.subject)).to.equal(state);
    expect((await p.oracle.claims(fight.claimed.id)).openDisputes).to.equal(openDisputes);
  }

  it('attack 9: with any amount of gas that is too little, a leaf decides nothing', async () => {
    const fight = await open(lie);
    await playTo(fight, PHASE.Interval, lie, truth);
    const call = (await p.nextCall(fight, truth))!;
    const state = await p.game.disputes(fight.id);
    const args = [fight.id, fight.dispute, ...call.args] as const;
    const needed = await p.game
      .connect(p.watcher)
      .getFunction(call.name)
      .estimateGas(...args);
    for (let percent = 40n; percent < 100n; percent += 3n) {
      const gasLimit = (needed * percent) / 100n;
      const outcome = await p.send(fight, call, p.watcher, { gasLimit }).then(
        (tx) => tx.wait(),
        () => undefined,
      );
      if (outcome?.status === 1) throw new Error(`${percent} % of the estimate was enough`);
      expect(await p.game.disputes(fight.id)).to.equal(state);
      expect((await p.oracle.claims(fight.claimed.id)).status).to.equal(1n);
    }
    await p.move(fight, call, p.watcher);
    expect(fight.ended?.reason).to.equal(REASON.WrongWord);
  });

  it('attack 9: a leaf that runs out of gas in the referee slashes no claimant', async () => {
    const heavy = toyModel([toyLoop(1, { foldSteps: 20_000, grain: 20_000 })]);
    await p.publish(heavy);
    const none = new Uint8Array();
    const right = valuesOf(heavy, none);
    const fight = await open(right, heavy, none);
    await playTo(fight, PHASE.Element, right, valuesOf(heavy, none, [{ node: 0, byte: 0 }]));
    const leaf: Call = {
      name: 'proveElement',
      args: [fight.table.chunk, 0, heavy.descriptors[0], fight.table.blockRoot, '0x'],
    };
    for (const gasLimit of [150_000n, 300_000n, 1_000_000n, 2_000_000n]) {
      const outcome = await p.send(fight, leaf, p.watcher, { gasLimit }).then(
        () => 'mined',
        () => 'reverted',
      );
      expect(outcome).to.equal('reverted');
    }
    expect((await p.oracle.claims(fight.claimed.id)).status).to.equal(1n);
    await refused(fight, leaf, 'NothingWrong');
  });

  it('attack 13: a trace that does not end in the claimed output is refused', async () => {
    // The claim's output is wrong; the trace is right.
    const fight = await open(lie);
    await refused(fight, commitTrace(truth), 'OutputNotClaimed');
    // Roots of the claimed output, proven in a trace that does not hold them.
    const [, proofs, hashes] = commitTrace(truth).args;
    const roots = [lie.tensor(4).root];
    await refused(fight, { name: 'commitTrace', args: [roots, proofs, hashes] }, 'OutputNotInTrace');
    // An output proven at another node's place.
    const [, , top] = commitTrace(lie).args;
    await refused(fight, { name: 'commitTrace', args: [roots, lie.trace.proof(3), top] }, 'OutputNotInTrace');
    await refused(fight, { name: 'commitTrace', args: [[], [], top] }, 'LengthMismatch');
    await refused(fight, { name: 'commitTrace', args: [roots, [], top] }, 'LengthMismatch');
  });

  it('attack 14: a claim has one trace root, whatever the dispute', async () => {
    const asked = await p.ask(small, INPUT);
    const claimed = await p.claim(asked, lie.output(), p.liar);
    const first = await p.challenge(claimed, p.watcher);
    const second = await p.challenge(claimed, p.stranger);
    await p.step(first, lie);
    const other = told(DEEP, { node: 4, byte: 0 }, { node: 3, byte: 0 });
    await expect(p.send(second, commitTrace(other), p.liar))
      .to.be.revertedWithCustomError(p.game, 'TraceAlreadyCommitted')
      .withArgs(claimed.id, p.ethers.hexlify(lie.root));
    const [, , hashes] = commitTrace(other).args;
    await expect(p.send(second, { name: 'reveal', args: [hashes] }, p.liar)).to.be.revertedWithCustomError(
      p.game,
      'TraceRootMismatch',
    );
    // The one root serves both.
    await p.playOut(second, lie, truth);
    expect(second.ended?.winner).to.equal(p.stranger.address);
  });

  it('attack 14: only the claimant fixes the trace root, and only in a dispute', async () => {
    const fight = await open(lie);
    for (const by of [p.watcher, p.stranger]) await refused(fight, commitTrace(lie), 'NotMover', by);
    const [, , hashes] = commitTrace(lie).args;
    await refused(fight, { name: 'reveal', args: [hashes] }, 'TraceNotCommitted');
  });

  it('attack 15: a claimant whose trace root hashes nothing loses by the clock', async () => {
    // The root of a block is invented: the first answer can still be given, the next cannot.
    const deep = toyModel(Array.from({ length: 70 }, () => toyLoop(2)));
    await p.publish(deep);
    const none = new Uint8Array();
    const wrong = valuesOf(deep, none, [{ node: 69, byte: 0 }]);
    const level = Array.from({ length: 8 }, (_, i) => (i === 2 ? random32 : wrong.trace.node(4, i)));
    const forged = new MerkleTree(TRACE_TREE, concat(level));
    const fight = await open(wrong, deep, none);
    const proof = [...wrong.trace.proof(69).slice(0, 4), ...forged.proof(69 >> 4)];
    const answer = { name: 'commitTrace', args: [[wrong.tensor(69).root], proof, level] };
    await p.move(fight, answer, p.liar);
    await p.step(fight, valuesOf(deep, none));
    expect(placeOf(fight)).to.deep.include({ phase: PHASE.NodeReveal, index: 2, depthLeft: 4 });
    for (const values of [wrong, valuesOf(deep, none)]) {
      const call = (await p.nextCall(fight, values))!;
      await refused(fight, call, 'StateMismatch');
    }
    await p.runOut(fight);
    await p.timeout(fight);
    expect(fight.ended).to.deep.equal({ winner: p.watcher.address, reason: REASON.ClaimantTimeout });
  });

  it('attack 16: a challenger that picks no difference proves nothing and loses', async () => {
    const claimed = await p.claim(await p.ask(small, INPUT), truth.output(), p.honest);
    const fight = await p.challenge(claimed, p.liar);
    const wrong = told({ node: 2, byte: 4 * 150, step: 5 });
    for (;;) {
      const call = (await p.nextCall(fight, p.moverOf(fight) === p.honest ? truth : wrong))!;
      if (call.name === 'proveInterval') break;
      await p.move(fight, call, p.moverOf(fight));
    }
    // Whichever interval it takes, the chain computes what the claimant posted.
    for (let at = 0; at < 5; at++) {
      const args = [fight.table.words, at, small.descriptors[2], fight.table.blockRoot, '0x'];
      await refused(fight, { name: 'proveInterval', args }, 'NothingWrong');
    }
    const beyond = [fight.table.words, 5, small.descriptors[2], fight.table.blockRoot, '0x'];
    await refused(fight, { name: 'proveInterval', args: beyond }, 'IndexOutOfRange');
    await p.runOut(fight);
    await p.timeout(fight);
    expect(await p.oracle.owed(p.honest)).to.equal(challengeBondWei);
  });

  it('attack 17: a reveal of another length, or of hashes of another parent, reverts', async () => {
    const fight = await open(lie);
    const [roots, proofs, hashes] = commitTrace(lie).args as [unknown, unknown, Uint8Array[]];
    for (const top of [[], hashes.slice(1), [...hashes, ...hashes], hashes.slice(0, 7)]) {
      await refused(fight, { name: 'commitTrace', args: [roots, proofs, top] }, 'LengthMismatch');
    }
    await p.step(fight, lie);
    await p.step(fight, truth);
    const call = (await p.nextCall(fight, lie))!;
    const revealed = call.args[0] as Uint8Array[];
    const reveal = (list: readonly Uint8Array[]) => ({ name: 'reveal', args: [list] });
    expect(placeOf(fight).phase).to.equal(PHASE.TensorReveal);
    for (const list of [[], revealed.slice(1), [...revealed, ...revealed]]) {
      await refused(fight, reveal(list), 'LengthMismatch');
    }
    await refused(fight, reveal(revealed.toReversed()), 'StateMismatch');
    await refused(fight, reveal(revealed.map(() => random32)), 'StateMismatch');
    await p.move(fight, call, p.liar);
    await p.step(fight, truth);
    for (const chunk of [new Uint8Array(255), new Uint8Array(257), new Uint8Array()]) {
      await refused(fight, { name: 'revealChunk', args: [chunk] }, 'LengthMismatch');
    }
    await refused(fight, { name: 'revealChunk', args: [new Uint8Array(256)] }, 'StateMismatch');
    await p.step(fight, lie);
    await p.step(fight, truth);
    for (const length of [0, 12, 15, 17, 20]) {
      const words = new Uint8Array(length);
      await refused(fight, { name: 'postAccumulators', args: [words] }, 'LengthMismatch');
    }
  });

  it('attack 18: no hash passes for another kind, and no proof has another depth', async () => {
    const deep = toyModel(
      Array.from({ length: 70 }, (_, init) => toyLoop(2, { init, checkpoint: init % 2 === 1 })),
    );
    await p.publish(deep);
    const none = new Uint8Array();
    const right = valuesOf(deep, none);
    const wrong = valuesOf(deep, none, [
      { node: 33, byte: 0 },
      { node: 69, byte: 0 },
    ]);
    const fight = await open(wrong, deep, none);
    await p.step(fight, wrong);
    const pick = (await p.nextCall(fight, right))!.args[0] as {
      child: number;
      hash: Uint8Array;
      siblings: Uint8Array[];
    };
    const node = { descriptor: deep.descriptors[33], siblings: deep.tree.proof(33) };
    // A block as a tensor.
    for (const name of ['pickNode', 'proveConstant']) {
      await refused(fight, { name, args: [pick, node] }, 'WrongPhase');
    }
    await refused(fight, { name: 'provePadding', args: [pick] }, 'WrongPhase');
    await refused(fight, { name: 'proveCheckpoint', args: [fight.subject, 1, node] }, 'WrongPhase');
    // A proof of another depth, and the root itself as a child.
    for (const siblings of [pick.siblings.slice(1), [...pick.siblings, random32], []]) {
      await refused(fight, { name: 'pick', args: [{ ...pick, siblings }] }, 'LengthMismatch');
    }
    await refused(fight, { name: 'pick', args: [{ ...pick, child: pick.child + 8 }] }, 'IndexOutOfRange');
    await refused(fight, { name: 'pick', args: [{ ...pick, child: pick.child ^ 1 }] }, 'StateMismatch');
    await p.step(fight, right);
    const block = (await p.nextCall(fight, wrong))!;
    expect(block.name).to.equal('revealBlock');
    const [roots, marks] = block.args as [Uint8Array[], number];
    await refused(fight, { name: 'reveal', args: [roots] }, 'WrongPhase');
    for (const list of [[], roots.slice(1), [...roots, ...roots], roots.slice(0, 8)]) {
      await refused(fight, { ...block, args: [list, marks] }, 'LengthMismatch');
    }
    await refused(fight, { ...block, args: [roots.toReversed(), marks] }, 'StateMismatch');
    await refused(fight, { ...block, args: [roots, marks ^ 2] }, 'StateMismatch');
    // A mark of what is not there must not let the subject pass for what the block combines to.
    for (const beyond of [2 ** 16, 2 ** 31]) {
      const forged = [fight.subject, ...roots.slice(1)];
      await refused(fight, { ...block, args: [forged, beyond] }, 'StateMismatch');
    }
    await refused(fight, block, 'NotMover', p.watcher);
    await p.move(fight, block, p.liar);
    const leaf = (await p.nextCall(fight, right))!;
    const [bottom] = leaf.args;
    await refused(fight, { name: 'pick', args: [bottom] }, 'WrongPhase');
    // Marks that are right, of a block that is not this one, of a node that is not there.
    const { blockRoot } = fight.table;
    await refused(fight, { name: 'proveCheckpoint', args: [blockRoot, 1, node] }, 'NothingWrong');
    await refused(fight, { name: 'proveCheckpoint', args: [random32, 1, node] }, 'StateMismatch');
    await refused(fight, { name: 'proveCheckpoint', args: [blockRoot, 2, node] }, 'DescriptorMismatch');
    await refused(fight, { name: 'proveCheckpoint', args: [blockRoot, 16, node] }, 'IndexOutOfRange');
    // Descriptors: another node's, two leaves as a descriptor, another depth.
    const bad: [unknown, string][] = [
      [{ descriptor: deep.descriptors[32], siblings: deep.tree.proof(32) }, 'DescriptorMismatch'],
      [{ descriptor: new Uint8Array(59), siblings: node.siblings }, 'DescriptorMismatch'],
      [{ ...node, siblings: node.siblings.slice(1) }, 'LengthMismatch'],
      [{ ...node, siblings: [...node.siblings, random32] }, 'LengthMismatch'],
    ];
    for (const [forged, error] of bad)
      await refused(fight, { name: 'pickNode', args: [bottom, forged] }, error);
    const [l, r] = [deep.tree.node(0, 32), deep.tree.node(0, 33)];
    const asDescriptor = programLeaf(concat([l, r]));
    expect(asDescriptor).to.not.deep.equal(keccakTagged(TAGS.PROGRAM_NODE, l, r));
    await refused(
      fight,
      { name: 'pickNode', args: [bottom, { descriptor: concat([l, r]), siblings: node.siblings }] },
      'DescriptorMismatch',
    );
    for (const name of ['proveConstant']) await refused(fight, { name, args: [bottom, node] }, 'WrongKind');
    await p.move(fight, leaf, p.watcher);
    // Two hashes of the tree are no chunk, and a chunk is no reveal.
    await refused(fight, { name: 'revealChunk', args: [concat(Array(8).fill(random32))] }, 'StateMismatch');
    await refused(fight, { name: 'reveal', args: [[random32]] }, 'WrongPhase');
  });

  it('attack 19: a witness that is not exactly what the leaf reads reverts', async () => {
    const fight = await open(lie);
    await playTo(fight, PHASE.Interval, lie, truth);
    const call = (await p.nextCall(fight, truth))!;
    const sent = p.send(fight, { ...call, args: [...call.args.slice(0, 4), '0x00'] }, p.watcher);
    await expect(sent).to.be.revertedWithCustomError(p.referee, 'WitnessNotEmpty');
    const [words, interval, descriptor, blockRoot, witness] = call.args;
    for (const other of [
      [words, interval, small.descriptors[3], blockRoot, witness],
      [words, interval, descriptor, random32, witness],
    ]) {
      await refused(fight, { ...call, args: other }, 'DescriptorMismatch');
    }
    await refused(fight, { ...call, args: [new Uint8Array(16), ...call.args.slice(1)] }, 'StateMismatch');
    await p.move(fight, call, p.watcher);
    expect(fight.ended?.reason).to.equal(REASON.WrongWord);
  });

  it('attack 24: right padding, constants and inputs cannot be held against it', async () => {
    const claimed = await p.claim(await p.ask(small, INPUT), truth.output(), p.honest);
    const padding = told({ node: 6, leaf: random32 });
    for (const [values, error] of [
      [padding, 'NothingWrong'],
      [told({ node: 1, byte: 0 }), 'NothingWrong'],
    ] as const) {
      const fight = await p.challenge(claimed, p.liar);
      await p.step(fight, truth);
      const call = (await p.nextCall(fight, values))!;
      await expect(p.send(fight, call, p.liar)).to.be.revertedWithCustomError(p.game, error);
    }
    const fight = await p.challenge(claimed, p.liar);
    await p.step(fight, truth);
    const onInput = (await p.nextCall(fight, told({ node: 0, byte: 0 })))!;
    const [picked, node, request] = onInput.args;
    const right = { ...onInput, args: [picked, node, request, [truth.tensor(0).root]] };
    await expect(p.send(fight, right, p.liar)).to.be.revertedWithCustomError(p.game, 'NothingWrong');
    const none = { ...onInput, args: [picked, node, request, []] };
    await expect(p.send(fight, none, p.liar)).to.be.revertedWithCustomError(p.game, 'InputsMismatch');
    const other = await p.ask(small, INPUT.toReversed());
    const foreign = { ...onInput, args: [picked, node, other.request, [random32]] };
    await expect(p.send(fight, foreign, p.liar)).to.be.revertedWithCustomError(p.game, 'RequestMismatch');
    // Padding that is not padding.
    const atNode = { name: 'provePadding', args: [picked] };
    await expect(p.send(fight, atNode, p.liar)).to.be.revertedWithCustomError(p.game, 'IndexOutOfRange');
  });

  it('attack 24: an element beyond the end of the tensor cannot be named', async () => {
    const claimed = await p.claim(await p.ask(small, INPUT), truth.output(), p.honest);
    for (const [node, offset] of [
      [3, 2],
      [3, 63],
      [3, 64],
      [4, 2],
    ] as const) {
      const fight = await p.challenge(claimed, p.liar);
      while (placeOf(fight).phase !== PHASE.Element) {
        await p.step(fight, p.moverOf(fight) === p.honest ? truth : told({ node, byte: 0 }));
      }
      const { chunk } = fight.table;
      const descriptor = small.descriptors[node];
      for (const call of [
        { name: 'proveElement', args: [chunk, offset, descriptor, fight.table.blockRoot, '0x'] },
        { name: 'nameElement', args: [chunk, offset] },
      ]) {
        await expect(p.send(fight, call, p.liar)).to.be.revertedWithCustomError(p.game, 'IndexOutOfRange');
      }
      const padding = { name: 'provePaddingByte', args: [chunk] };
      await expect(p.send(fight, padding, p.liar)).to.be.revertedWithCustomError(p.game, 'NothingWrong');
    }
  });

  it('attack 9: a leaf runs a grain at most, and a grain is not divided', async () => {
    const fight = await open(lie);
    await playTo(fight, PHASE.Element, lie, truth);
    const { chunk, blockRoot } = fight.table;
    const long = { name: 'proveElement', args: [chunk, 22, small.descriptors[2], blockRoot, '0x'] };
    await refused(fight, long, 'IntervalTooLong');
    await p.step(fight, truth);
    await p.step(fight, lie);
    await refused(fight, { name: 'pickInterval', args: [fight.table.words, 2] }, 'IntervalShort');

    const short = tale({ node: 3, byte: 0 });
    const other = await p.challenge(
      await p.claim(await p.ask(small, INPUT), short.output(), p.liar),
      p.watcher,
    );
    await playTo(other, PHASE.Element, short, truth);
    await refused(other, { name: 'nameElement', args: [other.table.chunk, 0] }, 'IntervalShort');

    // 100 steps in intervals of 4 with a grain of 1: still too long for a leaf.
    const deep = toyModel([toyLoop(1, { foldSteps: 100, grain: 1 })]);
    await p.publish(deep);
    const none = new Uint8Array();
    const wrong = valuesOf(deep, none, [{ node: 0, byte: 0, step: 50 }]);
    const third = await open(wrong, deep, none);
    await playTo(third, PHASE.Interval, wrong, valuesOf(deep, none));
    const args = [third.table.words, 12, deep.descriptors[0], third.table.blockRoot, '0x'];
    await refused(third, { name: 'proveInterval', args }, 'IntervalTooLong');
    await p.playOut(third, wrong, valuesOf(deep, none));
    expect(third.ended?.winner).to.equal(p.watcher.address);
  });

  describe('attack 20: a claim on a malformed program loses by proof in a dispute', () => {
    const fine = [toyInput(16), toyLoop(2), toyLoop(2, { reads: 1 })];
    const cases: [string, readonly ToyNode[], number][] = [
      ['a node that reads a later one', [...fine, toyLoop(2, { reads: 4 }), toyLoop(2)], 3],
      ['a node that reads itself', [...fine, toyLoop(2, { reads: 3 })], 3],
      ['a grain too big', [...fine, toyLoop(2, { grain: 1_001 })], 3],
      ['no grain', [...fine, toyLoop(2, { grain: 0 })], 3],
      ['elements of two bytes', [...fine, toyLoop(2, { elementBytes: 2 as never })], 3],
      ['a huge extent', [...fine, toyLoop(2), toyLoop(2 ** 31)], 4],
      ['an input of no slot', [...fine, toyInput(16, 9)], 3],
    ];
    for (const [what, nodes, bad] of cases) {
      it(`attack 20: ${what}`, async () => {
        const whole = toyModel(nodes, [1]);
        // The registry refuses what it can see; the rest is for the game.
        const model: ToyModel = { ...whole, inputs: whole.inputs.slice(0, 1) };
        const id = await publishAs(model);
        const asked = await p.ask({ ...model, id }, INPUT);
        const fight = await p.challenge(await p.claim(asked, new Uint8Array(8), p.liar), p.watcher);
        const prove = (node: number, proven = node) => {
          const proof = { descriptor: model.descriptors[proven]!, siblings: model.tree.proof(proven) };
          return { name: 'proveMalformed', args: [fight.subject, REQUEST, node, proof] };
        };
        await expect(p.send(fight, prove(1), p.watcher))
          .to.be.revertedWithCustomError(p.game, 'WellFormed')
          .withArgs(1);
        await refused(fight, prove(1, bad), 'DescriptorMismatch', p.watcher);
        await refused(fight, prove(nodes.length, bad), 'IndexOutOfRange', p.watcher);
        await p.move(fight, prove(bad), p.watcher);
        expect(fight.ended).to.deep.equal({ winner: p.watcher.address, reason: REASON.Malformed });
        expect(await p.oracle.owed(p.watcher)).to.equal(TERMS.claimBondWei / 2n + challengeBondWei);
        await expect(p.send(fight, prove(bad), p.watcher))
          .to.be.revertedWithCustomError(p.game, 'NoDispute')
          .withArgs(fight.id);
      });
    }

    it('attack 20: an operand that does not fit; open disputes get their bonds back', async () => {
      const model = toyModel([...fine, toyLoop(2, { reads: 0 })], [1]);
      const id = await publishAs(model);
      const asked = await p.ask({ ...model, id }, INPUT);
      const claimed = await p.claim(asked, new Uint8Array(8), p.liar);
      const other = await p.challenge(claimed, p.stranger);
      const fight = await p.challenge(claimed, p.watcher);
      const proofOf = (node: number) => ({
        descriptor: model.descriptors[node]!,
        siblings: model.tree.proof(node),
      });
      const prove = (node: number, read: number) => ({
        name: 'proveMalformedOperand',
        args: [fight.subject, REQUEST, node, proofOf(node), 0, proofOf(read)],
      });
      await refused(fight, prove(2, 1), 'WellFormed', p.watcher, 2n);
      await refused(fight, prove(3, 1), 'DescriptorMismatch', p.watcher, 2n);
      await p.move(fight, prove(3, 0), p.watcher);
      expect(fight.ended).to.deep.equal({ winner: p.watcher.address, reason: REASON.Malformed });
      await p.reclaim(other);
      expect(await p.oracle.owed(p.stranger)).to.equal(challengeBondWei + BURNED);
    });

    /** Publishes under the id that the registry gives, whatever the toy thinks of the model. */
    async function publishAs(model: ToyModel): Promise<Uint8Array> {
      const refs = (list: ToyModel['inputs']) => list.map(({ node, byteLength }) => ({ node, byteLength }));
      const args = [
        model.tree.root,
        model.nodes.length,
        refs(model.inputs),
        refs(model.outputs),
        refs(model.answers),
        '',
      ] as const;
      const id = await p.registry.publish.staticCall(...args);
      await p.registry.publish(...args);
      return p.ethers.getBytes(id);
    }

    it('attack 20: bytes that are no node at all', async () => {
      const garbage = new Uint8Array(3).fill(7);
      const descriptors = [...small.descriptors.slice(0, 4), garbage];
      const tree = new MerkleTree(PROGRAM_TREE, concat(descriptors.map(programLeaf)));
      const model = { ...small, descriptors, tree };
      const id = await publishAs(model);
      const asked = await p.ask({ ...model, id }, INPUT);
      const claimed = await p.claim(asked, truth.output(), p.liar);
      const fight = await p.challenge(claimed, p.watcher);
      const proof = { descriptor: garbage, siblings: tree.proof(4) };
      await p.move(fight, { name: 'proveMalformed', args: [fight.subject, REQUEST, 4, proof] }, p.watcher);
      expect((await p.oracle.claims(claimed.id)).status).to.equal(3n);
    });
  });
});
