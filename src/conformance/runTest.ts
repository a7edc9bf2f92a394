import type { Weights } from '../engine/engine.ts';
import { referenceEngine } from '../engine/reference/reference.ts';
import { wasmEngine } from '../engine/wasm/wasm.ts';
import { filesIn } from '../files/external.ts';
import { bytesForInput, fileTensorOf, numbersOf } from '../files/formats/convert.ts';
import { elementType, type FileTensor } from '../files/formats/elementTypes.ts';
import { readTensorFile } from '../files/formats/tensorFile.ts';
import { InputError } from '../files/inputError.ts';
import {
  type CompiledModel,
  ImportError,
  importOnnx,
  type Range,
  type TensorNumbers,
} from '../onnx/index.ts';
import { byteLengthOf, type Node, type Program } from '../program/node.ts';
import { difference, toleranceOf } from './compare.ts';
import type { BackendTest, DataSet } from './corpus.ts';

/** `no data`: the model can be imported, and there are no data sets to run it on, so it is no test. */
export type TestVerdict = 'passed' | 'failed' | 'refused' | 'no data';

export interface TestOutcome {
  readonly verdict: TestVerdict;
  /** Why it failed or was refused. */
  readonly reason?: string;
  /** Inputs that became part of the program, with the test's own data; `x=0..9` if only their range did. */
  readonly bound: readonly string[];
}

/** The test's own data are missing or cannot be read, so it says nothing. */
class BrokenTest extends Error {}

function readData(path: string): FileTensor {
  try {
    return readTensorFile(path);
  } catch (error) {
    if (error instanceof InputError) throw new BrokenTest(error.message);
    throw error;
  }
}

/** Reads a tensor file once it is asked for. */
type Given = ReadonlyMap<string, () => FileTensor>;

const givenOf = ({ inputs }: DataSet, names: readonly string[]): Given =>
  new Map(
    names.flatMap((name, i) => {
      const path = inputs.get(i);
      return path === undefined ? [] : [[name, () => readData(path)] as const];
    }),
  );

/** Sizes of all dimensions as the test's data has them, for those that the file leaves open. */
function dimsOf(given: Given): Record<string, number> {
  const dims: Record<string, number> = {};
  for (const [name, read] of given) {
    try {
      for (const [i, extent] of read().shape.entries()) dims[`${name}.${i}`] = extent;
    } catch (error) {
      // No tensor: the importer says what such an input is.
      if (!(error instanceof BrokenTest)) throw error;
    }
  }
  return dims;
}

/** The least and the greatest element; `undefined` of none. */
function rangeOf({ values }: TensorNumbers): Range | undefined {
  const list = Array.from(values);
  return list.length === 0
    ? undefined
    : { low: list.reduce((a, b) => Math.min(a, b)), high: list.reduce((a, b) => Math.max(a, b)) };
}

/**
 * Imports the model with as few inputs bound as it takes: none at first, then those whose values the importer says
 * it has to know, and ranges of those from which numbers are computed that may not fit.
 */
function importBinding({ model, folder }: BackendTest, dims: Record<string, number>, given: Given) {
  const bind: Record<string, TensorNumbers> = {};
  const ranges: Record<string, Range> = {};
  const readExternal = filesIn(folder);
  for (;;) {
    try {
      const compiled = importOnnx(model, { dims, bind, ranges, readExternal });
      const ranged = Object.entries(ranges).map(([name, { low, high }]) => `${name}=${low}..${high}`);
      return { compiled, bound: [...Object.keys(bind), ...ranged] };
    } catch (error) {
      if (!(error instanceof ImportError)) throw error;
      const dataOf = (name: string) => numbersOf((given.get(name) as () => FileTensor)());
      const isFree = (name: string) =>
        given.has(name) && !Object.hasOwn(bind, name) && !Object.hasOwn(ranges, name);
      const toBind = error.toBind.filter(isFree);
      const toNarrow = error.toNarrow.filter(isFree).flatMap((name) => {
        const range = rangeOf(dataOf(name));
        return range ? [{ name, range }] : [];
      });
      if (toBind.length + toNarrow.length === 0) throw error;
      for (const name of toBind) bind[name] = dataOf(name);
      for (const { name, range } of toNarrow) ranges[name] = range;
    }
  }
}

