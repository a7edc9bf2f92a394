import { availableParallelism, totalmem } from 'node:os';
import { expect } from 'chai';
import { models, programInputs } from '../../examples/models/index.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { referenceEngine } from '../../src/engine/reference/reference.ts';
import { wasmEngine, wasmEngineWith } from '../../src/engine/wasm/wasm.ts';
import { hexOf } from '../../src/merkle/keccak.ts';
import { importOnnx } from '../../src/onnx/index.ts';
import type { Program } from '../../src/program/node.ts';
import { compileText } from '../../src/text/compile.ts';
import { withMemory } from '../support/bench/memory.ts';
import { sampleReference } from '../support/bench/sample.ts';
import { engineErrorOf } from '../support/engineError.ts';
import { instruction, loop, matMul, ProgramBuilder, sameShape, view } from '../support/programs.ts';
import { Random } from '../support/randomProgram.ts';
import { byOnePass, byRows, POSITIONS, SIZES } from '../support/textRows.ts';
import { tinyGraph } from '../support/tinyText.ts';

const LONG = process.env['ASSAY_LONG'] !== undefined;
const GIGABYTE = 1e9;

const floats = (random: Random, count: number): Uint8Array =>
  new Uint8Array(Float32Array.from({ length: count }, () => (random.below(2001) - 1000) / 1000).buffer);

const SIDE = 64;
const ROW_BYTES = 4 * SIDE;
const MATRIX_BYTES = ROW_BYTES * SIDE;

/** Products of a row with one matrix after the other, a row of each table added to each, chosen by another input. */
function chain(layers: number) {
  const random = new Random(layers);
  const build = new ProgramBuilder();
  const chosen = build.input('i32', [1]);
  let row = build.input('f32', [1, SIDE]);
  for (let layer = 0; layer < layers; layer++) {
    const matrix = build.constant('f32', [SIDE, SIDE], floats(random, SIDE * SIDE));
    const table = build.constant('f32', [SIDE, SIDE], floats(random, SIDE * SIDE));
    const product = build.node(matMul(row, matrix, 1, SIDE, SIDE));
    const isChosen = { node: chosen, dtype: 'i32', fill: 0, view: [view(1, 0)] } as const;
    row = build.node(
      loop({
        dtype: 'f32',
        shape: [1, SIDE],
        operands: [
          sameShape(product, 'f32', [1, SIDE]),
          isChosen,
          {
            node: table,
            dtype: 'f32',
            fill: 0,
            view: [{ extent: SIDE, coordinate: { kind: 'gathered', operand: 1 } }, view(SIDE, 1)],
          },
        ],
        post: (s) => [instruction('f32.add', s.operands, s.operands + 2)],
      }),
    );
  }
  const inputs = [new Uint8Array(Int32Array.of(37).buffer), floats(random, SIDE)];
  return { ...build.finish(), inputs };
}

/** Roots of every tensor that a program computes, and of its checkpoints' trees, by node. */
async function rootsOf(engine: Engine, { program, weights, inputs }: ReturnType<typeof chain>) {
  const session = await engine.load(program, weights);
  const [output] = await session.run(inputs);
  const traced = await session.runTrace(inputs);
  const checkpoints = await session.runCheckpoints(inputs);
  const again = await session.runNode(program.outputs[0]!, traced.tensors);
  await session.close();
  const roots = (trees: typeof traced.trees) => [...trees].map(([node, { root }]) => [node, hexOf(root)]);
  return {
    output: hexOf(output!.bytes),
    again: hexOf(again),
    all: roots(traced.trees),
    checkpoints: roots(checkpoints.trees),
  };
}

