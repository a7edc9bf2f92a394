/** Something that is waited for and may not come. */
export interface Arrival {
  /** Settles once the attempt to get it is over. */
  readonly done: Promise<Uint8Array | undefined>;
  readonly settle: (got?: Uint8Array) => void;
}

/** Node's timers take no longer time, ms. */
export const MOST_TIMER_MS = 2 ** 31 - 1;

export function arrival(): Arrival {
  let settle: (got?: Uint8Array) => void = () => undefined;
  const done = new Promise<Uint8Array | undefined>((resolve) => {
    settle = resolve;
  });
  return { done, settle };
}

/** Waits, without keeping the process alive. */
export const pause = (ms: number): Promise<undefined> =>
  new Promise((resolve) => setTimeout(() => resolve(undefined), Math.min(ms, MOST_TIMER_MS)).unref());
