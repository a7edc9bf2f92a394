import { equalBytes } from '../merkle/keccak.ts';
import type { MerkleTree } from '../merkle/tree.ts';
import { isCheckpoint } from '../program/blocks.ts';
import {
  byteLengthOf,
  type DType,
  type LoopNode,
  type Node,
  nodesRead,
  type Program,
} from '../program/node.ts';
import { type CachedProgram, type ProgramPart, rowsIn } from './cached.ts';

/** A tensor's value. */
export interface TensorData {
  readonly dtype: DType;
  /** Extents, the outermost first: `[rows, cols]` for a matrix, `[]` for a scalar. */
  readonly shape: readonly number[];
  /** Its elements, little-endian and row-major. */
  readonly bytes: Uint8Array;
}

/** The bytes of each constant node, by the node's index. The code that reads them has checked them against their roots. */
export type Weights = ReadonlyMap<number, Uint8Array>;

/** Called after each node with the number of nodes done and the number of all. */
export type Progress = (done: number, of: number) => void;

/** Every tensor of a run, in node order, and the hash tree over each that is not constant, by node. */
export interface TracedRun {
  readonly tensors: readonly Uint8Array[];
  readonly trees: ReadonlyMap<number, MerkleTree>;
}

/** Tensors of inputs and checkpoints of a run, and their hash trees, both by node. */
export interface CheckpointedRun {
  readonly tensors: ReadonlyMap<number, Uint8Array>;
  readonly trees: ReadonlyMap<number, MerkleTree>;
}

/** Nodes whose tensors differ from run to run: inputs and loops. */
export const computedOf = ({ nodes }: Program): number[] =>
  nodes.flatMap(({ kind }, i) => (kind === 'constant' ? [] : [i]));

/** Nodes whose tensors the root of a trace commits to, without constants, which have their roots in the program. */
export const checkpointsOf = (program: Program): number[] =>
  computedOf(program).filter((i) => isCheckpoint(program, i));

/** A program and its weights, ready to run any number of times. Concurrent calls are queued. */
export interface Session {
  readonly program: Program;
  /**
   * Computes the outputs.
   *
   * @param inputs bytes of each input in slot order, little-endian and row-major; then the answers, if the program has any
   * @returns the outputs, in the program's order
   * @throws EngineError if there are too few or too many inputs, or one has another length than the program says
   */
  run(inputs: readonly Uint8Array[], progress?: Progress): Promise<TensorData[]>;
  /**
   * As `run`.
   *
   * @returns the bytes of every node's tensor, in node order. They stay as they are during later runs
   */
  runAll(inputs: readonly Uint8Array[], progress?: Progress): Promise<Uint8Array[]>;
  /** As `runAll`, with the hash tree of every tensor that is not constant; the engine may build them while it runs. */
  runTrace(inputs: readonly Uint8Array[], progress?: Progress): Promise<TracedRun>;
  /** Tensors and hash trees of inputs and checkpoints only: all that the root of a trace commits to. */
  runCheckpoints(inputs: readonly Uint8Array[], progress?: Progress): Promise<CheckpointedRun>;
  /**
   * Computes one loop again, from operands that the caller gives.
   *
   * @param tensors by node; only those of the loop's operands are read
   * @returns the bytes of the loop's tensor. They stay as they are during later runs
   * @throws EngineError if the node is not a loop or an operand has the wrong length
   */
  runNode(node: number, tensors: readonly Uint8Array[]): Promise<Uint8Array>;
  /** Frees threads and memory. */
  close(): Promise<void>;
}

