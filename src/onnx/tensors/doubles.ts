import { f32OfWord } from '../../scalar/machine.ts';
import { ensure } from '../errors.ts';
import {
  type Expression,
  type IndexCoordinate,
  i32,
  type ScalarOperation,
  select,
  word,
} from '../ir/expression.ts';
import { axisIndex, constantIndex, type Index } from '../ir/indices.ts';
import { reading, type Tensor, wordsOf } from '../ir/tensor.ts';
import { type Range, TYPES } from '../types.ts';
import type { Builder } from './builder.ts';
import {
  type Halves,
  halvesOfF32,
  halvesOfI32,
  halvesOfNumber,
  keyOf,
  keys,
  roundedToF32,
} from './doubleBits.ts';
import { exactly } from './exactly.ts';

/** The two halves of a tensor's elements, by coordinate; the words of `fill` where that is outside the tensor. */
export type HalvesAt = (coordinates: readonly IndexCoordinate[], fill?: Halves<number>) => Halves;

/**
 * The exact elements of tensors of type double, which are computed with in float32: inputs, constants, casts of shorter
 * types, and what copies or chooses among these or makes integers of them. Comparisons go by them.
 */
export class Doubles {
  readonly #builder: Builder;
  /** Words by element, in a last dimension of 2; `undefined` for what was computed in float32. */
  readonly #halves = new WeakMap<Tensor, Tensor | undefined>();
  readonly #keys = new WeakMap<Tensor, Tensor>();
  readonly #values = new WeakMap<Tensor, ArrayLike<number>>();
  readonly #origins = new WeakMap<Tensor, Tensor>();

  constructor(builder: Builder) {
    this.#builder = builder;
  }

