import { EngineError } from '../engine.ts';
import { CONTROL, type Functions, type Job, type Mail, SPINS, serve, takeTasks } from './member.ts';
import type { Helper, Spawn } from './spawn.ts';

/** A job that a crew has taken on. */
export interface Enlisted {
  readonly id: number;
  readonly job: Job;
  readonly functions: Functions;
  /** Why it cannot be run any more. */
  failure: EngineError | undefined;
}

/** How long a sleeping thread goes without hearing of others that have ended, ms. */
const PATIENCE_MS = 100;

const source = `(${serve.toString()})(port, ${takeTasks.toString()}, ${JSON.stringify(CONTROL)}, ${SPINS});`;

/** Whether this thread may sleep; that of a page may not. */
function maySleep(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1);
    return true;
  } catch {
    return false;
  }
}

const others = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

type WaitAsync = (
  words: Int32Array,
  at: number,
  value: number,
  timeout: number,
) => { readonly value: Promise<unknown> | string };

/** Lets others have a turn until a word changes, or for not much longer. */
async function untilChanged(words: Int32Array, at: number, value: number): Promise<void> {
  const { waitAsync } = Atomics as { waitAsync?: WaitAsync };
  await (waitAsync ? waitAsync(words, at, value, PATIENCE_MS).value : others());
}

/**
 * Threads that run jobs together with the thread that asks for it, one job at a time. They are there while there are
 * jobs, and take part in a run when they get to it: nobody waits for a thread that has not started.
 */
export class Crew {
  /** The asking one included. */
  readonly threads: number;
  readonly #spawn: Spawn | null;
  readonly #jobs = new Set<Enlisted>();
  #helpers: readonly Helper[] = [];
  #control: Int32Array = new Int32Array(0);
  #ids = 0;
  #queue: Promise<unknown> = Promise.resolve();
  readonly #maySleep: boolean;

  /** @param spawn null where there is one thread only */
  constructor(threads: number, spawn: Spawn | null) {
    this.threads = spawn ? threads : 1;
    this.#spawn = spawn;
    this.#maySleep = this.threads > 1 && maySleep();
  }

  /** Runs one thing after the other, in the order in which they came. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(work);
    this.#queue = done.catch(() => undefined);
    return done;
  }

  /**
   * Takes on a job.
   *
   * @param isShared whether other threads may take part; its memory and counters are shared then
   */
  enlist(job: Job, functions: Functions, isShared: boolean): Enlisted {
    const enlisted: Enlisted = { id: ++this.#ids, job, functions, failure: undefined };
    if (isShared) {
      if (this.#jobs.size === 0) this.#gather();
      this.#jobs.add(enlisted);
      this.#post(enlisted.id, job);
    }
    return enlisted;
  }

  /** Lets go of a job. */
  dismiss(enlisted: Enlisted): void {
    if (!this.#jobs.delete(enlisted)) return;
    if (this.#jobs.size === 0) this.#disband();
    else this.#post(enlisted.id, undefined);
  }

  /**
   * Runs a job, in a turn.
   *
   * @param after called after each stage; what it returns is waited for
   * @throws EngineError if a thread has ended
   */
  async run(enlisted: Enlisted, after: (stage: number) => Promise<void> | undefined): Promise<void> {
    const { id, job } = enlisted;
    const isShared = this.#jobs.has(enlisted);
    if (enlisted.failure) throw enlisted.failure;
    const control = this.#control;
    if (isShared) await this.#until(enlisted, control, CONTROL.active, (count) => count === 0);
    job.counters.fill(0);
    if (isShared) {
      Atomics.store(control, CONTROL.job, id);
      this.#call();
    }
    try {
      const { stages } = job.schedule;
      for (let stage = 0; stage + 1 < stages.length; stage++) {
        this.#take(enlisted, stage);
        const count = stages[stage + 1]! - stages[stage]!;
        const word = stage * (job.threads + 1);
        const done = this.#until(enlisted, job.counters, word, (tasks) => tasks === count);
        if (done) await done;
        const turn = after(stage);
        if (turn) await turn;
      }
      if (isShared) Atomics.store(control, CONTROL.job, 0);
    } catch (error) {
      if (isShared) Atomics.store(control, CONTROL.job, 0);
      // The others go on to the end, and nothing may be written to the memory before they are there.
      if (this.#jobs.has(enlisted))
        await this.#until(enlisted, control, CONTROL.active, (count) => count === 0);
      throw error;
    }
  }

  #take({ job, functions }: Enlisted, stage: number): void {
    try {
      takeTasks(job, functions, 0, stage);
    } catch (error) {
      // The other threads would wait for this task for ever.
      this.#fail(String(error));
      throw error;
    }
  }

  /** Waits until a word is as it should be; undefined if it was before there was need to let others have a turn. */
  #until(
    enlisted: Enlisted,
    words: Int32Array,
    at: number,
    isReached: (value: number) => boolean,
  ): Promise<void> | undefined {
    for (let spin = 0; ; spin++) {
      const value = Atomics.load(words, at);
      if (isReached(value)) return undefined;
      if (spin < SPINS) continue;
      // News of a thread that has ended come with a turn of others.
      const turn = !this.#maySleep
        ? untilChanged(words, at, value)
        : Atomics.wait(words, at, value, PATIENCE_MS) === 'timed-out'
          ? others()
          : undefined;
      if (!turn) continue;
      return turn.then(() => {
        if (enlisted.failure) throw enlisted.failure;
        return this.#until(enlisted, words, at, isReached);
      });
    }
  }

  #gather(): void {
    this.#control = new Int32Array(new SharedArrayBuffer(4 * Object.keys(CONTROL).length));
    const helpers: Helper[] = [];
    this.#helpers = helpers;
    for (let i = 1; i < this.threads; i++) {
      helpers.push(
        this.#spawn!(source, (reason) => {
          if (this.#helpers === helpers) this.#fail(reason);
        }),
      );
    }
  }

  #disband(): void {
    const helpers = this.#helpers;
    this.#helpers = [];
    for (const helper of helpers) helper.end();
  }

  #fail(reason: string): void {
    const failure = new EngineError(
      `a thread of the engine has ended: ${reason}; load the program again, or with one thread`,
    );
    for (const enlisted of this.#jobs) enlisted.failure = failure;
    this.#jobs.clear();
    this.#disband();
  }

  #post(id: number, job: Job | undefined): void {
    // Before it is sent: a thread that has read it already would take itself for ahead, and wait for more.
    Atomics.add(this.#control, CONTROL.mail, 1);
    for (const [i, helper] of this.#helpers.entries()) {
      const mail: Mail = { thread: i + 1, control: this.#control, id, job };
      helper.post(mail);
    }
    this.#call();
  }

  /** Makes sleeping threads look. */
  #call(): void {
    Atomics.add(this.#control, CONTROL.event, 1);
    Atomics.notify(this.#control, CONTROL.event);
  }
}
