import { RunDropped, type RunOptions } from '../store/shelf.ts';
import type { FoldWork, RunResult, WorkKind } from './messages.ts';
import type { Waiting } from './queue.ts';

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
  readonly #waiters = new Map<object, number>();
  readonly #isUrgent: boolean;
  #resolve!: (result: RunResult) => void;
  #reject!: (error: unknown) => void;
  #abandoned: () => void = () => undefined;

  constructor(modelId: string, what: WorkKind, input: Uint8Array, share: string, fold?: FoldWork) {
    this.modelId = modelId;
    this.what = what;
    this.input = input;
    this.fold = fold;
    this.share = share;
    // Dispute moves ask for commitments and traces; everybody else asks for outputs.
    this.#isUrgent = what !== 'output';
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  get isUrgent(): boolean {
    return this.#isUrgent;
  }

  /** The earliest of those who wait. */
  get deadline(): number {
    return Math.min(Number.POSITIVE_INFINITY, ...this.#waiters.values());
  }

  /** The latest: until then the result is of use to somebody. */
  get lastDeadline(): number {
    return Math.max(Number.NEGATIVE_INFINITY, ...this.#waiters.values());
  }

  /** Adds somebody who waits. @throws RunDropped if it has given up already */
  join({ deadline, signal }: RunOptions): void {
    if (signal?.aborted) throw new RunDropped(`the run of model ${this.modelId} was given up`);
    const waiter = {};
    this.#waiters.set(waiter, deadline === undefined ? Number.POSITIVE_INFINITY : Number(deadline));
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

  drop(reason: string): void {
    if (this.isDropped) return;
    this.isDropped = true;
    this.#reject(new RunDropped(`a run of model ${this.modelId} was dropped: ${reason}`));
    this.#abandoned();
  }

  resolve(result: RunResult): void {
    this.#resolve(result);
  }

  reject(error: unknown): void {
    this.#reject(error);
  }
}