describe('weights in several memories', () => {
  it('give the roots of the reference in every kind of run, on 1 and 3 threads', async () => {
    const runnable = chain(6);
    const expected = await rootsOf(referenceEngine, runnable);
    for (const threads of [1, 3]) {
      // A memory that takes two of the twelve constants besides the tensors, and four where there are none.
      const engine = wasmEngineWith({ threads, leastTask: 1, oneMemoryBytes: 4 * MATRIX_BYTES });
      const { made: roots, sizes } = await withMemory(() => rootsOf(engine, runnable));
      expect(roots, `${threads} threads`).to.deep.equal(expected);
      expect(sizes().length, `${threads} threads`).to.be.at.least(4);
    }
  });

  it('give the same bits to a network of millions of weights', async () => {
    const model = models.find(({ name }) => name === 'MobileNetV2')!;
    const compiled = importOnnx(model.bytes(), model.options);
    const runnable = { ...compiled, inputs: programInputs(compiled, model.inputs()) };
    const rootOfRun = async (engine: Engine): Promise<string> => {
      const session = await engine.load(runnable.program, runnable.weights);
      const { trees } = await session.runCheckpoints(runnable.inputs);
      await session.close();
      return [...trees].map(([node, { root }]) => `${node} ${hexOf(root)}`).join();
    };
    const { made: found, sizes } = await withMemory(() =>
      rootOfRun(wasmEngineWith({ oneMemoryBytes: 2 ** 24 })),
    );
    expect(found).to.equal(await rootOfRun(wasmEngine));
    expect(sizes()).to.have.length(2);
    for (const bytes of sizes()) expect(bytes).to.be.at.most(2 ** 24);
  });

  it('serve a text that is written row by row', async () => {
    const model = compileText(tinyGraph(), 1000, SIZES);
    const part = { rows: 1, keys: POSITIONS, yields: true };
    const { made: rows, sizes } = await withMemory(() =>
      byRows(model, wasmEngineWith({ oneMemoryBytes: 2 ** 14 }), [part]),
    );
    expect(rows).to.deep.equal(await byOnePass(model, wasmEngine));
    expect(sizes().length).to.be.at.least(2);
  });

  it('is refused if all else does not fit one memory, with what to do', async () => {
    const { program, weights } = chain(2);
    const tight = wasmEngineWith({ oneMemoryBytes: ROW_BYTES });
    expect(await engineErrorOf(tight.load(program, weights))).to.match(
      /0\.1 MB of it weights; all but weights must fit one memory of 0\.0 MB: compile the model for smaller inputs/,
    );
    const { validate } = WebAssembly;
    WebAssembly.validate = () => false;
    const alone = wasmEngineWith({ oneMemoryBytes: 4 * MATRIX_BYTES - 1 });
    WebAssembly.validate = validate;
    expect(await engineErrorOf(alone.load(program, weights))).to.match(
      /there is one memory of 0\.1 MB here: where WebAssembly has several memories \(Node, Chrome, Firefox\)/,
    );
  });

  it('may have more than 4 GiB', async function () {
    this.timeout(900_000);
    if (!LONG || totalmem() < 12 * GIGABYTE) this.skip();
    const [rows, columns, matrices] = [1024, 250_000, 5];
    // One buffer of numbers, of which each matrix starts at another place.
    const shift = 4 * 997;
    const numbers = new Float32Array(rows * columns + (matrices * shift) / 4);
    let state = 1;
    for (let i = 0; i < numbers.length; i++) {
      // A linear congruential generator (Knuth, The Art of Computer Programming, volume 2, §3.3.4, line 16).
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
      numbers[i] = state / 2 ** 31;
    }
    const nodes: Program['nodes'][number][] = [{ kind: 'input', dtype: 'f32', shape: [1, rows], slot: 0 }];
    const weights = new Map<number, Uint8Array>();
    const outputs: number[] = [];
    for (let i = 0; i < matrices; i++) {
      weights.set(nodes.length, new Uint8Array(numbers.buffer, i * shift, 4 * rows * columns));
      nodes.push({ kind: 'constant', dtype: 'f32', shape: [rows, columns], root: new Uint8Array(32) });
      outputs.push(nodes.push(matMul(0, nodes.length - 1, 1, rows, columns)) - 1);
    }
    const program: Program = { nodes, inputs: [0], outputs };
    const inputs = [floats(new Random(1), rows)];
    const engine = wasmEngineWith({ threads: availableParallelism() });
    const { made: session, bytes } = await withMemory(() => engine.load(program, weights));
    expect(bytes()).to.be.greaterThan(2 ** 32);
    const tensors = await session.runAll(inputs);
    await session.close();
    const { difference, share } = sampleReference(program, inputs, tensors, 20e6);
    expect(difference).to.equal(undefined);
    expect(share).to.be.greaterThan(0.01);
  });
});
