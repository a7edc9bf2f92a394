import { expect } from 'chai';
import { tokenizerOf } from '../../src/text/tokenizer.ts';

/** A tokenizer of single letters that cuts texts by an expression. */
const cutting = (regex: string): object => ({
  version: '1.0',
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: { type: 'Split', pattern: { Regex: regex }, behavior: 'Isolated', invert: false },
  decoder: null,
  post_processor: null,
  model: { type: 'BPE', vocab: { a: 0, b: 1, ' ': 2 }, merges: [], unk_token: null },
});

const CONTRACTIONS = `(?i:'s|'t|'re|'ve|'m|'ll|'d)`;
const REST = String.raw` ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
const WORD = String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+`;
/** Expressions of tokenizers that are used. */
const USED = {
  'GPT-2': String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
  'Llama 3': String.raw`${CONTRACTIONS}|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|${REST}`,
  Qwen2: String.raw`${CONTRACTIONS}|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|${REST}`,
  'GPT-4o': String.raw`${WORD}${CONTRACTIONS}?|\p{N}{1,3}|${REST}`,
  'thousands apart': String.raw`\p{N}{1,3}(?=(?:\p{N}{3})*(?:\P{N}|$))`,
  BLOOM: String.raw` ?[^(\s|[.,!?…。，、।۔،])]+`,
};

describe('expressions of a tokenizer', () => {
  for (const [name, regex] of Object.entries(USED)) {
    it(`are taken as ${name} has them`, () => {
      const tokenizer = tokenizerOf(cutting(regex));
      expect(tokenizer.decode(tokenizer.encode('ab a'))).to.contain('b');
    });
  }

  for (const [what, regex, why] of [
    ['repeat repetitions', '(a+)+$', 'repeats a group that can match the same text in several ways'],
    ['repeat alternatives', '(a|aa)+$', 'repeats a group'],
    ['repeat what may be left out', '(?:a?b?)*$', 'repeats a group'],
    ['repeat a few of many', '(a+){30}$', 'repeats more than 2 parts'],
    ['repeat many parts', 'a*a*a*a*b', 'repeats more than 2 parts without a bound in a row'],
    ['leave out many parts', `${'a?'.repeat(30)}${'a'.repeat(30)}`, 'matches in more than 1000 ways'],
    ['repeat very often', '(?:a{999999})', 'repeats a part "{999999}" times'],
    ['are nested deep', `${'(a|'.repeat(20_000)}b${')'.repeat(20_000)}`, 'has more than 10000 letters'],
    ['are nested', `${'(a|'.repeat(100)}b${')'.repeat(100)}`, 'has groups more than 30 deep'],
    ['are none', '(((', 'it cannot be used'],
  ] as const) {
    it(`are refused where they ${what}`, () => {
      expect(() => tokenizerOf(cutting(regex)))
        .to.throw(why)
        .with.property('name', 'ImportError');
    });
  }

  it('are found wherever they are', () => {
    const slow = { type: 'Replace', pattern: { Regex: '(a+)+$' }, content: '' };
    const base = { ...cutting('a'), pre_tokenizer: null };
    for (const part of ['normalizer', 'decoder', 'pre_tokenizer']) {
      const inside = { type: 'Sequence', normalizers: [slow], decoders: [slow], pretokenizers: [slow] };
      expect(() => tokenizerOf({ ...base, [part]: inside }), part).to.throw('repeats a group');
    }
  });
});
