import type { TensorData } from '../../src/engine/engine.ts';
import type { CompiledModel, ImportOptions } from '../../src/onnx/index.ts';
import type { DType } from '../../src/program/node.ts';
import type { Value } from '../onnx.ts';

/** A model that benchmarks and tests run, with an input. */
export interface Model {
  readonly name: string;
  /** Where the weights come from: a package, the project, or a seed. */
  readonly weights: string;
  readonly options: ImportOptions;
  /** The ONNX file. @throws Unavailable if it must be fetched and cannot be */
  bytes(): Uint8Array;
  /** A value for each input of the file, bound ones too, by name. */
  inputs(): Readonly<Record<string, Value>>;
}

const ARRAYS = { f32: Float32Array, i32: Int32Array, i8: Int8Array, u8: Uint8Array } as const;

/** Numbers as a program takes them. */
export const bytesOf = (dtype: DType, values: ArrayLike<number>): Uint8Array =>
  new Uint8Array(ARRAYS[dtype].from(values).buffer);

/** A tensor's elements. */
export const numbersOf = ({ dtype, bytes }: Pick<TensorData, 'dtype' | 'bytes'>) =>
  new ARRAYS[dtype](bytes.slice().buffer);

/** The inputs of a compiled model, in its order and types. */
export const programInputs = (
  { inputs }: CompiledModel,
  values: Readonly<Record<string, Value>>,
): Uint8Array[] => inputs.map(({ name, dtype }) => bytesOf(dtype, values[name]!.values));
