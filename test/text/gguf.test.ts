import { readFileSync } from 'node:fs';
import { GGMLQuantizationType } from '@huggingface/gguf';
import { expect } from 'chai';
import { BLOCK } from '../../src/text/floatMatrix.ts';
import { dequantised, isWhole, splitter, storedBytes } from '../../src/text/gguf/blocks.ts';
import { Random } from '../support/randomProgram.ts';

const { F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K } = GGMLQuantizationType;

/** Floats of 16 bits, some of them subnormal. */
const HALVES: readonly (readonly [code: number, value: number])[] = [
  [0x3c00, 1],
  [0x3555, 0.333251953125],
  [0xc500, -5],
  [0x0003, 3 * 2 ** -24],
];

/** Blocks of a scale, a second number of 16 bits or none, fifth bits or none, and bytes from a seed. */
function blocksOf(kind: GGMLQuantizationType, blocks: number) {
  const random = new Random(kind + 1);
  const bytes = Uint8Array.from({ length: storedBytes(kind, blocks * BLOCK) }, () => random.below(256));
  const view = new DataView(bytes.buffer);
  const size = bytes.length / blocks;
  const halves = Array.from({ length: blocks }, (_, block) => {
    const [scale, least] = [HALVES[block % 4]!, HALVES[(block + 1) % 4]!];
    view.setUint16(block * size, scale[0], true);
    if (kind === Q4_1 || kind === Q5_1) view.setUint16(block * size + 2, least[0], true);
    return { scale: scale[1], least: least[1] };
  });
  return { bytes, view, size, halves };
}

/** As ggml's documentation says it, one weight at a time (ggml-quants.c, `dequantize_row_*`). */
function weightAt(
  kind: GGMLQuantizationType,
  { view, size, halves }: ReturnType<typeof blocksOf>,
  i: number,
) {
  const [block, at] = [Math.floor(i / BLOCK), i % BLOCK];
  const { scale, least } = halves[block]!;
  const start = block * size;
  if (kind === Q8_0) return Math.fround(view.getInt8(start + 2 + at) * scale);
  const byte = view.getUint8(start + size - 16 + (at % 16));
  const nibble = at < 16 ? byte & 15 : byte >> 4;
  const fifth = (from: number): number => 16 * ((view.getUint32(start + from, true) >>> at) & 1);
  const scaled = (level: number): number => Math.fround(level * scale);
  if (kind === Q4_0) return scaled(nibble - 8);
  if (kind === Q4_1) return Math.fround(scaled(nibble) + least);
  if (kind === Q5_0) return scaled(nibble + fifth(2) - 16);
  return Math.fround(scaled(nibble + fifth(4)) + least);
}

describe('blocks of a GGUF file', () => {
  it('are widened as ggml does, of every kind', () => {
    for (const kind of [Q4_0, Q4_1, Q5_0, Q5_1, Q8_0]) {
      const stored = blocksOf(kind, 8);
      // Zeros have either sign.
      const expected = Array.from({ length: 8 * BLOCK }, (_, i) => weightAt(kind, stored, i) + 0);
      const widened = Array.from(dequantised(kind, stored.bytes, 8 * BLOCK), (weight) => weight + 0);
      expect(widened, GGMLQuantizationType[kind]).to.deep.equal(expected);
    }
  });

  it('of 256 weights are widened as gguf-py 0.19 does (gguf/quants.py)', () => {
    const known: Readonly<Record<string, { readonly bytes: string; readonly weights: string }>> = JSON.parse(
      readFileSync(new URL('../snapshots/superBlocks.json', import.meta.url), 'utf8'),
    );
    for (const kind of [Q4_K, Q5_K, Q6_K]) {
      const { bytes, weights } = known[GGMLQuantizationType[kind]]!;
      const stored = Uint8Array.from(Buffer.from(bytes, 'base64'));
      const expected = new Float32Array(Uint8Array.from(Buffer.from(weights, 'base64')).buffer);
      expect(storedBytes(kind, expected.length)).to.equal(stored.length);
      expect(dequantised(kind, stored, expected.length).map((one) => one + 0)).to.deep.equal(
        expected.map((one) => one + 0),
      );
    }
    expect([isWhole(Q4_K, 256), isWhole(Q4_K, 288), isWhole(Q8_0, 288)]).to.deep.equal([true, false, true]);
  });

  it('of floats need not be whole', () => {
    const words = Float32Array.of(1, -2.5, 3e38);
    expect([...dequantised(F32, new Uint8Array(words.buffer), 3)]).to.deep.equal([...words]);
    const halves = Uint8Array.of(0x00, 0x3c, 0x00, 0xc5);
    expect([...dequantised(F16, halves, 2)]).to.deep.equal([1, -5]);
    expect([...dequantised(BF16, Uint8Array.of(0x80, 0x3f, 0x20, 0xc0), 2)]).to.deep.equal([1, -2.5]);
  });

  it('of 4 bits come apart into levels, steps and least values that mean the same', () => {
    for (const kind of [Q4_0, Q4_1]) {
      const { bytes } = blocksOf(kind, 8);
      const { levels, steps, leasts } = splitter(kind)!(bytes);
      const expected = dequantised(kind, bytes, 8 * BLOCK);
      levels.forEach((level, i) => {
        const block = Math.floor(i / BLOCK);
        expect(Math.fround(Math.fround(level * steps[block]!) + leasts[block]!)).to.equal(expected[i]);
      });
    }
    for (const kind of [Q5_0, Q5_1, Q8_0, F16]) expect(splitter(kind)).to.equal(undefined);
  });
});
