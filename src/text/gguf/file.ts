import { type GGMLQuantizationType, gguf } from '@huggingface/gguf';
import { ensure, ImportError, quoted } from '../../onnx/errors.ts';
import { TYPES } from '../../onnx/types.ts';
import { sizeOf } from '../../program/node.ts';
import { BLOCK, type FloatMatrix } from '../floatMatrix.ts';
import { dequantised, isKnown, splitter, storedBytes } from './blocks.ts';

/** A GGUF file: what it says about a model, and the model's weights. */
export class GgufFile {
  readonly #metadata: Readonly<Record<string, unknown>>;
  readonly #tensors: ReadonlyMap<string, StoredTensor>;
  readonly #read: Read;
  /** Bytes. */
  readonly size: number;

  private constructor(
    metadata: Readonly<Record<string, unknown>>,
    tensors: ReadonlyMap<string, StoredTensor>,
    size: number,
    read: Read,
  ) {
    this.#metadata = metadata;
    this.#tensors = tensors;
    this.size = size;
    this.#read = read;
  }

  /** @throws ImportError if it is no whole GGUF file */
  static read(bytes: Uint8Array): Promise<GgufFile> {
    return GgufFile.open(bytes.length, (offset, length) => bytes.subarray(offset, offset + length));
  }

  /**
   * Opens a file that is not held: weights are read when they are asked for.
   *
   * @param size bytes of the file
   * @throws ImportError if it is no whole GGUF file
   */
  static async open(size: number, read: Read): Promise<GgufFile> {
    try {
      const { metadata, tensorInfos, tensorDataOffset } = await gguf('http://localhost', {
        fetch: served(size, read),
      });
      const start = Number(tensorDataOffset);
      const tensors = tensorInfos.map(({ name, shape, dtype, offset }): [string, StoredTensor] => [
        name,
        // The file lists the innermost extent first.
        { shape: shape.map(Number).reverse(), kind: dtype, at: start + Number(offset) },
      ]);
      const known = metadata as unknown as Readonly<Record<string, unknown>>;
      return new GgufFile(known, new Map(tensors), size, read);
    } catch (error) {
      throw new ImportError(`file: not a GGUF model (${error instanceof Error ? error.message : error})`);
    }
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
   * A weight in float32, which is read whenever its numbers are asked for.
   *
   * @param expected its shape, outermost extent first
   */
  weight(name: string, expected: readonly number[]): FloatMatrix {
    const tensor = this.#tensors.get(name);
    ensure(tensor, `it has no tensor ${quoted(name)}`);
    const { shape, kind, at } = tensor;
    ensure(
      `${shape}` === `${expected}`,
      `its tensor ${quoted(name)} has the shape [${shape}], not [${expected}]`,
    );
    ensure(isKnown(kind), () => `its tensor ${quoted(name)} is of type ${kind}, which is not supported`);
    const size = sizeOf(shape);
    ensure(at + storedBytes(kind, size) <= this.size, `it ends inside the tensor ${quoted(name)}`);
    const read = this.#read;
    const bytes = (from: number, end: number): Uint8Array => {
      const start = storedBytes(kind, from);
      return read(at + start, storedBytes(kind, end) - start);
    };
    const numbers = (from: number, end: number): Float32Array =>
      dequantised(kind, bytes(from, end), end - from);
    const columns = shape.at(-1)!;
    const split = splitter(kind);
    return {
      type: TYPES.float,
      shape,
      isFar: size >= FAR_WEIGHTS,
      get values() {
        return numbers(0, size);
      },
      // Rows that start inside a block are not read by themselves.
      ...(columns % BLOCK === 0
        ? { rows: (from: number, end: number) => numbers(from * columns, end * columns) }
        : {}),
      ...(columns % BLOCK === 0 && split
        ? { stored: (from: number, end: number) => split(bytes(from * columns, end * columns)) }
        : {}),
    };
  }
}

/** Reads part of a file. */
type Read = (offset: number, length: number) => Uint8Array;

/** A tensor of so many weights is not held while nothing needs it. */
const FAR_WEIGHTS = 2 ** 17;

interface StoredTensor {
  readonly shape: readonly number[];
  readonly kind: GGMLQuantizationType;
  /** Place of its first byte in the file. */
  readonly at: number;
}

/** Answers the ranges that the parser asks for. */
const served =
  (size: number, read: Read): typeof fetch =>
  async (_, init) => {
    const { Range: range = '' } = (init?.headers ?? {}) as Record<string, string>;
    const [, from = '0', to = '0'] = /^bytes=(\d+)-(\d+)$/.exec(range) ?? [];
    const headers = { 'content-range': `bytes ${from}-${to}/${size}` };
    const end = Math.min(size, Number(to) + 1);
    return new Response(read(Number(from), Math.max(0, end - Number(from))).slice(), { headers });
  };
