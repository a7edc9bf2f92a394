// Rows 9 and 13 to 20: what is opened, proven and run.
import { expect } from 'chai';
import type { ContractTransactionResponse } from 'ethers';
import { CLAIM_STATUS } from '../../../src/chain/contracts/status.ts';
import { keccakTagged } from '../../../src/merkle/keccak.ts';
import { programLeaf } from '../../../src/merkle/model.ts';
import { TAGS } from '../../../src/merkle/tags.ts';
import { concat, MerkleTree, PROGRAM_TREE, TRACE_TREE } from '../../../src/merkle/tree.ts';
import { type ToyModel, type ToyNode, toyInput, toyLoop, toyModel } from '../../support/toy/model.ts';
import { type Call, commitTrace, PHASE, REQUEST } from '../../support/toy/moves.ts';
import {
  BURNED,
  type Dispute,
  deployProtocol,
  type Protocol,
  placeOf,
  REASON,
  TERMS,
} from '../../support/toy/protocol.ts';
import { DEEP, honestValues, INPUT, small, withFalseOutput, withLies } from '../../support/toy/small.ts';
import { type Values, valuesOf } from '../../support/toy/values.ts';

const { challengeBondWei } = TERMS;
const random32 = new Uint8Array(32).fill(0xab);

describe('attacks: openings and proofs', () => {
  let protocol: Protocol;
  const falseValues = withFalseOutput(DEEP);

  beforeEach(async () => {
    protocol = await deployProtocol();
    await protocol.publish(small);
  });

  const open = async (values: Values, model = small, input = INPUT) =>
    protocol.challenge(
      await protocol.claim(await protocol.ask(model, input), values.output(), protocol.liar),
      protocol.watcher,
    );

  /** Both sides play until a phase is reached. */
  async function playTo(
    dispute: Dispute,
    phase: number,
    claimant: Values,
    challenger: Values,
  ): Promise<void> {
    while (placeOf(dispute).phase !== phase) {
      expect(
        await protocol.step(dispute, protocol.moverOf(dispute) === protocol.liar ? claimant : challenger),
      ).to.equal(true);
    }
  }

  /** Sends a move that must revert, and sees that state, clock and money are as before. */
  async function refused(
    dispute: Dispute,
    call: Call,
    error: string,
    by = protocol.moverOf(dispute),
    openDisputes = 1n,
  ): Promise<void> {
    const state = await protocol.game.disputes(dispute.id);
    const sent = protocol.send(dispute, call, by) as Promise<ContractTransactionResponse>;
    await expect(sent).to.be.revertedWithCustomError(protocol.game, error);
    expect(await protocol.game.disputes(dispute.id)).to.equal(state);
    expect(await protocol.game.stateHash(dispute.fields as never, dispute.subject)).to.equal(state);
    expect((await protocol.oracle.claims(dispute.claimed.id)).openDisputes).to.equal(openDisputes);
  }

  it('attack 9: with any amount of gas that is too little, a leaf decides nothing', async () => {
    const dispute = await open(falseValues);
    await playTo(dispute, PHASE.Interval, falseValues, honestValues);
    const call = (await protocol.nextCall(dispute, honestValues))!;
    const state = await protocol.game.disputes(dispute.id);
    const args = [dispute.id, dispute.fields, ...call.args] as const;
    const needed = await protocol.game
      .connect(protocol.watcher)
      .getFunction(call.name)
      .estimateGas(...args);
    for (let percent = 40n; percent < 100n; percent += 3n) {
      const gasLimit = (needed * percent) / 100n;
      const outcome = await protocol.send(dispute, call, protocol.watcher, { gasLimit }).then(
        (tx) => tx.wait(),
        () => undefined,
      );
      if (outcome?.status === 1) throw new Error(`${percent} % of the estimate was enough`);
      expect(await protocol.game.disputes(dispute.id)).to.equal(state);
      expect((await protocol.oracle.claims(dispute.claimed.id)).status).to.equal(CLAIM_STATUS.open);
    }
    await protocol.move(dispute, call, protocol.watcher);
    expect(dispute.ended?.reason).to.equal(REASON.WrongWord);
  });

  it('attack 9: a leaf that runs out of gas in the referee slashes no claimant', async () => {
    const heavy = toyModel([toyLoop(1, { foldSteps: 20_000, grain: 20_000 })]);
    await protocol.publish(heavy);
    const none = new Uint8Array();
    const right = valuesOf(heavy, none);
    const dispute = await open(right, heavy, none);
    await playTo(dispute, PHASE.Element, right, valuesOf(heavy, none, [{ node: 0, byte: 0 }]));
    const leaf: Call = {
      name: 'proveElement',
      args: [dispute.table.chunk, 0, heavy.descriptors[0], dispute.table.blockRoot, '0x'],
    };
    for (const gasLimit of [150_000n, 300_000n, 1_000_000n, 2_000_000n]) {
      const outcome = await protocol.send(dispute, leaf, protocol.watcher, { gasLimit }).then(
        () => 'mined',
        () => 'reverted',
      );
      expect(outcome).to.equal('reverted');
    }
    expect((await protocol.oracle.claims(dispute.claimed.id)).status).to.equal(CLAIM_STATUS.open);
    await refused(dispute, leaf, 'NothingWrong');
  });

  it('attack 13: a trace that does not end in the claimed output is refused', async () => {
    // The claim's output is wrong; the trace is right.
    const dispute = await open(falseValues);
    await refused(dispute, commitTrace(honestValues), 'OutputNotClaimed');
    // Roots of the claimed output, proven in a trace that does not hold them.
    const [, proofs, hashes] = commitTrace(honestValues).args;
    const roots = [falseValues.tensor(4).root];
    await refused(dispute, { name: 'commitTrace', args: [roots, proofs, hashes] }, 'OutputNotInTrace');
    // An output proven at another node's place.
    const [, , top] = commitTrace(falseValues).args;
    await refused(
      dispute,
      { name: 'commitTrace', args: [roots, falseValues.trace.proof(3), top] },
      'OutputNotInTrace',
    );
    await refused(dispute, { name: 'commitTrace', args: [[], [], top] }, 'LengthMismatch');
    await refused(dispute, { name: 'commitTrace', args: [roots, [], top] }, 'LengthMismatch');
  });

  it('attack 14: a claim has one trace root, whatever the dispute', async () => {
    const asked = await protocol.ask(small, INPUT);
    const claimed = await protocol.claim(asked, falseValues.output(), protocol.liar);
    const first = await protocol.challenge(claimed, protocol.watcher);
    const second = await protocol.challenge(claimed, protocol.stranger);
    await protocol.step(first, falseValues);
    const other = withLies(DEEP, { node: 4, byte: 0 }, { node: 3, byte: 0 });
    await expect(protocol.send(second, commitTrace(other), protocol.liar))
      .to.be.revertedWithCustomError(protocol.game, 'TraceAlreadyCommitted')
      .withArgs(claimed.id, protocol.ethers.hexlify(falseValues.root));
    const [, , hashes] = commitTrace(other).args;
    await expect(
      protocol.send(second, { name: 'reveal', args: [hashes] }, protocol.liar),
    ).to.be.revertedWithCustomError(protocol.game, 'TraceRootMismatch');
    // The one root serves both.
    await protocol.playOut(second, falseValues, honestValues);
    expect(second.ended?.winner).to.equal(protocol.stranger.address);
  });

  it('attack 14: only the claimant fixes the trace root, and only in a dispute', async () => {
    const dispute = await open(falseValues);
    for (const by of [protocol.watcher, protocol.stranger])
      await refused(dispute, commitTrace(falseValues), 'NotMover', by);
    const [, , hashes] = commitTrace(falseValues).args;
    await refused(dispute, { name: 'reveal', args: [hashes] }, 'TraceNotCommitted');
  });

  it('attack 15: a claimant whose trace root hashes nothing loses by the clock', async () => {
    // The root of a block is invented: the first answer can still be given, the next cannot.
    const deep = toyModel(Array.from({ length: 70 }, () => toyLoop(2)));
    await protocol.publish(deep);
    const none = new Uint8Array();
    const wrong = valuesOf(deep, none, [{ node: 69, byte: 0 }]);
    const level = Array.from({ length: 8 }, (_, i) => (i === 2 ? random32 : wrong.trace.node(4, i)));
    const forged = new MerkleTree(TRACE_TREE, concat(level));
    const dispute = await open(wrong, deep, none);
    const proof = [...wrong.trace.proof(69).slice(0, 4), ...forged.proof(69 >> 4)];
    const answer = { name: 'commitTrace', args: [[wrong.tensor(69).root], proof, level] };
    await protocol.move(dispute, answer, protocol.liar);
    await protocol.step(dispute, valuesOf(deep, none));
    expect(placeOf(dispute)).to.deep.include({ phase: PHASE.NodeReveal, index: 2, depthLeft: 4 });
    for (const values of [wrong, valuesOf(deep, none)]) {
      const call = (await protocol.nextCall(dispute, values))!;
      await refused(dispute, call, 'StateMismatch');
    }
    await protocol.runOut(dispute);
    await protocol.timeout(dispute);
    expect(dispute.ended).to.deep.equal({ winner: protocol.watcher.address, reason: REASON.ClaimantTimeout });
  });

  it('attack 16: a challenger that picks no difference proves nothing and loses', async () => {
    const claimed = await protocol.claim(
      await protocol.ask(small, INPUT),
      honestValues.output(),
      protocol.honest,
    );
    const dispute = await protocol.challenge(claimed, protocol.liar);
    const wrong = withLies({ node: 2, byte: 4 * 150, step: 5 });
    for (;;) {
      const call = (await protocol.nextCall(
        dispute,
        protocol.moverOf(dispute) === protocol.honest ? honestValues : wrong,
      ))!;
      if (call.name === 'proveInterval') break;
      await protocol.move(dispute, call, protocol.moverOf(dispute));
    }
    // Whichever interval it takes, the chain computes what the claimant posted.
    for (let at = 0; at < 5; at++) {
      const args = [dispute.table.words, at, small.descriptors[2], dispute.table.blockRoot, '0x'];
      await refused(dispute, { name: 'proveInterval', args }, 'NothingWrong');
    }
    const beyond = [dispute.table.words, 5, small.descriptors[2], dispute.table.blockRoot, '0x'];
    await refused(dispute, { name: 'proveInterval', args: beyond }, 'IndexOutOfRange');
    await protocol.runOut(dispute);
    await protocol.timeout(dispute);
    expect(await protocol.oracle.owed(protocol.honest)).to.equal(challengeBondWei);
  });

  it('attack 17: a reveal of another length, or of hashes of another parent, reverts', async () => {
    const dispute = await open(falseValues);
    const [roots, proofs, hashes] = commitTrace(falseValues).args as [unknown, unknown, Uint8Array[]];
    for (const top of [[], hashes.slice(1), [...hashes, ...hashes], hashes.slice(0, 7)]) {
      await refused(dispute, { name: 'commitTrace', args: [roots, proofs, top] }, 'LengthMismatch');
    }
    await protocol.step(dispute, falseValues);
    await protocol.step(dispute, honestValues);
    const call = (await protocol.nextCall(dispute, falseValues))!;
    const revealed = call.args[0] as Uint8Array[];
    const reveal = (list: readonly Uint8Array[]) => ({ name: 'reveal', args: [list] });
    expect(placeOf(dispute).phase).to.equal(PHASE.TensorReveal);
    for (const list of [[], revealed.slice(1), [...revealed, ...revealed]]) {
      await refused(dispute, reveal(list), 'LengthMismatch');
    }
    await refused(dispute, reveal(revealed.toReversed()), 'StateMismatch');
    await refused(dispute, reveal(revealed.map(() => random32)), 'StateMismatch');
    await protocol.move(dispute, call, protocol.liar);
    await protocol.step(dispute, honestValues);
    for (const chunk of [new Uint8Array(255), new Uint8Array(257), new Uint8Array()]) {
      await refused(dispute, { name: 'revealChunk', args: [chunk] }, 'LengthMismatch');
    }
    await refused(dispute, { name: 'revealChunk', args: [new Uint8Array(256)] }, 'StateMismatch');
    await protocol.step(dispute, falseValues);
    await protocol.step(dispute, honestValues);
    for (const length of [0, 12, 15, 17, 20]) {
      const words = new Uint8Array(length);
      await refused(dispute, { name: 'postAccumulators', args: [words] }, 'LengthMismatch');
    }
  });

  it('attack 18: no hash passes for another kind, and no proof has another depth', async () => {
    const deep = toyModel(
      Array.from({ length: 70 }, (_, init) => toyLoop(2, { init, checkpoint: init % 2 === 1 })),
    );
    await protocol.publish(deep);
    const none = new Uint8Array();
    const right = valuesOf(deep, none);
    const wrong = valuesOf(deep, none, [
      { node: 33, byte: 0 },
      { node: 69, byte: 0 },
    ]);
    const dispute = await open(wrong, deep, none);
    await protocol.step(dispute, wrong);
    const pick = (await protocol.nextCall(dispute, right))!.args[0] as {
      child: number;
      hash: Uint8Array;
      siblings: Uint8Array[];
    };
    const node = { descriptor: deep.descriptors[33], siblings: deep.tree.proof(33) };
    // A block as a tensor.
    for (const name of ['pickNode', 'proveConstant']) {
      await refused(dispute, { name, args: [pick, node] }, 'WrongPhase');
    }
    await refused(dispute, { name: 'provePadding', args: [pick] }, 'WrongPhase');
    await refused(dispute, { name: 'proveCheckpoint', args: [dispute.subject, 1, node] }, 'WrongPhase');
    // A proof of another depth, and the root itself as a child.
    for (const siblings of [pick.siblings.slice(1), [...pick.siblings, random32], []]) {
      await refused(dispute, { name: 'pick', args: [{ ...pick, siblings }] }, 'LengthMismatch');
    }
    await refused(dispute, { name: 'pick', args: [{ ...pick, child: pick.child + 8 }] }, 'IndexOutOfRange');
    await refused(dispute, { name: 'pick', args: [{ ...pick, child: pick.child ^ 1 }] }, 'StateMismatch');
    await protocol.step(dispute, right);
    const block = (await protocol.nextCall(dispute, wrong))!;
    expect(block.name).to.equal('revealBlock');
    const [roots, marks] = block.args as [Uint8Array[], number];
    await refused(dispute, { name: 'reveal', args: [roots] }, 'WrongPhase');
    for (const list of [[], roots.slice(1), [...roots, ...roots], roots.slice(0, 8)]) {
      await refused(dispute, { ...block, args: [list, marks] }, 'LengthMismatch');
    }
    await refused(dispute, { ...block, args: [roots.toReversed(), marks] }, 'StateMismatch');
    await refused(dispute, { ...block, args: [roots, marks ^ 2] }, 'StateMismatch');
    // A mark of what is not there must not let the subject pass for what the block combines to.
    for (const beyond of [2 ** 16, 2 ** 31]) {
      const forged = [dispute.subject, ...roots.slice(1)];
      await refused(dispute, { ...block, args: [forged, beyond] }, 'StateMismatch');
    }
    await refused(dispute, block, 'NotMover', protocol.watcher);
    await protocol.move(dispute, block, protocol.liar);
    const leaf = (await protocol.nextCall(dispute, right))!;
    const [bottom] = leaf.args;
    await refused(dispute, { name: 'pick', args: [bottom] }, 'WrongPhase');
    // Marks that are right, of a block that is not this one, of a node that is not there.
    const { blockRoot } = dispute.table;
    await refused(dispute, { name: 'proveCheckpoint', args: [blockRoot, 1, node] }, 'NothingWrong');
    await refused(dispute, { name: 'proveCheckpoint', args: [random32, 1, node] }, 'StateMismatch');
    await refused(dispute, { name: 'proveCheckpoint', args: [blockRoot, 2, node] }, 'DescriptorMismatch');
    await refused(dispute, { name: 'proveCheckpoint', args: [blockRoot, 16, node] }, 'IndexOutOfRange');
    // Descriptors: another node's, two leaves as a descriptor, another depth.
    const bad: [unknown, string][] = [
      [{ descriptor: deep.descriptors[32], siblings: deep.tree.proof(32) }, 'DescriptorMismatch'],
      [{ descriptor: new Uint8Array(59), siblings: node.siblings }, 'DescriptorMismatch'],
      [{ ...node, siblings: node.siblings.slice(1) }, 'LengthMismatch'],
      [{ ...node, siblings: [...node.siblings, random32] }, 'LengthMismatch'],
    ];
    for (const [forged, error] of bad)
      await refused(dispute, { name: 'pickNode', args: [bottom, forged] }, error);
    const [l, r] = [deep.tree.node(0, 32), deep.tree.node(0, 33)];
    const asDescriptor = programLeaf(concat([l, r]));
    expect(asDescriptor).to.not.deep.equal(keccakTagged(TAGS.PROGRAM_NODE, l, r));
    await refused(
      dispute,
      { name: 'pickNode', args: [bottom, { descriptor: concat([l, r]), siblings: node.siblings }] },
      'DescriptorMismatch',
    );
    for (const name of ['proveConstant']) await refused(dispute, { name, args: [bottom, node] }, 'WrongKind');
    await protocol.move(dispute, leaf, protocol.watcher);
    // Two hashes of the tree are no chunk, and a chunk is no reveal.
    await refused(dispute, { name: 'revealChunk', args: [concat(Array(8).fill(random32))] }, 'StateMismatch');
    await refused(dispute, { name: 'reveal', args: [[random32]] }, 'WrongPhase');
  });

  it('attack 19: a witness that is not exactly what the leaf reads reverts', async () => {
    const dispute = await open(falseValues);
    await playTo(dispute, PHASE.Interval, falseValues, honestValues);
    const call = (await protocol.nextCall(dispute, honestValues))!;
    const sent = protocol.send(
      dispute,
      { ...call, args: [...call.args.slice(0, 4), '0x00'] },
      protocol.watcher,
    );
    await expect(sent).to.be.revertedWithCustomError(protocol.referee, 'WitnessNotEmpty');
    const [words, interval, descriptor, blockRoot, witness] = call.args;
    for (const other of [
      [words, interval, small.descriptors[3], blockRoot, witness],
      [words, interval, descriptor, random32, witness],
    ]) {
      await refused(dispute, { ...call, args: other }, 'DescriptorMismatch');
    }
    await refused(dispute, { ...call, args: [new Uint8Array(16), ...call.args.slice(1)] }, 'StateMismatch');
    await protocol.move(dispute, call, protocol.watcher);
    expect(dispute.ended?.reason).to.equal(REASON.WrongWord);
  });

  it('attack 24: right padding, constants and inputs cannot be held against it', async () => {
    const claimed = await protocol.claim(
      await protocol.ask(small, INPUT),
      honestValues.output(),
      protocol.honest,
    );
    const padding = withLies({ node: 6, leaf: random32 });
    for (const [values, error] of [
      [padding, 'NothingWrong'],
      [withLies({ node: 1, byte: 0 }), 'NothingWrong'],
    ] as const) {
      const dispute = await protocol.challenge(claimed, protocol.liar);
      await protocol.step(dispute, honestValues);
      const call = (await protocol.nextCall(dispute, values))!;
      await expect(protocol.send(dispute, call, protocol.liar)).to.be.revertedWithCustomError(
        protocol.game,
        error,
      );
    }
    const dispute = await protocol.challenge(claimed, protocol.liar);
    await protocol.step(dispute, honestValues);
    const onInput = (await protocol.nextCall(dispute, withLies({ node: 0, byte: 0 })))!;
    const [picked, node, request] = onInput.args;
    const right = { ...onInput, args: [picked, node, request, [honestValues.tensor(0).root]] };
    await expect(protocol.send(dispute, right, protocol.liar)).to.be.revertedWithCustomError(
      protocol.game,
      'NothingWrong',
    );
    const none = { ...onInput, args: [picked, node, request, []] };
    await expect(protocol.send(dispute, none, protocol.liar)).to.be.revertedWithCustomError(
      protocol.game,
      'InputsMismatch',
    );
    const other = await protocol.ask(small, INPUT.toReversed());
    const foreign = { ...onInput, args: [picked, node, other.request, [random32]] };
    await expect(protocol.send(dispute, foreign, protocol.liar)).to.be.revertedWithCustomError(
      protocol.game,
      'RequestMismatch',
    );
    // Padding that is not padding.
    const atNode = { name: 'provePadding', args: [picked] };
    await expect(protocol.send(dispute, atNode, protocol.liar)).to.be.revertedWithCustomError(
      protocol.game,
      'IndexOutOfRange',
    );
  });

  it('attack 24: an element beyond the end of the tensor cannot be named', async () => {
    const claimed = await protocol.claim(
      await protocol.ask(small, INPUT),
      honestValues.output(),
      protocol.honest,
    );
    for (const [node, offset] of [
      [3, 2],
      [3, 63],
      [3, 64],
      [4, 2],
    ] as const) {
      const dispute = await protocol.challenge(claimed, protocol.liar);
      while (placeOf(dispute).phase !== PHASE.Element) {
        await protocol.step(
          dispute,
          protocol.moverOf(dispute) === protocol.honest ? honestValues : withLies({ node, byte: 0 }),
        );
      }
      const { chunk } = dispute.table;
      const descriptor = small.descriptors[node];
      for (const call of [
        { name: 'proveElement', args: [chunk, offset, descriptor, dispute.table.blockRoot, '0x'] },
        { name: 'nameElement', args: [chunk, offset] },
      ]) {
        await expect(protocol.send(dispute, call, protocol.liar)).to.be.revertedWithCustomError(
          protocol.game,
          'IndexOutOfRange',
        );
      }
      const padding = { name: 'provePaddingByte', args: [chunk] };
      await expect(protocol.send(dispute, padding, protocol.liar)).to.be.revertedWithCustomError(
        protocol.game,
        'NothingWrong',
      );
    }
  });

  it('attack 9: a leaf runs a grain at most, and a grain is not divided', async () => {
    const dispute = await open(falseValues);
    await playTo(dispute, PHASE.Element, falseValues, honestValues);
    const { chunk, blockRoot } = dispute.table;
    const long = { name: 'proveElement', args: [chunk, 22, small.descriptors[2], blockRoot, '0x'] };
    await refused(dispute, long, 'IntervalTooLong');
    await protocol.step(dispute, honestValues);
    await protocol.step(dispute, falseValues);
    await refused(dispute, { name: 'pickInterval', args: [dispute.table.words, 2] }, 'IntervalShort');

    const short = withFalseOutput({ node: 3, byte: 0 });
    const other = await protocol.challenge(
      await protocol.claim(await protocol.ask(small, INPUT), short.output(), protocol.liar),
      protocol.watcher,
    );
    await playTo(other, PHASE.Element, short, honestValues);
    await refused(other, { name: 'nameElement', args: [other.table.chunk, 0] }, 'IntervalShort');

    // 100 steps in intervals of 4 with a grain of 1: still too long for a leaf.
    const deep = toyModel([toyLoop(1, { foldSteps: 100, grain: 1 })]);
    await protocol.publish(deep);
    const none = new Uint8Array();
    const wrong = valuesOf(deep, none, [{ node: 0, byte: 0, step: 50 }]);
    const third = await open(wrong, deep, none);
    await playTo(third, PHASE.Interval, wrong, valuesOf(deep, none));
    const args = [third.table.words, 12, deep.descriptors[0], third.table.blockRoot, '0x'];
    await refused(third, { name: 'proveInterval', args }, 'IntervalTooLong');
    await protocol.playOut(third, wrong, valuesOf(deep, none));
    expect(third.ended?.winner).to.equal(protocol.watcher.address);
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
      it(`attack 20: a claim on a program with ${what} is falsified`, async () => {
        const whole = toyModel(nodes, [1]);
        // The registry refuses what it can see; the rest is for the game.
        const model: ToyModel = { ...whole, inputs: whole.inputs.slice(0, 1) };
        const id = await publishAs(model);
        const asked = await protocol.ask({ ...model, id }, INPUT);
        const dispute = await protocol.challenge(
          await protocol.claim(asked, new Uint8Array(8), protocol.liar),
          protocol.watcher,
        );
        const prove = (node: number, proven = node) => {
          const proof = { descriptor: model.descriptors[proven]!, siblings: model.tree.proof(proven) };
          return { name: 'proveMalformed', args: [dispute.subject, REQUEST, node, proof] };
        };
        await expect(protocol.send(dispute, prove(1), protocol.watcher))
          .to.be.revertedWithCustomError(protocol.game, 'WellFormed')
          .withArgs(1);
        await refused(dispute, prove(1, bad), 'DescriptorMismatch', protocol.watcher);
        await refused(dispute, prove(nodes.length, bad), 'IndexOutOfRange', protocol.watcher);
        await protocol.move(dispute, prove(bad), protocol.watcher);
        expect(dispute.ended).to.deep.equal({ winner: protocol.watcher.address, reason: REASON.Malformed });
        expect(await protocol.oracle.owed(protocol.watcher)).to.equal(
          TERMS.claimBondWei / 2n + challengeBondWei,
        );
        await expect(protocol.send(dispute, prove(bad), protocol.watcher))
          .to.be.revertedWithCustomError(protocol.game, 'NoDispute')
          .withArgs(dispute.id);
      });
    }

    it('attack 20: an operand that does not fit falsifies; other disputes get bonds back', async () => {
      const model = toyModel([...fine, toyLoop(2, { reads: 0 })], [1]);
      const id = await publishAs(model);
      const asked = await protocol.ask({ ...model, id }, INPUT);
      const claimed = await protocol.claim(asked, new Uint8Array(8), protocol.liar);
      const other = await protocol.challenge(claimed, protocol.stranger);
      const dispute = await protocol.challenge(claimed, protocol.watcher);
      const proofOf = (node: number) => ({
        descriptor: model.descriptors[node]!,
        siblings: model.tree.proof(node),
      });
      const prove = (node: number, read: number) => ({
        name: 'proveMalformedOperand',
        args: [dispute.subject, REQUEST, node, proofOf(node), 0, proofOf(read)],
      });
      await refused(dispute, prove(2, 1), 'WellFormed', protocol.watcher, 2n);
      await refused(dispute, prove(3, 1), 'DescriptorMismatch', protocol.watcher, 2n);
      await protocol.move(dispute, prove(3, 0), protocol.watcher);
      expect(dispute.ended).to.deep.equal({ winner: protocol.watcher.address, reason: REASON.Malformed });
      await protocol.reclaim(other);
      expect(await protocol.oracle.owed(protocol.stranger)).to.equal(challengeBondWei + BURNED);
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
      const id = await protocol.registry.publish.staticCall(...args);
      await protocol.registry.publish(...args);
      return protocol.ethers.getBytes(id);
    }

    it('attack 20: a claim on a program with undecodable bytes is falsified', async () => {
      const garbage = new Uint8Array(3).fill(7);
      const descriptors = [...small.descriptors.slice(0, 4), garbage];
      const tree = new MerkleTree(PROGRAM_TREE, concat(descriptors.map(programLeaf)));
      const model = { ...small, descriptors, tree };
      const id = await publishAs(model);
      const asked = await protocol.ask({ ...model, id }, INPUT);
      const claimed = await protocol.claim(asked, honestValues.output(), protocol.liar);
      const dispute = await protocol.challenge(claimed, protocol.watcher);
      const proof = { descriptor: garbage, siblings: tree.proof(4) };
      await protocol.move(
        dispute,
        { name: 'proveMalformed', args: [dispute.subject, REQUEST, 4, proof] },
        protocol.watcher,
      );
      expect((await protocol.oracle.claims(claimed.id)).status).to.equal(CLAIM_STATUS.falsified);
    });
  });
});
