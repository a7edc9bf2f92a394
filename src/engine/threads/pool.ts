import { EngineError } from '../engine.ts';
import type { Spawn, WorkerHandle } from './spawn.ts';
import { type Functions, type Job, takeTasks } from './tasks.ts';
import { mayBlock, until } from './waiting.ts';
import { CONTROL, type Message, SPINS, serve } from './worker.ts';

/** A job that a pool knows. */
export interface RegisteredJob {
  readonly id: number;
  readonly job: Job;
  readonly functions: Functions;
  /** The reason why it cannot run any more. */
  failure: EngineError | undefined;
}

const source = `(${serve.toString()})(port, ${takeTasks.toString()}, ${JSON.stringify(CONTROL)}, ${SPINS});`;

/**
 * A thread pool: workers that run jobs together with the thread that asks for a run, one job at a time. Workers exist
 * while a shared job is registered. A run never waits for a worker that has not started yet: workers join it when they
 * get to it.
 */
export class ThreadPool {
  /** Number of threads, the one that asks for runs included. */
  readonly threads: number;
  readonly #spawn: Spawn | null;
  readonly #jobs = new Set<RegisteredJob>();
  #workers: readonly WorkerHandle[] = [];
  #control: Int32Array = new Int32Array(0);
  #ids = 0;
  #queue: Promise<unknown> = Promise.resolve();
  readonly #mayBlock: boolean;

  /** @param spawn null where no other thread can be started */
  constructor(threads: number, spawn: Spawn | null) {
    this.threads = spawn ? threads : 1;
    this.#spawn = spawn;
    this.#mayBlock = this.threads > 1 && mayBlock();
  }

  /** Queues some work: works run one after the other, in the order of the calls. */
  enqueue<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(work);
    this.#queue = done.catch(() => undefined);
    return done;
  }

  /**
   * Makes a job known.
   *
   * @param isShared whether workers may take part; if so, its memory and counters must be shared
   */
  register(job: Job, functions: Functions, isShared: boolean): RegisteredJob {
    const registered: RegisteredJob = { id: ++this.#ids, job, functions, failure: undefined };
    if (isShared) {
      if (this.#jobs.size === 0) this.#startWorkers();
      this.#jobs.add(registered);
      this.#broadcast(registered.id, job);
    }
    return registered;
  }

  /** Forgets a job. Workers end with the last one. */
  release(registered: RegisteredJob): void {
    if (!this.#jobs.delete(registered)) return;
    if (this.#jobs.size === 0) this.#stopWorkers();
    else this.#broadcast(registered.id, undefined);
  }

  /**
   * Runs a job. Only one may run at a time: see {@link enqueue}.
   *
   * @param afterStage called after each stage; its promise is awaited
   * @throws EngineError if a worker has died
   */
  async run(
    registered: RegisteredJob,
    afterStage: (stage: number) => Promise<void> | undefined,
  ): Promise<void> {
    const { id, job } = registered;
    const isShared = this.#jobs.has(registered);
    if (registered.failure) throw registered.failure;
    const control = this.#control;
    if (isShared) await this.#until(registered, control, CONTROL.active, (count) => count === 0);
    job.counters.fill(0);
    if (isShared) {
      Atomics.store(control, CONTROL.job, id);
      this.#wake();
    }
    try {
      const { stages } = job.schedule;
      for (let stage = 0; stage + 1 < stages.length; stage++) {
        this.#take(registered, stage);
        const count = stages[stage + 1]! - stages[stage]!;
        const word = stage * (job.threads + 1);
        const done = this.#until(registered, job.counters, word, (tasks) => tasks === count);
        if (done) await done;
        const reported = afterStage(stage);
        if (reported) await reported;
      }
      if (isShared) Atomics.store(control, CONTROL.job, 0);
    } catch (error) {
      if (isShared) Atomics.store(control, CONTROL.job, 0);
      // Workers finish the run; nothing may be written to the memory before they have.
      if (this.#jobs.has(registered))
        await this.#until(registered, control, CONTROL.active, (count) => count === 0);
      throw error;
    }
  }

  #take({ job, functions }: RegisteredJob, stage: number): void {
    try {
      takeTasks(job, functions, 0, stage);
    } catch (error) {
      // The workers would wait for this task for ever.
      this.#fail(String(error));
      throw error;
    }
  }

  #until(
    registered: RegisteredJob,
    words: Int32Array,
    at: number,
    holds: (value: number) => boolean,
  ): Promise<void> | undefined {
    return until(words, at, holds, this.#mayBlock, () => {
      if (registered.failure) throw registered.failure;
    });
  }

  #startWorkers(): void {
    this.#control = new Int32Array(new SharedArrayBuffer(4 * Object.keys(CONTROL).length));
    const workers: WorkerHandle[] = [];
    this.#workers = workers;
    for (let i = 1; i < this.threads; i++) {
      workers.push(
        this.#spawn!(source, (reason) => {
          if (this.#workers === workers) this.#fail(reason);
        }),
      );
    }
  }

  #stopWorkers(): void {
    const workers = this.#workers;
    this.#workers = [];
    for (const worker of workers) worker.terminate();
  }

  /** Gives every shared job a reason to fail, and ends the workers. */
  #fail(reason: string): void {
    const failure = new EngineError(
      `a thread of the engine has ended: ${reason}; load the program again, or with one thread`,
    );
    for (const registered of this.#jobs) registered.failure = failure;
    this.#jobs.clear();
    this.#stopWorkers();
  }

  #broadcast(id: number, job: Job | undefined): void {
    // Counted before it is sent: a worker that has read it first would see fewer messages than it received, and wait.
    Atomics.add(this.#control, CONTROL.messages, 1);
    for (const [i, worker] of this.#workers.entries()) {
      const message: Message = { thread: i + 1, control: this.#control, id, job };
      worker.post(message);
    }
    this.#wake();
  }

  /** Wakes sleeping workers, so that they look at the control words. */
  #wake(): void {
    Atomics.add(this.#control, CONTROL.event, 1);
    Atomics.notify(this.#control, CONTROL.event);
  }
}
