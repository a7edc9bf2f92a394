import { type Expression, i32, select, word } from '../ir/expression.ts';
import { boundsOf, reading, type Tensor } from '../ir/tensor.ts';
import type { TensorValue } from '../read/graph.ts';
import { contains, type ElementType, I32_RANGE, type Range, rangeOfType, TYPES } from '../types.ts';
import type { Builder } from './builder.ts';
import { Doubles } from './doubles.ts';
import { NarrowTensors } from './narrow.ts';
import { toFormat } from './narrowFloats.ts';
import { wrap } from './wrap.ts';

/** Arithmetic of float16 and bfloat16: every operator's results are rounded, or only Cast rounds. */
export type HalfArithmetic = 'round' | 'float32';

/** Keeps the tensors of one import within their ONNX types, whose values are held in wider words. */
export class Narrowing {
  readonly #builder: Builder;
  readonly #half: HalfArithmetic;
  readonly #exact = new NarrowTensors();
  readonly doubles: Doubles;

  constructor(builder: Builder, half: HalfArithmetic) {
    this.#builder = builder;
    this.#half = half;
    this.doubles = new Doubles(builder);
  }

  /** A constant of a file, with the numbers of its type. */
  stored(value: TensorValue, name: string): Tensor {
    const { type, shape } = value;
    return value.isFar ? this.#builder.far(value, name) : this.constant(type, shape, value.values, name);
  }

  /** A constant of a file or attribute, whose numbers are those of its type. */
  constant(type: ElementType, shape: readonly number[], values: ArrayLike<number>, name?: string): Tensor {
    return this.doubles.remember(this.#builder.constant(type, shape, values, name), values);
  }

  /** An input as it is given: by words of its dtype, of type double by the two of each element in one dimension more. */
  input(name: string, type: ElementType, shape: readonly number[], slot: number): Tensor {
    return type === TYPES.double
      ? this.#builder.input(name, TYPES.int32, [...shape, 2], slot)
      : this.#builder.input(name, type, shape, slot);
  }

  /** Whether what operators compute in a type has to be rounded to it. */
  isRounded({ format }: ElementType): boolean {
    return format !== undefined && (format.bits < 16 || this.#half === 'round');
  }

  /** The rounding of what an operator computes in a type. */
  rounding(type: ElementType): (x: Expression) => Expression {
    const { format } = type;
    if (!format || !this.isRounded(type)) return (x) => x;
    return toFormat(format, { saturate: format.overflow !== 'infinity' });
  }

  /** Notes that a tensor's elements are values of its type: they were rounded, or the file has them so. */
  exact(tensor: Tensor): Tensor {
    this.#exact.add(tensor);
    return tensor;
  }

  /** Notes that a tensor has elements of others only, all of the same type. */
  exactAs(tensor: Tensor, others: readonly Tensor[]): Tensor {
    return others.every((other) => this.#exact.has(other)) ? this.exact(tensor) : tensor;
  }

  /** A tensor with its elements rounded to its type, unless that changes nothing. */
  rounded(tensor: Tensor): Tensor {
    const { type, shape } = tensor;
    if (!this.isRounded(type) || this.#exact.has(tensor)) return tensor;
    const round = this.rounding(type);
    return this.exact(
      this.#builder.define({ type, shape, body: (indices) => round(reading(tensor, indices)) }),
    );
  }

  /**
   * The values that a program takes an input's words for, whatever words it is given: any byte but 0 is true, of
   * integers shorter than their words the lower bits count, floats are rounded to their type, and an unsigned integer
   * beyond int32 counts as the greatest int32. Those of type double are rounded to float32, once they are compared no more.
   */
  admitted(input: Tensor, type: ElementType, range?: Range): Tensor {
    if (type === TYPES.double) return this.doubles.fromWords(input, range);
    const { shape } = input;
    if (type.format) return this.rounded(input);
    const admit = type.family === 'float' ? undefined : admission(input);
    if (!admit) return input;
    const { low, high } = rangeOfType(type);
    return this.#builder.define({
      type,
      shape,
      range: { low, high: Math.min(high, I32_RANGE.high) },
      body: (indices) => admit(reading(input, indices)),
    });
  }
}

/** Maps every word that an input can have to a value of its type; `undefined` if each is one already. */
function admission(input: Tensor): ((x: Expression) => Expression) | undefined {
  const { type } = input;
  if (contains(rangeOfType(type), boundsOf(input))) return undefined;
  if (type.family === 'bool') return (x) => select(x, word(1), word(0));
  if (type.bits < 32) return (x) => wrap(type, x);
  return (x) => select(i32.lt(x, i32.of(0)), i32.of(I32_RANGE.high), x);
}
