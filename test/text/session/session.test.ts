import { expect } from 'chai';
import { wasmEngine } from '../../../src/engine/wasm/wasm.ts';
import type { Graph, GraphNode, TensorValue } from '../../../src/onnx/read/graph.ts';
import { TYPES } from '../../../src/onnx/types.ts';
import { compileText, type TextModel } from '../../../src/text/compile.ts';
import { type Draft, generate, inputsOf, PassChooser, type TextRequest } from '../../../src/text/generate.ts';
import { cautious } from '../../../src/text/recall.ts';
import { openSession } from '../../../src/text/session/openSession.ts';
import { TextSession } from '../../../src/text/session/textSession.ts';
import { TINY, tinyGraph } from '../../support/tinyText.ts';

const SIZES = { prompt: 6, tokens: 10 };
const PROMPT = [5, 17, 3, 30, 2, 9];

/** Writes by whole passes. */
async function passes(model: TextModel) {
  const { on, session } = await PassChooser.load(model, wasmEngine);
  return {
    write: (request: TextRequest) => generate(model, on(inputsOf(model, request))),
    close: () => session.close(),
  };
}

describe('a session that writes texts', () => {
  const model = compileText(tinyGraph(), 1000, SIZES);
  const sampled = compileText(tinyGraph(), 1000, { ...SIZES, sampled: true });

  it('writes what whole passes write, after prompts of every length', async () => {
    const slow = await passes(model);
    const session = await TextSession.load(model, wasmEngine);
    for (let length = 1; length <= SIZES.prompt; length++) {
      const request = { prompt: PROMPT.slice(0, length) };
      const text = await slow.write(request);
      expect(await generate(model, session.on(inputsOf(model, request)))).to.deep.equal(text);
    }
    await slow.close();
    await session.close();
  });

  it('writes what whole passes write, drawn by a seed', async () => {
    const slow = await passes(sampled);
    const session = await TextSession.load(sampled, wasmEngine);
    for (const seed of [1, 2, 3]) {
      const request = { prompt: PROMPT, temperature: 1.5, candidates: 12, seed: [7, seed] as const };
      const text = await slow.write(request);
      expect(await generate(sampled, session.on(inputsOf(sampled, request)))).to.deep.equal(text);
    }
    await slow.close();
    await session.close();
  });

  it('keeps what is right of a draft, whatever is wrong in it', async () => {
    const slow = await passes(model);
    const session = await TextSession.load(model, wasmEngine);
    const request = { prompt: PROMPT.slice(0, 3) };
    const text = await slow.write(request);
    for (const wrong of [0, 1, 2, 5, 20]) {
      for (const most of [1, 3, 20]) {
        const draft: Draft = async (tokens) =>
          text
            .map((token, i) => (i % (wrong + 1) === wrong ? (token + 1) % TINY.vocabulary : token))
            .slice(tokens.length, tokens.length + most);
        const chooser = session.on(inputsOf(model, request));
        expect(await generate(model, chooser, { draft }), `${wrong} of ${most}`).to.deep.equal(text);
      }
    }
    await slow.close();
    await session.close();
  });

  it('is replaced by whole passes where a row is computed from the one before', async () => {
    const graph = tinyGraph();
    const pads: TensorValue = { type: TYPES.int64, shape: [6], values: Int32Array.of(0, 1, 0, 0, -1, 0) };
    const node = (operator: string, inputs: string[], output: string): GraphNode => ({
      ...{ operator, domain: '', name: output, inputs, outputs: [output] },
      attributes: new Map(),
    });
    const shifted: Graph = {
      ...graph,
      initializers: new Map([...graph.initializers, ['pads', pads]]),
      nodes: graph.nodes.flatMap((one) =>
        one.name === 'embedded'
          ? [
              { ...one, outputs: ['unmixed'] },
              node('Pad', ['unmixed', 'pads'], 'shifted'),
              node('Add', ['unmixed', 'shifted'], 'embedded'),
            ]
          : [one],
      ),
    };
    const mixed = compileText(shifted, 1000, SIZES);
    const warnings: string[] = [];
    const session = await openSession(mixed, wasmEngine, (sentence) => warnings.push(sentence));
    const slow = await passes(mixed);
    const request = { prompt: PROMPT };
    expect(await generate(mixed, session.on(inputsOf(mixed, request)))).to.deep.equal(
      await slow.write(request),
    );
    expect(warnings).to.have.length(1);
    expect(warnings[0]).to.equal(
      'the whole text is computed again for each token, because shifted (Pad+Add): it reads rows through a ' +
        'coordinate that is divided or may be outside',
    );
    await slow.close();
    await session.close();
  });

  it('drafts more while it is right, and few tokens again when it was wrong', async () => {
    const asked: number[] = [];
    const draft = cautious(async (_, most) => {
      asked.push(most);
      return new Array<number>(most).fill(1);
    }, 2);
    // Lengths of the text: all right twice, one wrong, all right again.
    for (const length of [0, 3, 9, 12, 15]) await draft(new Array<number>(length).fill(1), 100);
    expect(asked).to.deep.equal([2, 5, 11, 2, 5]);
    expect(await cautious(async () => [1], 0)([], 9)).to.deep.equal([]);
  });

  it('writes texts in turns, and one from the middle of another', async () => {
    const slow = await passes(model);
    const session = await TextSession.load(model, wasmEngine);
    const requests = [{ prompt: PROMPT.slice(0, 2) }, { prompt: PROMPT.slice(0, 4) }, { prompt: [1] }];
    const texts = await Promise.all(requests.map(slow.write));
    const found = await Promise.all(
      requests.map((request) => generate(model, session.on(inputsOf(model, request)))),
    );
    expect(found).to.deep.equal(texts);
    const again = session.on(inputsOf(model, requests[0]!));
    expect(await again.choose(texts[0]!.slice(0, 4), texts[0]!.slice(4, 7))).to.deep.equal(
      texts[0]!.slice(4, 8),
    );
    await slow.close();
    await session.close();
  });
});
