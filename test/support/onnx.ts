import { createRequire } from 'node:module';
import { expect } from 'chai';
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-web';
import { bytesOf, numbersOf } from '../../examples/models/model.ts';
import {
  type Attribute,
  encodeOnnx,
  type FunctionSpec,
  type NodeSpec,
  type TypeName,
  typedArray,
  type ValueType,
} from '../../examples/onnx.ts';
import { referenceEngine } from '../../src/engine/reference/reference.ts';
import { wasmEngine } from '../../src/engine/wasm/wasm.ts';
import { type CompiledModel, type ImportOptions, importOnnx } from '../../src/onnx/index.ts';
import { TYPES } from '../../src/onnx/types.ts';

/** Small ONNX graphs, and their results from the reference engine and from onnxruntime. */

export type { Attribute, NodeSpec, TypeName };

type Ort = typeof import('onnxruntime-web');
// The package's ESM entry is for bundlers; its CommonJS one runs in Node.
const ort = createRequire(import.meta.url)('onnxruntime-web') as Ort;
ort.env.wasm.numThreads = 1;
ort.env.logLevel = 'fatal';

/** A value by type, shape and elements. */
export interface Value extends ValueType {
  readonly values: readonly number[];
}

export const value = (type: TypeName, shape: readonly number[], values: readonly number[]): Value => ({
  type,
  shape,
  values,
});

export const floats = (shape: readonly number[], values: readonly number[]): Value =>
  value('float', shape, values);

/** Numbers in [-scale, scale) from a seed; the same on every machine. */
export function noise(shape: readonly number[], seed = 1, scale = 1): Value {
  let state = (seed * 2654435761) >>> 0;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const size = shape.reduce((product, extent) => product * extent, 1);
  return floats(
    shape,
    Array.from({ length: size }, () => Math.fround((2 * next() - 1) * scale)),
  );
}

/** Integers in [low, high] from a seed. */
export const integers = (
  type: TypeName,
  shape: readonly number[],
  low: number,
  high: number,
  seed = 1,
): Value => ({
  type,
  shape,
  values: noise(shape, seed, 0.5).values.map((x) => low + Math.floor((x + 0.5) * (high - low + 1))),
});

export interface GraphSpec {
  readonly functions?: readonly FunctionSpec[];
  readonly nodes: readonly NodeSpec[];
  readonly inputs: Readonly<Record<string, Value>>;
  readonly constants?: Readonly<Record<string, Value>>;
  readonly outputs: readonly string[];
  readonly opset?: number;
  /** Versions of other domains' operators. */
  readonly domains?: Readonly<Record<string, number>>;
  /** Dimensions of inputs to leave open in the file. */
  readonly open?: Readonly<Record<string, readonly (number | string)[]>>;
}

/** A node without a name. */
export const node = (
  op: string,
  inputs: string[],
  outputs: string[],
  attributes: Readonly<Record<string, Attribute>> = {},
  domain = '',
): NodeSpec => ({ op, inputs, outputs, attributes, domain });

/** The bytes of an .onnx file. */
export const modelBytes = ({ opset = 17, domains = {}, ...spec }: GraphSpec): Uint8Array =>
  encodeOnnx({ ...spec, name: 'test', opset, domains: { 'com.microsoft': 1, 'ai.onnx.ml': 3, ...domains } });

/** Bytes of a value as a program takes it: doubles are given as float64. */
export const programBytes = ({ type, values }: Value): Uint8Array =>
  type === 'double' ? new Uint8Array(Float64Array.from(values).buffer) : bytesOf(TYPES[type].dtype, values);

