import { wasmEngine } from '../../src/engine/wasm/wasm.ts';
import { hexOf } from '../../src/merkle/keccak.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { type ImportOptions, importOnnx } from '../../src/onnx/index.ts';
import { RunTrace } from '../../src/trace/run.ts';

/** A run that is asked of a page. */
export interface Order {
  /** Where the ONNX file and each input's bytes are, on the page's own server. */
  readonly model: string;
  readonly inputs: readonly string[];
  readonly options: ImportOptions;
}

/** What a page found. */
export interface Findings {
  /** Root of every node's tensor, in node order. */
  readonly roots: readonly string[];
  readonly modelId: string;
  /** Milliseconds of the import, of loading, and of a run that keeps every tensor. */
  readonly importMs: number;
  readonly loadMs: number;
  readonly runMs: number;
}

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

/** Imports a model, runs it, and hashes every tensor, all in the page. */
export async function run({ model, inputs, options }: Order): Promise<Findings> {
  const [file, ...tensors] = await Promise.all([model, ...inputs].map(bytesAt));
  const [{ program, weights }, importMs] = await timed(() => importOnnx(file!, options));
  const [session, loadMs] = await timed(() => wasmEngine.load(program, weights));
  const [all, runMs] = await timed(() => session.runAll(tensors));
  await session.close();
  const committed = modelOf(program);
  const trace = new RunTrace(committed, all);
  return {
    roots: all.map((_, node) => hexOf(trace.node(0, node))),
    modelId: hexOf(committed.id),
    importMs,
    loadMs,
    runMs,
  };
}

Object.assign(globalThis, { assay: { run } });
