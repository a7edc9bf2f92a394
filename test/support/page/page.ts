import type { TensorData } from '../../../src/engine/engine.ts';
import { type Spawn, spawnHere } from '../../../src/engine/threads/spawn.ts';
import { wasmEngineWith } from '../../../src/engine/wasm/wasm.ts';
import { hexOf } from '../../../src/merkle/keccak.ts';
import { modelOf } from '../../../src/merkle/model.ts';
import { tensorRoot } from '../../../src/merkle/tensor.ts';
import { type ImportOptions, importOnnx } from '../../../src/onnx/index.ts';
import type { Node } from '../../../src/program/node.ts';
import { commitmentOf } from '../../../src/trace/commitment.ts';

/** A run that is asked of a page. */
export interface Order {
  /** Where the ONNX file and each input's bytes are, on the page's own server. */
  readonly model: string;
  readonly inputs: readonly string[];
  readonly options: ImportOptions;
  readonly threads: number;
}

/** Findings of a page. */
export interface Findings {
  readonly modelId: string;
  /** Root of every node's tensor, in node order. */
  readonly roots: readonly string[];
  /** Root of the commitment of a run that hashes checkpoints only. */
  readonly committed: string;
  /** Roots of the outputs of a run that keeps nothing else. */
  readonly outputs: readonly string[];
  /** Threads that were started besides that of the page. */
  readonly workers: number;
  /**
   * Milliseconds: the import, loading, the first run that keeps and hashes checkpoints, the first that does so with
   * every tensor, the fastest of some that do not.
   */
  readonly importMs: number;
  readonly loadMs: number;
  readonly checkpointsMs: number;
  readonly traceMs: number;
  readonly runMs: number;
}

const RUNS = 4;

async function bytesAt(path: string): Promise<Uint8Array> {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: ${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}

async function timed<T>(work: () => T | Promise<T>): Promise<[T, number]> {
  const start = performance.now();
  const result = await work();
  return [result, performance.now() - start];
}

/** Imports a model, runs it in every way, and hashes every tensor, all in the page. */
export async function run({ model, inputs, options, threads }: Order): Promise<Findings> {
  const [file, ...tensors] = await Promise.all([model, ...inputs].map(bytesAt));
  const [{ program, weights }, importMs] = await timed(() => importOnnx(file!, options));
  let workers = 0;
  const start = spawnHere();
  const spawn: Spawn | null = start
    ? (source, failed) => {
        workers++;
        return start(source, failed);
      }
    : null;
  const [session, loadMs] = await timed(() => wasmEngineWith({ threads, spawn }).load(program, weights));
  const [checkpoints, checkpointsMs] = await timed(() => session.runCheckpoints(tensors));
  const [{ trees }, traceMs] = await timed(() => session.runTrace(tensors));
  const runs: [TensorData[], number][] = [];
  for (let i = 0; i < RUNS; i++) runs.push(await timed(() => session.run(tensors)));
  await session.close();
  const committed = modelOf(program);
  const rootOf = (node: Node, i: number) => (node.kind === 'constant' ? node.root : trees.get(i)!.root);
  return {
    modelId: hexOf(committed.id),
    roots: program.nodes.map((node, i) => hexOf(rootOf(node, i))),
    committed: hexOf(commitmentOf(committed, checkpoints).root),
    outputs: runs[0]![0].map(({ bytes }) => hexOf(tensorRoot(bytes))),
    workers,
    importMs,
    loadMs,
    checkpointsMs,
    traceMs,
    runMs: Math.min(...runs.map(([, ms]) => ms)),
  };
}

Object.assign(globalThis, { assay: { run } });
