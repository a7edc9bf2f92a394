import { LIMITS } from '../../program/limits.ts';
import { ELEMENT_BYTES, sizeOf } from '../../program/node.ts';
import { CANONICAL_NAN_BITS, isNaNWord } from '../../scalar/float32.ts';
import { wordOfF32 } from '../../scalar/machine.ts';
import { ensure } from '../errors.ts';
import type { Expression } from '../ir/expression.ts';
import type { Index } from '../ir/indices.ts';
import { infer } from '../ir/infer.ts';
import { type FloatRange, floatOf, integerOf } from '../ir/known.ts';
import { type Sketch, sketch } from '../ir/sketch.ts';
import { elementCount, isConstant, type Misfit, type Tensor, type Words, wordsFor } from '../ir/tensor.ts';
import type { TensorValue } from '../read/graph.ts';
import {
  contains,
  type ElementType,
  I32_RANGE,
  isNarrowed,
  type Range,
  rangeOfType,
  TYPES,
} from '../types.ts';
import { boundsOfWords } from './bounds.ts';
import { evaluate, FoldingBudget } from './evaluate.ts';

export interface Definition {
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly body: (indices: readonly Index[]) => Expression;
  /** Bounds on an integer tensor's values; the type's own if left out. */
  readonly range?: Range;
  /** Bounds on a float tensor's values that its formula does not show. */
  readonly floats?: FloatRange;
  readonly channelsLast?: boolean;
  /** Computed by the program even if it is known beforehand. */
  readonly isOutput?: boolean;
  readonly name?: string;
}

/** Constants computed from constants are folded if they stay this small, views of them always. */
const VIEW_ELEMENTS = 65_536;
/** Operations that are done again for each use of a weight of few bits, rather than held in 32. */
const CHEAP_TO_WIDEN = 4;

/** Makes the tensors of one import. */
export class Builder {
  readonly #sketches = new Map<Tensor, Sketch>();
  /** Matrices that are known, but held as the bytes that they are computed from, and views of them. */
  readonly #inBytes = new Set<Tensor>();
  readonly #budget: FoldingBudget;
  #count = 0;
  /** Names of float64 constants with values that float32 does not have. */
  readonly rounded = new Set<string>();
  /** Of each node whose condition is known, by its label: whether the branch for true is taken. */
  readonly branches = new Map<string, boolean>();
  /** Name and label for what is made next. */
  current = { name: '', label: '', location: 'model' };

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

  /** Whether a tensor is known, and left to those that read it. */
  isInBytes(tensor: Tensor): boolean {
    return this.#inBytes.has(tensor);
  }

  /** Folds a matrix that is held in bytes, where it cannot be computed by those that read it. @returns whether it is folded */
  readonly fold = (tensor: Tensor): boolean => {
    const words = this.#inBytes.has(tensor) ? evaluate(tensor, this.#budget) : undefined;
    if (!words) return false;
    this.#inBytes.delete(tensor);
    this.#sketches.delete(tensor);
    Object.assign(tensor, { source: { kind: 'constant', words } });
    return true;
  };

