import { expect } from 'chai';
import { network } from 'hardhat';
import { referenceEngine } from '../../src/engine/reference/reference.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { blockOf } from '../../src/program/blocks.ts';
import {
  byteLengthOf,
  ELEMENT_BYTES,
  type LoopNode,
  NODE_KINDS,
  type Program,
  sizeOf,
} from '../../src/program/node.ts';
import { validate } from '../../src/program/validate.ts';
import { plantFaults } from '../../src/trace/fault.ts';
import { RunTrace } from '../../src/trace/run.ts';
import type { Trace } from '../../src/trace/trace.ts';
import { tinyInputs, tinyProgram } from '../lockstep/tinyProgram.ts';
import { chainProgram } from '../support/chainProgram.ts';
import { commitmentsOf } from '../support/disputes.ts';
import { f32Bytes, instruction, loop, ProgramBuilder, sameShape, view } from '../support/programs.ts';
import { Random } from '../support/randomProgram.ts';

async function traceOf(
  program: Program,
  weights: ReadonlyMap<number, Uint8Array>,
  inputs: readonly Uint8Array[],
) {
  expect(validate(program)).to.deep.equal([]);
  const session = await referenceEngine.load(program, weights);
  return new RunTrace(modelOf(program), await session.runAll(inputs));
}

async function tinyTrace() {
  const { program, weights } = tinyProgram();
  return traceOf(program, weights, tinyInputs());
}

interface Leaf {
  readonly node: number;
  readonly element: number;
  readonly from: number;
  readonly to: number;
}

/** Variants of a witness with one fault each. */
function* corruptions(
  witness: Uint8Array,
  others: readonly Uint8Array[],
): Generator<readonly [string, Uint8Array]> {
  const words = witness.length / 32;
  for (let w = 0; w < words; w++) {
    const tampered = witness.slice();
    tampered[32 * w + (w % 32)]! ^= 1 << (w % 8);
    yield [`word ${w} tampered`, tampered];
    const at = 32 * w;
    yield [`word ${w} missing`, Uint8Array.from([...witness.slice(0, at), ...witness.slice(at + 32)])];
    yield [`word ${w} twice`, Uint8Array.from([...witness.slice(0, at + 32), ...witness.slice(at)])];
    yield [`cut off before word ${w}`, witness.slice(0, at)];
  }
  yield ['one byte short', witness.slice(0, -1)];
  yield ['one byte left over', Uint8Array.from([...witness, 0])];
  yield ['the whole witness twice', Uint8Array.from([...witness, ...witness])];
  for (const [i, other] of others.entries()) yield [`witness ${i} of another leaf`, other];
}