export interface Result {
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

/** Outputs by the reference engine. Fails unless the wasm engine gives every tensor the same bytes. */
export async function runCompiled(model: CompiledModel, inputs: readonly Value[]): Promise<Result[]> {
  const { program, weights } = model;
  const bytes = inputs.map(programBytes);
  const [tensors, fast] = await Promise.all(
    [referenceEngine, wasmEngine].map(async (engine) => (await engine.load(program, weights)).runAll(bytes)),
  );
  const differing = tensors!.findIndex((tensor, i) => Buffer.compare(tensor, fast![i]!) !== 0);
  expect(differing, 'node whose tensor differs between the engines').to.equal(-1);
  return program.outputs.map((node, i) => ({
    shape: (model.outputs[i] as { shape: readonly number[] }).shape,
    values: [...numbersOf({ dtype: program.nodes[node]!.dtype, bytes: tensors![node]! })],
  }));
}

/** Outputs by onnxruntime, in the order of `names`. */
export async function runOnnxruntime(
  bytes: Uint8Array,
  inputs: Readonly<Record<string, Value>>,
  names: readonly string[],
): Promise<Result[]> {
  const session: InferenceSession = await ort.InferenceSession.create(bytes, {
    // Optimisations may change bits (fused operators); the plain kernels are what is compared with.
    graphOptimizationLevel: 'disabled',
    logSeverityLevel: 4,
  });
  const ortType = (type: TypeName): OrtTensor.Type =>
    type === 'float' ? 'float32' : type === 'double' ? 'float64' : (type as OrtTensor.Type);
  const feeds = Object.fromEntries(
    Object.entries(inputs).map(([name, tensor]) => [
      name,
      new ort.Tensor(ortType(tensor.type), typedArray(tensor) as never, [...tensor.shape]),
    ]),
  );
  const results = await session.run(feeds, [...names]);
  const outputs = names.map((name) => {
    const tensor = results[name] as OrtTensor;
    return { shape: tensor.dims, values: Array.from(tensor.data as ArrayLike<number | bigint>, Number) };
  });
  await session.release();
  return outputs;
}

/** Fails unless shapes are equal and elements within `relative` of the expected ones, or `absolute`. */
export function expectClose(actual: Result, expected: Result, relative = 1e-4, absolute = 1e-6): void {
  expect(actual.shape, 'shape').to.deep.equal([...expected.shape]);
  expect(actual.values.length, 'elements').to.equal(expected.values.length);
  actual.values.forEach((mine, i) => {
    const theirs = expected.values[i] as number;
    if (Object.is(mine, theirs) || mine === theirs) return;
    if (Number.isNaN(mine) && Number.isNaN(theirs)) return;
    const within = Math.abs(mine - theirs) <= absolute + relative * Math.abs(theirs);
    expect(within, `element ${i}: ${mine} in place of ${theirs}`).to.equal(true);
  });
}

/** Whether the graph's outputs need a node. */
function isNeeded({ nodes, outputs }: GraphSpec, node: NodeSpec): boolean {
  const isRead = (name: string): boolean =>
    outputs.includes(name) ||
    nodes.some(
      (one) =>
        JSON.stringify([one.inputs, one.attributes]).includes(`"${name}"`) &&
        isNeeded({ nodes, outputs } as GraphSpec, one),
    );
  return node.outputs.some((name) => name !== '' && isRead(name));
}

/** Fails unless each node of the graph is refused once it has an attribute that nothing reads. */
export function expectStrict(spec: GraphSpec, options: ImportOptions = {}): void {
  for (const [i, node] of spec.nodes.entries()) {
    if (!isNeeded(spec, node)) continue;
    const attributes = { ...node.attributes, invented: 1 };
    const nodes = spec.nodes.with(i, { ...node, attributes });
    let message = 'nothing';
    try {
      importOnnx(modelBytes({ ...spec, nodes }), options);
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message, `what is said of an invented attribute of ${node.op}`).to.contain('attribute "invented"');
  }
}

/** Imports the graph, runs it on both, and compares all outputs, integers exactly. @returns the compiled model */
export async function expectSameAsOnnxruntime(
  spec: GraphSpec,
  options: ImportOptions & { readonly relative?: number; readonly absolute?: number } = {},
): Promise<CompiledModel> {
  const bytes = modelBytes(spec);
  const model = importOnnx(bytes, options);
  expectStrict(spec, options);
  const mine = await runCompiled(
    model,
    model.inputs.map(({ name }) => spec.inputs[name] as Value),
  );
  const theirs = await runOnnxruntime(bytes, spec.inputs, spec.outputs);
  mine.forEach((result, i) => {
    const isExact = model.outputs[i]?.dtype !== 'f32';
    const [relative, absolute] = isExact ? [0, 0] : [options.relative, options.absolute];
    expectClose(result, theirs[i] as Result, relative, absolute);
  });
  return model;
}

/** One node of an operator over inputs `x0`, `x1`, … and constants. */
export function single(
  op: string,
  inputs: readonly (Value | undefined)[],
  options: {
    readonly attributes?: Readonly<Record<string, Attribute>>;
    /** Positions of inputs that are constants of the file. */
    readonly constants?: readonly number[];
    readonly outputs?: number;
    readonly opset?: number;
    readonly domain?: string;
    readonly domains?: Readonly<Record<string, number>>;
  } = {},
): GraphSpec {
  const names = inputs.map((tensor, i) => (tensor ? `x${i}` : ''));
  const entries = inputs.flatMap((tensor, i) => (tensor ? [[`x${i}`, tensor, i] as const] : []));
  const isConstant = (i: number) => options.constants?.includes(i) ?? false;
  const outputs = Array.from({ length: options.outputs ?? 1 }, (_, i) => `y${i}`);
  return {
    nodes: [
      {
        op,
        name: `the_${op}`,
        inputs: names,
        outputs,
        ...(options.attributes ? { attributes: options.attributes } : {}),
        ...(options.domain ? { domain: options.domain } : {}),
      },
    ],
    inputs: Object.fromEntries(
      entries.filter(([, , i]) => !isConstant(i)).map(([name, tensor]) => [name, tensor]),
    ),
    constants: Object.fromEntries(
      entries.filter(([, , i]) => isConstant(i)).map(([name, tensor]) => [name, tensor]),
    ),
    outputs,
    ...(options.opset ? { opset: options.opset } : {}),
    ...(options.domains ? { domains: options.domains } : {}),
  };
}
