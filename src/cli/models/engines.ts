import { availableParallelism } from 'node:os';
import type { Engine } from '../../engine/engine.ts';
import { InputError } from '../../files/inputError.ts';
import {
  ENGINE_NAMES,
  type EngineChoice,
  type EngineName,
  engineBy,
  isEngineName,
} from '../../work/engines.ts';
import { parseWhole } from '../arguments.ts';
import type { Console } from '../console.ts';

/** Engine options of commands that run models. */
export interface EngineOptions {
  readonly engine: string;
  /** One for each core if left out. */
  readonly threads?: string;
  readonly spotChecks?: string;
}

/** More cores than any machine has; a greater number is a mistake. */
const MAX_THREADS = 1024;

function parseThreads(text: string): number {
  const threads = Number(parseWhole('--threads', text));
  if (threads >= 1 && threads <= MAX_THREADS) return threads;
  throw new InputError(`--threads ${text}: write a whole number from 1 to ${MAX_THREADS}`, 2);
}

/** @throws InputError for what is no share */
function checksIn({ spotChecks }: EngineOptions): Pick<EngineChoice, 'spotChecks'> {
  if (spotChecks === undefined) return {};
  const share = /^(?:\d+(?:\.\d+)?|\.\d+)$/.test(spotChecks) ? Number(spotChecks) : Number.NaN;
  if (share >= 0 && share <= 1) return { spotChecks: share };
  throw new InputError(`--spot-checks ${spotChecks}: write a number from 0 to 1`, 2);
}

function nameIn({ engine }: EngineOptions): EngineName {
  if (isEngineName(engine)) return engine;
  const names = ENGINE_NAMES.join(', ');
  throw new InputError(`--engine ${engine}: there is no such engine; there is ${names}`, 2);
}

/** @throws InputError if there is no engine of that name, or not for so many threads, or for a share of checks that is none */
export function engineOf(
  options: EngineOptions,
  console: Pick<Console, 'err'>,
  serves?: (name: EngineName) => void,
): Engine {
  const name = nameIn(options);
  const threads = options.threads === undefined ? availableParallelism() : parseThreads(options.threads);
  const warn = (line: string): void => console.err(`assay: note: ${line}`);
  return engineBy({ name, threads, ...checksIn(options) }, warn, serves);
}

/**
 * Like {@link engineOf}, for commands that say which engine ran.
 *
 * @returns also the engine that has served until now: the CPU's, unless a device has taken a program
 */
export function engineThatTells(
  options: EngineOptions,
  console: Pick<Console, 'err'>,
): { readonly engine: Engine; readonly served: () => EngineName } {
  let served: EngineName = options.engine === 'reference' ? 'reference' : 'wasm';
  const engine = engineOf(options, console, (name) => {
    served = name;
  });
  return { engine, served: () => served };
}

/** Number of workers and size of batches, as text. */
export interface WorkerArguments {
  readonly workers?: string;
  readonly batch?: string;
}

const BATCH = '8';
const MAX_BATCH = 256;

/** Worker threads, and the threads of the engine in each. */
const WORKERS = { least: 2, most: 64 };

/**
 * Divides this machine's cores among worker threads and the threads of their engines.
 *
 * @param workers runs at the same time, as text; half as many as cores if left out, and two at least, so that a slow
 *   run never keeps all others waiting
 * @throws InputError as {@link engineOf}, and for a number of workers that is out of bounds
 */
export function workersOf(options: EngineOptions & WorkerArguments): {
  readonly threads: number;
  readonly engine: EngineChoice;
  readonly batch: number;
} {
  const cores = availableParallelism();
  const { workers, threads } = options;
  const name = nameIn(options);
  const count =
    workers === undefined
      ? Math.min(WORKERS.most, Math.max(WORKERS.least, cores >> 1))
      : Number(parseWhole('--workers', workers));
  if (!(count >= 1 && count <= WORKERS.most)) {
    throw new InputError(`--workers ${workers}: write a whole number from 1 to ${WORKERS.most}`, 2);
  }
  const batch = Number(parseWhole('--batch', options.batch ?? BATCH));
  if (!(batch >= 1 && batch <= MAX_BATCH)) {
    throw new InputError(`--batch ${options.batch}: write a whole number from 1 to ${MAX_BATCH}`, 2);
  }
  return {
    threads: count,
    batch,
    engine: {
      name,
      ...checksIn(options),
      threads: threads === undefined ? Math.max(1, Math.floor(cores / count)) : parseThreads(threads),
    },
  };
}
