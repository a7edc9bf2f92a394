import { expect } from 'chai';
import { wasmEngine } from '../../src/engine/wasm/wasm.ts';
import { compileText } from '../../src/text/compile.ts';
import { generate, inputsOf, PassChooser, programUpTo } from '../../src/text/generate.ts';
import { GgufFile } from '../../src/text/gguf/file.ts';
import { graphOfGguf } from '../../src/text/gguf/llama.ts';
import { tokenBytes } from '../../src/text/tokens.ts';
import { type PlainLlama, plainLogits, type Rows } from '../support/plainLlama.ts';
import { rowsOf, seededGguf, VOCABULARY } from '../support/seededGguf.ts';

const SIZES = { prompt: 4, tokens: 12 };
const PROMPT = [5, 170, 3];

const greatest = (numbers: readonly number[]): number => numbers.indexOf(Math.max(...numbers));

/** The root of the mean square of differences, as a part of the numbers' own. */
function distance(found: Rows, expected: Rows): number {
  const squares = (rows: Rows): number => rows.flat().reduce((sum, one) => sum + one * one, 0);
  const differences = found.map((row, i) => row.map((one, j) => one - expected[i]![j]!));
  return Math.sqrt(squares(differences) / squares(expected));
}

/** The text that a file's model in 4 bits writes, and the logits behind each of its tokens. */
async function written(bytes: Uint8Array) {
  const graph = graphOfGguf(await GgufFile.read(bytes), SIZES.prompt + SIZES.tokens, 'int4');
  const model = compileText(graph, bytes.length, SIZES);
  const request = inputsOf(model, { prompt: PROMPT });
  const { on, session } = await PassChooser.load(model, wasmEngine);
  const text = await generate(model, on(request));
  await session.close();
  const scoring = await wasmEngine.load(programUpTo(model, model.logits), model.weights);
  const [scores] = await scoring.run([...request, tokenBytes(text, model.width)]);
  const found = rowsOf([...new Float32Array(scores!.bytes.slice().buffer)], VOCABULARY);
  await scoring.close();
  return { text, found };
}

describe('a GGUF file in 4 bits', () => {
  it('writes the tokens of plain arithmetic on its blocks, with its logits', async () => {
    const { bytes, plain, forgetful } = seededGguf(5);
    const { text, found } = await written(bytes);
    const logitsOf = (one: PlainLlama): Rows =>
      plainLogits(one, [...PROMPT, ...text.slice(0, -1)]).slice(PROMPT.length - 1);
    const expected = logitsOf(plain);
    expect(new Set(text).size).to.be.at.least(8);
    expect(text).to.deep.equal(expected.map(greatest));
    const distances = found.map((row, i) => distance([row], [expected[i]!])).sort((a, b) => a - b);
    // Steps are off by a part in 35,000. A number near the middle of two levels may be rounded to either, which moves later
    // rows by a part in a hundred: none of that happens in half of the rows.
    expect(distances[SIZES.tokens / 2 - 1]).to.be.below(2e-4);
    expect(distances.at(-1)).to.be.below(0.05);
    expect(distance(found, logitsOf(forgetful))).to.be.above(0.5);
  });

  it('adds the biases of all products of a layer', async () => {
    const { bytes, plain } = seededGguf(5, { biased: true });
    const { text, found } = await written(bytes);
    const logitsOf = (one: PlainLlama): Rows =>
      plainLogits(one, [...PROMPT, ...text.slice(0, -1)]).slice(PROMPT.length - 1);
    expect(distance(found, logitsOf(plain))).to.be.below(0.07);
    for (const name of ['query', 'key', 'value', 'output', 'gate', 'up', 'down'] as const) {
      const bias: PlainLlama['bias'] = (layer, one) =>
        one === `${name} bias` ? undefined : plain.bias(layer, one);
      expect(distance(found, logitsOf({ ...plain, bias })), name).to.be.above(0.08);
    }
  });
});
