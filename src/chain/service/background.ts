/** The result of a background job. */
export type JobOutcome<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'failed'; readonly failure: unknown };

interface Job<T> {
  work: () => Promise<T>;
  deadline: bigint;
  isAsked: boolean;
  isRunning: boolean;
  outcome: JobOutcome<T> | undefined;
  /** Whether no pass has seen the outcome yet. */
  isNews: boolean;
  failures: number;
  /** Time before which it is not tried again, ms. */
  restsUntil: number;
}

const FIRST_REST_MS = 1000;
const LONGEST_REST_MS = 60_000;

/**
 * Work that a pass asks for and does not wait for: runs of models. It runs by the earliest deadline; what no pass asks for
 * any more is dropped, its outcome too.
 */
export class Background {
  readonly #jobs = new Map<string, Job<unknown>>();
  readonly #width: number;
  readonly #now: () => number;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /** @param width jobs that run at once; @param now milliseconds, from any beginning */
  constructor(width = 1, now: () => number = () => performance.now()) {
    this.#width = width;
    this.#now = now;
  }

  /** Whether anything runs or waits to. */
  get isBusy(): boolean {
    const now = this.#now();
    return [...this.#jobs.values()].some(
      ({ isRunning, isNews, outcome, restsUntil }) => isRunning || isNews || (!outcome && restsUntil <= now),
    );
  }

  /** Whether a job has ended whose outcome no pass has seen. */
  get hasNews(): boolean {
    return [...this.#jobs.values()].some(({ isNews }) => isNews);
  }

  /** Jobs that wait and run. */
  get queued(): number {
    return [...this.#jobs.values()].filter(({ isRunning, outcome }) => isRunning || !outcome).length;
  }

  /**
   * Asks for work again each pass, as long as its outcome matters.
   *
   * @param key names the work: what has been done under it is not done again
   * @param deadline Unix seconds; the earliest is run first
   * @returns undefined until it has ended; a failure once, after which it is tried again later
   */
  ask<T>(key: string, deadline: bigint, work: () => Promise<T>): JobOutcome<T> | undefined {
    const known = this.#jobs.get(key) as Job<T> | undefined;
    if (!known) {
      const job = { work, deadline, isRunning: false, isNews: false, failures: 0, restsUntil: 0 };
      this.#jobs.set(key, { ...job, outcome: undefined, isAsked: true });
      return undefined;
    }
    known.isAsked = true;
    known.work = work;
    known.deadline = deadline;
    known.isNews = false;
    const { outcome } = known;
    if (outcome?.kind === 'failed') known.outcome = undefined;
    return outcome;
  }

  /** Tries what has failed again at once. */
  retry(): void {
    for (const job of this.#jobs.values()) job.restsUntil = 0;
  }

  /** Ends a pass: drops what it did not ask for, and starts what there is room for. */
  turn(): void {
    for (const [key, job] of this.#jobs) {
      if (!job.isAsked && !job.isRunning) this.#jobs.delete(key);
      job.isAsked = false;
    }
    this.#start();
  }

  /** Waits until a job has ended whose outcome no pass has seen, or the time is over. @param ms the longest wait */
  next(ms: number): Promise<void> {
    if (this.hasNews) return Promise.resolve();
    return new Promise((resolve) => {
      // This timer does not keep the process alive.
      const timer = setTimeout(done, ms).unref();
      const waiting = this.#waiting;
      function done(): void {
        clearTimeout(timer);
        waiting.splice(waiting.indexOf(done), 1);
        resolve();
      }
      waiting.push(done);
    });
  }

  #start(): void {
    const now = this.#now();
    while (this.#running < this.#width) {
      let first: Job<unknown> | undefined;
      for (const job of this.#jobs.values()) {
        if (job.isRunning || job.outcome || job.restsUntil > now) continue;
        if (!first || job.deadline < first.deadline) first = job;
      }
      if (!first) return;
      void this.#run(first);
    }
  }

  async #run(job: Job<unknown>): Promise<void> {
    this.#running++;
    job.isRunning = true;
    try {
      job.outcome = { kind: 'done', value: await job.work() };
    } catch (failure) {
      job.outcome = { kind: 'failed', failure };
      job.restsUntil = this.#now() + Math.min(LONGEST_REST_MS, FIRST_REST_MS * 2 ** job.failures++);
    }
    job.isRunning = false;
    job.isNews = true;
    this.#running--;
    for (const wake of [...this.#waiting]) wake();
    this.#start();
  }
}
