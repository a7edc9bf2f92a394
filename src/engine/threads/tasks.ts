import type { Schedule } from './schedule.ts';

/** A run of a program as every thread gets it. */
export interface Job {
  readonly modules: readonly WebAssembly.Module[];
  /** Memories by the names under which modules are given them. */
  readonly memories: Readonly<Record<string, WebAssembly.Memory>>;
  readonly schedule: Schedule;
  readonly threads: number;
  /** Counters of each stage: the tasks done, then for each thread the tasks taken from its share. */
  readonly counters: Int32Array;
}

/** The functions of a job's schedule, in its order. */
export type Functions = readonly ((...args: number[]) => void)[];

/**
 * Does tasks of a stage until all of them are taken. The tasks are divided into one share for each thread. A thread
 * starts with its own share, which is the same part of every stage, so that it mostly reads memory that it wrote; then
 * it steals from the shares of the others.
 *
 * Each time a thread takes half of what is left of a share: large pieces first, small ones towards the end, so that
 * threads of different speed finish together. This is guided self-scheduling (Polychronopoulos and Kuck, "Guided
 * Self-Scheduling", IEEE Transactions on Computers C-36, 1987) with affinity to a share and stealing (Markatos and
 * LeBlanc, "Using Processor Affinity in Loop Scheduling", 1994). Neighbouring tasks that are items of the same function
 * are done by one call.
 *
 * The function is sent to workers as its source text, so it may name nothing but its arguments and JavaScript's own
 * globals, and must not contain named functions, because some compilers add calls to these.
 */
export function takeTasks(
  { schedule, threads, counters }: Job,
  functions: Functions,
  thread: number,
  stage: number,
): void {
  const { calls, callWords, tasks, stages } = schedule;
  const first = stages[stage]!;
  const count = stages[stage + 1]! - first;
  const done = stage * (threads + 1);
  for (let i = 0; i < threads; i++) {
    const owner = (thread + i) % threads;
    const start = Math.floor((count * owner) / threads);
    const length = Math.floor((count * (owner + 1)) / threads) - start;
    const counter = done + 1 + owner;
    for (;;) {
      const left = length - Atomics.load(counters, counter);
      if (left <= 0) break;
      const half = (left + 1) >> 1;
      const from = Atomics.add(counters, counter, half);
      const to = Math.min(from + half, length);
      // Other threads took the rest in the meantime.
      if (from >= to) break;
      const end = callWords * tasks[first + start + to]!;
      for (let at = callWords * tasks[first + start + from]!; at < end; at += callWords) {
        const begin = calls[at + 1]!;
        while (
          at + callWords < end &&
          calls[at + callWords] === calls[at] &&
          calls[at + callWords + 1] === calls[at + 2]
        )
          at += callWords;
        functions[calls[at]!]!(begin, calls[at + 2]!, calls[at + 3]!, calls[at + 4]!, calls[at + 5]!);
      }
      if (Atomics.add(counters, done, to - from) === count - (to - from)) Atomics.notify(counters, done);
    }
  }
}
