import { explain } from '../messages/explain.ts';
import { LeaseTaken } from '../transactions/lease.ts';

/** One look at the chain and everything that follows from it; says how many transactions it sent. */
export type Pass = () => Promise<number>;

/** A long-running service: a pass that never waits for a run or a transaction, and the work it has started. */
export interface Service {
  readonly pass: Pass;
  /** Whether runs or transactions that it started have not ended. */
  isBusy(): boolean;
  /** Waits until a run ends or the time is over. */
  next(ms: number): Promise<void>;
  /** Tries again at once what has failed. */
  retry(): void;
  /** Lets go of what it holds outside of the chain. */
  close(): void;
}

export interface LoopOptions {
  /** Ends the loop after the pass that is running, or soon if that takes long. */
  readonly signal: AbortSignal;
  /** Rest between passes that found nothing to do, ms. */
  readonly pauseMs: number;
  /** Told, in one sentence, why a pass failed; the loop goes on. */
  readonly onFailure: (sentence: string) => void;
  /** Has something called at each new block, which ends a rest early. @returns what ends that */
  readonly onHead?: ((wake: () => void) => () => void) | undefined;
}

/** Longest rest after failures in a row, in pauses: a node that is back should be noticed well within a clock of minutes. */
const MOST_PAUSES = 4;
/** Looks in a row that find another process sending: one that was just killed may take a moment to be gone. */
const LEASE_LOOKS = 3;
/** Longest wait for the pass that is running when the loop is ended. What it has sent is on its way, what it has not is due. */
const GRACE_MS = 2000;

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

/** Shortest rest between passes that new blocks begin, ms: some chains have several a second. */
const LEAST_REST_MS = 250;

/** Rings at new blocks. One that comes during a pass is not missed by the rest after it. */
class Bell {
  #isRung = false;
  #ring: () => void = () => undefined;

  readonly ring = (): void => {
    this.#isRung = true;
    this.#ring();
  };

  reset(): void {
    this.#isRung = false;
  }

  rung(): Promise<void> {
    return this.#isRung
      ? Promise.resolve()
      : new Promise((resolve) => {
          this.#ring = resolve;
        });
  }
}

/** Signal of a loop that nobody aborts. */
const never = new AbortController().signal;

/** Waits, or until the signal. */
export const rest = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
    if (signal.aborted) done();
  });

/**
 * Repeats a pass until told to end. A node that fails is asked again after rests that double.
 *
 * @param pass as `createProvider` or `createWatcher` makes it
 * @returns after the signal, when the last pass has ended or two seconds later
 * @throws LeaseTaken if another process goes on sending with the same key
 */
export async function repeat(
  pass: Pass,
  { signal, pauseMs, onFailure, onHead }: LoopOptions,
  wait: (ms: number, signal: AbortSignal) => Promise<void> = rest,
): Promise<void> {
  const ended = new AbortController();
  const ending = aborted(signal).then(() => rest(GRACE_MS, ended.signal));
  const bell = new Bell();
  const release = onHead?.(bell.ring);
  let pauses = 1;
  let taken = 0;
  const restFor = async (isFailing: boolean): Promise<void> => {
    // Ends the timers of a rest that something else ended.
    const over = new AbortController();
    const ends = AbortSignal.any([signal, over.signal]);
    const whole = wait(pauses * pauseMs, ends);
    // A node that fails is left alone for as long as it needs.
    if (isFailing) await whole;
    else await Promise.race([whole, Promise.all([bell.rung(), rest(LEAST_REST_MS, ends)])]);
    over.abort();
  };
  try {
    while (!signal.aborted) {
      let isFailing = false;
      bell.reset();
      try {
        const sent = await Promise.race([pass(), ending]);
        taken = 0;
        pauses = sent === undefined || sent > 0 ? 0 : 1;
      } catch (failure) {
        taken = failure instanceof LeaseTaken ? taken + 1 : 0;
        if (taken >= LEASE_LOOKS) throw failure;
        onFailure(explain(failure));
        isFailing = true;
        pauses = Math.min(MOST_PAUSES, Math.max(1, pauses * 2));
      }
      if (pauses > 0 && !signal.aborted) await restFor(isFailing);
    }
  } finally {
    release?.();
    // The wait for a pass that may still run would hold the process.
    ended.abort();
  }
}

/** Repeats a service's pass until told to end; a run that ends brings the next pass forward. */
export function repeatService(service: Service, options: LoopOptions): Promise<void> {
  const wait = (ms: number, signal: AbortSignal): Promise<void> =>
    Promise.race([rest(ms, signal), service.next(ms)]);
  return repeat(service.pass, options, wait);
}

const FIRST_REST_MS = 10;
const LONGEST_REST_MS = 500;

/**
 * A pass that waits: it goes on until everything that it can do now is done and mined. For programs that act step by step.
 */
export function patient(service: Service): Pass {
  return async () => {
    let sent = 0;
    let restMs = FIRST_REST_MS;
    service.retry();
    for (;;) {
      const more = await service.pass();
      sent += more;
      if (more === 0 && !service.isBusy()) return sent;
      restMs = more > 0 ? FIRST_REST_MS : Math.min(LONGEST_REST_MS, 2 * restMs);
      if (service.isBusy()) await Promise.race([service.next(restMs), rest(restMs, never)]);
    }
  };
}
