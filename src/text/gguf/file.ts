import { ensure, quoted, within } from '../../onnx/errors.ts';
import { TYPES } from '../../onnx/types.ts';
import { sizeOf } from '../../program/node.ts';
import { BLOCK, type FloatMatrix } from '../floatMatrix.ts';
import { dequantised, isKnown, isWhole, KNOWN_KINDS, kindName, splitter, storedBytes } from './blocks.ts';
import { type GgufHeader, type Read, readHeader, type TensorEntry } from './header.ts';

/** A GGUF file: what it says about a model, and the model's weights. */
export class GgufFile {
  readonly #header: GgufHeader;
  readonly #tensors: ReadonlyMap<string, TensorEntry>;
  readonly #read: Read;
  /** Bytes. */
  readonly size: number;

  private constructor(header: GgufHeader, size: number, read: Read) {
    this.#header = header;
    this.#tensors = tensorsOf(header, size);
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
    return within('file', () => new GgufFile(readHeader(size, read), size, read));
  }

  /** Names of all tensors. */
  get tensors(): Iterable<string> {
    return this.#tensors.keys();
  }

  /** Keys of all metadata. */
  get keys(): Iterable<string> {
    return this.#header.metadata.keys();
  }

  has(tensor: string): boolean {
    return this.#tensors.has(tensor);
  }

  /** A number of the metadata. @throws Refusal if it is missing and there is no other */
  number(key: string, otherwise?: number): number {
    const value = this.#header.metadata.get(key);
    if (value === undefined && otherwise !== undefined) return otherwise;
    ensure(value !== undefined, `its metadata has no number ${quoted(key)}`);
    ensure(
      typeof value === 'number' && Number.isFinite(value),
      () => `its ${quoted(key)} is ${quoted(`${value}`)}, and not a number that is known here`,
    );
    return value;
  }

  /** A number of things. @throws Refusal if it is no integer above 0 */
  count(key: string, otherwise?: number): number {
    const count = this.number(key, otherwise);
    ensure(
      Number.isSafeInteger(count) && count > 0,
      `its ${quoted(key)} is ${count}, and not an integer above 0`,
    );
    return count;
  }

  text(key: string): string {
    const value = this.#header.metadata.get(key);
    ensure(typeof value === 'string', `its metadata has no text ${quoted(key)}`);
    return value;
  }

  /** A value of any kind, such as a list of tokens. */
  value(key: string): unknown {
    return this.#header.metadata.get(key);
  }

  /**
   * A weight in float32, which is read whenever its numbers are asked for.
   *
   * @param expected its shape, outermost extent first
   */
  weight(name: string, expected: readonly number[]): FloatMatrix {
    const tensor = this.#tensors.get(name);
    ensure(tensor, `it has no tensor ${quoted(name)}`);
    const { shape, kind, offset } = tensor;
    ensure(
      `${shape}` === `${expected}`,
      `its tensor ${quoted(name)} has the shape [${shape}], not [${expected}]`,
    );
    ensure(
      isKnown(kind),
      () =>
        `its tensor ${quoted(name)} is of type ${kindName(kind)}; known are ${KNOWN_KINDS.join(', ')}. ` +
        'Convert the file: llama-quantize --allow-requantize model.gguf out.gguf Q8_0',
    );
    const size = sizeOf(shape);
    const at = this.#header.start + offset;
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

/** A tensor of so many weights is not held while nothing needs it. */
const FAR_WEIGHTS = 2 ** 17;

/**
 * Tensors by name.
 *
 * @throws Refusal for a tensor that is not aligned, reaches out of the file, or shares bytes with another
 */
function tensorsOf(
  { tensors, alignment, start }: GgufHeader,
  size: number,
): ReadonlyMap<string, TensorEntry> {
  const byName = new Map<string, TensorEntry>();
  let end = 0;
  for (const tensor of [...tensors].sort((a, b) => a.offset - b.offset)) {
    const { name, shape, kind, offset } = tensor;
    const its = `its tensor ${quoted(name)}`;
    ensure(!byName.has(name), `${its} is there twice`);
    byName.set(name, tensor);
    ensure(offset % alignment === 0, `${its} is not aligned to ${alignment} bytes`);
    ensure(offset >= end, `${its} shares bytes with another tensor`);
    const columns = shape.at(-1)!;
    if (isKnown(kind)) {
      ensure(isWhole(kind, columns), `${its} has rows of ${columns}, which are no whole blocks`);
    }
    // Of other kinds it takes at least one byte.
    end = offset + (isKnown(kind) ? storedBytes(kind, sizeOf(shape)) : 1);
    ensure(start + end <= size, `is truncated: it ends inside ${its}`);
  }
  return byName;
}
