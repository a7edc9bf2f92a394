import { expect } from 'chai';
import { referenceEngine } from '../../src/engine/reference/reference.ts';
import { wasmEngine } from '../../src/engine/wasm/wasm.ts';
import { word } from '../../src/onnx/ir/expression.ts';
import { compileText } from '../../src/text/compile.ts';
import { generate, inputsOf, PassChooser, programUpTo, type TextRequest } from '../../src/text/generate.ts';
import { threefry } from '../../src/text/noise.ts';
import { PADDING } from '../../src/text/options.ts';
import { tokenBytes } from '../../src/text/tokens.ts';
import { TINY, tinyGraph } from '../support/tinyText.ts';

const SIZES = { prompt: 4, tokens: 8 };
const PROMPT = [5, 17, 3];

/** Some of the authors' test vectors (Random123, kat_vectors): key, counter, first word. */
const VECTORS = [
  [[0, 0], [0, 0], 0x6b200159],
  [[0xffffffff, 0xffffffff], [0xffffffff, 0xffffffff], 0x1cb996fc],
  [[0x13198a2e, 0x03707344], [0x243f6a88, 0x85a308d3], 0xc4923a9c],
] as const;

describe('texts that are drawn by a seed', () => {
  const model = compileText(tinyGraph(), 1000, { ...SIZES, sampled: true });
  const greedy = compileText(tinyGraph(), 1000, SIZES);

  const write = async (request: Omit<TextRequest, 'prompt'>, engine = wasmEngine): Promise<number[]> => {
    const { session, on } = await PassChooser.load(model, engine);
    const text = await generate(model, on(inputsOf(model, { prompt: PROMPT, ...request })));
    await session.close();
    return text;
  };

  it('have noise by the generator that its authors give vectors for', () => {
    for (const [key, counter, expected] of VECTORS) {
      const pair = ([a, b]: readonly [number, number]) => [word(a), word(b)] as const;
      expect(threefry(pair(key), pair(counter))).to.deep.equal(word(expected));
    }
  });

  it('differ by seed, are the same by the same one, and on both engines', async () => {
    const drawn = { temperature: 1, seed: [1, 2] as const };
    const text = await write(drawn);
    expect(await write(drawn)).to.deep.equal(text);
    expect(await write(drawn, referenceEngine)).to.deep.equal(text);
    expect(await write({ ...drawn, seed: [1, 3] })).to.not.deep.equal(text);
    expect(await write({ ...drawn, seed: [2, 2] })).to.not.deep.equal(text);
  });

  it('are accepted with the seed that they were drawn by, and not with another', async () => {
    const session = await wasmEngine.load(model.program, model.weights);
    const request = { prompt: PROMPT, temperature: 1.5, candidates: 12, seed: [7, 7] as const };
    const text = await write(request);
    const accepts = async (asked: TextRequest): Promise<number> =>
      (await session.run([...inputsOf(model, asked), tokenBytes(text, model.width)]))[0]!.bytes[0]!;
    expect(await accepts(request)).to.equal(1);
    expect(await accepts({ ...request, seed: [7, 8] })).to.equal(0);
    expect(await accepts({ ...request, temperature: 9 })).to.equal(0);
    await session.close();
  });

  it('are the likeliest ones at temperature 0, and with one candidate', async () => {
    const { session, on } = await PassChooser.load(greedy, wasmEngine);
    const likeliest = await generate(greedy, on(inputsOf(greedy, { prompt: PROMPT })));
    await session.close();
    expect(await write({ temperature: 0, seed: [3, 4] })).to.deep.equal(likeliest);
    expect(await write({ temperature: Number.NaN, seed: [3, 4] })).to.deep.equal(likeliest);
    expect(await write({ temperature: 2, candidates: 1, seed: [3, 4] })).to.deep.equal(likeliest);
  });

  it('have the frequencies of a softmax over the likeliest candidates', async () => {
    const logits = await wasmEngine.load(programUpTo(model, model.logits), model.weights);
    const chosen = await PassChooser.load(model, wasmEngine);
    const [temperature, candidates, draws] = [0.8, 5, 1500];
    const text = tokenBytes(new Array<number>(SIZES.tokens).fill(PADDING), model.width);
    const [scores] = await logits.run([...inputsOf(model, { prompt: PROMPT }), text]);
    const first = [...new Float32Array(scores!.bytes.slice().buffer).subarray(0, TINY.vocabulary)];
    const least = first.toSorted((a, b) => b - a)[candidates - 1]!;
    const weights = first.map((logit) => (logit >= least ? Math.exp(logit / temperature) : 0));
    const total = weights.reduce((a, b) => a + b, 0);
    const counts = new Array<number>(TINY.vocabulary).fill(0);
    for (let i = 0; i < draws; i++) {
      const request = { prompt: PROMPT, temperature, candidates, seed: [i, 99] as const };
      const [token] = await chosen.on(inputsOf(model, request)).choose([], []);
      counts[token!]!++;
    }
    for (const [token, weight] of weights.entries()) {
      const expected = (draws * weight) / total;
      // Four standard deviations of a binomial count; none at all for what is no candidate.
      const deviation = Math.sqrt(expected * (1 - weight / total));
      expect(Math.abs(counts[token]! - expected), `token ${token}`).to.be.at.most(4 * deviation);
    }
    await logits.close();
    await chosen.session.close();
  });
});
