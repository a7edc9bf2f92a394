import { type DType, ELEMENT_BYTES, sizeOf } from '../../program/node.ts';
import { type ElementType, I32_RANGE, type Range } from '../types.ts';
import type { Expression, IndexCoordinate, Reading } from './expression.ts';
import type { Index } from './indices.ts';
import type { FloatRange } from './known.ts';

/** Elements of a constant as an operand loads them: bytes of byte types, which it extends to words, words of others. */
export type Words = Uint32Array | Int8Array | Uint8Array;

/** A view of elements in a buffer. @param from first byte @param count number of elements */
export function wordsIn(buffer: ArrayBufferLike, dtype: DType, from: number, count: number): Words {
  if (dtype === 'i8') return new Int8Array(buffer, from, count);
  return dtype === 'u8' ? new Uint8Array(buffer, from, count) : new Uint32Array(buffer, from, count);
}

/** Room for so many elements. */
export const wordsFor = (dtype: DType, count: number): Words =>
  wordsIn(new ArrayBuffer(ELEMENT_BYTES[dtype] * count), dtype, 0, count);

/** Where a tensor's elements come from. */
export type TensorSource =
  | { readonly kind: 'input'; readonly slot: number }
  /** Row-major. */
  | {
      readonly kind: 'constant';
      readonly words: Words;
      /** The expression that the words were computed by, for type double, whose words are rounded copies. */
      readonly body?: (indices: readonly Index[]) => Expression;
    }
  /** The element at given indices; called anew wherever the tensor is computed, so it must have no effects. */
  | { readonly kind: 'computed'; readonly body: (indices: readonly Index[]) => Expression };

/** Values that 32 bits may not hold. */
export interface Misfit {
  readonly sentence: string;
  /** Names of the model's inputs that they depend on. */
  readonly inputs: readonly string[];
}

/** A value of the ONNX graph, in its logical shape; how it lies in memory is decided later. */
export interface Tensor {
  readonly id: number;
  /** Name in the file, or one made from it. */
  readonly name: string;
  /** ONNX nodes it stands for, such as `Conv_12 (Conv)`. */
  readonly label: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
  /** Bounds on the values of an integer tensor. */
  readonly range: Range | undefined;
  /** Bounds on the values of a float tensor, where any were found. */
  readonly floats?: FloatRange | undefined;
  /** Keep the channels (dimension 1) innermost in memory, if it is stored. */
  readonly channelsLast: boolean;
  /** Dimensions as they lie in memory, outermost first, if it is neither row-major nor channels last. */
  readonly order?: readonly number[];
  readonly source: TensorSource;
  /** Defines the tensor times a factor plus a shift, both constants by channel, with other weights. */
  readonly rescale?: (factor: Tensor, shift: Tensor) => Tensor | undefined;
  /**
   * Exact values of a constant that does not fit a word (INT64_MAX as the end of a Slice). Such a tensor can
   * decide shapes but cannot be read by a loop.
   */
  readonly wide?: Float64Array;
  /** Why its values, or those that it is computed from, may not be what they should; it cannot be yielded. */
  readonly misfit?: Misfit;
}

export const reading = (tensor: Tensor, coordinates: readonly IndexCoordinate[], fill?: number): Reading => {
  if (coordinates.length !== tensor.shape.length) {
    throw new TypeError(`${tensor.name}: ${coordinates.length} indices for rank ${tensor.shape.length}`);
  }
  return { kind: 'reading', tensor, coordinates, fill: fill === undefined ? undefined : fill >>> 0 };
};

export const elementCount = (tensor: Tensor): number => sizeOf(tensor.shape);

/** Bounds of an integer tensor; those of i32 if it has none. */
export const boundsOf = ({ range }: Tensor): Range => range ?? I32_RANGE;

export const isConstant = (tensor: Tensor): boolean => tensor.source.kind === 'constant';

/** Words of a constant. */
export const wordsOf = (tensor: Tensor): Words | undefined =>
  tensor.source.kind === 'constant' ? tensor.source.words : undefined;

/** Dimensions in the order in which a stored tensor has them in memory, outermost first. */
export function permutationOf({ shape, channelsLast, order, source }: Tensor): number[] {
  if (order) return [...order];
  const identity = shape.map((_, i) => i);
  if (!channelsLast || source.kind !== 'computed' || shape.length < 3) return identity;
  return [0, ...identity.slice(2), 1];
}
