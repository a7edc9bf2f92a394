import { LIMITS } from '../../program/limits.ts';
import { sizeOf } from '../../program/node.ts';
import { CANONICAL_NAN } from '../../scalar/instructions.ts';
import { wordOfF32 } from '../../scalar/machine.ts';
import { ensure } from '../errors.ts';
import { contains, type ElementType, I32_RANGE, type Range, rangeOfType, TYPES } from '../types.ts';
import { evaluate, FoldingBudget } from './evaluate.ts';
import type { Expression } from './expression.ts';
import { type Sketch, sketch } from './fuse.ts';
import type { Index } from './indices.ts';
import { elementCount, isConstant, type Tensor } from './tensor.ts';

export interface Definition {
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly body: (indices: readonly Index[]) => Expression;
  /** Bounds on an integer tensor's values; the type's own if left out. */
  readonly range?: Range;
  readonly channelsLast?: boolean;
  /** Computed by the program even if it is known beforehand. */
  readonly isOutput?: boolean;
  readonly name?: string;
}

/** Constants computed from constants are folded if they stay this small, views of them always. */
const VIEW_ELEMENTS = 65_536;

/** Makes the tensors of one import. */
export class Builder {
  readonly #sketches = new Map<Tensor, Sketch>();
  readonly #budget: FoldingBudget;
  #count = 0;
  /** Names of float64 constants with values that float32 does not have. */
  readonly rounded = new Set<string>();
  /** Name and label for what is made next. */
  current = { name: '', label: '', place: 'model' };

  /** @param fileBytes size of the model's file */
  constructor(fileBytes: number) {
    this.#budget = new FoldingBudget(fileBytes);
  }

  readonly sketchOf = (tensor: Tensor): Sketch => {
    const known = this.#sketches.get(tensor);
    if (known) return known;
    const made = sketch(tensor);
    this.#sketches.set(tensor, made);
    return made;
  };

  /** Names of the model's inputs that a tensor's values depend on. */
  inputsOf(tensor: Tensor): string[] {
    const names = new Set<string>();
    const seen = new Set<Tensor>();
    const pending = [tensor];
    for (let next = pending.pop(); next; next = pending.pop()) {
      if (seen.has(next)) continue;
      seen.add(next);
      if (next.source.kind === 'input') names.add(next.name);
      pending.push(...this.sketchOf(next).readings.map((reading) => reading.tensor));
    }
    return [...names].sort();
  }

  #next(name?: string) {
    return { id: this.#count++, name: name ?? this.current.name, label: this.current.label };
  }

  /** An input as it is given: of an integer type, any numbers that its words can be. */
  input(name: string, type: ElementType, shape: readonly number[], slot: number): Tensor {
    checkSize(type, shape);
    const range = type.family === 'float' ? undefined : HELD[type.dtype as 'u8' | 'i8' | 'i32'];
    return {
      ...this.#next(name),
      label: `input ${name}`,
      type,
      shape,
      range,
      channelsLast: false,
      source: { kind: 'input', slot },
    };
  }

  /** A constant from words, as an operand loads them. */
  words(type: ElementType, shape: readonly number[], words: Uint32Array, name?: string): Tensor {
    checkSize(type, shape);
    return {
      ...this.#next(name),
      type,
      shape,
      range: type.family === 'float' ? undefined : rangeOfWords(words),
      channelsLast: false,
      source: { kind: 'constant', words },
    };
  }

  /** A constant from numbers: rounded to binary32 for floats; integers that fit no word can only decide shapes. */
  constant(type: ElementType, shape: readonly number[], values: ArrayLike<number>, name?: string): Tensor {
    const isFloat = type.family === 'float';
    if (isFloat && values instanceof Float32Array)
      return this.words(type, shape, wordsOfFloats(values), name);
    const words = new Uint32Array(values.length);
    let fits = true;
    let isRounded = false;
    for (let i = 0; i < words.length; i++) {
      const value = values[i] as number;
      words[i] = isFloat ? wordOfF32(value) : value >>> 0;
      fits &&= isFloat || (value >= I32_RANGE.low && value <= I32_RANGE.high);
      isRounded ||= type === TYPES.double && !Object.is(Math.fround(value), value);
    }
    const tensor = this.words(type, shape, words, name);
    if (isRounded) this.rounded.add(tensor.name);
    return fits ? tensor : { ...tensor, wide: Float64Array.from(values) };
  }

