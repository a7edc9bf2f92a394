import { hasSeveralMemories, MEMORY_BYTES } from '../../wasm/assembler.ts';
import { checkWeights, type Engine } from '../engine.ts';
import { ThreadPool } from '../threads/pool.ts';
import { type Spawn, spawnHere } from '../threads/spawn.ts';
import { WasmCachedSession } from './cachedSession.ts';
import { WasmSession } from './session.ts';

/** Options of {@link wasmEngineWith}. */
export interface WasmOptions {
  /** Threads that a run has at most, the calling one included; 1 by default. */
  readonly threads?: number;
  /** Memory that a program may take while it runs, bytes; by default as much as there is. */
  readonly maxMemoryBytes?: number;
  /**
   * Size of one WebAssembly memory, bytes; 4 GiB by default, which is the most. Weights that take more than half of it go
   * to further memories, where WebAssembly has several (Node 22, Chrome 120, Firefox 125; not Safari).
   */
  readonly oneMemoryBytes?: number;
  /** Cost of the smallest task of a thread, in scalar instructions; by default enough for sharing to pay. */
  readonly leastTask?: number | undefined;
  /** Starts threads; by default the platform's way. Null: there are none. */
  readonly spawn?: Spawn | null;
}

/**
 * Makes an engine that runs each loop of a program as WebAssembly functions with SIMD, generated when the program is loaded.
 * Sessions of one engine share its threads; their runs are queued. Where threads cannot share memory, or a program is too
 * small to gain by it, there is one thread; the bits are the same with any number.
 *
 * @throws RangeError unless `threads` is a whole number of at least 1
 * @example
 * ```ts
 * const { program, weights } = importOnnx(readFileSync('digits.onnx'));
 * const session = await wasmEngineWith({ threads: 2 }).load(program, weights);
 * const [label] = await session.run([image]); // image: the bytes of u8 [1, 1, 28, 28]
 * await session.close();
 * ```
 */
export function wasmEngineWith({
  threads = 1,
  maxMemoryBytes = Number.POSITIVE_INFINITY,
  oneMemoryBytes = MEMORY_BYTES,
  leastTask,
  spawn = spawnHere(),
}: WasmOptions): Engine {
  if (!(Number.isInteger(threads) && threads >= 1))
    throw new RangeError(`${threads} threads cannot run anything`);
  const pool = new ThreadPool(threads, spawn);
  const sizes = { bytes: oneMemoryBytes, hasFurther: hasSeveralMemories() };
  const options = { pool, leastTask, maxMemoryBytes, sizes };
  return {
    name: 'wasm',
    load: async (program, weights) => {
      checkWeights(program, weights);
      return WasmSession.load({ program, weights, ...options });
    },
    loadCached: async (program, weights) => {
      checkWeights(program, weights);
      return WasmCachedSession.load(program, { weights, ...options });
    },
  };
}

/** The WebAssembly engine on one thread: {@link wasmEngineWith} without options. */
export const wasmEngine: Engine = wasmEngineWith({});
