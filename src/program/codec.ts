import type { Step } from '../scalar/machine.ts';
import {
  type Coordinate,
  DTYPES,
  type DType,
  type LoopNode,
  NODE_KINDS,
  type Node,
  type Operand,
  operandUses,
  type ScalarProgram,
  type ViewDimension,
} from './node.ts';

/**
 * Node descriptors: the bytes that a program's Merkle tree commits to. Big-endian, no padding.
 *
 * ```
 * header, 32 bytes       0 kind  1 dtype  2 rank  3 fold rank  4 operands  5 constants
 *                        6 step length  7 step result  8 post length  9 post result
 *                        10..13 grain  14..17 init  18..21 slot  22 checkpoint (0 or 1)  23..31 zero
 * every kind             u32 extent, for each output dimension
 * constant               bytes32 root
 * loop                   u32 extent, for each fold dimension
 *                        u32 word, for each constant
 *                        u8 opcode, a, b, c, for each instruction of step, then of post
 *                        operand, for each
 * operand                u32 node  u8 dtype  u8 rank  u8 uses (1 step, 2 post)  u32 fill
 *                        dimension, for each of rank
 * dimension, gathered    u32 extent  u8 2  u8 operand
 * dimension, affine      u32 extent  u8 0 or 1 (exact)  u8 terms  i32 offset  u32 divisor
 *                        u8 index  i32 coefficient, for each term
 * ```
 * Fields that a kind does not use are zero, so every node has exactly one encoding.
 */
const HEADER_BYTES = 32;

const AFFINE = 0;
const AFFINE_EXACT = 1;
const GATHERED = 2;

export class DescriptorError extends Error {
  override name = 'DescriptorError';
}

