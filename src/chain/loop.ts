import { explain } from './explain.ts';

/** One look at the chain and everything that follows from it; says how many transactions it sent. */
export type Pass = () => Promise<number>;

export interface LoopOptions {
  /** Ends the loop after the pass that is running. */
  readonly signal: AbortSignal;
  /** Rest between passes that found nothing to do, ms. */
  readonly pauseMs: number;
  /** Told, in one sentence, why a pass failed; the loop goes on. */
  readonly onFailure: (sentence: string) => void;
}

/** Longest rest after failures in a row, in pauses. */
const MOST_PAUSES = 16;

const rest = (ms: number, signal: AbortSignal): Promise<void> =>
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

/** Repeats a pass until told to end. A node that fails is asked again after rests that double. */
export async function repeat(pass: Pass, { signal, pauseMs, onFailure }: LoopOptions): Promise<void> {
  let pauses = 1;
  while (!signal.aborted) {
    try {
      const sent = await pass();
      pauses = sent > 0 ? 0 : 1;
    } catch (failure) {
      onFailure(explain(failure));
      pauses = Math.min(MOST_PAUSES, Math.max(1, pauses * 2));
    }
    if (pauses > 0) await rest(pauses * pauseMs, signal);
  }
}
