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
  /** Sizes of open dimensions by name, such as `{ batch: 1 }`. One without a name goes by `<input>.<position>`. */
  readonly dims?: Readonly<Record<string, number>>;
  /** Inputs that become part of the program, such as a shape or a sampling rate. */
  readonly bind?: Readonly<Record<string, TensorNumbers>>;
  /** Arithmetic of float16 and bfloat16: `round` (the default) or `float32`. */
  readonly half?: HalfArithmetic;
  /** Bounds on inputs' values, both included, which become part of the program. */
  readonly ranges?: Readonly<Record<string, Range>>;
  /** Reads files beside the model in which it keeps tensors; without it such a model is refused. */
  readonly readExternal?: ReadExternal;
  /** Size of the file in bytes, if not all of it is given: it bounds the work of folding constants. */
  readonly fileBytes?: number;
}

/** An input or output as its user sees it. */
export interface ModelTensor {
  readonly name: string;
  /** Type of its elements; `i32` for an input of doubles, each of which is given as two words, the lower one first. */
  readonly dtype: ElementType['dtype'];
  /** ONNX name of the type in the file, such as `int64`. */
  readonly onnxType: string;
  /** Extents, the outermost first; `[]` for a scalar. */
  readonly shape: readonly number[];
  /** The program's node that has the tensor. */
  readonly node: number;
  /** Values that an input takes, where its type has more. */
  readonly range?: Range;
}

/** A program with its weights, and what its inputs and outputs are to the user. */
export interface CompiledModel extends Omit<Compiled, 'marked'> {
  readonly inputs: readonly ModelTensor[];
  readonly outputs: readonly ModelTensor[];
  /** Inputs whose values were given at import. */
  readonly bound: readonly BoundInput[];
  /** Warnings for the publisher: narrowed types, bound inputs, ignored outputs. */
  readonly notes: readonly string[];
}

/**
 * Compiles an ONNX file. The same bytes and options give the same program anywhere, so anybody can check that a model id is
 * that of a given file.
 *
 * @param bytes contents of the `.onnx` file, of opset 7 to 28 (https://onnx.ai/onnx/operators/)
 * @returns the program, its weights by node, and its inputs and outputs with names, types and shapes
 * @throws ImportError for a file that is no ONNX model, or a model that cannot run here; the message is one line that names
 *   the node or input, the reason and what to do
 * @example
 * ```ts
 * const { program, weights, inputs } = importOnnx(readFileSync('encoder.onnx'), {
 *   dims: { batch: 1, tokens: 64 }, // sizes of open dimensions
 *   ranges: { ids: { low: 0, high: 30_521 } }, // bounds of an int64 input
 * });
 * const modelId = hexOf(modelOf(program).id);
 * ```
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
    builder,
    { marked: {} },
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
