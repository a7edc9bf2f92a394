import { availableParallelism } from 'node:os';
import { expect } from 'chai';
import { rungs, textsOf } from '../../../examples/text/rungs.ts';
import { wasmEngineWith } from '../../../src/engine/wasm/wasm.ts';
import { equalBytes } from '../../../src/merkle/keccak.ts';
import { availableOrSkip } from '../../support/available.ts';
import { byOnePass, byRows } from '../../support/textRows.ts';

const LONG = process.env['ASSAY_LONG'] !== undefined;

/** Takes a minute for each form of the weights, and two gigabytes: with ASSAY_LONG only. */
describe('a session of a model of 135 million parameters', () => {
  for (const rung of rungs.filter(({ name }) => LONG && name.startsWith('SmolLM2'))) {
    it(`has the logits of one pass, token by token and in blocks, as ${rung.name}`, async function () {
      this.timeout(1_800_000);
      const engine = wasmEngineWith({ threads: availableParallelism() });
      const model = await availableOrSkip(this, () => rung.compile());
      const { prompt, tokens } = model.options;
      const keys = prompt + tokens;
      const [textOfRung] = textsOf(rung);
      // What is said need not be what the model would choose.
      const text = Array.from(
        { length: tokens },
        (_, i) => textOfRung!.tokens[i % textOfRung!.tokens.length]!,
      );
      const script = { prompt: textOfRung!.ids, text };
      const whole = await byOnePass(model, engine, script);
      for (const blocks of [[1], [16, 1, 4]]) {
        const parts = blocks.map((rows) => ({ rows, keys, yields: true }));
        const rows = await byRows(model, engine, parts, script);
        const differing = whole.flatMap((row, i) => (equalBytes(row, rows[i]!) ? [] : [i]));
        expect(differing, `places that differ, by ${blocks}`).to.deep.equal([]);
      }
    });
  }
});
