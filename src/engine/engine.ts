import type { DType, Node, Program } from '../program/node.ts';

/** A tensor's value: little-endian, row-major. */
export interface TensorData {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** The bytes of each constant node, by the node's index. Checked against their roots by whoever read them. */
export type Weights = ReadonlyMap<number, Uint8Array>;

/** Called after each node: how many are done, of how many. */
export type Progress = (done: number, of: number) => void;

/** A program and its weights, ready to run any number of times, one run at a time. */
export interface Session {
  readonly program: Program;
  /** @returns the outputs. @throws EngineError for inputs that do not fit */
  run(inputs: readonly Uint8Array[], progress?: Progress): Promise<TensorData[]>;
  /** @returns the bytes of every node's tensor, in node order. They stay as they are during later runs. */
  runAll(inputs: readonly Uint8Array[], progress?: Progress): Promise<Uint8Array[]>;
  /** Frees threads and memory. */
  close(): Promise<void>;
}

/** Something that runs programs. All engines give the same bits; `reference/` defines them. */
export interface Engine {
  readonly name: string;
  /** @throws EngineError if weights are missing or do not fit */
  load(program: Program, weights: Weights): Promise<Session>;
}

/** What was given does not fit the program. */
export class EngineError extends Error {
  override name = 'EngineError';
}

export const tensorData = (
  { dtype, shape }: Pick<Node, 'dtype' | 'shape'>,
  bytes: Uint8Array,
): TensorData => ({
  dtype,
  shape,
  bytes,
});
