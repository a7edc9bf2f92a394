import { expect } from 'chai';
import { examples } from '../../examples/models/examples.ts';
import { type Model, models, programInputs } from '../../examples/models/index.ts';
import { checkpointsOf } from '../../src/engine/engine.ts';
import { LoopRunner } from '../../src/engine/reference/loop.ts';
import { referenceEngine } from '../../src/engine/reference/reference.ts';
import { loadFrom } from '../../src/engine/reference/runLoop.ts';
import { wordAsStored, wordReader } from '../../src/engine/reference/word.ts';
import { wasmEngineWith } from '../../src/engine/wasm/wasm.ts';
import { hexOf } from '../../src/merkle/keccak.ts';
import { tensorRoot } from '../../src/merkle/tensor.ts';
import { type CompiledModel, importOnnx } from '../../src/onnx/index.ts';
import { type LoopNode, sizeOf } from '../../src/program/node.ts';
import { xorshift32 } from '../../src/scalar/xorshift32.ts';
import { availableOrSkip } from '../support/available.ts';

/** The reference takes minutes for the others, which it runs in the long profile only. */
const QUICK = [
  'digits',
  'digits int8',
  'boosted trees (iris)',
  'language identifier (lande)',
  'Silero VAD v6',
  'PP-OCR angle classifier',
  'BlazeFace front',
];
const all = [...models, ...examples];
const LONG = process.env['ASSAY_LONG'] !== undefined;
const isWhole = ({ name }: Model): boolean => LONG || QUICK.includes(name);

const THREADS = [1, 2, 3];

/** Fold steps of the elements that are drawn of one node, about. */
const STEPS = 10_000;

interface Loaded {
  readonly compiled: CompiledModel;
  readonly inputs: readonly Uint8Array[];
}

function load(model: Model): Loaded {
  const compiled = importOnnx(model.bytes(), model.options);
  return { compiled, inputs: programInputs(compiled, model.inputs()) };
}

const rootsOf = (tensors: readonly Uint8Array[]): string[] =>
  tensors.map((bytes) => hexOf(tensorRoot(bytes)));

/** Runs on some threads in all ways and fails unless every root is as expected. */
async function expectRoots({ compiled, inputs }: Loaded, threads: number, expected: readonly string[]) {
  const { program, weights } = compiled;
  const session = await wasmEngineWith({ threads }).load(program, weights);
  const { tensors, trees } = await session.runTrace(inputs);
  expect(rootsOf(tensors), `${threads} threads`).to.deep.equal(expected);
  for (const [node, tree] of trees) {
    expect(hexOf(tree.root), `tree ${node}, ${threads} threads`).to.equal(expected[node]);
  }
  expect(trees.size).to.equal(program.nodes.filter(({ kind }) => kind !== 'constant').length);
  const checkpointed = await session.runCheckpoints(inputs);
  const checkpoints = checkpointsOf(program);
  expect([...checkpointed.tensors.keys()]).to.deep.equal(checkpoints);
  expect([...checkpointed.trees.keys()]).to.deep.equal(checkpoints);
  for (const node of checkpoints) {
    const root = hexOf(tensorRoot(checkpointed.tensors.get(node)!));
    expect(root, `checkpoint ${node}, ${threads} threads`).to.equal(expected[node]);
    expect(hexOf(checkpointed.trees.get(node)!.root), `its tree, ${threads} threads`).to.equal(root);
  }
  const outputs = (await session.run(inputs)).map(({ bytes }) => hexOf(tensorRoot(bytes)));
  expect(outputs, `${threads} threads`).to.deep.equal(program.outputs.map((node) => expected[node]));
  await session.close();
}

/** The first element, the last, and some between, as many as the reference does in a moment. */
function drawn(loop: LoopNode, next: () => number): number[] {
  const elements = sizeOf(loop.shape);
  if (elements === 0) return [];
  const count = Math.min(elements, Math.ceil(STEPS / Math.max(1, sizeOf(loop.fold))));
  return [0, elements - 1, ...Array.from({ length: count }, () => next() % elements)];
}

describe('the wasm engine on benchmark models', function () {
  this.timeout(1_200_000);

  for (const model of all.filter(isWhole)) {
    it(`gives every tensor of ${model.name} the root that the reference gives it, on ${THREADS} threads`, async function () {
      const loaded = await availableOrSkip(this, () => load(model));
      const { program, weights } = loaded.compiled;
      const reference = await referenceEngine.load(program, weights);
      const expected = rootsOf(await reference.runAll(loaded.inputs));
      for (const threads of THREADS) await expectRoots(loaded, threads, expected);
    });
  }

  for (const model of models.filter((one) => !isWhole(one))) {
    it(`gives elements of every node of ${model.name} the bits of the reference, on ${THREADS} threads`, async function () {
      const loaded = await availableOrSkip(this, () => load(model));
      const { program, weights } = loaded.compiled;
      const session = await wasmEngineWith({}).load(program, weights);
      const tensors = await session.runAll(loaded.inputs);
      await session.close();
      const next = xorshift32(1);
      for (const [i, node] of program.nodes.entries()) {
        if (node.kind !== 'loop') continue;
        const runner = new LoopRunner(node, loadFrom(node, tensors));
        const word = wordReader(node.dtype, tensors[i]!);
        for (const element of drawn(node, next)) {
          const right = wordAsStored(node.dtype, runner.element(element));
          expect(word(element), `node ${i}, element ${element}`).to.equal(right);
        }
      }
      const roots = rootsOf(tensors);
      for (const threads of THREADS) await expectRoots(loaded, threads, roots);
    });
  }
});
