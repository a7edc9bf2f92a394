import { expect } from 'chai';
import { models, programInputs } from '../../examples/models/index.ts';
import { wasmEngine } from '../../src/engine/wasm/wasm.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { importOnnx, realNodes } from '../../src/onnx/index.ts';
import { sampleNodes } from '../../src/rehearsal/fault.ts';
import { rehearseScript } from '../../src/rehearsal/rehearsal.ts';
import { lineOf } from '../../src/rehearsal/result.ts';
import { RunTrace } from '../../src/trace/run.ts';
import { availableOrSkip } from '../support/available.ts';

/** DESIGN §6: limits for models up to the size of MobileNetV2. */
const MOST_SAMPLED_GAS = 1_000_000;
const MOST_LEAF_GAS = 1_000_000;
const MOST_CLAIMANT_MOVES = 10;

const LONG = process.env['ASSAY_LONG'] !== undefined;
const NODES = LONG ? 12 : 3;
/** The others take up to a minute each. */
const QUICK = ['Silero VAD v6', 'BlazeFace front'];
const chosen = LONG ? models : models.filter(({ name }) => QUICK.includes(name));

describe(`a dispute at ${NODES} nodes, drawn at random,`, () => {
  for (const model of chosen) {
    it(`of ${model.name} ends at the lie, within the limits`, async function () {
      this.timeout(900_000);
      const file = await availableOrSkip(this, () => model.bytes());
      const compiled = importOnnx(file, model.options);
      const { program, labels } = compiled;
      const inputs = programInputs(compiled, model.inputs());
      const session = await wasmEngine.load(program, compiled.weights);
      const honest = new RunTrace(modelOf(program), await session.runAll(inputs));
      const places = sampleNodes(realNodes(program), NODES).map((node) => ({ node, element: undefined }));
      const script = { honest, labels, inputs, places, falseChallenges: true, session };
      const lines: string[] = [];
      const { disputes, falseChallenges, harmless } = await rehearseScript(script, {
        onStart: () => undefined,
        onLie: () => undefined,
        onDispute: (result) => lines.push(lineOf(result)),
      });
      await session.close();
      if (process.env['ASSAY_SHOW']) console.log(lines.join('\n'));
      expect(disputes.length + harmless.length).to.equal(NODES);
      for (const { fault, ok, winner } of disputes) {
        expect([ok, winner], `node ${fault.node}`).to.deep.equal([true, 'challenger']);
      }
      for (const { fault, ok, gas, claimantMoves } of [...disputes, ...falseChallenges]) {
        expect(ok, `node ${fault.node}`).to.equal(true);
        expect(gas.total, `gas about node ${fault.node}`).to.be.at.most(MOST_SAMPLED_GAS);
        expect(gas.leaf ?? 0, `leaf of node ${fault.node}`).to.be.at.most(MOST_LEAF_GAS);
        expect(claimantMoves, `answers about node ${fault.node}`).to.be.at.most(MOST_CLAIMANT_MOVES);
      }
    });
  }
});
