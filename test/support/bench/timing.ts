import { performance } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Something whose runs are timed. */
export interface Contestant {
  readonly name: string;
  run(): Promise<unknown>;
}

/** Milliseconds of one run. */
export interface Timing {
  readonly median: number;
  /** Half the distance between the quartiles. */
  readonly spread: number;
  readonly best: number;
  readonly runs: number;
  /** Median of each round's. */
  readonly rounds: readonly number[];
  /** The same of processor time of the calling thread. */
  readonly threadRounds: readonly number[];
}

/** V8 compiles a function again, and better, only after it has run for a while. */
const WARM_UP = { leastRuns: 5, runs: 60, ms: 1200 };
const ROUNDS = 11;
/**
 * Contestants take turns of a few runs each, so that what the machine does besides meets all of them. A run before
 * them is not timed: it brings back to the caches what others have displaced, and what is timed is the steady run.
 */
const TURN = { leastRuns: 2, runs: 9, ms: 12 };
/** Threads that wait for work by spinning give up in this time, and do not slow down who comes next. */
const PAUSE_MS = 8;

/** The number below which a share of the numbers lies. */
function quantile(numbers: readonly number[], share: number): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) * share)]!;
}

export const median = (numbers: readonly number[]): number => quantile(numbers, 0.5);

/**
 * @param rounds milliseconds of the runs of each
 * @param threadRounds the same of processor time
 */
export function timingOf(
  rounds: readonly (readonly number[])[],
  threadRounds: readonly (readonly number[])[] = rounds,
): Timing {
  const times = rounds.flat();
  return {
    median: median(times),
    spread: (quantile(times, 0.75) - quantile(times, 0.25)) / 2,
    best: quantile(times, 0),
    runs: times.length,
    rounds: rounds.map(median),
    threadRounds: threadRounds.map(median),
  };
}

/**
 * Ratio of the times of two contestants of one race: the median of the rounds' ratios. A machine
 * that is slow for some seconds is so for both of a round, but not for as many runs of each in the whole race.
 */
export const ratioOf = (a: Timing, b: Timing): number => median(a.rounds.map((ms, i) => ms / b.rounds[i]!));

/** As {@link ratioOf}, of processor time: for contestants of one thread, on a machine that does other work besides. */
export const threadRatioOf = (a: Timing, b: Timing): number =>
  median(a.threadRounds.map((ms, i) => ms / b.threadRounds[i]!));

/** Milliseconds of processor time that this process has used so far. */
export function cpuTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Milliseconds of processor time of this thread; of the whole process in Node before 22.19. */
export function threadTime(): number {
  // Linux brings a thread's time up to date when that of the process is asked for, and otherwise every few milliseconds.
  const whole = process.cpuUsage();
  const { user, system } = process.threadCpuUsage?.() ?? whole;
  return (user + system) / 1000;
}

export async function timed<T>(work: () => T | Promise<T>): Promise<{ result: T; ms: number }> {
  const start = performance.now();
  const result = await work();
  return { result, ms: performance.now() - start };
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Collects garbage now; otherwise V8's threads do so during the next turn, on a core that it needs. */
export const pause = (): Promise<void> => {
  collectGarbage();
  return new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
};

async function warmUp({ run }: Contestant, leastRuns: number): Promise<void> {
  const start = performance.now();
  for (let runs = 0; runs < WARM_UP.runs; runs++) {
    if (runs >= leastRuns && performance.now() - start > WARM_UP.ms) return;
    await run();
  }
}

/**
 * Times the contestants in turns, in another order each round.
 *
 * @param rounds fewer, with a shorter warm-up, for runs that take seconds
 */
export async function race(
  contestants: readonly Contestant[],
  { rounds: count, leastRuns }: { readonly rounds: number; readonly leastRuns: number } = {
    rounds: ROUNDS,
    leastRuns: WARM_UP.leastRuns,
  },
): Promise<Map<string, Timing>> {
  const entries = contestants.map((contestant) => ({
    ...contestant,
    rounds: [] as number[][],
    threadRounds: [] as number[][],
  }));
  for (const contestant of contestants) await warmUp(contestant, leastRuns);
  for (let round = 0; round < count; round++) {
    for (const i of entries.keys()) {
      const { run, rounds, threadRounds } = entries[(i + round) % entries.length]!;
      await pause();
      await run();
      const times: number[] = [];
      const threadTimes: number[] = [];
      const start = performance.now();
      while (times.length < TURN.runs) {
        if (times.length >= TURN.leastRuns && performance.now() - start > TURN.ms) break;
        const threadStart = threadTime();
        times.push((await timed(run)).ms);
        threadTimes.push(threadTime() - threadStart);
      }
      rounds.push(times);
      threadRounds.push(threadTimes);
    }
  }
  return new Map(entries.map(({ name, rounds, threadRounds }) => [name, timingOf(rounds, threadRounds)]));
}
