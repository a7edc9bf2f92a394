import { expect } from 'chai';
import { models } from '../../examples/models/index.ts';
import { mergeRanges } from '../../src/engine/memory/byteRange.ts';
import { keptBy } from '../../src/engine/memory/kept.ts';
import { layOut } from '../../src/engine/memory/layout.ts';
import { liveBytes, type MemoryBlock, planOffsets } from '../../src/engine/memory/offsets.ts';
import { planNode } from '../../src/engine/passes/planNode.ts';
import { SIMD128 } from '../../src/engine/wasm/target.ts';
import { wasmEngine } from '../../src/engine/wasm/wasm.ts';
import { treeBytes } from '../../src/merkle/inPlace.ts';
import { importOnnx } from '../../src/onnx/index.ts';
import { byteLengthOf, type Operand, type Program, type ViewDimension } from '../../src/program/node.ts';
import { availableOrSkip } from '../support/available.ts';
import { withMemory } from '../support/bench/memory.ts';
import { leastMemory } from '../support/bench/program.ts';
import { memoryShare } from '../support/bench/targets.ts';
import { affine, f32Bytes, instruction, loop, matMul, ProgramBuilder } from '../support/programs.ts';
import { Random, randomProgram } from '../support/randomProgram.ts';

/** Memory allowed, as a multiple of the lower bound of every plan. */
const BOUND = 1.3;

const overlap = (a: MemoryBlock, b: MemoryBlock): boolean => a.first <= b.last && b.first <= a.last;

/** Pairs of blocks that are held at the same time in the same bytes. */
function collisions(blocks: readonly MemoryBlock[], starts: readonly number[]): [number, number][] {
  return blocks.flatMap((a, i) =>
    blocks.slice(0, i).flatMap((b, j): [number, number][] => {
      const share = starts[i]! < starts[j]! + b.bytes && starts[j]! < starts[i]! + a.bytes;
      return share && a.bytes > 0 && b.bytes > 0 && overlap(a, b) ? [[j, i]] : [];
    }),
  );
}

const randomBlocks = (random: Random, count: number, longest: number): MemoryBlock[] =>
  random.times(count, () => {
    const first = random.below(count);
    const bytes = random.chance(10) ? 0 : 1 + random.below(2 ** random.between(1, 16));
    return { bytes, first, last: first + random.below(longest) };
  });

const planOf = ({ nodes }: Program) =>
  nodes.map((node) => (node.kind === 'loop' ? planNode(node, nodes, SIMD128) : undefined));

describe('the memory plan', () => {
  it('never puts two blocks that are held together into the same bytes', () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = new Random(seed);
      const blocks = randomBlocks(random, random.between(0, 120), random.between(1, 60));
      const { starts, bytes } = planOffsets(blocks);
      expect(collisions(blocks, starts), `seed ${seed}`).to.deep.equal([]);
      blocks.forEach((block, i) => {
        expect(starts[i]! % 16, `seed ${seed}`).to.equal(0);
        expect(starts[i]! + block.bytes, `seed ${seed}`).to.be.at.most(bytes);
      });
    }
  });

  it('takes at most 1.3 times the bytes that are held at one time', () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = new Random(seed);
      const blocks = randomBlocks(random, 200, random.between(1, 60));
      expect(planOffsets(blocks).bytes / liveBytes(blocks), `seed ${seed}`).to.be.within(1, BOUND);
    }
  });

  it('plans thousands of blocks, held for any time, in seconds', () => {
    for (const longest of [8, 4000]) {
      const blocks = randomBlocks(new Random(1), 4000, longest);
      const start = process.cpuUsage();
      expect(planOffsets(blocks).bytes / liveBytes(blocks)).to.be.within(1, BOUND);
      expect(process.cpuUsage(start).user / 1e6).to.be.below(3);
    }
  });

  it('counts what is held at a step, its first and last included', () => {
    const block = (bytes: number, first: number, last: number): MemoryBlock => ({ bytes, first, last });
    expect(liveBytes([])).to.equal(0);
    expect(liveBytes([block(16, 0, 1), block(32, 1, 2), block(64, 2, 3)])).to.equal(96);
    expect(liveBytes([block(1, 0, 0), block(17, 0, 0)])).to.equal(48);
    expect(liveBytes([block(16, 0, 0), block(16, 1, 1)])).to.equal(16);
  });
});

