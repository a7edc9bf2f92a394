import { expect } from 'chai';
import type { CheckpointedRun, Session } from '../../src/engine/engine.ts';
import { keptBy, type RunMode } from '../../src/engine/memory/kept.ts';
import { EMPTY, type HeldTensor, type Layout, layOut } from '../../src/engine/memory/layout.ts';
import { planNode } from '../../src/engine/passes/planNode.ts';
import { referenceEngine } from '../../src/engine/reference/reference.ts';
import { SIMD128 } from '../../src/engine/wasm/target.ts';
import { wasmEngineWith } from '../../src/engine/wasm/wasm.ts';
import { withMemory } from '../support/bench/memory.ts';
import { f32Bytes, matMul, ProgramBuilder } from '../support/programs.ts';
import { Random, randomProgram } from '../support/randomProgram.ts';
import { hashesOf } from '../support/treeHashes.ts';

const MODES: readonly RunMode[] = ['outputs', 'checkpoints', 'tensors', 'trees'];

/** The run modes in some order. */
const shuffled = (random: Random): RunMode[] =>
  MODES.map((mode) => ({ mode, key: random.word() }))
    .sort((a, b) => a.key - b.key)
    .map(({ mode }) => mode);

/** Runs in each mode; a run yields tensors and trees by node. */
const RUNS: Readonly<
  Record<RunMode, (session: Session, inputs: readonly Uint8Array[]) => Promise<CheckpointedRun>>
> = {
  outputs: async (session, inputs) => {
    const outputs = await session.run(inputs);
    const nodes = session.program.outputs;
    return { tensors: new Map(outputs.map(({ bytes }, i) => [nodes[i]!, bytes])), trees: new Map() };
  },
  checkpoints: (session, inputs) => session.runCheckpoints(inputs),
  tensors: async (session, inputs) => ({
    tensors: new Map((await session.runAll(inputs)).entries()),
    trees: new Map(),
  }),
  trees: async (session, inputs) => {
    const { tensors, trees } = await session.runTrace(inputs);
    return { tensors: new Map(tensors.entries()), trees };
  },
};

interface Part {
  readonly start: number;
  readonly end: number;
}

/** Parts of the memory that hold constants, each once. */
const constantParts = (layouts: readonly Layout[]): Part[] =>
  layouts.flatMap(({ added: { ranges, packed } }) => [
    ...ranges.map(({ start, end, offset }) => ({ start: offset, end: offset + end - start })),
    ...packed.map(({ buffer, offset }) => ({ start: offset, end: offset + buffer.bytes })),
  ]);

describe('the memory that run modes share', () => {
  it('has every constant once, apart from each other and from all tensors', () => {
    for (let seed = 1; seed <= 60; seed++) {
      const { program } = randomProgram(seed, seed % 2 === 0 ? 12 : 40);
      const plans = program.nodes.map((node) =>
        node.kind === 'loop' ? planNode(node, program.nodes, SIMD128) : undefined,
      );
      let held: HeldTensor = EMPTY;
      const layouts = shuffled(new Random(seed)).map((mode) => {
        const layout = layOut(program, plans, keptBy(mode, program), 2, held);
        held = layout.held;
        return layout;
      });
      const areas = layouts.map(({ held: { area } }) => ({
        start: area.start,
        end: area.start + area.bytes,
      }));
      const constants = constantParts(layouts);
      const parts = constants.sort((a, b) => a.start - b.start);
      parts.forEach(({ start, end }, i) => {
        expect(end, `seed ${seed}`).to.be.at.most(parts[i + 1]?.start ?? held.end);
        for (const area of areas)
          expect(end <= area.start || start >= area.end, `seed ${seed}`).to.equal(true);
      });
      // The same plans read the same constants.
      for (const { added } of layouts.slice(1)) expect(added).to.deep.equal({ ranges: [], packed: [] });
      for (const { tensors, held: after } of layouts) {
        for (const at of tensors) expect(at ?? after.area.start).to.be.within(after.area.start, after.end);
      }
    }
  });

  it('gives the bits of the reference in any order of runs, on one thread and on two', async () => {
    for (let seed = 1; seed <= 12; seed++) {
      const random = new Random(seed);
      const { program, weights, inputs } = randomProgram(seed, 40);
      const { tensors, trees } = await (await referenceEngine.load(program, weights)).runTrace(inputs);
      for (const threads of [1, 2]) {
        const session = await wasmEngineWith({ threads, leastTask: 1 }).load(program, weights);
        for (const mode of [...shuffled(random), ...shuffled(random)]) {
          const run = await RUNS[mode](session, inputs);
          const where = `seed ${seed}, ${mode}`;
          for (const [node, bytes] of run.tensors) expect(bytes, where).to.deep.equal(tensors[node]);
          for (const [node, tree] of run.trees)
            expect(hashesOf(tree), where).to.deep.equal(hashesOf(trees.get(node)!));
        }
        await session.close();
      }
    }
  });

  it('holds weights once, however a program is run', async () => {
    const build = new ProgramBuilder();
    const side = 512;
    let last = build.input('f32', [1, side]);
    const weights = Array.from({ length: 4 }, (_, i) =>
      build.constant('f32', [side, side], f32Bytes(new Array(side * side).fill(i))),
    );
    for (const w of weights) last = build.node(matMul(last, w, 1, side, side));
    const built = build.finish();
    const inputs = [f32Bytes(new Array(side).fill(1))];
    const { made: session, bytes } = await withMemory(() =>
      wasmEngineWith({}).load(built.program, built.weights),
    );
    await session.run(inputs);
    await session.runAll(inputs);
    await session.runTrace(inputs);
    await session.runCheckpoints(inputs);
    expect(bytes() / (4 * 4 * side * side)).to.be.within(1, 1.05);
    await session.close();
  });
});