  define({ type, shape, body, range, channelsLast, isOutput, name }: Definition): Tensor {
    checkSize(type, shape);
    const unbounded: Tensor = {
      ...this.#next(name),
      type,
      shape: [...shape],
      range: undefined,
      channelsLast: false,
      source: { kind: 'computed', body },
    };
    const { readings, isView, fill } = sketch(unbounded);
    const shown = isView ? readings[0]?.tensor.range : undefined;
    const tensor: Tensor = {
      ...unbounded,
      range: type.family === 'float' ? undefined : (range ?? withFill(shown, fill) ?? rangeOfType(type)),
    };
    for (const { tensor: read } of readings) {
      ensure(!read.wide, `"${read.name}" has values outside 32-bit integers, and they are computed with`);
    }
    const fits = !tensor.range || contains(I32_RANGE, tensor.range);
    const foldable = !isOutput && readings.every((reading) => isConstant(reading.tensor));
    ensure(fits || !foldable, () => misfitOf(tensor, []));
    // Whether it matters is known once it is read: a shape can still be asked for as an input to bind.
    const inherited = readings.find((reading) => reading.tensor.misfit)?.tensor.misfit;
    const own = fits ? undefined : `${this.current.place}: ${misfitOf(tensor, this.inputsOf(tensor))}`;
    const misfit = inherited ?? own;
    if (misfit) return { ...tensor, range: tensor.range && narrowest(tensor.range), misfit };
    const small = elementCount(tensor) <= VIEW_ELEMENTS;
    if (foldable && (small || !isView)) {
      const words = evaluate(tensor, this.#budget);
      if (words) {
        return {
          ...tensor,
          range: type.family === 'float' ? undefined : rangeOfWords(words),
          source: { kind: 'constant', words },
        };
      }
    }
    // Elementwise results lie as their operands do.
    const inherits = readings.some(({ tensor: of }) => of.channelsLast && of.shape.length === shape.length);
    return { ...tensor, channelsLast: (channelsLast ?? inherits) && shape.length >= 3 };
  }
}

const HELD = { u8: { low: 0, high: 255 }, i8: { low: -128, high: 127 }, i32: I32_RANGE } as const;

const withFill = (range: Range | undefined, fill: number | undefined): Range | undefined =>
  range && fill !== undefined
    ? { low: Math.min(range.low, fill | 0), high: Math.max(range.high, fill | 0) }
    : range;

const misfitOf = ({ type, range }: Tensor, inputs: readonly string[]): string => {
  const bind = inputs.map((name) => `--bind ${name}=FILE`).join(' ');
  return (
    `${type.name} values between ${range?.low} and ${range?.high} may not fit int32; clip or cast its inputs` +
    (bind ? `, or fix what decides shapes only with ${bind}` : '')
  );
};

const narrowest = (range: Range): Range => ({
  low: Math.max(range.low, I32_RANGE.low),
  high: Math.min(range.high, I32_RANGE.high),
});

/** The words of floats, every NaN made canonical. */
function wordsOfFloats(values: Float32Array): Uint32Array {
  const words = new Uint32Array(values.slice().buffer);
  for (let i = 0; i < words.length; i++) {
    if (Number.isNaN(values[i])) words[i] = CANONICAL_NAN;
  }
  return words;
}

const rangeOfWords = (words: Uint32Array): Range => {
  let low = 0;
  let high = 0;
  words.forEach((word, i) => {
    low = i === 0 ? word | 0 : Math.min(low, word | 0);
    high = i === 0 ? word | 0 : Math.max(high, word | 0);
  });
  return { low, high };
};

function checkSize(type: ElementType, shape: readonly number[]): void {
  const bytes = sizeOf(shape) * (type.dtype === 'f32' || type.dtype === 'i32' ? 4 : 1);
  ensure(
    shape.every((extent) => Number.isInteger(extent) && extent >= 0 && extent < 2 ** 31),
    () => `shape [${shape}] is not one of non-negative 31-bit integers`,
  );
  ensure(
    bytes <= LIMITS.MAX_TENSOR_BYTES,
    () => `a tensor of shape [${shape}] has ${bytes} bytes, of ${LIMITS.MAX_TENSOR_BYTES} allowed`,
  );
}
