import { expect } from 'chai';
import { solveTexts } from '../../../src/cli/text/solve.ts';
import { wasmEngine } from '../../../src/engine/wasm/wasm.ts';
import { hexOf } from '../../../src/merkle/keccak.ts';
import { modelOf } from '../../../src/merkle/model.ts';
import { concat } from '../../../src/merkle/tree.ts';
import { compileText, type TextModel } from '../../../src/text/compile.ts';
import { generate, inputsOf, PassChooser, type TextRequest } from '../../../src/text/generate.ts';
import { tokenBytes } from '../../../src/text/tokens.ts';
import { WorkRunner } from '../../../src/work/runner.ts';
import { tinyGraph } from '../../support/tinyText.ts';

const SIZES = { prompt: 6, tokens: 10 };

/** A provider's runs of one model. */
function provider(model: TextModel) {
  const runner = new WorkRunner({ threads: 2, engine: { name: 'wasm', threads: 1 } });
  const id = runner.put({ model: modelOf(model.program), weights: model.weights });
  const solve = solveTexts(runner, new Map([[id, { model }]]));
  return {
    answer: (request: TextRequest) => solve(id, hexOf(concat(inputsOf(model, request)))),
    close: () => runner.close(),
  };
}

/** The text by whole passes. */
async function byPasses(model: TextModel, request: TextRequest): Promise<string> {
  const { on, session } = await PassChooser.load(model, wasmEngine);
  const text = await generate(model, on(inputsOf(model, request)));
  await session.close();
  return hexOf(tokenBytes(text, model.width));
}

describe('texts that a provider writes in a session', () => {
  it('are those of whole passes, greedy and drawn, whichever thread writes them', async () => {
    const model = compileText(tinyGraph(), 1000, { ...SIZES, sampled: true });
    const { answer, close } = provider(model);
    const requests: TextRequest[] = [
      { prompt: [5, 17, 3] },
      { prompt: [5, 17, 3, 30], temperature: 1.5, seed: [1, 2] },
      { prompt: [5, 17, 3], temperature: 1.5, seed: [1, 3] },
    ];
    const found = await Promise.all(requests.map(answer));
    for (const [i, request] of requests.entries()) expect(found[i]).to.equal(await byPasses(model, request));
    await close();
  });
});
