import { type Compiled, compile } from './backend/compile.ts';
import { ensure, ImportError, quoted, Refusal, within } from './errors.ts';
import { checkRanges, limited, MAX_NARROWINGS, narrowed, type Ranges } from './frontend/ranges.ts';
import { mainScope } from './frontend/scope.ts';
import { reading, type Tensor } from './ir/tensor.ts';
import { isTensor } from './operators/context.ts';
import type { ReadExternal } from './read/external.ts';
import type { Extent, Graph, GraphValue } from './read/graph.ts';
import { readModel } from './read/model.ts';
import { Builder } from './tensors/builder.ts';
import { type HalfArithmetic, Narrowing } from './tensors/narrowing.ts';
import { type ElementType, type Range, rangeOfType, TYPES } from './types.ts';

/** A tensor by its elements, in row-major order. */
export interface TensorNumbers {
  readonly shape: readonly number[];
  readonly values: ArrayLike<number>;
}

export interface ImportOptions {
  /** Sizes of named dimensions. A dimension without a name goes by `<input>.<position>`. */
  readonly dims?: Readonly<Record<string, number>>;
  /** Inputs that become part of the program, such as a shape or a sampling rate. */
  readonly bind?: Readonly<Record<string, TensorNumbers>>;
  /** How float16 and bfloat16 are computed with: `round` (the default) or `float32`. */
  readonly half?: HalfArithmetic;
  /** Bounds on inputs' values, both included, which become part of the program. */
  readonly ranges?: Readonly<Record<string, Range>>;
  /** Reads files beside the model in which it keeps tensors; without it such a model is refused. */
  readonly readExternal?: ReadExternal;
}

/** An input that became part of the program. */
export interface BoundInput extends TensorNumbers {
  readonly name: string;
  readonly onnxType: string;
}

/** An input or output as its user sees it. */
export interface ModelTensor {
  readonly name: string;
  /** Of an input of type double `i32`: each of its float64s is given by its two words, the lower one first. */
  readonly dtype: ElementType['dtype'];
  /** ONNX name of the type in the file, such as `int64`. */
  readonly onnxType: string;
  readonly shape: readonly number[];
  readonly node: number;
  /** Of an input: the values that it takes, if those are not all that its type has. */
  readonly range?: Range;
}

export interface CompiledModel extends Omit<Compiled, 'outputs' | 'marked'> {
  readonly inputs: readonly ModelTensor[];
  readonly outputs: readonly ModelTensor[];
  /** Inputs whose values were given at import. */
  readonly bound: readonly BoundInput[];
  /** Warnings for the publisher: narrowed types, bound inputs, ignored outputs. */
  readonly notes: readonly string[];
}

/**
 * Compiles an ONNX file. The same bytes and options give the same program anywhere.
 *
 * @throws ImportError one line that names the place, the reason and what to do
 */
export function importOnnx(bytes: Uint8Array, options: ImportOptions = {}): CompiledModel {
  return refusing(() => importNarrowing(readModel(bytes, options.readExternal), bytes.length, options));
}

/** Runs an import, making an ImportError of whatever stops it. */
export function refusing<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    // Nesting that no check foresaw ends here rather than in a crash.
    if (error instanceof RangeError) {
      throw new ImportError(`model: too large or nested too deeply (${error.message})`);
    }
    if (error instanceof TypeError) throw new ImportError(`model: it cannot be compiled (${error.message})`);
    if (error instanceof Refusal) throw new ImportError(`model: ${error.message}`);
    throw error;
  }
}

/** Imports with the inputs' values as they are; if numbers computed from 64-bit ones may not fit, with those narrowed. */
function importNarrowing(graph: Graph, fileBytes: number, options: ImportOptions): CompiledModel {
  checkOptions(graph, options.dims ?? {}, options.bind ?? {});
  let ranges = checkRanges(graph.inputs, options.ranges ?? {});
  const given = new Set(ranges.keys());
  let reason: ImportError | undefined;
  for (let attempt = 0; ; attempt++) {
    try {
      return importGraph(graph, fileBytes, options, ranges, given);
    } catch (error) {
      if (!(error instanceof ImportError) || error.toNarrow.length === 0) throw error;
      reason ??= error;
      const next = narrowed(ranges, error.toNarrow, graph.inputs);
      if (!next || attempt === MAX_NARROWINGS) throw reason;
      ranges = next;
    }
  }
}