describe('the layout of a program', () => {
  it('keeps a tensor until its last reader, and what is kept to the end', () => {
    for (let seed = 1; seed <= 80; seed++) {
      const { program } = randomProgram(seed, seed % 2 === 0 ? 12 : 40);
      const plans = planOf(program);
      for (const way of ['outputs', 'checkpoints', 'tensors', 'trees'] as const) {
        const kept = keptBy(way, program);
        const { tensors, scratch, trees, totalBytes } = layOut(program, plans, kept, 2);
        const end = program.nodes.length;
        const blocks = program.nodes.map((node, i): MemoryBlock => {
          const read = plans.flatMap((plan, reader) =>
            plan?.reads.some(({ node: source }) => source === i) ? [reader] : [],
          );
          const forEver = node.kind === 'constant' || kept.tensors.has(i);
          const bytes = tensors[i] === undefined ? 0 : byteLengthOf(node);
          const first = node.kind === 'loop' ? i : -1;
          return { bytes, first, last: forEver ? end : Math.max(i, ...read) };
        });
        const own = plans.map(
          (plan, i): MemoryBlock => ({
            bytes: plan ? plan.scratchBytes + 2 * plan.threadBytes : 0,
            first: i,
            last: i,
          }),
        );
        const hashes = program.nodes.map((node, i): MemoryBlock => {
          const bytes = trees?.starts[i] === undefined ? 0 : treeBytes(byteLengthOf(node));
          return { bytes, first: i, last: end };
        });
        const all = [...blocks, ...own, ...hashes];
        const starts = [
          ...tensors.map((at) => at ?? 0),
          ...scratch,
          ...program.nodes.map((_, i) => trees?.starts[i] ?? 0),
        ];
        expect(collisions(all, starts), `seed ${seed}, ${way}`).to.deep.equal([]);
        all.forEach((block, i) => {
          expect(starts[i]! + block.bytes).to.be.at.most(totalBytes);
        });
        expect(hashes.filter(({ bytes }) => bytes > 0).length).to.equal(kept.trees.size);
      }
    }
  });

  it('holds one copy of a constant that is read packed only, or by two nodes', () => {
    const build = new ProgramBuilder();
    const x = build.input('f32', [4, 8]);
    const w = build.constant('f32', [8, 8], f32Bytes(new Array(64).fill(1)));
    const first = build.node(matMul(x, w, 4, 8, 8));
    build.node(matMul(first, w, 4, 8, 8));
    const { program } = build.finish();
    const { constantBytes } = layOut(program, planOf(program), keptBy('outputs', program), 1);
    expect(constantBytes).to.equal(4 * 64);
  });

  it('holds of a constant what is read of it, where packed forms are of the same one', () => {
    const build = new ProgramBuilder();
    const x = build.input('f32', [4, 8]);
    const w = build.constant('f32', [80], f32Bytes(new Array(80).fill(1)));
    const product = matMul(x, w, 4, 8, 8);
    const filters = {
      extent: 80,
      coordinate: affine([
        [2, 8],
        [1, 1],
      ]),
    };
    const scale = { extent: 80, coordinate: affine([], { offset: 70 }) };
    const operand = (node: number, dimension: ViewDimension): Operand => ({
      node,
      dtype: 'f32',
      fill: 0,
      view: [dimension],
    });
    build.node({ ...product, operands: [product.operands[0]!, operand(w, filters)] });
    build.node(
      loop({
        dtype: 'f32',
        shape: [],
        operands: [operand(w, scale)],
        post: (s) => [instruction('f32.sqrt', s.operands)],
      }),
    );
    const { program } = build.finish();
    const { constantBytes, ranges } = layOut(program, planOf(program), keptBy('outputs', program), 1);
    expect(constantBytes).to.equal(4 * 64 + 16);
    expect(ranges.get(w)).to.deep.equal([{ node: w, start: 272, end: 284, offset: 256 }]);
  });
});

describe('what is read of constants', () => {
  const range = (node: number, start: number, end: number) => ({ node, start, end });

  it('is covered by ranges apart from each other, each from a multiple of 16', () => {
    const read = [range(1, 72, 76), range(2, 0, 4), range(1, 4, 8), range(1, 33, 72), range(1, 0, 4)];
    expect(mergeRanges(read)).to.deep.equal(
      new Map([
        [1, [range(1, 0, 8), range(1, 32, 76)]],
        [2, [range(2, 0, 4)]],
      ]),
    );
    expect(mergeRanges([range(1, 0, 100), range(1, 20, 24)]).get(1)).to.deep.equal([range(1, 0, 100)]);
  });
});

describe('the memory of a loaded model', () => {
  for (const model of models) {
    // Its padded copies are larger than its live set.
    const bound = model.name === 'PP-OCR angle classifier' ? 1.7 : BOUND;
    it(`is at most ${bound} times its weights and largest live set: ${model.name}`, async function () {
      const file = await availableOrSkip(this, () => model.bytes());
      const { program, weights } = importOnnx(file, model.options);
      const { made: session, bytes } = await withMemory(() => wasmEngine.load(program, weights));
      expect(memoryShare({ memoryBytes: bytes(), leastMemory: leastMemory(program) })).to.be.within(
        0.5,
        bound,
      );
      await session.close();
    });
  }
});
