import { expect } from 'chai';
import { checkpointsOf, type Engine } from '../../src/engine/engine.ts';
import { fuse } from '../../src/engine/graph/fuse.ts';
import { referenceEngine } from '../../src/engine/reference/reference.ts';
import { wasmEngineWith } from '../../src/engine/wasm/wasm.ts';
import { hexOf } from '../../src/merkle/keccak.ts';
import { tensorTree } from '../../src/merkle/tensor.ts';
import { isCheckpoint } from '../../src/program/blocks.ts';
import { validate } from '../../src/program/validate.ts';
import { engineErrorOf } from '../support/engineError.ts';
import { joined } from '../support/joined.ts';
import { layerChain } from '../support/layerChain.ts';
import { f32Bytes, matMul, ProgramBuilder } from '../support/programs.ts';
import { boundaryProgram, Random, randomProgram } from '../support/randomProgram.ts';
import { hashesOf } from '../support/treeHashes.ts';
import { wideProgram } from '../support/wideProgram.ts';

const PROGRAMS = process.env['ASSAY_LONG'] ? 300 : 12;
const LONG_MS = process.env['ASSAY_LONG'] ? 1_800_000 : 120_000;

const MAKERS = {
  'programs of several blocks': (seed: number) => randomProgram(seed, 33 + ((seed * 37) % 130)),
  'programs of one block': (seed: number) => boundaryProgram(new Random(seed)),
  'layers with loops after them, many in a row': (seed: number) => {
    const random = new Random(seed);
    return joined(random.times(random.between(6, 12), () => layerChain(random)));
  },
  'wide programs, some in a row': (seed: number) => {
    const random = new Random(seed);
    return joined(random.times(5, () => wideProgram(random)));
  },
};

type Runnable = ReturnType<typeof joined>;

/** Fails unless every engine gives exactly the checkpoints, as the reference has them, run after run. */
async function expectCheckpoints(
  engines: readonly Engine[],
  runnable: Runnable,
  what: string,
): Promise<void> {
  const { program, weights, inputs } = runnable;
  const expected = await (await referenceEngine.load(program, weights)).runAll(inputs);
  const checkpoints = program.nodes.flatMap(({ kind }, i) =>
    kind !== 'constant' && isCheckpoint(program, i) ? [i] : [],
  );
  for (const engine of engines) {
    const session = await engine.load(program, weights);
    const first = await session.runCheckpoints(inputs);
    await session.runCheckpoints(inputs.map((bytes) => new Uint8Array(bytes.length)));
    for (const { tensors, trees } of [first, await session.runCheckpoints(inputs)]) {
      expect([...tensors.keys()], what).to.deep.equal(checkpoints);
      expect([...trees.keys()], what).to.deep.equal(checkpoints);
      for (const [node, bytes] of tensors) {
        expect(hexOf(bytes), `${what}: tensor of node ${node}`).to.equal(hexOf(expected[node]!));
        const hashes = hashesOf(tensorTree(expected[node]!));
        expect(hashesOf(trees.get(node)!), `${what}: tree of node ${node}`).to.deep.equal(hashes);
      }
    }
    await session.close();
  }
}

describe('checkpoints of a run', () => {
  const engines = [referenceEngine, ...[1, 2, 3].map((threads) => wasmEngineWith({ threads, leastTask: 1 }))];

  for (const [kind, make] of Object.entries(MAKERS)) {
    it(`have the tensors and trees of the reference, and nothing else is given: ${kind}`, async function () {
      this.timeout(LONG_MS);
      for (let seed = 1; seed <= PROGRAMS; seed++) {
        const runnable = make(seed);
        expect(validate(runnable.program), `seed ${seed}`).to.deep.equal([]);
        await expectCheckpoints(engines, runnable, `seed ${seed}`);
      }
    });
  }

  it('leave other loops out, of which some are computed inside others', () => {
    let [loops, checkpoints, gone] = [0, 0, 0];
    for (let seed = 1; seed <= PROGRAMS; seed++) {
      const { program } = MAKERS['layers with loops after them, many in a row'](seed);
      const expectedNodes = checkpointsOf(program);
      const lean = fuse(program, new Set(expectedNodes));
      loops += program.nodes.filter(({ kind }) => kind === 'loop').length;
      checkpoints += expectedNodes.filter((i) => program.nodes[i]!.kind === 'loop').length;
      gone += lean.nodes.filter((node, i) => node !== program.nodes[i] && node.shape[0] === 0).length;
    }
    expect(checkpoints).to.be.within(PROGRAMS, loops / 2);
    expect(gone).to.be.greaterThan(PROGRAMS);
  });

  it('come in their turn with other runs, and report every node', async () => {
    const runnable = joined(new Random(3).times(12, () => layerChain(new Random(5))));
    const session = await wasmEngineWith({ threads: 2, leastTask: 1 }).load(
      runnable.program,
      runnable.weights,
    );
    const done: number[] = [];
    const [outputs, { tensors }, whole] = await Promise.all([
      session.run(runnable.inputs),
      session.runCheckpoints(runnable.inputs, (count) => done.push(count)),
      session.runTrace(runnable.inputs),
    ]);
    expect(done).to.deep.equal(runnable.program.nodes.map((_, i) => i + 1));
    for (const [node, bytes] of tensors) expect(hexOf(bytes)).to.equal(hexOf(whole.tensors[node]!));
    runnable.program.outputs.forEach((node, i) => {
      expect(hexOf(outputs[i]!.bytes)).to.equal(hexOf(tensors.get(node) ?? runnable.weights.get(node)!));
    });
    await session.close();
  });

  it('take memory of what is held at a time, where keeping all is refused', async () => {
    const build = new ProgramBuilder();
    const side = 64;
    let last = build.input('f32', [side, side]);
    const w = build.constant('f32', [side, side], f32Bytes(new Array(side * side).fill(0.01)));
    for (let i = 0; i < 96; i++) last = build.node(matMul(last, w, side, side, side));
    const { program, weights } = build.finish();
    const inputs = [f32Bytes(new Array(side * side).fill(1))];
    const maxMemoryBytes = 20 * 4 * side * side;
    const session = await wasmEngineWith({ maxMemoryBytes }).load(program, weights);
    const { tensors } = await session.runCheckpoints(inputs);
    const [output] = await session.run(inputs);
    expect(hexOf(tensors.get(last)!)).to.equal(hexOf(output!.bytes));
    expect(await engineErrorOf(session.runAll(inputs))).to.match(
      /98 tensors, 98 of them kept, take 1\.\d MB/,
    );
    await session.close();
  });
});
