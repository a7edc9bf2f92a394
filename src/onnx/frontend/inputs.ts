import { ensure, ImportError, quoted, within } from '../errors.ts';
import type { Tensor } from '../ir/tensor.ts';
import type { GraphValue } from '../read/graph.ts';
import { type Range, rangeOfType, TYPES } from '../types.ts';
import { type Dims, extentsOf, sizeOfExtent } from './dimensions.ts';
import type { Module } from './module.ts';
import { limited, type Ranges } from './ranges.ts';

/** A tensor by its elements, in row-major order: `{ shape: [2, 3], values: [1, 2, 3, 4, 5, 6] }` has two rows. */
export interface TensorNumbers {
  readonly shape: readonly number[];
  readonly values: ArrayLike<number>;
}

/** An input that became part of the program. */
export interface BoundInput extends TensorNumbers {
  readonly name: string;
  readonly onnxType: string;
}

/** Sizes, values and ranges that are given for a model's inputs. */
export interface InputOptions {
  readonly dims: Dims;
  /** Inputs that become part of the program, by name. */
  readonly bind: Readonly<Record<string, TensorNumbers>>;
  readonly ranges: Ranges;
  /** Names of the inputs whose ranges were not assumed. */
  readonly given: ReadonlySet<string>;
}

/**
 * Defines the inputs of a graph in its scope: those that are bound as constants, the others as inputs of the program with
 * what admits their values.
 *
 * @returns the inputs of the program in slot order, and those that are bound
 */
export function defineInputs(
  module: Module,
  { dims, bind, ranges, given }: InputOptions,
): { readonly inputs: Tensor[]; readonly bound: BoundInput[] } {
  const { graph, scope, notes } = module;
  const inputs: Tensor[] = [];
  const bound: BoundInput[] = [];
  for (const value of graph.inputs) {
    const { name, type } = value;
    const fixed = bind[name];
    const range = ranges.get(name);
    if (fixed) {
      scope.define(name, bindInput(module, value, fixed, dims, range));
      bound.push({ ...fixed, name, onnxType: type.name });
      notes.push(`input ${quoted(name)} is bound: it is part of the program`);
      continue;
    }
    const tensor = within(`input ${quoted(name)}`, () =>
      module.narrowing.input(name, type, extentsOf(value, dims), inputs.length),
    );
    inputs.push(tensor);
    notes.push(...notesOn(value, range, given.has(name)));
    scope.define(name, admit(module, value, tensor, range));
  }
  return { inputs, bound };
}

/** An input as a constant. */
function bindInput(
  { narrowing }: Module,
  value: GraphValue,
  fixed: TensorNumbers,
  dims: Dims,
  range: Range | undefined,
): Tensor {
  // As in an input that is given later, every number but 0 is true.
  const isBool = value.type.family === 'bool';
  const values = Float64Array.from(fixed.values, (element) => (isBool ? Number(element !== 0) : element));
  within(`--bind ${quoted(value.name)}`, () => checkBound(value, { ...fixed, values }, dims, range));
  return narrowing.rounded(narrowing.constant(value.type, fixed.shape, values, value.name));
}

/** The values that an input's words are taken for, within its range. */
function admit(
  { builder, narrowing }: Module,
  { name, type }: GraphValue,
  tensor: Tensor,
  range: Range | undefined,
): Tensor {
  builder.current = { name, label: `input ${name}`, location: `input ${quoted(name)}` };
  const admitted = narrowing.admitted(tensor, type, range);
  const isLimited = range && type !== TYPES.double;
  return isLimited ? narrowing.rounded(limited(builder, admitted, range)) : admitted;
}

/** Tells the publisher how an input is given. */
function notesOn({ name, type }: GraphValue, range: Range | undefined, isGiven: boolean): string[] {
  const notes: string[] = [];
  if (type === TYPES.double) {
    notes.push(
      `input ${quoted(name)} of type double is given as float64, compared so, and rounded to float32 for all else`,
    );
  } else if (type.bits > 32 || (type.bits === 32 && !type.signed)) {
    notes.push(`input ${quoted(name)} of type ${type.name} is given as ${type.dtype}`);
  }
  if (range && !isGiven) {
    notes.push(
      `input ${quoted(name)} of type ${type.name} takes ${range.low}..${range.high}, ` +
        `so that numbers computed from it fit int32; --range ${name}=LOW..HIGH sets another range`,
    );
  }
  return notes;
}

/** A bound tensor must be one that the input could be given. */
function checkBound(
  { name, type, shape: declared }: GraphValue,
  { shape, values }: TensorNumbers,
  dims: Dims,
  range: Range | undefined,
): void {
  const sizes = declared.map((extent, i) => sizeOfExtent(name, extent, i, dims));
  const fits =
    shape.length === sizes.length && sizes.every((size, i) => size === undefined || size === shape[i]);
  ensure(
    fits,
    () => `it has the shape [${shape}], the input takes [${sizes.map((size) => size ?? '?').join(',')}]`,
  );
  const { low, high } = rangeOfType(type);
  for (let i = 0; type.family !== 'float' && i < values.length; i++) {
    const value = values[i] as number;
    ensure(
      Number.isInteger(value) && value >= low && value <= high,
      () => `element ${i} is ${value}, which is no ${type.name}`,
    );
  }
  for (let i = 0; range && i < values.length; i++) {
    const value = values[i] as number;
    ensure(
      value >= range.low && value <= range.high,
      () => `element ${i} is ${value}, outside --range ${range.low}..${range.high}`,
    );
  }
}

/** @throws ImportError for a bound input that the model does not have */
export function checkBind(inputs: readonly GraphValue[], bind: InputOptions['bind']): void {
  for (const name of Object.keys(bind)) {
    if (inputs.every((input) => input.name !== name)) {
      throw new ImportError(
        `--bind ${quoted(name)}: the model's inputs are ${inputs.map((input) => quoted(input.name)).join(', ')}`,
      );
    }
  }
}