class Writer {
  readonly #bytes: number[] = [];
  u8(...values: number[]): void {
    this.#bytes.push(...values);
  }
  u32(...values: number[]): void {
    for (const value of values) this.u8(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
  }
  pad(length: number): void {
    while (this.#bytes.length < length) this.#bytes.push(0);
  }
  finish(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }
}

class Reader {
  readonly #view: DataView;
  #at = 0;
  constructor(readonly bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  #advance(count: number): number {
    const from = this.#at;
    if (from + count > this.bytes.length) {
      throw new DescriptorError(`descriptor ends at byte ${this.bytes.length}, inside a field at ${from}`);
    }
    this.#at += count;
    return from;
  }
  u8 = (): number => this.#view.getUint8(this.#advance(1));
  u32 = (): number => this.#view.getUint32(this.#advance(4));
  i32 = (): number => this.#view.getInt32(this.#advance(4));
  take = (count: number): Uint8Array => {
    const from = this.#advance(count);
    return this.bytes.slice(from, from + count);
  };
  times<T>(count: number, read: () => T): T[] {
    return Array.from({ length: count }, read);
  }
  end(): void {
    if (this.#at !== this.bytes.length) {
      throw new DescriptorError(`descriptor has ${this.bytes.length - this.#at} bytes after its last field`);
    }
  }
}

const nameOf = <T extends string>(codes: Readonly<Record<T, number>>, code: number, what: string): T => {
  const entry = (Object.entries(codes) as [T, number][]).find(([, value]) => value === code);
  if (!entry) throw new DescriptorError(`${what} ${code} is not known`);
  return entry[0];
};

function writeDimension(out: Writer, { extent, coordinate }: ViewDimension): void {
  out.u32(extent);
  if (coordinate.kind === 'gathered') {
    out.u8(GATHERED, coordinate.operand);
    return;
  }
  out.u8(coordinate.exact ? AFFINE_EXACT : AFFINE, coordinate.terms.length);
  out.u32(coordinate.offset, coordinate.divisor);
  for (const { index, coefficient } of coordinate.terms) {
    out.u8(index);
    out.u32(coefficient);
  }
}

function readDimension(from: Reader): ViewDimension {
  const extent = from.u32();
  const mode = from.u8();
  if (mode === GATHERED) return { extent, coordinate: { kind: 'gathered', operand: from.u8() } };
  if (mode !== AFFINE && mode !== AFFINE_EXACT)
    throw new DescriptorError(`coordinate mode ${mode} is not known`);
  const terms = from.u8();
  const coordinate: Coordinate = {
    kind: 'affine',
    exact: mode === AFFINE_EXACT,
    offset: from.i32(),
    divisor: from.u32(),
    terms: from.times(terms, () => ({ index: from.u8(), coefficient: from.i32() })),
  };
  return { extent, coordinate };
}

const readStep = (from: Reader): Step => ({ opcode: from.u8(), a: from.u8(), b: from.u8(), c: from.u8() });

function readOperand(from: Reader): { operand: Operand; uses: number } {
  const node = from.u32();
  const dtype = nameOf<DType>(DTYPES, from.u8(), 'dtype');
  const rank = from.u8();
  const uses = from.u8();
  const fill = from.u32();
  return { uses, operand: { node, dtype, fill, view: from.times(rank, () => readDimension(from)) } };
}

/** Bytes of one node. Numbers out of their field's range wrap: validate first. */
export function encodeNode(node: Node): Uint8Array {
  const out = new Writer();
  const loop = node.kind === 'loop' ? node : undefined;
  out.u8(NODE_KINDS[node.kind], DTYPES[node.dtype], node.shape.length, loop?.fold.length ?? 0);
  out.u8(loop?.operands.length ?? 0, loop?.constants.length ?? 0);
  out.u8(
    loop?.step.code.length ?? 0,
    loop?.step.result ?? 0,
    loop?.post.code.length ?? 0,
    loop?.post.result ?? 0,
  );
  out.u32(loop?.grain ?? 0, loop?.init ?? 0, node.kind === 'input' ? node.slot : 0);
  out.u8(loop?.checkpoint ? 1 : 0);
  out.pad(HEADER_BYTES);
  out.u32(...node.shape);
  if (node.kind === 'constant') out.u8(...node.root);
  if (loop) {
    out.u32(...loop.fold, ...loop.constants);
    for (const { opcode, a, b, c } of [...loop.step.code, ...loop.post.code]) out.u8(opcode, a, b, c);
    const uses = operandUses(loop);
    loop.operands.forEach((operand, i) => {
      out.u32(operand.node);
      out.u8(DTYPES[operand.dtype], operand.view.length, (uses[i]?.step ? 1 : 0) | (uses[i]?.post ? 2 : 0));
      out.u32(operand.fill);
      for (const dimension of operand.view) writeDimension(out, dimension);
    });
  }
  return out.finish();
}

/**
 * The node that `bytes` encodes.
 *
 * @throws DescriptorError if they are not exactly what {@link encodeNode} writes for it
 */
export function decodeNode(bytes: Uint8Array): Node {
  const from = new Reader(bytes);
  const kind = nameOf<Node['kind']>(NODE_KINDS, from.u8(), 'node kind');
  const dtype = nameOf<DType>(DTYPES, from.u8(), 'dtype');
  const rank = from.u8();
  const foldRank = from.u8();
  const operandCount = from.u8();
  const constantCount = from.u8();
  const stepLength = from.u8();
  const stepResult = from.u8();
  const postLength = from.u8();
  const postResult = from.u8();
  const grain = from.u32();
  const init = from.u32();
  const slot = from.u32();
  const checkpoint = from.u8() === 1;
  from.take(HEADER_BYTES - 23);
  const shape = from.times(rank, from.u32);
  const program = (length: number, result: number): ScalarProgram => ({
    code: from.times(length, () => readStep(from)),
    result,
  });
  const node = ((): Node => {
    if (kind === 'input') return { kind, dtype, shape, slot };
    if (kind === 'constant') return { kind, dtype, shape, root: from.take(32) };
    const loop: Omit<LoopNode, 'operands'> = {
      kind,
      dtype,
      shape,
      fold: from.times(foldRank, from.u32),
      init,
      constants: from.times(constantCount, from.u32),
      step: program(stepLength, stepResult),
      post: program(postLength, postResult),
      grain,
      checkpoint,
    };
    return { ...loop, operands: from.times(operandCount, () => readOperand(from).operand) };
  })();
  from.end();
  const again = encodeNode(node);
  const at = again.findIndex((byte, i) => byte !== bytes[i]);
  if (at >= 0 || again.length !== bytes.length) {
    throw new DescriptorError(`descriptor is not in its one encoding: byte ${at} differs`);
  }
  return node;
}