/** A cached program, ready to run. Concurrent calls are queued. */
export interface CachedSession {
  /**
   * Runs a part.
   *
   * @param part position in the program
   * @param first row that is written first
   * @param inputs those of the part, without the one that says the first row
   * @returns the outputs of the part
   * @throws EngineError for inputs or a row that do not fit
   */
  run(part: number, first: number, inputs: readonly Uint8Array[]): Promise<TensorData[]>;
  /** Fills the caches with zeros. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

/** Runs programs. All engines give the same bits; `reference/` defines them. */
export interface Engine {
  readonly name: string;
  /** @throws EngineError if weights are missing or do not fit */
  load(program: Program, weights: Weights): Promise<Session>;
  /** @throws EngineError as {@link load} */
  loadCached(program: CachedProgram, weights: Weights): Promise<CachedSession>;
}

/** The weights, inputs or operands do not fit the program, or the program does not fit the engine. */
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

function checkLength(what: string, bytes: Uint8Array | undefined, expected: number): void {
  if (!bytes) throw new EngineError(`${what} is missing`);
  if (bytes.length !== expected) {
    throw new EngineError(`${what} has ${bytes.length} bytes, the program says ${expected}`);
  }
}

/** @throws EngineError unless every constant is there, in its length */
export function checkWeights({ nodes }: Pick<Program, 'nodes'>, weights: Weights): void {
  nodes.forEach((node, i) => {
    if (node.kind === 'constant') checkLength(`constant ${i}`, weights.get(i), byteLengthOf(node));
  });
}

/** @throws EngineError unless every input is there, in its length, and no other */
export function checkInputs(
  { nodes, inputs: inputNodes, answers = [] }: Program,
  inputs: readonly Uint8Array[],
): void {
  const count = inputNodes.length + answers.length;
  if (inputs.length !== count) {
    const what = answers.length > 0 ? 'inputs and answers' : 'inputs';
    throw new EngineError(`the program has ${count} ${what}, ${inputs.length} were given`);
  }
  for (const node of nodes) {
    if (node.kind === 'input') checkLength(`input ${node.slot}`, inputs[node.slot], byteLengthOf(node));
  }
}

/** @throws EngineError unless all inputs are there, and all rows lie in their caches */
export function checkPart(
  { nodes }: Pick<CachedProgram, 'nodes'>,
  part: ProgramPart,
  first: number,
  inputs: readonly Uint8Array[],
): void {
  for (const write of part.writes) {
    const end = first + rowsIn(nodes[write.rows]!, write);
    const all = rowsIn(nodes[write.cache]!, write);
    if (!(Number.isInteger(first) && first >= 0 && end <= all))
      throw new EngineError(`rows ${first} to ${end - 1} are not in a cache of ${all}`);
  }
  if (inputs.length !== part.inputs.length)
    throw new EngineError(`the part has ${part.inputs.length} inputs, ${inputs.length} were given`);
  part.inputs.forEach((node, i) => {
    const bytes = byteLengthOf(nodes[node]!);
    if (inputs[i]!.length !== bytes)
      throw new EngineError(`input ${i} has ${inputs[i]!.length} bytes, the program says ${bytes}`);
  });
}

/**
 * The loop at a node, for {@link Session.runNode}.
 *
 * @throws EngineError if it is none, or unless every operand is there, in its length
 */
export function checkOperands({ nodes }: Program, index: number, tensors: readonly Uint8Array[]): LoopNode {
  const loop = nodes[index];
  if (loop?.kind !== 'loop')
    throw new EngineError(`node ${index} is no loop, so there is nothing to compute`);
  for (const { node } of loop.operands) {
    checkLength(`tensor ${node}`, tensors[node], byteLengthOf(nodes[node] as Node));
  }
  return loop;
}

/**
 * The operands of a loop that a session has to write before it computes the loop from them: it holds the constants already.
 *
 * @param tensors by node, checked with {@link checkOperands}
 * @returns their nodes, each once; undefined if a constant operand has other bytes than the session's
 */
export function operandsToGive(
  { nodes }: Program,
  weights: Weights,
  loop: LoopNode,
  tensors: readonly Uint8Array[],
): number[] | undefined {
  const read = nodesRead(loop);
  const isConstant = (node: number): boolean => nodes[node]!.kind === 'constant';
  return read.every((node) => !isConstant(node) || equalBytes(tensors[node]!, weights.get(node)!))
    ? read.filter((node) => !isConstant(node))
    : undefined;
}

/** Milliseconds of work after which a run with a progress callback yields to the event loop. */
const YIELD_MS = 50;

/** A progress reporter for one run. Await its result: every {@link YIELD_MS} it yields to the event loop. */
export function progressReporter(
  progress: Progress | undefined,
): (...done: Parameters<Progress>) => Promise<void> | undefined {
  let yieldedAt = performance.now();
  return (done, of) => {
    progress?.(done, of);
    if (!progress || performance.now() - yieldedAt <= YIELD_MS) return undefined;
    return new Promise<void>((resolve) => setTimeout(resolve)).then(() => {
      yieldedAt = performance.now();
    });
  };
}
