import { expect } from 'chai';
import { packPrompt, readText, type WritingModel } from '../../src/client/text.ts';
import { hexOf } from '../../src/merkle/keccak.ts';
import { concat } from '../../src/merkle/tree.ts';
import { compileText } from '../../src/text/compile.ts';
import { inputsOf } from '../../src/text/generate.ts';
import { PADDING } from '../../src/text/options.ts';
import { formatOf, InvalidPrompt } from '../../src/text/prompt.ts';
import { tokenizerOf } from '../../src/text/tokenizer.ts';
import { tokenBytes } from '../../src/text/tokens.ts';
import { tinyGraph, tinyTokenizer } from '../support/tinyText.ts';

describe('texts for a client', () => {
  const tokenizer = tokenizerOf(tinyTokenizer());
  const model: Omit<WritingModel, 'id'> = { prompt: 6, tokens: 4, vocabulary: 40, tokenizer };
  const sampled = { ...model, sampled: true };

  it('are asked for by what the compiled model says of itself, and by the same bytes', () => {
    for (const one of [model, sampled]) {
      const { tokenizer: _, ...format } = one;
      const compiled = compileText(tinyGraph(), 1000, {
        prompt: 6,
        tokens: 4,
        sampled: one.sampled ?? false,
      });
      expect(formatOf(compiled)).to.deep.equal(format);
      const drawn = one.sampled ? { temperature: 0.5, seed: [7, -1] as const, candidates: 3 } : {};
      const packed = packPrompt(
        one,
        'abc',
        one.sampled ? { temperature: 0.5, seed: 2n ** 64n - 2n ** 32n + 7n, candidates: 3 } : {},
      );
      expect(hexOf(packed.input)).to.equal(
        hexOf(concat(inputsOf(compiled, { prompt: [0, 1, 2], ...drawn }))),
      );
      expect(packed.prompt).to.deep.equal({ tokens: [0, 1, 2], read: 'abc' });
    }
  });

  it('go on from what the tokenizer makes of the prompt, which is told', () => {
    expect(packPrompt(model, 'añb').prompt).to.deep.equal({ tokens: [0, 1], read: 'ab' });
  });

  it('need a prompt that the model takes', () => {
    for (const [prompt, why] of [
      ['', 'the prompt is empty; a text goes on from at least one token'],
      ['日本', 'the prompt has no tokens: the tokenizer knows none of its characters'],
      ['a\ud83d', 'the prompt is no Unicode text: it has half of a surrogate pair'],
      ['abcabca', /^the prompt has 7 tokens, and the model takes 6; shorten it, or ask a model/],
    ] as const) {
      expect(() => packPrompt(model, prompt)).to.throw(InvalidPrompt, why);
    }
    expect(() => packPrompt({ ...model, vocabulary: 3 }, 'abd')).to.throw(
      InvalidPrompt,
      "the tokenizer gives token 3, and the model has 3; it is another model's tokenizer",
    );
  });

  it('are drawn only as a model can', () => {
    expect(() => packPrompt(model, 'a', { temperature: 1 })).to.throw(/takes the likeliest token always/);
    expect(() => packPrompt(sampled, 'a', { temperature: -1 })).to.throw(/temperature of -1/);
    expect(() => packPrompt(sampled, 'a', { candidates: 1.5 })).to.throw(/1.5 candidates/);
    expect(() => packPrompt(sampled, 'a', { seed: 2n ** 64n })).to.throw(/seed 18446744073709551616/);
  });

  it('are read up to where they end', () => {
    expect(readText(model, tokenBytes([7, 8, PADDING, PADDING], 1))).to.deep.equal({
      tokens: [7, 8],
      text: 'hi',
    });
    expect(readText(model, tokenBytes([7, 8, 7, 8], 1)).text).to.equal('hihi');
    expect(() => readText(model, new Uint8Array(5))).to.throw(RangeError, 'the answer has 5 bytes');
  });
});