describe('Referee', function () {
  this.timeout(300_000);

  async function deploy() {
    const { ethers } = await network.create();
    return { ethers, referee: await ethers.deployContract('Referee') };
  }
  let ethers: Awaited<ReturnType<typeof deploy>>['ethers'];
  let referee: Awaited<ReturnType<typeof deploy>>['referee'];
  before(async () => {
    ({ ethers, referee } = await deploy());
  });

  function argumentsOf(
    trace: Trace,
    { node, element, from, to }: Leaf,
    witness = trace.witness(node, element, from, to),
  ) {
    const [accumulator] = trace.accumulators(node, element, [from]) as [number];
    const descriptor = trace.model.descriptors[node]!;
    return [descriptor, element, from, to, accumulator, commitmentsOf(trace, node), witness] as const;
  }
  const run = async (trace: Trace, leaf: Leaf, witness?: Uint8Array): Promise<number> =>
    Number(await referee.run(...argumentsOf(trace, leaf, witness)));

  it('describes every node of a program', async () => {
    const { model } = await tinyTrace();
    for (const [i, node] of model.program.nodes.entries()) {
      const info = await referee.describe(model.descriptors[i]!);
      const stepped = node.kind === 'loop';
      const expected = {
        kind: BigInt(NODE_KINDS[node.kind]),
        elementBytes: BigInt(ELEMENT_BYTES[node.dtype]),
        signed: node.dtype === 'i8',
        byteLength: BigInt(byteLengthOf(node)),
        foldSteps: BigInt(stepped ? sizeOf(node.fold) : 0),
        grain: BigInt(stepped ? node.grain : 0),
        init: BigInt(stepped ? node.init : 0),
        slot: BigInt(node.kind === 'input' ? node.slot : 0),
        root: ethers.hexlify(node.kind === 'constant' ? node.root : new Uint8Array(32)),
      };
      for (const [field, value] of Object.entries(expected)) {
        expect(info[field as keyof typeof expected], `${field} of node ${i}`).to.equal(value);
      }
      if (node.kind !== 'loop') continue;
      for (const [o, operand] of node.operands.entries()) {
        expect(await referee.operandNode(model.descriptors[i]!, o)).to.equal(BigInt(operand.node));
      }
      await expect(referee.operandNode(model.descriptors[i]!, node.operands.length))
        .to.be.revertedWithCustomError(referee, 'OperandOutOfRange')
        .withArgs(node.operands.length, node.operands.length);
    }
  });

  it('refuses a leaf that does not exist, and says why', async () => {
    const trace = await tinyTrace();
    const node = trace.model.program.nodes.findIndex(({ kind }) => kind === 'loop');
    const { shape, fold, grain } = trace.model.program.nodes[node] as LoopNode;
    const steps = sizeOf(fold);
    const attempt = (index: number, element: number, from: number, to: number) =>
      referee.run(
        trace.model.descriptors[index]!,
        element,
        from,
        to,
        0,
        commitmentsOf(trace, index),
        new Uint8Array(0),
      );
    const reverts = (call: Promise<unknown>, error: string, ...values: unknown[]) =>
      expect(call)
        .to.be.revertedWithCustomError(referee, error)
        .withArgs(...values);
    await reverts(attempt(0, 0, 0, 1), 'NotALoop', NODE_KINDS.input);
    await reverts(attempt(node, sizeOf(shape), 0, 1), 'ElementOutOfRange', sizeOf(shape), sizeOf(shape));
    await reverts(attempt(node, 0, 2, 1), 'IntervalInvalid', 2, 1, steps);
    await reverts(attempt(node, 0, 1, 1), 'IntervalInvalid', 1, 1, steps);
    await reverts(attempt(node, 0, steps, steps + 1), 'IntervalInvalid', steps, steps + 1, steps);
    await reverts(attempt(node, 0, 0, grain + 1), 'IntervalLongerThanGrain', grain + 1, grain);
    const empty = trace.model.program.nodes.findIndex(
      (one) => one.kind === 'loop' && sizeOf(one.shape) === 0,
    );
    await reverts(attempt(empty, 0, 0, 1), 'ElementOutOfRange', 0, 0);
  });

  describe('attack 19: a witness that is not exactly what the steps read', () => {
    it('reverts for what is altered, missing, given twice, foreign or left over', async () => {
      const trace = await tinyTrace();
      const first = trace.model.program.nodes.findIndex(({ kind }) => kind === 'loop');
      // Convolution with two chunks of the kernel; a gather; bytes of two tensors; post and step sharing a tensor.
      const leaves: readonly Leaf[] = [
        { node: first, element: 13, from: 14, to: 18 },
        { node: first + 4, element: 4, from: 0, to: 2 },
        { node: first + 5, element: 5, from: 32, to: 35 },
      ];
      const witnesses = leaves.map(({ node, element, from, to }) => trace.witness(node, element, from, to));
      let tried = 0;
      for (const [i, leaf] of leaves.entries()) {
        const witness = witnesses[i]!;
        expect(await run(trace, leaf)).to.equal(await run(trace, leaf, witness));
        for (const [what, corrupted] of corruptions(
          witness,
          witnesses.filter((other) => other !== witness),
        )) {
          const call = referee.run(...argumentsOf(trace, leaf, corrupted));
          const outcome = await call.then(
            (word) => `accepted, word ${word}`,
            (error) => ethers.dataSlice(error.data ?? '0x00000000', 0, 4),
          );
          const error = outcome.startsWith('0x') ? referee.interface.getError(outcome)?.name : undefined;
          expect(error, `leaf ${i}, ${what}: ${outcome}`).to.be.oneOf([
            'TensorNotInTrace',
            'ChunkNotInTensor',
            'WitnessTooShort',
            'WitnessTooLong',
          ]);
          tried++;
        }
      }
      expect(tried).to.be.greaterThan(300);
    });

    it('reverts for another trace root and another depth', async () => {
      const trace = await tinyTrace();
      const node = trace.model.program.nodes.findIndex(({ kind }) => kind === 'loop');
      const args = argumentsOf(trace, { node, element: 0, from: 0, to: 7 });
      const [descriptor, element, from, to, accumulator, commitments, witness] = args;
      const { blockRoot, traceDepth } = commitments;
      const against = (changed: Partial<typeof commitments>) =>
        referee.run(descriptor, element, from, to, accumulator, { ...commitments, ...changed }, witness);
      await expect(
        against({ blockRoot: blockRoot.map((byte, i) => (i === 31 ? byte ^ 1 : byte)) }),
      ).to.be.revertedWithCustomError(referee, 'TensorNotInTrace');
      // Of other block levels.
      for (const wrong of [0, traceDepth - 1, traceDepth + 1]) {
        await expect(against({ traceDepth: wrong }), `depth ${wrong}`).to.be.revert(ethers);
      }
    });

    it('opens the tensors of its block against the block, others against the trace', async () => {
      const { program, weights, inputs } = chainProgram(new Random(1), 100);
      const trace = await traceOf(program, weights, inputs);
      const blocksRead = (one: LoopNode) =>
        new Set(one.operands.map(({ node }) => blockOf(node, trace.depth)));
      const node = program.nodes.findIndex(
        (one, i) => i > 40 && one.kind === 'loop' && one.fold.length === 0 && blocksRead(one).size > 1,
      );
      const leaf = { node, element: 7, from: 0, to: 1 };
      expect(await run(trace, leaf)).to.equal(trace.word(node, 7));
      const [descriptor, element, from, to, accumulator, commitments, witness] = argumentsOf(trace, leaf);
      const other = new Uint8Array(32).fill(1);
      for (const wrong of [
        { traceRoot: other },
        { blockRoot: other },
        { traceRoot: commitments.blockRoot },
        { blockRoot: commitments.traceRoot },
        // Node 0 is in another block, so what was opened in this one is not.
        { nodeIndex: 0 },
        { traceDepth: 6 },
        { traceDepth: 8 },
      ]) {
        const changed = { ...commitments, ...wrong };
        await expect(
          referee.run(descriptor, element, from, to, accumulator, changed, witness),
          Object.keys(wrong).join(),
        ).to.be.revert(ethers);
      }
    });
  });

  it('attack 9: with too little gas a leaf reverts, it never yields another word', async () => {
    const trace = await tinyTrace();
    const node = trace.model.program.nodes.findIndex(({ kind }) => kind === 'loop');
    const args = argumentsOf(trace, { node, element: 13, from: 14, to: 18 });
    const word = await referee.run(...args);
    const enough = await referee.run.estimateGas(...args);
    let reverted = 0;
    for (let gas = 40_000n; gas < enough + 4000n; gas += 1999n) {
      const outcome = await referee.run(...args, { gasLimit: gas }).catch(() => undefined);
      if (outcome === undefined) reverted++;
      else expect(outcome).to.equal(word);
    }
    expect(reverted).to.be.greaterThan(10);
  });

  it('attack 21: gather indices out of range, negative, or from NaN are defined', async () => {
    const builder = new ProgramBuilder();
    const cases: readonly (readonly [index: number, expected: number])[] = [
      [Number.NaN, 10],
      [-0.9, 10],
      [-0, 10],
      [2.9, 12],
      [3, 99],
      [-1, 99],
      [3e9, 99],
      [-3e9, 99],
      [Number.POSITIVE_INFINITY, 99],
      [Number.NEGATIVE_INFINITY, 99],
      [1e-45, 10],
    ];
    const count = cases.length;
    const floats = builder.constant('f32', [count], f32Bytes(cases.map(([index]) => index)));
    const table = builder.constant('f32', [3], f32Bytes([10, 11, 12]));
    const indices = builder.node(
      loop({
        dtype: 'i32',
        shape: [count],
        operands: [sameShape(floats, 'f32', [count])],
        post: (s) => [instruction('i32.from_f32', s.operands)],
      }),
    );
    const [fill] = new Uint32Array(f32Bytes([99]).buffer);
    const gathered = builder.node(
      loop({
        dtype: 'f32',
        shape: [count],
        operands: [
          sameShape(indices, 'i32', [count]),
          {
            node: table,
            dtype: 'f32',
            fill: fill!,
            view: [{ extent: 3, coordinate: { kind: 'gathered', operand: 0 } }],
          },
        ],
        post: (s) => [instruction('f32.add', s.operands + 1, s.accumulator)],
      }),
    );
    const { program, weights } = builder.finish();
    const trace = await traceOf(program, weights, []);
    for (const [element, [index, expected]] of cases.entries()) {
      const [word] = new Uint32Array(f32Bytes([expected]).buffer);
      expect(trace.word(gathered, element), `reference, index ${index}`).to.equal(word);
      expect(await run(trace, { node: gathered, element, from: 0, to: 1 }), `index ${index}`).to.equal(word);
    }
  });

  it('attack 22: a copy keeps every bit, NaN payloads and the sign of zero too', async () => {
    const words = [0x7f800001, 0xffc12345, 0x80000000, 1, 0xff800000, 0x7fffffff];
    const builder = new ProgramBuilder();
    const source = builder.constant('f32', [6], new Uint8Array(Uint32Array.from(words).buffer));
    const copy = builder.node({
      ...loop({ dtype: 'f32', shape: [6], operands: [sameShape(source, 'f32', [6])] }),
      post: { code: [], result: 1 },
    });
    const { program, weights } = builder.finish();
    const trace = await traceOf(program, weights, []);
    for (const [element, word] of words.entries()) {
      expect(await run(trace, { node: copy, element, from: 0, to: 1 })).to.equal(word);
    }
  });

  describe('attack 24: tensors around the size of a chunk', () => {
    for (const [what, shape] of [
      ['one byte', [1]],
      ['exactly one chunk', [256]],
      ['one chunk and one byte', [257]],
      ['a scalar', []],
    ] as const) {
      it(`${what} is read and written right`, async () => {
        const count = sizeOf(shape);
        const builder = new ProgramBuilder();
        const source = builder.constant(
          'u8',
          shape,
          Uint8Array.from({ length: count }, (_, i) => (i * 31 + 5) & 255),
        );
        const next = builder.node(
          loop({
            dtype: 'u8',
            shape,
            constants: [1],
            operands: [sameShape(source, 'u8', shape)],
            post: (s) => [instruction('i32.add', s.operands, s.constants)],
          }),
        );
        const again = builder.node(
          loop({
            dtype: 'i8',
            shape,
            operands: [sameShape(next, 'u8', shape)],
            post: (s) => [instruction('i32.xor', s.operands, s.accumulator)],
          }),
        );
        const { program, weights } = builder.finish();
        const trace = await traceOf(program, weights, []);
        for (const node of [next, again]) {
          for (const element of new Set([0, Math.min(255, count - 1), count - 1])) {
            expect(await run(trace, { node, element, from: 0, to: 1 })).to.equal(trace.word(node, element));
          }
        }
        expect(trace.word(next, 0)).to.equal(6);
      });
    }

    it('an empty tensor has no leaf, and a sum over it is its initial value', async () => {
      const builder = new ProgramBuilder();
      const none = builder.constant('f32', [0], new Uint8Array(0));
      const sum = builder.node(
        loop({
          dtype: 'f32',
          shape: [],
          fold: [0],
          init: 0x40490fdb,
          operands: [{ node: none, dtype: 'f32', fill: 0, view: [view(0, 0)] }],
          step: (s) => [instruction('f32.add', s.accumulator, s.operands)],
        }),
      );
      const { program, weights } = builder.finish();
      const trace = await traceOf(program, weights, []);
      expect(trace.witness(sum, 0, 0, 0).length).to.equal(0);
      expect(await run(trace, { node: sum, element: 0, from: 0, to: 0 })).to.equal(0x40490fdb);
    });
  });

  it('attack 25: a leaf contradicts a lie in the first or last node or element', async () => {
    const honest = await tinyTrace();
    const loops = honest.model.program.nodes.flatMap((node, index) =>
      node.kind === 'loop' && sizeOf(node.shape) > 0 && sizeOf(node.fold) > 0 ? [{ node, index }] : [],
    );
    for (const { node, index } of loops) {
      const steps = sizeOf(node.fold);
      for (const element of new Set([0, sizeOf(node.shape) - 1])) {
        for (const step of new Set([0, steps - 1])) {
          const liar = plantFaults(honest, [{ node: index, element, step, xor: 0x40 }]);
          const from = step === 0 ? 0 : Math.max(0, steps - node.grain);
          const to = step === 0 ? Math.min(node.grain, steps) : steps;
          const [claimed] = liar.accumulators(index, element, [to]) as [number];
          const [true_] = honest.accumulators(index, element, [to]) as [number];
          const leaf = { node: index, element, from, to };
          // The challenger opens what the liar committed to; everything before the lie is agreed.
          const word = await run(liar, leaf, liar.witness(index, element, from, to));
          const where = `node ${index}, element ${element}, step ${step}`;
          expect(word, where).to.equal(to === steps ? honest.word(index, element) : true_);
          expect(word, where).not.to.equal(to === steps ? liar.word(index, element) : claimed);
        }
      }
    }
    expect(loops.length).to.be.greaterThan(9);
  });
});
