import { GGMLQuantizationType } from '@huggingface/gguf';
import { expect } from 'chai';
import type { TensorValue } from '../../src/onnx/read/graph.ts';
import { GgufFile } from '../../src/text/gguf/file.ts';
import { graphOfGguf } from '../../src/text/gguf/llama.ts';
import { encodeGguf, type Metadata } from '../support/ggufFile.ts';
import { seededGguf } from '../support/seededGguf.ts';

const POSITIONS = 16;

async function graph(bytes: Uint8Array) {
  return graphOfGguf(await GgufFile.read(bytes), POSITIONS);
}

/** Why a file is refused. */
async function refusal(bytes: Uint8Array): Promise<string> {
  const error = await graph(bytes).then(
    () => new Error('it is taken'),
    (one: Error) => one,
  );
  expect(error.name, error.stack).to.equal('ImportError');
  return error.message;
}

const fileWith = (metadata: Metadata) => seededGguf(5, { metadata }).bytes;
const cosines = async (metadata: Metadata, tensors = {}) => {
  const found = (await graph(seededGguf(5, { metadata, tensors }).bytes)).initializers.get('cos')!;
  return (found as TensorValue).values as Float32Array;
};
const floats = (numbers: readonly number[]) => ({
  shape: [numbers.length],
  kind: GGMLQuantizationType.F32,
  bytes: new Uint8Array(Float32Array.from(numbers).buffer),
});

describe('what a GGUF file says besides', () => {
  it('is refused by its name where it may change what is computed', async () => {
    for (const [key, value] of [
      ['attention.causal', false],
      ['attention.scale', 4],
      ['logit_scale', 4],
      ['final_logit_softcapping', 2],
      ['embedding_scale', 12],
      ['expert_count', 8],
      ['a.key.of.the.future', 1],
    ] as const) {
      expect(await refusal(fileWith({ [`llama.${key}`]: value }))).to.contain(
        `"llama.${key}" may change what it computes`,
      );
    }
    for (const name of ['output.bias', 'blk.0.attn_q_norm.weight', 'blk.2.attn_q.weight', 'unknown']) {
      const { bytes } = seededGguf(5, { tensors: { [name]: floats([1]) } });
      expect(await refusal(bytes)).to.contain(`tensor "${name}", which may change what it computes`);
    }
    const { bytes } = seededGguf(5, { tensors: { 'blk.0.ffn_up.bias': floats(Array(96).fill(1)) } });
    expect(await refusal(bytes)).to.contain('it has no tensor "blk.1.ffn_up.bias"');
  });

  it('is taken where it changes nothing', async () => {
    const expected = await graph(seededGguf(5).bytes);
    const found = await graph(
      fileWith({
        'llama.attention.causal': true,
        'llama.logit_scale': 1,
        'llama.vocab_size': 200,
        'llama.attention.sliding_window': POSITIONS,
        'llama.rope.dimension_count': 16,
        'llama.rope.scaling.type': 'none',
        'llama.rope.scaling.factor': 4,
      }),
    );
    expect(found.nodes).to.deep.equal(expected.nodes);
    expect(found.initializers.get('cos')).to.deep.equal(expected.initializers.get('cos'));
  });

  it('scales positions linearly by a factor, and pairs by theirs', async () => {
    const pairs = 8;
    const plain = await cosines({});
    for (const key of ['scaling.factor', 'scale_linear']) {
      const found = await cosines({ [`llama.rope.${key}`]: 4 });
      expect(found.subarray(8 * pairs, 9 * pairs)).to.deep.equal(plain.subarray(2 * pairs, 3 * pairs));
    }
    const divisors = [1, 1, 1, 2, 2, 2, 4, 4];
    const found = await cosines({}, { 'rope_freqs.weight': floats(divisors) });
    divisors.forEach((divisor, pair) => {
      expect(found[8 * pairs + pair]).to.equal(plain[(8 / divisor) * pairs + pair]);
    });
    expect(await refusal(fileWith({ 'llama.rope.scaling.type': 'yarn' }))).to.contain('are scaled ("yarn")');
    expect(await refusal(fileWith({ 'llama.rope.scaling.factor': -2 }))).to.contain(
      '"llama.rope.scaling.factor"',
    );
  });
});

describe('a damaged GGUF file', () => {
  it('is refused by its shapes before anything is allocated', async () => {
    for (const [key, value, why] of [
      ['block_count', 0, 'not an integer above 0'],
      ['block_count', -1, 'not an integer above 0'],
      ['block_count', 1.5, 'not an integer above 0'],
      ['block_count', 1, 'has a tensor "blk.1.'],
      ['block_count', 2 ** 31, 'has no tensor "blk.2.'],
      ['attention.head_count', 0, 'not an integer above 0'],
      ['attention.head_count', 3, 'not divisible among 3 heads'],
      ['attention.head_count_kv', 3, 'not divisible among 3 heads of keys'],
      ['attention.key_length', 2 ** 22, 'has the shape'],
      ['embedding_length', 2 ** 31, 'has the shape'],
      ['attention.layer_norm_rms_epsilon', -1, 'not above 0'],
      ['rope.freq_base', 0, 'not above 0'],
      ['rope.freq_base', 'x', 'not a number'],
      ['rope.dimension_count', 8, 'its heads have 16'],
      ['attention.sliding_window', 4, 'its positions are 4 at most'],
    ] as const) {
      expect(await refusal(fileWith({ [`llama.${key}`]: value })), `${key} ${value}`).to.contain(why);
    }
  });

  it('is refused by what its header says of the file', async () => {
    for (const alignment of [0, 48, 2 ** 31, 'x'])
      expect(await refusal(fileWith({ 'general.alignment': alignment }))).to.contain('no power of two');
    const { Q8_0, Q2_K } = GGMLQuantizationType;
    const odd = { shape: [2, 33], kind: Q8_0, bytes: new Uint8Array(128) };
    expect(await refusal(encodeGguf({}, { odd }))).to.contain('rows of 33, which are no whole blocks');
    const kept = { shape: [200, 64], kind: Q2_K, bytes: new Uint8Array(4_200) };
    expect(await refusal(seededGguf(5, { tensors: { 'token_embd.weight': kept } }).bytes)).to.match(
      /"token_embd\.weight" is of type Q2_K; known are F32, .*llama-quantize --allow-requantize/,
    );
    const bytes = Buffer.from(encodeGguf({}, { one: floats([1]) }));
    const offset = bytes.indexOf('one') + 3 + 4 + 8 + 4;
    bytes[offset] = 3;
    expect(await refusal(bytes)).to.contain('"one" is not aligned to 32 bytes');
    bytes[offset] = 0;
    bytes[offset + 6] = 1;
    expect(await refusal(bytes)).to.contain('truncated: it ends inside its tensor "one"');
  });

  it('is called truncated, wherever it ends', async () => {
    const { bytes } = seededGguf(5);
    for (const end of [0, 7, 23, 24, 100, 4_000, bytes.length - 1_000, bytes.length - 64])
      expect(await refusal(bytes.subarray(0, end)), `${end}`).to.contain('truncated');
    const big = Buffer.from(encodeGguf({ key: ['a', 'b'] }, {}));
    // The list's length.
    big.writeUInt32LE(999_999, big.indexOf('key') + 3 + 8);
    expect(await refusal(big)).to.contain('it has 999999 items of a list');
  });

  it('may have long texts in its metadata', async () => {
    const found = await graph(fileWith({ 'tokenizer.chat_template': 'x'.repeat(9_000_000) }));
    expect(found.nodes).to.have.length.above(10);
  });
});
