import { createHash } from 'node:crypto';
import { RunDropped, type RunOptions, RunTooLong } from '../store/runner.ts';
import type { FoldWork, RunResult, WorkKind } from './messages.ts';
import type { Waiting } from './queue.ts';

/** The key that equal runs share. */
export const keyOf = (what: WorkKind, modelId: string, input: Uint8Array): string =>
  `${modelId} ${what} ${createHash('sha256').update(input).digest('base64')}`;

/** A run that is to be made: whoever asks for the same meanwhile waits for the same result. */
export class Run implements Waiting {
  readonly modelId: string;
  readonly what: WorkKind;
  readonly input: Uint8Array;
  /** Set if this is a part of a fold, which has no input. */
  readonly fold: FoldWork | undefined;
  readonly share: string;
  /** Settles with the run, or once nobody waits for it any more. */
  readonly result: Promise<RunResult>;
  /** Threads that it was given to. */
  attempts = 0;
  isDropped = false;
  /** Time that it took, once it is made. */
  seconds = 0;
  readonly #waiters = new Map<object, { readonly deadline: number; readonly limitSeconds: number }>();
  readonly #maxSeconds: number;
  #resolve!: (result: RunResult) => void;
  #reject!: (error: unknown) => void;
  #abandoned: () => void = () => undefined;

  constructor(
    modelId: string,
    what: WorkKind,
    input: Uint8Array,
    { share, maxRunSeconds }: { readonly share: string; readonly maxRunSeconds: number },
    fold?: FoldWork,
  ) {
    this.modelId = modelId;
    this.what = what;
    this.input = input;
    this.fold = fold;
    this.share = share;
    // An own dispute needs its commitments and traces, whatever time they take.
    this.#maxSeconds = what === 'output' ? maxRunSeconds : Number.POSITIVE_INFINITY;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Dispute moves ask for commitments, traces and folds, and set no limit; everybody else asks for outputs, or sets one. */
  get isUrgent(): boolean {
    return this.what !== 'output' && this.limitSeconds === Number.POSITIVE_INFINITY;
  }

  /** Longest time that it may take: of those who wait, the most patient decides. */
  get limitSeconds(): number {
    return Math.max(0, ...[...this.#waiters.values()].map(({ limitSeconds }) => limitSeconds));
  }

  /** The earliest of those who wait. */
  get deadline(): number {
    return Math.min(Number.POSITIVE_INFINITY, ...this.#deadlines());
  }

  /** The latest: until then the result is of use to somebody. */
  get lastDeadline(): number {
    return Math.max(Number.NEGATIVE_INFINITY, ...this.#deadlines());
  }

  /** Adds somebody who waits. @throws RunDropped if it has given up already */
  join({ deadline, limitSeconds = this.#maxSeconds, signal }: RunOptions): void {
    if (signal?.aborted) throw new RunDropped(`the run of model ${this.modelId} was given up`);
    const waiter = {};
    this.#waiters.set(waiter, {
      deadline: deadline === undefined ? Number.POSITIVE_INFINITY : Number(deadline),
      limitSeconds,
    });
    if (!signal) return;
    const leave = (): void => {
      this.#waiters.delete(waiter);
      if (this.#waiters.size === 0) this.drop('nobody waits for it any more');
    };
    signal.addEventListener('abort', leave, { once: true });
    void this.result.catch(() => undefined).then(() => signal.removeEventListener('abort', leave));
  }

  /** Called once, when the run is dropped. */
  onAbandoned(work: () => void): void {
    this.#abandoned = work;
  }

  drop(reason: string, Reason = RunDropped): void {
    if (this.isDropped) return;
    this.isDropped = true;
    this.#reject(new Reason(`a run of model ${this.modelId} was dropped: ${reason}`));
    this.#abandoned();
  }

  /** Drops it because it takes longer than it may. */
  dropSlow(): void {
    this.drop(`it takes more than ${this.limitSeconds} seconds`, RunTooLong);
  }

  #deadlines(): number[] {
    return [...this.#waiters.values()].map(({ deadline }) => deadline);
  }

  resolve(result: RunResult): void {
    this.#resolve(result);
  }

  reject(error: unknown): void {
    this.#reject(error);
  }
}
