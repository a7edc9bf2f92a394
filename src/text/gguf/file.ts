import { type GGMLQuantizationType, gguf } from '@huggingface/gguf';
import { ensure, ImportError, quoted } from '../../onnx/errors.ts';
import { sizeOf } from '../../program/node.ts';
import { dequantised, isKnown, storedBytes } from './blocks.ts';

/** A GGUF file: what it says about a model, and the model's weights. */
export class GgufFile {
  readonly #metadata: Readonly<Record<string, unknown>>;
  readonly #tensors: ReadonlyMap<string, StoredTensor>;
  readonly #bytes: Uint8Array;

  private constructor(
    metadata: Readonly<Record<string, unknown>>,
    tensors: ReadonlyMap<string, StoredTensor>,
    bytes: Uint8Array,
  ) {
    this.#metadata = metadata;
    this.#tensors = tensors;
    this.#bytes = bytes;
  }

  /** @throws ImportError if it is no whole GGUF file */
  static async read(bytes: Uint8Array): Promise<GgufFile> {
    try {
      const { metadata, tensorInfos, tensorDataOffset } = await gguf('http://localhost', {
        fetch: served(bytes),
      });
      const start = Number(tensorDataOffset);
      const tensors = tensorInfos.map(({ name, shape, dtype, offset }): [string, StoredTensor] => [
        name,
        // The file lists the innermost extent first.
        { shape: shape.map(Number).reverse(), kind: dtype, at: start + Number(offset) },
      ]);
      return new GgufFile(metadata as unknown as Readonly<Record<string, unknown>>, new Map(tensors), bytes);
    } catch (error) {
      throw new ImportError(`file: not a GGUF model (${error instanceof Error ? error.message : error})`);
    }
  }

  get byteLength(): number {
    return this.#bytes.length;
  }

  has(tensor: string): boolean {
    return this.#tensors.has(tensor);
  }

  /** A number of the metadata. @throws Refusal if it is missing and there is no other */
  number(key: string, otherwise?: number): number {
    const value = this.#metadata[key];
    if (value === undefined && otherwise !== undefined) return otherwise;
    const number = typeof value === 'bigint' ? Number(value) : value;
    ensure(
      typeof number === 'number' && Number.isFinite(number),
      `its metadata has no number ${quoted(key)}`,
    );
    return number;
  }

  text(key: string): string {
    const value = this.#metadata[key];
    ensure(typeof value === 'string', `its metadata has no text ${quoted(key)}`);
    return value;
  }

  /** A value of any kind, such as a list of tokens. */
  value(key: string): unknown {
    return this.#metadata[key];
  }

  /**
   * A weight in float32.
   *
   * @param expected its shape, outermost extent first
   */
  weight(name: string, expected: readonly number[]): Float32Array {
    const tensor = this.#tensors.get(name);
    ensure(tensor, `it has no tensor ${quoted(name)}`);
    const { shape, kind, at } = tensor;
    ensure(
      `${shape}` === `${expected}`,
      `its tensor ${quoted(name)} has the shape [${shape}], not [${expected}]`,
    );
    ensure(isKnown(kind), () => `its tensor ${quoted(name)} is of type ${kind}, which is not supported`);
    const end = at + storedBytes(kind, sizeOf(shape));
    ensure(end <= this.#bytes.length, `it ends inside the tensor ${quoted(name)}`);
    return dequantised(kind, this.#bytes.subarray(at, end), sizeOf(shape));
  }
}

interface StoredTensor {
  readonly shape: readonly number[];
  readonly kind: GGMLQuantizationType;
  /** Place of its first byte in the file. */
  readonly at: number;
}

/** Answers the ranges that the parser asks for from memory. */
const served =
  (bytes: Uint8Array): typeof fetch =>
  async (_, init) => {
    const { Range: range = '' } = (init?.headers ?? {}) as Record<string, string>;
    const [, from = '0', to = '0'] = /^bytes=(\d+)-(\d+)$/.exec(range) ?? [];
    const headers = { 'content-range': `bytes ${from}-${to}/${bytes.length}` };
    return new Response(bytes.slice(Number(from), Number(to) + 1), { headers });
  };
