import { expect } from 'chai';
import type { Engine } from '../../src/engine/engine.ts';
import { referenceEngine } from '../../src/engine/reference/reference.ts';
import { wasmEngine } from '../../src/engine/wasm/wasm.ts';
import { validate } from '../../src/program/validate.ts';
import { compileText, type TextModel } from '../../src/text/compile.ts';
import { generate, inputsOf, PassChooser } from '../../src/text/generate.ts';
import { PADDING } from '../../src/text/options.ts';
import { tokenBytes } from '../../src/text/tokens.ts';
import { TINY, tinyGraph } from '../support/tinyText.ts';

const SIZES = { prompt: 6, tokens: 10 };
const PROMPT = [5, 17, 3];

async function writer(model: TextModel, engine: Engine = wasmEngine) {
  const { on, session } = await PassChooser.load(model, engine);
  const checker = await engine.load(model.program, model.weights);
  return {
    write: (prompt: readonly number[]) => generate(model, on(inputsOf(model, { prompt }))),
    accepts: async (prompt: readonly number[], text: readonly number[]): Promise<number[]> => {
      const [accept] = await checker.run([...inputsOf(model, { prompt }), tokenBytes(text, model.width)]);
      return [...accept!.bytes];
    },
    close: async () => {
      await session.close();
      await checker.close();
    },
  };
}

describe('a text that is checked', () => {
  const model = compileText(tinyGraph(), 1000, SIZES);

  it('has a program of one answer and one scalar', () => {
    expect(validate(model.program)).to.deep.equal([]);
    expect(model.answers.map(({ name, shape }) => [name, shape])).to.deep.equal([['text', [10, 1]]]);
    expect(model.inputs.map(({ name, shape }) => [name, shape])).to.deep.equal([
      ['prompt', [6, 1]],
      ['length', []],
    ]);
    expect(model.outputs).to.have.length(1);
    expect(model.outputs[0]!.shape).to.deep.equal([]);
    expect(model.vocabulary).to.equal(TINY.vocabulary);
  });

  it('is accepted if the model chose it, with every token of it changed never', async () => {
    const { write, accepts, close } = await writer(model);
    const text = await write(PROMPT);
    expect(new Set(text).size).to.be.greaterThan(3);
    expect(await accepts(PROMPT, text)).to.deep.equal([1]);
    for (const [i, token] of text.entries()) {
      for (const other of [(token + 1) % TINY.vocabulary, PADDING, TINY.vocabulary, 254]) {
        expect(await accepts(PROMPT, text.with(i, other)), `${other} at ${i}`).to.deep.equal([0]);
      }
    }
    await close();
  });

  it('has the same bits on the reference engine', async () => {
    const fast = await writer(model);
    const slow = await writer(model, referenceEngine);
    const text = await fast.write(PROMPT);
    expect(await slow.write(PROMPT)).to.deep.equal(text);
    expect(await slow.accepts(PROMPT, text)).to.deep.equal([1]);
    await fast.close();
    await slow.close();
  });

  it('follows prompts of every length, whatever is behind them', async () => {
    const { write, accepts, close } = await writer(model);
    const prompt = [9, 30, 1, 12, 25, 7];
    for (let length = 1; length <= SIZES.prompt; length++) {
      const text = await write(prompt.slice(0, length));
      expect(await accepts(prompt.slice(0, length), text)).to.deep.equal([1]);
    }
    const { on, session } = await PassChooser.load(model, wasmEngine);
    const [padded, count] = inputsOf(model, { prompt: prompt.slice(0, 2) });
    const noisy = padded!.slice();
    noisy.fill(0xff, 2);
    expect(await generate(model, on([noisy, count!]))).to.deep.equal(await write(prompt.slice(0, 2)));
    await session.close();
    await close();
  });

  it('ends at a token that ends it, with nothing but padding behind', async () => {
    const open = await writer(model);
    const whole = await open.write(PROMPT);
    await open.close();
    const place = whole.findIndex((token, i) => i > 1 && whole.indexOf(token) === i);
    const ended = compileText(tinyGraph(), 1000, { ...SIZES, ends: [TINY.vocabulary - 1, whole[place]!] });
    const { write, accepts, close } = await writer(ended);
    const text = await write(PROMPT);
    expect(text).to.deep.equal([
      ...whole.slice(0, place + 1),
      ...new Array(SIZES.tokens - place - 1).fill(PADDING),
    ]);
    expect(await accepts(PROMPT, text)).to.deep.equal([1]);
    expect(await accepts(PROMPT, whole), 'a token after the end').to.deep.equal([0]);
    expect(await accepts(PROMPT, text.with(SIZES.tokens - 1, 0))).to.deep.equal([0]);
    expect(await accepts(PROMPT, text.with(place, PADDING)), 'padding before the end').to.deep.equal([0]);
    expect(await accepts(PROMPT, new Array(SIZES.tokens).fill(PADDING))).to.deep.equal([0]);
    await close();
  });

  it('is found by fewer passes with drafts, and the same with wrong ones', async () => {
    const { write, close } = await writer(model);
    const text = await write(PROMPT);
    const { on, session } = await PassChooser.load(model, wasmEngine);
    const chooser = on(inputsOf(model, { prompt: PROMPT }));
    let passes = 0;
    const counting = {
      choose: (...args: Parameters<PassChooser['choose']>) => {
        passes++;
        return chooser.choose(...args);
      },
    };
    const right = async (tokens: readonly number[]) => text.slice(tokens.length);
    expect(await generate(model, counting, { draft: right })).to.deep.equal(text);
    expect(passes).to.equal(1);
    passes = 0;
    // Every third token that is drafted is wrong.
    const partly = async (tokens: readonly number[], most: number) =>
      text.slice(tokens.length, tokens.length + most).map((token, i) => (i % 3 === 2 ? token + 1 : token));
    expect(await generate(model, counting, { draft: partly })).to.deep.equal(text);
    expect(passes).to.equal(4);
    await session.close();
    await close();
  });
});