async function tensorsOf(program: Program, weights: Weights, inputs: readonly Uint8Array[]) {
  const runs: Uint8Array[][] = [];
  for (const engine of [referenceEngine, wasmEngine]) {
    const session = await engine.load(program, weights);
    runs.push(await session.runAll(inputs));
    await session.close();
  }
  return runs as [reference: Uint8Array[], fast: Uint8Array[]];
}

/** ONNX's test data holds bfloat16, which NumPy lacks, as uint16 with the same bits. */
function readAs(onnxType: string, read: () => FileTensor): FileTensor {
  const tensor = read();
  const isBits = onnxType === 'bfloat16' && tensor.type.name === 'uint16';
  return isBits ? { ...tensor, type: elementType('bfloat16') } : tensor;
}

const isRead = ({ nodes, outputs }: Program, node: number): boolean =>
  outputs.includes(node) ||
  nodes.some((one) => one.kind === 'loop' && one.operands.some((operand) => operand.node === node));

/** Runs the program on both engines; what differs between them, or from the outputs expected. */
async function objectionTo(model: CompiledModel, given: Given, { outputs }: DataSet, absolute: number) {
  const { program, weights } = model;
  const inputs = model.inputs.map((input) => {
    // An input that no node reads takes any data: in some tests its shape is not the one that the file says.
    if (!isRead(program, input.node)) return new Uint8Array(byteLengthOf(program.nodes[input.node] as Node));
    const read = given.get(input.name);
    if (!read) throw new BrokenTest(`the test has no data for the input "${input.name}"`);
    return bytesForInput(readAs(input.onnxType, read), input, `the test's "${input.name}"`);
  });
  const [reference, fast] = await tensorsOf(program, weights, inputs);
  const apart = reference.findIndex((bytes, i) => Buffer.compare(bytes, fast[i] as Uint8Array) !== 0);
  if (apart >= 0) return `the engines give other bits at node ${apart} (${model.labels[apart]})`;
  for (const [i, output] of model.outputs.entries()) {
    const path = outputs.get(i);
    if (path === undefined) return `the test has no data for the output "${output.name}"`;
    const mine = fileTensorOf(output, reference[output.node] as Uint8Array);
    const expected = readAs(output.onnxType, () => readData(path));
    const differs = difference(output.name, output.onnxType, mine, expected, absolute);
    if (differs) return differs;
  }
  return undefined;
}

/** A model without data sets. One that cannot be imported is refused for that all the same. */
function runWithout(test: BackendTest): TestOutcome {
  const { bound } = importBinding(test, {}, new Map());
  return { verdict: 'no data', reason: 'has a model and no test_data_set_* folder, so it is no test', bound };
}

/** @param names of the model's inputs, in the file's order */
export async function runTest(test: BackendTest, names: readonly string[]): Promise<TestOutcome> {
  const { dataSets } = test;
  let bound: readonly string[] = [];
  try {
    if (dataSets.length === 0) return runWithout(test);
    for (const dataSet of dataSets) {
      const given = givenOf(dataSet, names);
      const imported = importBinding(test, dimsOf(given), given);
      bound = imported.bound;
      const objection = await objectionTo(imported.compiled, given, dataSet, toleranceOf(test.name));
      if (objection) return { verdict: 'failed', reason: objection, bound };
    }
    return { verdict: 'passed', bound };
  } catch (error) {
    if (error instanceof ImportError || error instanceof InputError) {
      return { verdict: 'refused', reason: error.message, bound };
    }
    if (error instanceof BrokenTest) return { verdict: 'failed', reason: error.message, bound };
    return { verdict: 'failed', reason: `crashed: ${error instanceof Error ? error.message : error}`, bound };
  }
}
