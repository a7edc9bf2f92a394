import { systemClock } from '../chain/service/chainClock.ts';
import type { MalformedProgram } from '../dispute/malformed.ts';
import { bytesOfHex, hexOf } from '../merkle/keccak.ts';
import { type Model, splitTensors, suppliedRefs } from '../merkle/model.ts';
import { MerkleTree, TRACE_TREE } from '../merkle/tree.ts';
import { validate } from '../program/validate.ts';
import { Latest } from '../store/latest.ts';
import type { HeldModel } from '../store/library.ts';
import type { PlayTime, Runner, RunOptions } from '../store/runner.ts';
import { commitmentBytes, traceBytes } from '../store/shelf.ts';
import { commitmentFrom } from '../trace/commitment.ts';
import type { Commitment, Trace } from '../trace/trace.ts';
import type { EngineChoice } from './engines.ts';
import { type Entry, entryOf, type PutOptions } from './entry.ts';
import type { RunKind, RunResult } from './messages.ts';
import { playTimeOf } from './playTime.ts';
import { RunQueue } from './queue.ts';
import { keyOf, Run } from './run.ts';
import { traceFrom } from './traces.ts';
import { ThreadEnded, WorkThread } from './workThread.ts';

export interface WorkOptions {
  /** Worker threads: runs that are made at the same time. */
  readonly threads: number;
  readonly engine: EngineChoice;
  /** Bytes of models in all worker threads together. */
  readonly modelBytes?: number;
  /** Bytes of the traces that are kept for disputes. */
  readonly traceBytes?: number;
  /** Seconds after which an urgent run that finds no free thread takes one from a run that is not urgent. */
  readonly patienceSeconds?: number;
  /** Outputs of one model that a thread computes at a time, in one run where the model allows. */
  readonly batch?: number;
  /** Unix seconds, as the chain has them: by it runs are dropped whose deadline is over. */
  readonly clock?: () => bigint;
}

/** The amount of work, for metrics. */
export interface WorkStatus {
  readonly waiting: number;
  readonly running: number;
  /** Since the start. */
  readonly done: number;
  readonly failed: number;
  readonly dropped: number;
  readonly keptBytes: number;
}

const OUTPUT_BYTES = 2 ** 24;
const COMMITMENT_BYTES = 2 ** 26;
/** Interval at which deadlines of runs are checked, ms. */
const SWEEP_MS = 250;
/** Of what is no run of a model. */
const NO_INPUT = new Uint8Array(0);
/** Threads that a run may take down with it. */
const MAX_ATTEMPTS = 2;

interface Busy {
  readonly thread: WorkThread;
  readonly runs: readonly Run[];
  readonly startedAt: number;
}

/**
 * Runs models in worker threads, so that whoever asks is never held up by a run. What was asked for several times runs
 * once. Runs wait in the order of {@link RunQueue}.
 */
export class WorkRunner implements Runner {
  readonly #options: Required<WorkOptions>;
  readonly #models = new Map<string, Entry>();
  readonly #malformed = new Map<string, MalformedProgram>();
  readonly #queue = new RunQueue<Run>();
  readonly #inFlight = new Map<string, Run>();
  readonly #threads: readonly WorkThread[];
  readonly #busy = new Map<WorkThread, Busy>();
  readonly #outputs = new Latest<Uint8Array>(OUTPUT_BYTES, ({ length }) => length);
  readonly #commitments = new Latest<Commitment>(COMMITMENT_BYTES, commitmentBytes);
  readonly #traces: Latest<Trace>;
  readonly #counts = { done: 0, failed: 0, dropped: 0 };
  /** Time that commitments and traces took. */
  readonly #seconds = new WeakMap<object, number>();
  /** Traces whose folds were asked for. */
  #folded = 0;
  #urgentSince = Number.POSITIVE_INFINITY;
  #sweeping: NodeJS.Timeout | undefined;

