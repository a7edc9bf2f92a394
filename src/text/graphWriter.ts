import type { AttributeValue, GraphNode, TensorValue } from '../onnx/building.ts';
import { TYPES } from '../onnx/types.ts';
import { type ByteMatrix, GREATEST_LEVEL } from './byteMatrix.ts';
import type { NibbleMatrix } from './nibbleMatrix.ts';

/** A matrix [rows, columns], in floats, in 8 bits or in 4. */
export type Matrix = TensorValue | ByteMatrix | NibbleMatrix;

export const int = (value: number): AttributeValue => ({ kind: 'int', value });
export const ints = (...value: number[]): AttributeValue => ({ kind: 'ints', value });
export const float = (value: number): AttributeValue => ({ kind: 'float', value });

/** Numbers in 8 bits: each is its code times its row's scale. Both are names in a graph. */
interface Codes {
  readonly codes: string;
  readonly scale: string;
}

/** Below the least scale of a row that is not all zeros, which it keeps from being divided by 0. */
const LEAST_SCALE = 2 ** -126;

/** Writes a graph of ONNX operators, node by node. */
export class GraphWriter {
  readonly nodes: GraphNode[] = [];
  readonly initializers = new Map<string, TensorValue>();
  readonly #matrices = new Map<string, Matrix>();
  readonly #codes = new Map<string, Codes>();
  /** Names of what is held in blocks too. */
  readonly #blocked = new Set<string>();

  weight(name: string, value: TensorValue): string {
    this.initializers.set(name, value);
    return name;
  }

  /** A matrix for {@link product} and {@link rows}, which may both read it. */
  matrix(name: string, value: Matrix): string {
    this.#matrices.set(name, value);
    if ('values' in value) return this.weight(name, value);
    this.weight(`${name} scales`, value.scales);
    if ('levels' in value) return this.weight(name, value.levels);
    this.weight(`${name} factors`, value.factors);
    this.weight(`${name} leasts`, value.leasts);
    return this.weight(name, value.nibbles);
  }

  /** Adds a node. @param more outputs besides the first */
  add(
    operator: string,
    inputs: readonly string[],
    output: string,
    attributes: Readonly<Record<string, AttributeValue>> = {},
    more: readonly string[] = [],
  ): string {
    const node = {
      operator,
      domain: '',
      name: output,
      inputs,
      attributes: new Map(Object.entries(attributes)),
    };
    this.nodes.push({ ...node, outputs: [output, ...more] });
    return output;
  }