  /**
   * A tensor of float64 given by its words, [..., 2].
   *
   * @param range an element outside it is replaced by the nearest end; NaN stays NaN
   */
  fromWords(input: Tensor, range?: Range): Tensor {
    const words = range
      ? this.#pairs(input.shape.slice(0, -1), (coordinates) => limited(halvesAt(input)(coordinates), range))
      : input;
    const tensor = this.#builder.define({
      type: TYPES.double,
      shape: words.shape.slice(0, -1),
      body: (indices) => roundedToF32(halvesAt(words)(indices)),
    });
    this.#halves.set(tensor, words);
    return tensor;
  }

  /** A tensor of float64 by the words of its elements. */
  define(shape: readonly number[], body: HalvesAt): Tensor {
    return this.fromWords(this.#pairs(shape, body));
  }

  /** Notes the numbers of a constant, which its own words may have rounded. */
  remember(constant: Tensor, values: ArrayLike<number>): Tensor {
    if (constant.type === TYPES.double) this.#values.set(constant, values);
    return constant;
  }

  /** Notes that a tensor has the elements of another one of a shorter type. */
  widened(tensor: Tensor, from: Tensor): Tensor {
    if (tensor.type === TYPES.double && from.type !== TYPES.double) this.#origins.set(tensor, from);
    return tensor;
  }

  /** The exact elements; `undefined` if these are not known. */
  halvesOf(tensor: Tensor): HalvesAt | undefined {
    const halves = tensor.type === TYPES.double ? this.#halvesOf(tensor) : undefined;
    return halves && halvesAt(halves);
  }

  /** The exact numbers of a double constant that is small enough to compute. @throws Refusal as `exactKeys` does */
  exactNumbers(tensor: Tensor): number[] | undefined {
    this.exactHalves(tensor);
    const halves = tensor.type === TYPES.double ? this.#halvesOf(tensor) : undefined;
    const words = halves && wordsOf(halves);
    return words && Array.from({ length: words.length / 2 }, (_, i) => numberOfHalves(words, 2 * i));
  }

  /** Keys in the order of the exact elements; `undefined` if these are not known. */
  keysOf(tensor: Tensor): HalvesAt | undefined {
    const known = this.#keys.get(tensor);
    if (known) return halvesAt(known);
    const halves = tensor.type === TYPES.double ? this.#halvesOf(tensor) : undefined;
    if (!halves) return undefined;
    const made = this.#pairs(tensor.shape, (coordinates) => keyOf(halvesAt(halves)(coordinates)));
    this.#keys.set(tensor, made);
    return halvesAt(made);
  }

  /**
   * Keys in the order of a double tensor's exact elements; `undefined` of any other tensor.
   *
   * @throws Refusal of doubles that were computed in float32, since lost digits could decide
   */
  exactKeys(tensor: Tensor): HalvesAt | undefined {
    this.exactHalves(tensor);
    return this.keysOf(tensor);
  }

  /** The exact elements of a double tensor. @throws Refusal as `exactKeys` does */
  exactHalves(tensor: Tensor): HalvesAt | undefined {
    const halves = this.halvesOf(tensor);
    ensure(
      halves || tensor.type !== TYPES.double,
      () =>
        `"${tensor.name}" is of type double and was computed in float32, whose missing digits can decide here; ` +
        'export the model with float, or cast it to float in front of this node',
    );
    return halves;
  }

  #pairs(shape: readonly number[], body: HalvesAt): Tensor {
    return this.#builder.define({
      type: TYPES.int32,
      shape: [...shape, 2],
      body: (indices) => {
        const { low, high } = body(indices.slice(0, -1));
        const half = indices.at(-1) as Index;
        return half.terms.length === 0
          ? half.offset === 0
            ? low
            : high
          : select({ kind: 'index', index: half }, high, low);
      },
    });
  }

  #halvesOf(tensor: Tensor): Tensor | undefined {
    if (this.#halves.has(tensor)) return this.#halves.get(tensor);
    const made = this.#made(tensor);
    this.#halves.set(tensor, made);
    return made;
  }

  #made(tensor: Tensor): Tensor | undefined {
    const { shape, source } = tensor;
    const origin = this.#origins.get(tensor);
    if (origin) {
      const widen = origin.type.family === 'float' ? halvesOfF32 : halvesOfI32;
      return this.#pairs(shape, (coordinates) => widen(reading(origin, coordinates)));
    }
    const values = this.#values.get(tensor);
    if (values) return this.#constant(shape, values);
    if (source.kind === 'input') return undefined;
    if (source.body && this.#copied(source.body(shape.map((extent, id) => axisIndex({ id, extent }))), 0)) {
      const { body } = source;
      return this.#builder.define({
        type: TYPES.int32,
        shape: [...shape, 2],
        body: (indices) => this.#copied(body(indices.slice(0, -1)), indices.at(-1) as Index) as Expression,
      });
    }
    if (source.body) {
      const { body } = source;
      const exact = (coordinates: readonly Index[]) =>
        exactly(body(coordinates), (other) => this.#halvesOf(other));
      if (!exact(shape.map((extent, id) => axisIndex({ id, extent })))) return undefined;
      return this.#pairs(shape, (coordinates) => exact(coordinates as readonly Index[]) as Halves);
    }
    // A constant without numbers or a formula has no other elements than its own words.
    const words = wordsOf(tensor);
    return words && this.#constant(shape, Array.from(words, f32OfWord));
  }

  #constant(shape: readonly number[], values: ArrayLike<number>): Tensor {
    const words = Array.from(values, halvesOfNumber).flatMap(({ low, high }) => [low, high]);
    return this.#builder.constant(TYPES.int32, [...shape, 2], words);
  }

  /** One half of an expression that copies elements or chooses among copies; `undefined` for any other. */
  #copied(expression: Expression, half: Index | 0): Expression | undefined {
    if (expression.kind === 'operation' && expression.name === 'select') {
      const [condition, then, otherwise] = expression.args as [Expression, Expression, Expression];
      const [a, b] = [this.#copied(then, half), this.#copied(otherwise, half)];
      return a && b && select(condition, a, b);
    }
    if (isJoint(expression)) {
      const parts = expression.args.map((part) => this.#copied(part, half));
      return parts.every((part) => part !== undefined) ? parts.reduce(i32.or) : undefined;
    }
    if (expression.kind !== 'reading' || expression.tensor.type !== TYPES.double) return undefined;
    const { tensor, coordinates, fill } = expression;
    // The word 0 stands for the number 0 in both.
    if (fill !== undefined && fill !== 0) return undefined;
    const halves = this.#halvesOf(tensor);
    return halves && reading(halves, [...coordinates, half === 0 ? constantIndex(0) : half], fill);
  }
}

/** Whether the bits of elements are or-ed of which all but one are outside their tensor and read as 0. */
const isJoint = (expression: Expression): expression is ScalarOperation =>
  expression.kind === 'operation' &&
  expression.name === 'i32.or' &&
  expression.args.every((part) => (part.kind === 'reading' ? part.fill === 0 : isJoint(part)));

const halvesLiteral = (value: number): Halves => {
  const { low, high } = halvesOfNumber(value);
  return { low: word(low), high: word(high) };
};

/** A number, or the nearest end of a range that it is outside of. */
function limited(halves: Halves, range: Range): Halves {
  const [low, high] = [halvesLiteral(range.low), halvesLiteral(range.high)];
  const key = keyOf(halves);
  const [isBelow, isAbove] = [keys.lt(key, keyOf(low)), keys.lt(keyOf(high), key)];
  const within = (half: keyof Halves): Expression =>
    select(isBelow, low[half], select(isAbove, high[half], halves[half]));
  return { low: within('low'), high: within('high') };
}

const halvesAt =
  (words: Tensor): HalvesAt =>
  (coordinates, fill) => ({
    low: reading(words, [...coordinates, constantIndex(0)], fill && fill.low >>> 0),
    high: reading(words, [...coordinates, constantIndex(1)], fill && fill.high >>> 0),
  });

function numberOfHalves(words: ArrayLike<number>, at: number): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setUint32(0, words[at + 1] as number);
  view.setUint32(4, words[at] as number);
  return view.getFloat64(0);
}
