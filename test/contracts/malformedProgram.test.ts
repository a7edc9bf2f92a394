import { expect } from 'chai';
import { hexlify, type Interface, type TransactionReceipt, ZeroHash } from 'ethers';
import { modelOf, programLeaf } from '../../src/merkle/model.ts';
import { concat, MerkleTree, PROGRAM_TREE } from '../../src/merkle/tree.ts';
import { encodeNode } from '../../src/program/codec.ts';
import { LIMITS } from '../../src/program/limits.ts';
import type { LoopNode } from '../../src/program/node.ts';
import { affine, instruction, loop, ProgramBuilder, view } from '../support/programs.ts';
import { asAccount, type DevelopmentChain, deployed, startChain, TERMS } from '../support/protocol.ts';

/** Index of the node that is malformed; node 0 is the input, node 2 the output. */
const BAD = 1;
const OUTPUT = new Uint8Array(24);

const good: LoopNode = loop({
  dtype: 'f32',
  shape: [6],
  fold: [2],
  operands: [{ node: 0, dtype: 'f32', fill: 0, view: [{ extent: 6, coordinate: affine([[0, 1]]) }] }],
  step: (s) => [instruction('f32.add', s.accumulator, s.operands)],
});

const malformed: readonly (readonly [what: string, descriptor: Uint8Array])[] = [
  ['reads a later node', encodeNode({ ...good, operands: [{ ...good.operands[0]!, node: 2 }] })],
  ['reads itself', encodeNode({ ...good, operands: [{ ...good.operands[0]!, node: BAD }] })],
  [
    'has an unknown opcode',
    encodeNode({ ...good, step: { ...good.step, code: [{ opcode: 99, a: 0, b: 0, c: 0 }] } }),
  ],
  ['has a huge extent', encodeNode({ ...good, fold: [2 ** 31] })],
  [
    'has overflowing addresses',
    encodeNode({
      ...good,
      fold: [2 ** 20],
      operands: [{ ...good.operands[0]!, view: [{ extent: 6, coordinate: affine([[1, 2 ** 31 - 1]]) }] }],
    }),
  ],
  ['has too large a grain', encodeNode({ ...good, fold: [2 ** 20], grain: 2 ** 20 })],
  [
    'is the longest descriptor that is malformed by its length',
    new Uint8Array(LIMITS.MAX_DESCRIPTOR_BYTES + 1).fill(255),
  ],
  ['is empty', new Uint8Array(0)],
];

describe('attack 20: a claim on a malformed program loses by proof in a dispute', function () {
  this.timeout(120_000);
  let chain: DevelopmentChain;
  let asker: Awaited<ReturnType<typeof deployed>>;
  let prover: typeof asker;
  before(async () => {
    chain = await startChain('in-process');
    asker = await deployed(chain);
    prover = asAccount(asker, chain, 1);
  });
  after(() => chain.stop());

  const event = (receipt: TransactionReceipt | null, from: Interface, name: string) =>
    receipt!.logs.map((log) => from.parseLog(log)).find((log) => log?.name === name)!.args;

  const winnerOf = (receipt: TransactionReceipt | null): string =>
    event(receipt, prover.oracle.interface, 'ClaimFalsified').winner;

  /** Publishes a program whose node BAD has that descriptor, claims its output and challenges that. */
  async function disputeOn(descriptor: Uint8Array) {
    const builder = new ProgramBuilder();
    builder.input('f32', [6]);
    builder.node(good);
    builder.node(good);
    const model = modelOf(builder.finish().program);
    const descriptors = model.descriptors.map((original, i) => (i === BAD ? descriptor : original));
    const tree = new MerkleTree(PROGRAM_TREE, concat(descriptors.map(programLeaf)));
    const inputs = model.inputs.map((ref) => ({ ...ref }));
    const outputs = model.outputs.map((ref) => ({ ...ref }));
    const { registry, oracle } = asker;
    const published = await (await registry.publish(tree.root, 3, inputs, outputs, [], '')).wait();
    const { modelId } = event(published, registry.interface, 'Published') as unknown as { modelId: string };
    const requested = await (
      await oracle.request(modelId, new Uint8Array(24), TERMS, 1n, { value: 1n })
    ).wait();
    const { requestId, request } = event(requested, oracle.interface, 'Requested') as unknown as {
      requestId: bigint;
      request: Parameters<typeof oracle.claim>[1];
    };
    const bond = { value: TERMS.claimBondWei };
    const fields = structOf(request);
    const claimed = await (await oracle.claim(requestId, fields, OUTPUT, bond)).wait();
    const { claimId, outputs: claimedOutputs } = event(claimed, oracle.interface, 'Claimed') as unknown as {
      claimId: bigint;
      outputs: string;
    };
    const bet = { value: TERMS.challengeBondWei };
    const challenged = await (await prover.oracle.challenge(claimId, fields, claimedOutputs, bet)).wait();
    const opened = event(challenged, prover.game.interface, 'Opened');
    const proof = (node: number) => ({
      descriptor: hexlify(descriptors[node]!),
      siblings: tree.proof(node).map((hash) => hexlify(hash)),
    });
    const at = [opened['disputeId'] as bigint, opened['dispute'].toObject(), ZeroHash] as const;
    return { at, request: fields, proof };
  }

  /** A struct out of an event, as an argument. */
  // biome-ignore lint/suspicious/noExplicitAny: ethers' Result has no useful type
  const structOf = (result: any) => ({ ...result.toObject(), terms: result.terms.toObject() });

  for (const [what, descriptor] of malformed) {
    it(`because a node ${what}`, async () => {
      const { at, request, proof } = await disputeOn(descriptor);
      const falsified = await (await prover.game.proveMalformed(...at, request, BAD, proof(BAD))).wait();
      expect(winnerOf(falsified)).to.equal(await chain.account(1).getAddress());
      expect(falsified!.gasUsed).to.be.lessThan(1_000_000n);
    });
  }

  it('because an operand does not fit the node that it reads', async () => {
    const misfits: LoopNode = {
      ...good,
      operands: [{ ...good.operands[0]!, view: [{ ...view(7, 0), extent: 7 }] }],
    };
    const { at, request, proof } = await disputeOn(encodeNode(misfits));
    // By itself the node is well-formed.
    await expect(prover.game.proveMalformed(...at, request, BAD, proof(BAD)))
      .to.be.revertedWithCustomError(prover.game, 'WellFormed')
      .withArgs(BAD);
    const sent = await prover.game.proveMalformedOperand(...at, request, BAD, proof(BAD), 0, proof(0));
    expect(winnerOf(await sent.wait())).to.equal(await chain.account(1).getAddress());
  });

  it('a well-formed program is not falsified', async () => {
    const { at, request, proof } = await disputeOn(encodeNode(good));
    const { game } = prover;
    for (const node of [0, 1, 2]) {
      await expect(game.proveMalformed(...at, request, node, proof(node)))
        .to.be.revertedWithCustomError(game, 'WellFormed')
        .withArgs(node);
    }
    await expect(game.proveMalformedOperand(...at, request, BAD, proof(BAD), 0, proof(0)))
      .to.be.revertedWithCustomError(game, 'WellFormed')
      .withArgs(BAD);
  });
});