/** @param given names of the inputs whose ranges were not assumed */
function importGraph(
  graph: Graph,
  fileBytes: number,
  { dims = {}, bind = {}, half = 'round' }: ImportOptions,
  ranges: Ranges,
  given: ReadonlySet<string>,
): CompiledModel {
  const builder = new Builder(fileBytes);
  const narrowing = new Narrowing(builder, half);
  const notes: string[] = [];
  const scope = mainScope(graph, builder, narrowing, notes);
  const inputs: Tensor[] = [];
  const bound: BoundInput[] = [];
  for (const value of graph.inputs) {
    const fixed = bind[value.name];
    const range = ranges.get(value.name);
    if (fixed) {
      // As in an input that is given later, every number but 0 is true.
      const isBool = value.type.family === 'bool';
      const values = Float64Array.from(fixed.values, (element) => (isBool ? Number(element !== 0) : element));
      within(`--bind ${quoted(value.name)}`, () => checkBound(value, { ...fixed, values }, dims, range));
      const constant = narrowing.constant(value.type, fixed.shape, values, value.name);
      scope.define(value.name, narrowing.rounded(constant));
      bound.push({ ...fixed, name: value.name, onnxType: value.type.name });
      notes.push(`input ${quoted(value.name)} is bound: it is part of the program`);
      continue;
    }
    const tensor = within(`input ${quoted(value.name)}`, () =>
      narrowing.input(value.name, value.type, extentsOf(value, dims), inputs.length),
    );
    if (value.type === TYPES.double) {
      notes.push(
        `input ${quoted(value.name)} of type double is given as float64, compared so, and rounded to float32 for all else`,
      );
    } else if (value.type.bits > 32 || (value.type.bits === 32 && !value.type.signed)) {
      notes.push(`input ${quoted(value.name)} of type ${value.type.name} is given as ${value.type.dtype}`);
    }
    if (range && !given.has(value.name)) {
      notes.push(
        `input ${quoted(value.name)} of type ${value.type.name} takes ${range.low}..${range.high}, ` +
          `so that numbers computed from it fit int32; --range ${value.name}=LOW..HIGH sets another range`,
      );
    }
    builder.current = {
      name: value.name,
      label: `input ${value.name}`,
      place: `input ${quoted(value.name)}`,
    };
    const admitted = narrowing.admitted(tensor, value.type, range);
    const isLimited = range && value.type !== TYPES.double;
    scope.define(value.name, isLimited ? narrowing.rounded(limited(builder, admitted, range)) : admitted);
    inputs.push(tensor);
  }
  scope.lower();
  for (const name of builder.rounded) {
    notes.push(`constant ${quoted(name)} of type double has values that are rounded to float32`);
  }

  const held = graph.outputs.filter(({ name }) => !scope.omitted(name));
  // With nothing left, the first reason is why the model is refused.
  const names = (held.length > 0 ? held : graph.outputs).map(({ name }) => name);
  for (const { name } of graph.outputs) {
    const omitted = scope.omitted(name);
    if (omitted) notes.push(`output ${quoted(name)} is left out: ${omitted.message}`);
  }
  const outputs = names.map((name) => {
    const tensor = scope.get(name);
    if (!tensor) throw new ImportError(`output ${quoted(name)}: nothing in the graph yields it`);
    if (!isTensor(tensor)) {
      throw new ImportError(`output ${quoted(name)}: only tensors can be outputs, no sequences or optionals`);
    }
    const place = `output ${quoted(name)}`;
    builder.current = {
      name,
      label: tensor.source.kind === 'computed' ? tensor.label : `output ${name}`,
      place,
    };
    const output = within(place, () => outputOf(tensor, name, builder));
    if (output.misfit) throw new ImportError(output.misfit.sentence, [], output.misfit.inputs);
    return output;
  });
  if (inputs.length > 255 || outputs.length > 255 || outputs.length === 0) {
    throw new ImportError(
      `model: ${inputs.length} inputs and ${outputs.length} outputs; 1 to 255 outputs are possible`,
    );
  }
  const compiled = compile(inputs, outputs, builder.sketchOf);
  const types = graph.inputs.filter(({ name }) => !Object.hasOwn(bind, name)).map(({ type }) => type);
  const refer = (tensor: Tensor, name: string, node: number, type = tensor.type): ModelTensor => ({
    name,
    dtype: tensor.type.dtype,
    onnxType: type.name,
    // A double's two words are no dimension to the user.
    shape: type === tensor.type ? tensor.shape : tensor.shape.slice(0, -1),
    node,
  });
  return {
    program: compiled.program,
    weights: compiled.weights,
    labels: compiled.labels,
    inputs: inputs.map((tensor, i) => {
      const range = ranges.get(tensor.name);
      return {
        ...refer(tensor, tensor.name, compiled.program.inputs[i] as number, types[i]),
        ...(range ? { range } : {}),
      };
    }),
    outputs: outputs.map((tensor, i) => refer(tensor, names[i] as string, compiled.outputs[i] as number)),
    bound,
    notes,
  };
}

