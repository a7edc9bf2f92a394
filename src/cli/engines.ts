import { availableParallelism } from 'node:os';
import type { Engine } from '../engine/engine.ts';
import { referenceEngine } from '../engine/reference/reference.ts';
import { wasmEngineWith } from '../engine/wasm/wasm.ts';
import { parseWhole } from './arguments.ts';
import { InputError } from './inputError.ts';

/** What commands that run models are told about how. */
export interface EngineOptions {
  readonly engine: string;
  /** One for each core if left out. */
  readonly threads?: string;
}

/** The first is the one that commands take if none is named. All give the same bits. */
const ENGINES: ReadonlyMap<string, (threads: number) => Engine> = new Map([
  ['wasm', (threads: number) => wasmEngineWith({ threads })],
  ['reference', () => referenceEngine],
]);

/** More than any machine has cores: what is asked for by mistake. */
const MAX_THREADS = 1024;

function parseThreads(text: string): number {
  const threads = Number(parseWhole('--threads', text));
  if (threads >= 1 && threads <= MAX_THREADS) return threads;
  throw new InputError(`--threads ${text}: write a whole number from 1 to ${MAX_THREADS}`, 2);
}

/** @throws InputError if there is no engine of that name, or not for so many threads */
export function engineOf({ engine, threads }: EngineOptions): Engine {
  const make = ENGINES.get(engine);
  if (!make) {
    const names = [...ENGINES.keys()].join(', ');
    throw new InputError(`--engine ${engine}: there is no such engine; there is ${names}`, 2);
  }
  return make(threads === undefined ? availableParallelism() : parseThreads(threads));
}
