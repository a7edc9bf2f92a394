import { type Hash, keccak } from '../merkle/keccak.ts';
import { concat } from '../merkle/tree.ts';
import { ImportError, quoted } from '../onnx/errors.ts';

/** A vocabulary as `contracts/consumers/Vocabulary.sol` keeps it, which draws a page. */
export interface VocabularyPages {
  /** Number of tokens. */
  readonly tokens: number;
  /** Tokens of a page; the last one may have fewer. */
  readonly pageTokens: number;
  readonly pages: readonly Uint8Array[];
  /** keccak256 of each page. */
  readonly hashes: readonly Hash[];
}

/** Most bytes of a page: those of a contract's code, less one. */
const MAX_PAGE_BYTES = 24_575;

/**
 * Divides the tokens of a vocabulary among as few pages as a power of two of tokens each allows.
 *
 * @param texts bytes of each token, by its number; none for tokens that are no text
 * @throws RangeError if a single token does not fit into a page
 */
export function vocabularyPages(texts: readonly Uint8Array[]): VocabularyPages {
  if (texts.length === 0) throw new RangeError('a vocabulary has one token at least');
  let pageTokens = 1;
  while (pageTokens < texts.length) pageTokens *= 2;
  for (; pageTokens >= 1; pageTokens /= 2) {
    const pages: Uint8Array[] = [];
    for (let first = 0; first < texts.length; first += pageTokens) {
      const page = pageOf(texts.slice(first, first + pageTokens), pageTokens);
      if (!page) break;
      pages.push(page);
    }
    if (pages.length === Math.ceil(texts.length / pageTokens)) {
      return { tokens: texts.length, pageTokens, pages, hashes: pages.map(keccak) };
    }
  }
  throw new RangeError(`a token has more than the ${MAX_PAGE_BYTES} bytes of a page`);
}

/** A table of `pageTokens` + 1 offsets, u16 and big-endian, then the bytes; undefined if that is too long. */
function pageOf(texts: readonly Uint8Array[], pageTokens: number): Uint8Array | undefined {
  const tableBytes = 2 * (pageTokens + 1);
  const textBytes = texts.reduce((sum, { length }) => sum + length, 0);
  if (tableBytes + textBytes > MAX_PAGE_BYTES) return undefined;
  const table = new DataView(new ArrayBuffer(tableBytes));
  let offset = 0;
  for (let i = 0; i <= pageTokens; i++) {
    table.setUint16(2 * i, offset);
    offset += texts[i]?.length ?? 0;
  }
  return concat([new Uint8Array(table.buffer), ...texts]);
}

interface Decoder {
  readonly type: string;
  readonly decoders?: readonly Decoder[];
  readonly pattern?: { readonly String?: string };
  readonly content?: string;
  readonly replacement?: string;
}

interface TokenizerJson {
  readonly added_tokens?: readonly {
    readonly id: number;
    readonly content: string;
    readonly special?: boolean;
  }[];
  readonly decoder?: Decoder | null;
  readonly model?: { readonly vocab?: Readonly<Record<string, number>> };
}

const utf8 = new TextEncoder();

/**
 * The bytes that each token of a `tokenizer.json` adds to a text, whatever stands around it.
 *
 * @param json its contents, parsed
 * @returns bytes by token; none for special tokens, and for numbers without a token
 * @throws ImportError if it is no such file, or if a token's text depends on its neighbours
 */
export function tokenTexts(json: unknown): Uint8Array[] {
  const { added_tokens: added, decoder, model } = (json ?? {}) as TokenizerJson;
  const { vocab } = model ?? {};
  if (typeof vocab !== 'object' || vocab === null || Array.isArray(vocab)) {
    throw new ImportError('tokenizer: it has no list of tokens by name; give a BPE tokenizer.json');
  }
  const toBytes = decodersIn(decoder ?? { type: 'Fuse' }).reduce<(text: string) => Uint8Array>(
    (rest, one) => withDecoder(one, rest),
    (text) => utf8.encode(text),
  );
  const bytes = new Map<number, Uint8Array>();
  let count = 0;
  const set = (id: number, text: string, toText: (text: string) => Uint8Array): void => {
    if (!(Number.isInteger(id) && id >= 0 && id < MOST_TOKENS)) {
      throw new ImportError(
        `tokenizer: its token ${quoted(text)} is number ${id}; known are 0 to ${MOST_TOKENS - 1}`,
      );
    }
    bytes.set(id, toText(text));
    count = Math.max(count, id + 1);
  };
  for (const [text, id] of Object.entries(vocab)) set(id, text, toBytes);
  for (const { id, content, special } of added ?? []) {
    set(id, content, (text) => (special ? new Uint8Array() : utf8.encode(text)));
  }
  return Array.from({ length: count }, (_, id) => bytes.get(id) ?? new Uint8Array());
}

/** Several times those of the largest vocabularies. */
const MOST_TOKENS = 2 ** 21;
const MOST_DEPTH = 30;

/** The steps of a decoder, the last one first. */
function decodersIn(decoder: Decoder, depth = 0): Decoder[] {
  if (decoder.type !== 'Sequence') return [decoder];
  if (depth > MOST_DEPTH) {
    throw new ImportError(`tokenizer: its decoders are more than ${MOST_DEPTH} deep`);
  }
  return (decoder.decoders ?? []).flatMap((one) => decodersIn(one, depth + 1)).reverse();
}

/** Applies one step of a decoder, and those behind it, to a token's text. */
function withDecoder(decoder: Decoder, rest: (text: string) => Uint8Array): (text: string) => Uint8Array {
  const { type, pattern, content = '', replacement = '▁' } = decoder;
  if (type === 'Fuse') return rest;
  if (type === 'ByteLevel') return (text) => Uint8Array.from(text, byteOf);
  if (type === 'Replace' && pattern?.String !== undefined) {
    return (text) => rest(text.replaceAll(pattern.String!, content));
  }
  if (type === 'Metaspace') return (text) => rest(text.replaceAll(replacement, ' '));
  if (type === 'ByteFallback') {
    return (text) => {
      const digits = /^<0x([0-9A-F]{2})>$/.exec(text)?.[1];
      return digits === undefined ? rest(text) : Uint8Array.of(Number.parseInt(digits, 16));
    };
  }
  throw new ImportError(`tokenizer: by its decoder ${type} a token's text depends on its neighbours`);
}

/** Printable characters of Latin-1 stand for themselves, 256 and those after it for the other bytes, in their order. (GPT-2) */
const BYTES = new Map<string, number>();
{
  const isPrintable = (byte: number): boolean =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xff && byte !== 0xad);
  let others = 0;
  for (let byte = 0; byte < 256; byte++) {
    BYTES.set(String.fromCodePoint(isPrintable(byte) ? byte : 256 + others++), byte);
  }
}

/** @throws ImportError if the character stands for no byte */
function byteOf(character: string): number {
  const byte = BYTES.get(character);
  if (byte === undefined) throw new ImportError(`tokenizer: its character ${character} stands for no byte`);
  return byte;
}