  /** x times a matrix that is kept [outputs, inputs]; if that is no matrix of floats, x is rounded to 8 bits by rows first. */
  product(x: string, matrix: string, output: string): string {
    const value = this.#matrices.get(matrix)!;
    if ('values' in value) return this.add('MatMul', [x, this.#turned(matrix)], output);
    if ('nibbles' in value) return this.#blockProduct(x, matrix, value, output);
    const { codes, scale } = this.#codesOf(x);
    const sums = this.add('MatMulInteger', [codes, this.#turned(matrix)], `${output} sums`);
    const numbers = this.#cast(sums, TYPES.float.code, `${output} numbers`);
    const scaled = this.add('Mul', [numbers, scale], `${output} by row`);
    return this.add('Mul', [scaled, `${matrix} scales`], output);
  }

  #turned(matrix: string): string {
    return this.add('Transpose', [matrix], `${matrix} turned`, { perm: ints(1, 0) });
  }

  /**
   * The same by blocks: codes times levels times factors, summed over blocks and their columns and scaled, and the sums of
   * codes of each block times its least value.
   */
  #blockProduct(x: string, matrix: string, { nibbles }: NibbleMatrix, output: string): string {
    const { scale } = this.#codesOf(x);
    const { blocks, sums: ofBlocks } = this.#blockCodesOf(x, nibbles.shape.slice(1) as [number, number]);
    const levels = this.#cast(matrix, TYPES.int32.code, `${output} levels`);
    const weights = this.add('Mul', [levels, `${matrix} factors`], `${output} weights`);
    const sums = this.add('Einsum', [blocks, weights], `${output} sums`, {
      equation: { kind: 'string', value: 'nsbk,obk->nso' },
    });
    const numbers = this.#cast(sums, TYPES.float.code, `${output} numbers`);
    const scaled = this.add('Mul', [numbers, `${matrix} scales`], `${output} by factor`);
    const leasts = this.add('MatMul', [ofBlocks, this.#turned(`${matrix} leasts`)], `${output} by least`);
    return this.add('Mul', [this.add('Add', [scaled, leasts], `${output} steps`), scale], output);
  }

  /** The codes of x in blocks, [1, rows, blocks, columns], int32, and their sums, [1, rows, blocks], floats. */
  #blockCodesOf(x: string, [count, columns]: readonly [number, number]): { blocks: string; sums: string } {
    const [blocks, sums] = [`${x} blocks`, `${x} block sums`];
    if (this.#blocked.has(x)) return { blocks, sums };
    this.#blocked.add(x);
    const integers = this.#cast(this.#codesOf(x).codes, TYPES.int32.code, `${x} integers`);
    const list = (name: string, ...numbers: number[]): string =>
      this.weight(name, {
        type: TYPES.int64,
        shape: [numbers.length],
        values: Float64Array.from(numbers),
      });
    this.add('Reshape', [integers, list(`${x} shape`, 0, 0, count, columns)], blocks);
    const whole = this.add('ReduceSum', [blocks, list(`${x} last`, -1)], `${x} block codes`, {
      keepdims: int(0),
    });
    this.#cast(whole, TYPES.float.code, sums);
    return { blocks, sums };
  }

  /** Rows of a matrix. @param ids their numbers, [1, count] */
  rows(matrix: string, ids: string, output: string): string {
    const value = this.#matrices.get(matrix)!;
    if ('values' in value) return this.add('Gather', [matrix, ids], output, { axis: int(0) });
    if ('nibbles' in value)
      throw new RangeError(`"${matrix}" is in 4 bits, and rows are taken of floats and bytes`);
    const levels = this.add('Gather', [matrix, ids], `${output} levels`, { axis: int(0) });
    const scales = this.add('Gather', [`${matrix} scales`, ids], `${output} scales`, { axis: int(0) });
    const last = this.weight(`${output} axis`, {
      type: TYPES.int64,
      shape: [1],
      values: Float64Array.of(-1),
    });
    const columns = this.add('Unsqueeze', [scales, last], `${output} columns`);
    return this.add('Mul', [this.#cast(levels, TYPES.float.code, `${output} numbers`), columns], output);
  }

  #cast(x: string, to: number, output: string): string {
    return this.add('Cast', [x], output, { to: int(to) });
  }

  /** x rounded to 8 bits, each row by its greatest magnitude; once for all that read it so. */
  #codesOf(x: string): Codes {
    const known = this.#codes.get(x);
    if (known) return known;
    const number = (name: string, value: number): string =>
      this.initializers.has(name)
        ? name
        : this.weight(name, { type: TYPES.float, shape: [], values: Float32Array.of(value) });
    const axis = this.weight(`${x} axis`, { type: TYPES.int64, shape: [1], values: Float64Array.of(-1) });
    const magnitudes = this.add('Abs', [x], `${x} magnitudes`);
    const greatest = this.add('ReduceMax', [magnitudes, axis], `${x} greatest`, { keepdims: int(1) });
    const share = this.add('Div', [greatest, number('greatest level', GREATEST_LEVEL)], `${x} share`);
    const scale = this.add('Max', [share, number('least scale', LEAST_SCALE)], `${x} scale`);
    const rounded = this.add('Round', [this.add('Div', [x, scale], `${x} levels`)], `${x} rounded`);
    const made = { scale, codes: this.#cast(rounded, TYPES.int8.code, `${x} codes`) };
    this.#codes.set(x, made);
    return made;
  }
}
