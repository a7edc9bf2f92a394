import { compile } from './backend/compile.ts';
import type { Compiled } from './backend/compiled.ts';
import { ImportError, quoted, Refusal } from './errors.ts';
import { checkDims } from './frontend/dimensions.ts';
import {
  type BoundInput,
  checkBind,
  defineInputs,
  type InputOptions,
  type TensorNumbers,
} from './frontend/inputs.ts';
import { openModule } from './frontend/module.ts';
import { type NamedOutput, selectOutputs } from './frontend/outputs.ts';
import { checkRanges, MAX_NARROWINGS, narrowed } from './frontend/ranges.ts';
import type { Misfit, Tensor } from './ir/tensor.ts';
import type { ReadExternal } from './read/external.ts';
import type { Graph } from './read/graph.ts';
import { readModel } from './read/model.ts';
import type { HalfArithmetic } from './tensors/narrowing.ts';
import type { ElementType, Range } from './types.ts';

export interface ImportOptions {
  /** Sizes of named dimensions. A dimension without a name goes by `<input>.<position>`. */
  readonly dims?: Readonly<Record<string, number>>;
  /** Inputs that become part of the program, such as a shape or a sampling rate. */
  readonly bind?: Readonly<Record<string, TensorNumbers>>;
  /** Arithmetic of float16 and bfloat16: `round` (the default) or `float32`. */
  readonly half?: HalfArithmetic;
  /** Bounds on inputs' values, both included, which become part of the program. */
  readonly ranges?: Readonly<Record<string, Range>>;
  /** Reads files beside the model in which it keeps tensors; without it such a model is refused. */
  readonly readExternal?: ReadExternal;
  /** Size of the file, if not all of it is given: it bounds the work of folding constants. */
  readonly fileBytes?: number;
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

export interface CompiledModel extends Omit<Compiled, 'marked'> {
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
  return refusing(() => {
    const graph = readModel(bytes, options.readExternal);
    return importGraph(graph, options.fileBytes ?? bytes.length, options);
  });
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
function importGraph(graph: Graph, fileBytes: number, options: ImportOptions): CompiledModel {
  const { dims = {}, bind = {}, half = 'round' } = options;
  checkDims(graph.inputs, dims);
  checkBind(graph.inputs, bind);
  let ranges = checkRanges(graph.inputs, options.ranges ?? {});
  const given = new Set(ranges.keys());
  let first: Misfit | undefined;
  for (let attempt = 0; ; attempt++) {
    const result = importWithin(graph, fileBytes, half, { dims, bind, ranges, given });
    if (!('misfit' in result)) return result;
    const { misfit } = result;
    if (misfit.inputs.length === 0) throw refusalOf(misfit);
    first ??= misfit;
    const next = narrowed(ranges, misfit.inputs, graph.inputs);
    if (!next || attempt === MAX_NARROWINGS) throw refusalOf(first);
    ranges = next;
  }
}

const refusalOf = ({ sentence, inputs }: Misfit): ImportError => new ImportError(sentence, [], inputs);

/**
 * One import, with the ranges of its inputs decided: define inputs, lower nodes, select outputs, compile, describe.
 *
 * @returns the model, or why numbers of an output may not fit 32 bits
 */
function importWithin(
  graph: Graph,
  fileBytes: number,
  half: HalfArithmetic,
  options: InputOptions,
): CompiledModel | { readonly misfit: Misfit } {
  const module = openModule(graph, fileBytes, half);
  const { scope, builder, notes } = module;
  const { inputs, bound } = defineInputs(module, options);
  scope.lower();
  for (const name of builder.rounded) {
    notes.push(`constant ${quoted(name)} of type double has values that are rounded to float32`);
  }
  const outputs = selectOutputs(module);
  if ('sentence' in outputs) return { misfit: outputs };
  if (inputs.length > 255 || outputs.length > 255 || outputs.length === 0) {
    throw new ImportError(
      `model: ${inputs.length} inputs and ${outputs.length} outputs; 1 to 255 outputs are possible`,
    );
  }
  const compiled = compile(
    inputs,
    outputs.map(({ tensor }) => tensor),
    builder.sketchOf,
  );
  return { ...describe(compiled, graph, inputs, outputs, options), bound, notes };
}

/** The program with what its inputs and outputs are to the user. */
function describe(
  { program, weights, labels }: Compiled,
  graph: Graph,
  inputs: readonly Tensor[],
  outputs: readonly NamedOutput[],
  { bind, ranges }: InputOptions,
): Omit<CompiledModel, 'bound' | 'notes'> {
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
    program,
    weights,
    labels,
    inputs: inputs.map((tensor, i) => {
      const range = ranges.get(tensor.name);
      return {
        ...refer(tensor, tensor.name, program.inputs[i] as number, types[i]),
        ...(range ? { range } : {}),
      };
    }),
    outputs: outputs.map(({ name, tensor }, i) => refer(tensor, name, program.outputs[i] as number)),
  };
}
