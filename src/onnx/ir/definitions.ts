import type { InstructionName } from '../../scalar/instructions.ts';
import type { ElementType, Range } from '../types.ts';
import type { Index } from './indices.ts';
import type { FloatRange } from './known.ts';

/**
 * The types of the intermediate representation: tensors, and the expressions of their elements, which read tensors. They are
 * in one file because they refer to each other; `expression.ts` and `tensor.ts` have the functions on them.
 */

/** A scalar expression over 32-bit words: what one element of a tensor is, in terms of other tensors' elements. */
export type Expression = Literal | ScalarOperation | Reading | IndexValue | Fold | Accumulator;

export interface Literal {
  readonly kind: 'literal';
  readonly word: number;
}

export interface ScalarOperation {
  readonly kind: 'operation';
  readonly name: InstructionName;
  readonly args: readonly Expression[];
}

/** `floor(index / divisor)`; with `exact`, outside the tensor unless the division leaves nothing. */
export interface DividedIndex {
  readonly index: Index;
  readonly divisor: number;
  readonly exact: boolean;
}

/** The value of an integer tensor's element. */
export interface GatheredIndex {
  readonly gathered: Reading;
}

export type IndexCoordinate = Index | DividedIndex | GatheredIndex;

/** An element of a tensor, or `fill` where a coordinate is outside it (`undefined`: every coordinate is inside). */
export interface Reading {
  readonly kind: 'reading';
  readonly tensor: Tensor;
  readonly coordinates: readonly IndexCoordinate[];
  readonly fill: number | undefined;
  /** The element's position in row-major order, if the coordinates were taken from one. */
  readonly position?: Index | undefined;
}

/** The value of an index expression, as i32. */
export interface IndexValue {
  readonly kind: 'index';
  readonly index: Index;
}

/**
 * acc = init; for the fold indices in row-major order: acc = step(indices, acc). Unless `ordered`, the compiler
 * may exchange the fold dimensions; the order it settles on is then the definition.
 */
export interface Fold {
  readonly kind: 'fold';
  readonly extents: readonly number[];
  readonly init: number;
  readonly ordered: boolean;
  readonly step: (indices: readonly Index[], accumulator: Expression) => Expression;
}

export interface Accumulator {
  readonly kind: 'accumulator';
}

/** Elements of a constant as an operand loads them: bytes of byte types, which it extends to words, words of others. */
export type Words = Uint32Array | Int8Array | Uint8Array;

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
