import { expect } from 'chai';
import { models, programInputs, Unavailable } from '../../scripts/models/index.ts';
import { referenceEngine } from '../../src/engine/reference/reference.ts';
import { wasmEngineWith } from '../../src/engine/wasm/wasm.ts';
import { hexOf } from '../../src/merkle/keccak.ts';
import { tensorRoot } from '../../src/merkle/tensor.ts';
import { importOnnx } from '../../src/onnx/index.ts';

/** The reference takes minutes for the others, which run in the long profile only. */
const QUICK = ['digits', 'Silero VAD v6', 'PP-OCR angle classifier', 'BlazeFace front'];
const chosen = process.env['ASSAY_LONG'] ? models : models.filter(({ name }) => QUICK.includes(name));

const THREADS = [1, 2, 3];

describe('every tensor of a run', () => {
  for (const model of chosen) {
    it(`of ${model.name} has the root that the reference engine gives it, on ${THREADS} threads`, async function () {
      this.timeout(1_200_000);
      let file: Uint8Array;
      try {
        file = model.bytes();
      } catch (error) {
        if (!(error instanceof Unavailable)) throw error;
        console.log(`      ${error.message}`);
        this.skip();
      }
      const compiled = importOnnx(file, model.options);
      const { program, weights } = compiled;
      const inputs = programInputs(compiled, model.inputs());
      const reference = await referenceEngine.load(program, weights);
      const expected = (await reference.runAll(inputs)).map((bytes) => hexOf(tensorRoot(bytes)));
      for (const threads of THREADS) {
        const session = await wasmEngineWith({ threads }).load(program, weights);
        const given = (await session.runAll(inputs)).map((bytes) => hexOf(tensorRoot(bytes)));
        expect(given, `${threads} threads`).to.deep.equal(expected);
        const { trees } = await session.runTrace(inputs);
        for (const [node, tree] of trees) {
          expect(hexOf(tree.root), `tree ${node}, ${threads} threads`).to.equal(expected[node]);
        }
        expect(trees.size).to.equal(program.nodes.filter(({ kind }) => kind !== 'constant').length);
        const outputs = (await session.run(inputs)).map(({ bytes }) => hexOf(tensorRoot(bytes)));
        expect(outputs, `${threads} threads`).to.deep.equal(program.outputs.map((node) => expected[node]));
        await session.close();
      }
    });
  }
});
