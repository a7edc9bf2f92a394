import { ensure, quoted, within } from '../../onnx/errors.ts';
import { type TextTokenizer, tokenizerOf } from '../tokenizer.ts';
import type { GgufFile } from './file.ts';

/** The tokenizer in a GGUF file, as a `tokenizer.json` would say it: byte-level pair encodings only. */

/** Kinds of tokens (llama.h, `llama_token_type`) that stand for no text of their own. */
const CONTROL = 3;
const USER_DEFINED = 4;

const byteLevel = (regex: boolean) => ({
  type: 'ByteLevel',
  add_prefix_space: false,
  trim_offsets: true,
  use_regex: regex,
});

const split = (pattern: string) => ({
  type: 'Split',
  pattern: { Regex: pattern },
  behavior: 'Isolated',
  invert: false,
});

/** Patterns that cut a text before pairs are joined, by the names of llama.cpp. */
const CUTS: Readonly<Record<string, readonly object[]>> = {
  default: [byteLevel(true)],
  'gpt-2': [byteLevel(true)],
  smollm: [{ type: 'Digits', individual_digits: true }, byteLevel(true)],
  'llama-bpe': [
    split(
      String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
    ),
    byteLevel(false),
  ],
  qwen2: [
    split(
      String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
    ),
    byteLevel(false),
  ],
};

const strings = (file: GgufFile, key: string): readonly string[] => {
  const value = file.value(key);
  ensure(
    Array.isArray(value) && value.every((one) => typeof one === 'string'),
    `its metadata has no list ${quoted(key)}`,
  );
  return value;
};

/** @throws ImportError for a tokenizer of another kind */
export function tokenizerOfGguf(file: GgufFile): TextTokenizer {
  return within('tokenizer', () => {
    const kind = file.text('tokenizer.ggml.model');
    ensure(
      kind === 'gpt2',
      `it is of kind ${quoted(kind)}, and only byte-level pairs (gpt2) are read; give --tokenizer`,
    );
    const cut = String(file.value('tokenizer.ggml.pre') ?? 'default');
    const cuts = Object.hasOwn(CUTS, cut) ? CUTS[cut] : undefined;
    ensure(cuts, `it cuts texts as ${quoted(cut)}, which is not known; give --tokenizer`);
    const tokens = strings(file, 'tokenizer.ggml.tokens');
    const kinds = (file.value('tokenizer.ggml.token_type') ?? []) as readonly number[];
    const added = tokens.flatMap((content, id) =>
      kinds[id] === CONTROL || kinds[id] === USER_DEFINED
        ? [
            {
              id,
              content,
              special: kinds[id] === CONTROL,
              lstrip: false,
              rstrip: false,
              single_word: false,
              normalized: false,
            },
          ]
        : [],
    );
    return tokenizerOf({
      version: '1.0',
      added_tokens: added,
      normalizer: null,
      pre_tokenizer: { type: 'Sequence', pretokenizers: cuts },
      post_processor: null,
      decoder: byteLevel(true),
      model: {
        type: 'BPE',
        vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
        merges: [...strings(file, 'tokenizer.ggml.merges')],
        unk_token: null,
        byte_fallback: false,
        ignore_merges: cut === 'llama-bpe',
      },
    });
  });
}