  /** Words of a tensor that is a constant, or a large view of one that was not folded. */
  knownWords(tensor: Tensor): Words | undefined {
    if (tensor.source.kind === 'constant') return tensor.source.words;
    const isView = elementCount(tensor) > VIEW_ELEMENTS && this.inputsOf(tensor).length === 0;
    return isView ? evaluate(tensor, this.#budget) : undefined;
  }

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
  words(type: ElementType, shape: readonly number[], words: Words, name?: string): Tensor {
    checkSize(type, shape);
    return {
      ...this.#next(name),
      type,
      shape,
      ...boundsOfWords(type, words),
      channelsLast: false,
      source: { kind: 'constant', words },
    };
  }

  /** A constant that is read whenever its words are asked for: what is made of it holds them, if anything does. */
  far(stored: TensorValue, name: string): Tensor {
    const { type, shape } = stored;
    checkSize(type, shape);
    const words = (): Words => {
      const { values } = stored;
      return values instanceof Float32Array ? wordsOfFloats(values) : (values as Words);
    };
    return {
      ...this.#next(name),
      type,
      shape,
      range: stored.range,
      channelsLast: false,
      source: {
        kind: 'constant',
        get words() {
          return words();
        },
      },
    };
  }

  /** A constant from numbers: rounded to binary32 for floats; integers that fit no word can only decide shapes. */
  constant(type: ElementType, shape: readonly number[], values: ArrayLike<number>, name?: string): Tensor {
    const isFloat = type.family === 'float';
    if (isFloat && values instanceof Float32Array)
      return this.words(type, shape, wordsOfFloats(values), name);
    // Numbers that lie as their words do are those words.
    const isByte = type.dtype === 'i8' || type.dtype === 'u8';
    if (isByte && values.constructor === wordsFor(type.dtype, 0).constructor)
      return this.words(type, shape, values as Words, name);
    const words = wordsFor(type.dtype, values.length);
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

  define({ type, shape, body, range, floats, channelsLast, isOutput, name }: Definition): Tensor {
    checkSize(type, shape);
    const unbounded: Tensor = {
      ...this.#next(name),
      type,
      shape: [...shape],
      range: undefined,
      channelsLast: false,
      source: { kind: 'computed', body },
    };
    const its = sketch(unbounded);
    const { readings, isView, fill } = its;
    for (const { tensor: read } of readings) {
      ensure(!read.wide, `"${read.name}" has values outside 32-bit integers, and they are computed with`);
    }
    const shown = isView ? readings[0]?.tensor.range : undefined;
    const tensor: Tensor = {
      ...unbounded,
      ...(type.family === 'float'
        ? { floats: floats ?? floatsOf(unbounded, its) }
        : { range: boundsOfIntegers(unbounded, range ?? withFill(shown, fill)) }),
    };
    const fits = !tensor.range || contains(I32_RANGE, tensor.range);
    const isKnown = (read: Tensor): boolean => isConstant(read) || this.#inBytes.has(read);
    const foldable = !isOutput && readings.every((reading) => isKnown(reading.tensor));
    ensure(fits || !foldable, () => misfitOf(tensor, []).sentence);
    // Whether it matters is known once it is read: a shape can still be asked for as an input to bind.
    const inherited = readings.find((reading) => reading.tensor.misfit)?.tensor.misfit;
    const wrapped = isView ? undefined : readings.find((reading) => mayWrap(reading.tensor))?.tensor;
    const unfit = fits ? wrapped : tensor;
    const misfit = inherited ?? (unfit && this.#misfit(unfit));
    if (misfit) return { ...tensor, range: tensor.range && narrowest(tensor.range), misfit };
    const small = elementCount(tensor) <= VIEW_ELEMENTS;
    const staysInBytes =
      foldable &&
      !small &&
      (isView ? readings.some(({ tensor: read }) => this.#inBytes.has(read)) : isBetterInBytes(tensor, its));
    if (foldable && !staysInBytes && (small || !isView)) {
      const words = evaluate(tensor, this.#budget);
      if (words) {
        return {
          ...tensor,
          ...boundsOfWords(type, words),
          source: { kind: 'constant', words, ...(type === TYPES.double ? { body } : {}) },
        };
      }
    }
    // Elementwise results lie as their operands do.
    const inherits = readings.some(({ tensor: of }) => of.channelsLast && of.shape.length === shape.length);
    const made = { ...tensor, channelsLast: (channelsLast ?? inherits) && shape.length >= 3 };
    if (staysInBytes) this.#inBytes.add(made);
    return made;
  }

  #misfit(tensor: Tensor): Misfit {
    const { sentence, inputs } = misfitOf(tensor, this.inputsOf(tensor));
    return { sentence: `${this.current.location}: ${sentence}`, inputs };
  }
}

/** Whether a matrix of words is cheaply computed from as many bytes. Products read it mostly, for which it is as fast. */
const isBetterInBytes = ({ type, shape }: Tensor, { readings, operations, hasFold }: Sketch): boolean =>
  ELEMENT_BYTES[type.dtype] > 1 &&
  shape.length === 2 &&
  !hasFold &&
  operations <= CHEAP_TO_WIDEN &&
  readings.some(
    ({ tensor: read }) => ELEMENT_BYTES[read.type.dtype] === 1 && elementCount(read) >= sizeOf(shape),
  );

/**
 * Bounds of an integer tensor: those that its lowering knows and those that follow from its formula. A type that is
 * narrowed has values of its own, which the words hold only if the formula cannot wrap around.
 */
function boundsOfIntegers(tensor: Tensor, declared: Range | undefined): Range {
  const { type, shape, source } = tensor;
  const own = rangeOfType(type);
  if (source.kind !== 'computed') return declared ?? own;
  const inferred = integerOf(infer(shape, source.body));
  const isTrusted = contains(own, inferred) && (inferred.exact || !isNarrowed(type));
  const known = declared ?? (isTrusted ? inferred : own);
  if (!isTrusted) return known;
  const both = { low: Math.max(known.low, inferred.low), high: Math.min(known.high, inferred.high) };
  // Nothing is in both only where a tensor has no elements.
  return both.low <= both.high ? both : known;
}

/** Operations of a float tensor's formula at most, for bounds to be sought. */
const FLOAT_OPERATIONS = 32;

/** Bounds of a float tensor whose formula is short, `undefined` if there are none. */
function floatsOf({ shape, source }: Tensor, { operations, hasFold }: Sketch): FloatRange | undefined {
  if (source.kind !== 'computed' || hasFold || operations > FLOAT_OPERATIONS) return undefined;
  const { low, high, nan } = floatOf(infer(shape, source.body));
  return Number.isFinite(low) || Number.isFinite(high) ? { low, high, nan } : undefined;
}

const HELD = { u8: { low: 0, high: 255 }, i8: { low: -128, high: 127 }, i32: I32_RANGE } as const;

const withFill = (range: Range | undefined, fill: number | undefined): Range | undefined =>
  range && fill !== undefined
    ? { low: Math.min(range.low, fill | 0), high: Math.max(range.high, fill | 0) }
    : range;

/**
 * Whether an unsigned number may have been taken below 0. Its word then has the bits that an output needs, but is not
 * the number that it should be compared, divided or converted as. The words of an input are admitted first.
 */
const mayWrap = ({ type, range, source }: Tensor): boolean =>
  source.kind !== 'input' && isNarrowed(type) && !type.signed && range !== undefined && range.low < 0;

function misfitOf({ type, range }: Tensor, inputs: readonly string[]): Misfit {
  const bound = inputs.map((name) => `--range ${name}=LOW..HIGH`).join(' ');
  const bind = inputs.map((name) => `--bind ${name}=FILE`).join(' ');
  const may =
    !type.signed && contains(I32_RANGE, range ?? I32_RANGE) ? 'wrap around below 0' : 'not fit int32';
  const sentence =
    `${type.name} values between ${range?.low} and ${range?.high} may ${may}; clip or cast its inputs` +
    (bind ? `, bound them with ${bound}, or fix what decides shapes only with ${bind}` : '');
  return { sentence, inputs };
}

const narrowest = (range: Range): Range => ({
  low: Math.max(range.low, I32_RANGE.low),
  high: Math.min(range.high, I32_RANGE.high),
});

/** The words of floats, every NaN made canonical. */
function wordsOfFloats(values: Float32Array): Uint32Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  let canonical = words;
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (!isNaNWord(word) || word === CANONICAL_NAN_BITS) continue;
    // The caller's arguments are not changed.
    if (canonical === words) canonical = words.slice();
    canonical[i] = CANONICAL_NAN_BITS;
  }
  return canonical;
}

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