/** An output is a node of its own in the file's own order of dimensions, whatever it was before. */
const outputOf = (tensor: Tensor, name: string, builder: Builder): Tensor =>
  builder.define({
    type: tensor.type,
    shape: tensor.shape,
    ...(tensor.range ? { range: tensor.range } : {}),
    channelsLast: false,
    isOutput: true,
    name,
    body: (indices) => reading(tensor, indices),
  });

/** A dimension's size, its own or that of its place or name. */
const sizeOfExtent = (
  input: string,
  extent: Extent,
  i: number,
  dims: Readonly<Record<string, number>>,
): number | undefined =>
  typeof extent === 'number' ? extent : (dims[`${input}.${i}`] ?? (extent === '' ? undefined : dims[extent]));

function extentsOf({ name, shape }: GraphValue, dims: Readonly<Record<string, number>>): number[] {
  const size = (extent: Extent, i: number): number | undefined => sizeOfExtent(name, extent, i, dims);
  const missing = shape.flatMap((extent, i) =>
    size(extent, i) === undefined ? [`--dim ${extent === '' ? `${name}.${i}` : extent}=N`] : [],
  );
  if (missing.length > 0) {
    const known = shape.map((extent, i) => size(extent, i) ?? '?').join(',');
    throw new Refusal(
      `the shape [${known}] has dimensions without a size; bind them with ${missing.join(' ')}`,
    );
  }
  return shape.map((extent, i) => size(extent, i) as number);
}

/** A bound tensor must be one that the input could be given. */
function checkBound(
  { name, type, shape: declared }: GraphValue,
  { shape, values }: TensorNumbers,
  dims: Readonly<Record<string, number>>,
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

/** Refuses names that nothing in the model has, which would otherwise be silently without effect. */
function checkOptions(graph: Graph, dims: object, bind: Required<ImportOptions>['bind']): void {
  const names = new Set(
    graph.inputs.flatMap(({ name, shape }) =>
      shape.flatMap((extent, i) => [`${name}.${i}`, ...(typeof extent === 'string' ? [extent] : [])]),
    ),
  );
  for (const [name, size] of Object.entries(dims)) {
    const all = graph.inputs.flatMap(({ shape }) =>
      shape.filter((extent) => typeof extent === 'string' && extent !== ''),
    );
    if (!names.has(name)) {
      const hint =
        all.length > 0
          ? `those with a name are ${[...new Set(all)].map((one) => quoted(String(one))).join(', ')}`
          : 'all its dimensions have sizes';
      throw new ImportError(`--dim ${quoted(name)}: no input has such a dimension; ${hint}`);
    }
    if (!Number.isInteger(size) || size < 0 || size >= 2 ** 31) {
      throw new ImportError(`--dim ${quoted(name)}: ${size} is no 31-bit size`);
    }
  }
  for (const name of Object.keys(bind)) {
    if (graph.inputs.every((input) => input.name !== name)) {
      throw new ImportError(
        `--bind ${quoted(name)}: the model's inputs are ${graph.inputs.map((input) => quoted(input.name)).join(', ')}`,
      );
    }
  }
}
