import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { RowMarks } from '../text/session/rowModel.ts';
import type { FromThread, RunKind, RunResult, SharedWeights, ThreadSettings, ToThread } from './messages.ts';
import type { Run } from './run.ts';

/** The body of a thread: the source file's, or in a bundle, of which this may be the main file or a part. */
const BODIES = ['./thread.mjs', './runThread.js', '../runThread.js'];

const body = (): URL => {
  const found = BODIES.map((path) => new URL(path, import.meta.url)).find((url) => existsSync(url));
  if (!found) throw new Error(`the program of worker threads is not beside ${import.meta.url}`);
  return found;
};

/** A model as threads take it over. */
export interface SharedModel {
  readonly modelId: string;
  /** Bytes of its program file. */
  readonly program: Uint8Array;
  readonly weights: SharedWeights;
  /** Bytes that a thread needs to run it. */
  readonly bytes: number;
  /** Set if it is run in a session that computes what is new alone. */
  readonly rows?: RowMarks;
}

/** A worker thread ended by itself, or was ended, during a run. */
export class ThreadEnded extends Error {
  override name = 'ThreadEnded';
}

/** A worker thread: it holds models within a bound of memory, and runs one thing at a time. */
export class WorkThread {
  readonly #settings: ThreadSettings;
  readonly #mostBytes: number;
  /** Models that it holds, the one used last at the end. */
  readonly #held = new Map<string, number>();
  #worker: Worker | undefined;
  #ids = 0;
  #running: { id: number; resolve(result: RunResult): void; reject(error: Error): void } | undefined;

  /** @param mostBytes of the models that it holds; one alone may have more */
  constructor(settings: ThreadSettings, mostBytes: number) {
    this.#settings = settings;
    this.#mostBytes = mostBytes;
  }

  get isIdle(): boolean {
    return this.#running === undefined;
  }

  holds(modelId: string): boolean {
    return this.#held.has(modelId);
  }

  /**
   * Runs a model, which is loaded first if it is not held, or computes a part of a fold, for which none is.
   *
   * @param runs one; or several of one model, one after the other, for outputs only
   * @throws Error in the engine's words if the run fails
   * @throws ThreadEnded if the thread ends before
   */
  make(model: SharedModel, runs: readonly Pick<Run, 'what' | 'fold' | 'input'>[]): Promise<RunResult> {
    if (this.#running) throw new Error('a thread runs one thing at a time');
    const worker = this.#start();
    const { what, fold } = runs[0]!;
    const inputs = runs.map(({ input }) => input);
    if (!fold) this.#hold(worker, model);
    const id = ++this.#ids;
    return new Promise<RunResult>((resolve, reject) => {
      this.#running = { id, resolve, reject };
      // A run keeps the process alive, a thread that waits does not.
      worker.ref();
      if (fold) this.#post(worker, { kind: 'fold', id, work: fold });
      else this.#post(worker, { kind: 'run', id, modelId: model.modelId, what: what as RunKind, inputs });
    });
  }

  /** Lets the thread forget a model. */
  drop(modelId: string): void {
    if (this.#held.delete(modelId) && this.#worker) this.#post(this.#worker, { kind: 'unload', modelId });
  }

  /** Ends the thread in the middle of whatever it does. The next run starts a new one. */
  async end(): Promise<void> {
    const worker = this.#worker;
    this.#lose('it was ended');
    await worker?.terminate();
  }

  #post(worker: Worker, message: ToThread): void {
    worker.postMessage(message);
  }

  #start(): Worker {
    if (this.#worker) return this.#worker;
    const worker = new Worker(body(), {
      workerData: this.#settings,
      // The thread registers what it needs to load by itself.
      execArgv: [],
    });
    this.#worker = worker;
    const lose = (reason: string): void => {
      if (this.#worker === worker) this.#lose(reason);
    };
    worker.on('message', (message: FromThread) => this.#receive(message));
    worker.on('error', ({ message }) => lose(message));
    worker.on('exit', (code) => lose(`it exited with code ${code}`));
    worker.unref();
    return worker;
  }

  #hold(worker: Worker, { modelId, program, weights, bytes, rows }: SharedModel): void {
    const known = this.#held.get(modelId);
    this.#held.delete(modelId);
    this.#held.set(modelId, bytes);
    if (known !== undefined) return;
    let total = [...this.#held.values()].reduce((sum, one) => sum + one, 0);
    for (const [oldest, size] of this.#held) {
      if (total <= this.#mostBytes || oldest === modelId) break;
      this.drop(oldest);
      total -= size;
    }
    this.#post(worker, { kind: 'load', modelId, program, weights, ...(rows ? { rows } : {}) });
  }

  #receive(message: FromThread): void {
    const running = this.#running;
    if (running?.id !== message.id) return;
    this.#running = undefined;
    this.#worker?.unref();
    if (message.kind === 'done') running.resolve(message.result);
    else running.reject(new Error(message.reason));
  }

  #lose(reason: string): void {
    this.#worker = undefined;
    this.#held.clear();
    const running = this.#running;
    this.#running = undefined;
    running?.reject(new ThreadEnded(`a worker thread ended: ${reason}`));
  }
}
