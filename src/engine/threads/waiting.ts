import { SPINS } from './worker.ts';

/** Longest time between two checks for workers that have died, ms. */
const CHECK_MS = 100;

/** Whether this thread may block; the main thread of a page may not. */
export function mayBlock(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1);
    return true;
  } catch {
    return false;
  }
}

/** Lets the event loop run once. */
const yieldToEventLoop = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

type WaitAsync = (
  words: Int32Array,
  at: number,
  value: number,
  timeout: number,
) => { readonly value: Promise<unknown> | string };

/** Lets the event loop run until a word changes, at most {@link CHECK_MS} where `Atomics.waitAsync` exists. */
async function untilChanged(words: Int32Array, at: number, value: number): Promise<void> {
  const { waitAsync } = Atomics as { waitAsync?: WaitAsync };
  await (waitAsync ? waitAsync(words, at, value, CHECK_MS).value : yieldToEventLoop());
}

/**
 * Waits until a word of shared memory satisfies a condition.
 *
 * @param blocks whether this thread may block
 * @param check throws if there is no use in waiting any longer; called each time the event loop has run, because that
 *   is when news of dead workers arrives
 * @returns undefined if the condition held before the event loop had to run
 */
export function until(
  words: Int32Array,
  at: number,
  holds: (value: number) => boolean,
  blocks: boolean,
  check: () => void,
): Promise<void> | undefined {
  for (let spin = 0; ; spin++) {
    const value = Atomics.load(words, at);
    if (holds(value)) return undefined;
    if (spin < SPINS) continue;
    const yielded = !blocks
      ? untilChanged(words, at, value)
      : Atomics.wait(words, at, value, CHECK_MS) === 'timed-out'
        ? yieldToEventLoop()
        : undefined;
    if (!yielded) continue;
    return yielded.then(() => {
      check();
      return until(words, at, holds, blocks, check);
    });
  }
}