  constructor(options: WorkOptions) {
    this.#options = {
      modelBytes: 2 ** 32,
      traceBytes: 2 ** 30,
      patienceSeconds: 5,
      batch: 1,
      clock: systemClock,
      ...options,
    };
    const { threads, engine, modelBytes, batch } = this.#options;
    this.#threads = Array.from(
      { length: threads },
      () => new WorkThread({ engine, batch }, modelBytes / threads),
    );
    this.#traces = new Latest(this.#options.traceBytes, traceBytes);
  }

  /**
   * Holds a model and returns its id.
   *
   * @throws RangeError if its program is malformed: see {@link putMalformed}
   */
  put({ model, weights }: HeldModel, options: PutOptions = {}): string {
    const [violation] = options.isValid ? [] : validate(model.program);
    if (violation) throw new RangeError(`the program is malformed: ${violation.message}`);
    const modelId = hexOf(model.id);
    this.#models.set(modelId, entryOf({ model, weights }, modelId, this.#options.batch, options));
    return modelId;
  }

  /** The weights of a model that is held, where all threads read them: to hold them once for another of its programs. */
  weights(modelId: string): ReadonlyMap<number, Uint8Array> | undefined {
    return this.#models.get(modelId)?.weights;
  }

  /** Keeps what proves that the program of a model is malformed. */
  putMalformed(modelId: string, program: MalformedProgram): void {
    this.#malformed.set(modelId, program);
  }

  /** Holds a model no more; its runs are dropped. */
  drop(modelId: string): void {
    this.#models.delete(modelId);
    this.#malformed.delete(modelId);
    for (const run of this.#inFlight.values())
      if (run.modelId === modelId) run.drop('its model is not held any more');
    for (const thread of this.#threads) thread.drop(modelId);
    for (const kept of [this.#outputs, this.#commitments, this.#traces]) kept.forget(`${modelId} `);
  }

  model(modelId: string): Model | undefined {
    return this.#models.get(modelId)?.model;
  }

  share = (modelId: string): string | undefined => this.#models.get(modelId)?.share;

  /** Runs of a model that may be made together; 1 if they are long. */
  batch(modelId: string): number {
    return this.#models.get(modelId)?.batch ?? 1;
  }

  malformed(modelId: string): MalformedProgram | undefined {
    return this.#malformed.get(modelId);
  }

  async output(modelId: string, input: string, options: RunOptions = {}): Promise<string> {
    return hexOf(await this.outputBytes(modelId, input, options));
  }

  async outputBytes(modelId: string, input: string, options: RunOptions = {}): Promise<Uint8Array> {
    return this.#ask(this.#outputs, 'output', modelId, input, options, (_, result) =>
      result.what === 'output' ? result.outputs[0] : undefined,
    );
  }

  async commitment(modelId: string, input: string, options: RunOptions = {}): Promise<Commitment> {
    return this.#ask(this.#commitments, 'commitment', modelId, input, options, ({ model }, result) =>
      result.what === 'commitment'
        ? commitmentFrom(model, new MerkleTree(TRACE_TREE, result.levels[0]!, result.levels.slice(1)))
        : undefined,
    );
  }

  async trace(modelId: string, input: string, options: RunOptions = {}): Promise<Trace> {
    return this.#ask(this.#traces, 'trace', modelId, input, options, (entry, result) => {
      // Of a trace, so that disputes on one claim share what they compute.
      const name = `${modelId} fold ${++this.#folded}`;
      return traceFrom(entry, result, (part, work, urgency) =>
        this.#fold(new Run(modelId, 'fold', NO_INPUT, entry, work), `${name} ${part}`, urgency),
      );
    });
  }

  async playTime(modelId: string, input: string, options: RunOptions = {}): Promise<PlayTime | undefined> {
    const entry = this.#models.get(modelId);
    if (!entry || entry.maxRunSeconds === Number.POSITIVE_INFINITY) return undefined;
    const commitment = await this.commitment(modelId, input, options);
    const trace = await this.trace(modelId, input, options);
    const seconds = { commitment: this.#seconds.get(commitment)!, trace: this.#seconds.get(trace)! };
    return playTimeOf(trace, seconds, this.#options.traceBytes, async (work) => {
      const run = new Run(modelId, 'fold', NO_INPUT, entry, work);
      await this.#fold(run, `${modelId} sample ${++this.#folded}`, options);
      return run.seconds;
    });
  }

  async #fold(run: Run, key: string, options: RunOptions): Promise<readonly number[]> {
    const asked = this.#inFlight.get(key) ?? run;
    asked.join(options);
    if (asked === run) this.#begin(key, run);
    const result = await asked.result;
    if (result.what === 'fold') return result.words;
    throw new Error('a worker thread answered something else than a fold');
  }

  status(): WorkStatus {
    return {
      waiting: this.#queue.size,
      running: this.#busy.size,
      ...this.#counts,
      keptBytes: this.#outputs.bytes + this.#commitments.bytes + this.#traces.bytes,
    };
  }

  /** Drops all runs and ends the threads. */
  async close(): Promise<void> {
    for (const run of [...this.#inFlight.values()]) run.drop('the program ends');
    clearInterval(this.#sweeping);
    this.#sweeping = undefined;
    await Promise.all(this.#threads.map((thread) => thread.end()));
  }

  #ask<T>(
    kept: Latest<T>,
    what: RunKind,
    modelId: string,
    input: string,
    options: RunOptions,
    read: (entry: Entry, result: RunResult) => T | undefined,
  ): Promise<T> {
    const entry = this.#models.get(modelId);
    if (!entry) throw new RangeError(`model ${modelId} is not held here`);
    const bytes = bytesOfHex(input);
    // Now, so that an input of a wrong length never reaches a thread.
    splitTensors(suppliedRefs(entry.model), bytes);
    const key = keyOf(what, modelId, bytes);
    this.#inFlight.get(key)?.join(options);
    return kept.get(key, async () => {
      const run = new Run(modelId, what, bytes, entry);
      run.join(options);
      this.#begin(key, run);
      const made = read(entry, await run.result);
      if (made === undefined) throw new Error(`a worker thread answered something else than ${what}`);
      if (typeof made === 'object' && made) this.#seconds.set(made, run.seconds);
      return made;
    });
  }

  #begin(key: string, run: Run): void {
    this.#inFlight.set(key, run);
    const end = (): void => void this.#inFlight.delete(key);
    run.result.then(end, end);
    run.onAbandoned(() => {
      this.#counts.dropped++;
      this.#queue.remove(run);
      const busy = [...this.#busy.values()].find(({ runs }) => runs.includes(run));
      // A thread goes on as long as one of its runs is wanted.
      if (busy?.runs.every(({ isDropped }) => isDropped)) void busy.thread.end();
    });
    this.#queue.add(run);
    this.#sweeping ??= setInterval(() => this.#sweep(), SWEEP_MS).unref();
    this.#dispatch();
  }

  #dispatch(): void {
    this.#dropLate();
    for (;;) {
      const idle = this.#threads.filter((thread) => !this.#busy.has(thread));
      if (idle.length === 0) break;
      const now = performance.now() / 1000;
      const first = this.#queue.next(now);
      if (!first) break;
      const entry = this.#models.get(first.modelId);
      if (!entry) {
        this.#queue.ended(first, 0, now);
        first.drop('its model is not held any more');
        continue;
      }
      const thread = idle.find((one) => one.holds(first.modelId)) ?? idle[0]!;
      void this.#make(thread, entry, [first, ...this.#alike(first, entry, idle.length)]);
    }
    this.#urgentSince = this.#queue.hasUrgent
      ? Math.min(this.#urgentSince, performance.now())
      : Number.POSITIVE_INFINITY;
  }

  /** Other runs of the same model that a thread makes along with one; other idle threads have their part. */
  #alike(first: Run, { batch }: Entry, idle: number): Run[] {
    if (first.what !== 'output') return [];
    const waiting = 1 + this.#queue.countAlike(first);
    return this.#queue.takeAlike(first, Math.min(batch, Math.ceil(waiting / idle)) - 1);
  }

  async #make(thread: WorkThread, { shared }: Entry, runs: readonly Run[]): Promise<void> {
    const startedAt = performance.now();
    this.#busy.set(thread, { thread, runs, startedAt });
    for (const run of runs) run.attempts++;
    try {
      const result = await thread.make(shared, runs);
      runs.forEach((run, i) => {
        run.seconds = (performance.now() - startedAt) / 1000 / runs.length;
        run.resolve(result.what === 'output' ? { ...result, outputs: [result.outputs[i]!] } : result);
      });
      this.#counts.done += runs.length;
    } catch (error) {
      this.#again(runs, error);
    } finally {
      const now = performance.now();
      this.#busy.delete(thread);
      for (const run of runs) this.#queue.ended(run, (now - startedAt) / 1000 / runs.length, now / 1000);
      this.#dispatch();
    }
  }

  /** Runs whose thread has ended are made once more; one that fails in the engine fails for good. */
  #again(runs: readonly Run[], error: unknown): void {
    for (const run of runs) {
      if (run.isDropped) continue;
      if (error instanceof ThreadEnded && run.attempts < MAX_ATTEMPTS) this.#queue.add(run);
      else {
        this.#counts.failed++;
        run.reject(error);
      }
    }
  }

  /** Drops runs of no use to anybody any more, before a thread takes them up too. */
  #dropLate(): void {
    const now = Number(this.#options.clock());
    for (const run of this.#inFlight.values()) if (run.lastDeadline < now) run.drop('its deadline is over');
  }

  #sweep(): void {
    this.#dropLate();
    for (const { thread, runs, startedAt } of this.#busy.values()) {
      const limitSeconds = Math.max(...runs.map((run) => run.limitSeconds));
      if (performance.now() - startedAt < 1000 * limitSeconds * runs.length) continue;
      for (const run of runs) run.dropSlow();
      void thread.end();
    }
    this.#preempt();
  }

  /** Ends the youngest run that is not urgent, if an urgent one has waited long enough; it is made again later. */
  #preempt(): void {
    const waitedSeconds = (performance.now() - this.#urgentSince) / 1000;
    if (waitedSeconds < this.#options.patienceSeconds || this.#busy.size < this.#threads.length) return;
    const candidates = [...this.#busy.values()].filter(({ runs }) => runs.every(({ isUrgent }) => !isUrgent));
    if (candidates.length < this.#busy.size || candidates.length === 0) return;
    const youngest = candidates.reduce((a, b) => (b.startedAt > a.startedAt ? b : a));
    for (const run of youngest.runs) run.attempts--;
    void youngest.thread.end();
  }
}
