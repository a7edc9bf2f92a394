import type { Schedule } from './schedule.ts';

/**
 * What every thread of a crew does. The two functions are sent to threads as their text, so they name nothing but
 * their arguments and what JavaScript has everywhere, and hold no named functions, to which some compilers add calls.
 */

/** A run as every thread gets it. */
export interface Job {
  readonly modules: readonly WebAssembly.Module[];
  readonly memory: WebAssembly.Memory;
  readonly schedule: Schedule;
  readonly threads: number;
  /** For each stage: tasks done, then the tasks taken of each thread's own. */
  readonly counters: Int32Array;
}

/** The functions of a job's schedule. */
export type Functions = readonly ((...args: number[]) => void)[];

/** Words of the memory by which a crew is led. */
export const CONTROL = {
  /** Goes up when there is something to look at. */
  event: 0,
  /** Messages that were sent to each thread. */
  mail: 1,
  /** Number of the job that runs; 0 for none. */
  job: 2,
  /** Threads that may be working on a job. */
  active: 3,
} as const;

/** A message to a thread: a new job, or one that is over. */
export interface Mail {
  /** Which thread it is; the one that asks is 0. */
  readonly thread: number;
  readonly control: Int32Array;
  readonly id: number;
  readonly job: Job | undefined;
}

/** Looks again and again for so many times before it sleeps: some tens of microseconds, as long as many tasks take. */
export const SPINS = 10_000;

/**
 * Does tasks of a stage until all are taken: first those of the thread's own share, which lies where its share of the
 * stages before was; then what others have left of theirs. It takes half of what is left of a share at a time: large
 * parts first, small ones at the end, where threads wait for each other and one may be slower than the others. Tasks
 * next to each other that are turns of the same work are done by one call.
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
      // Others took the rest in between.
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

/** What a thread does all its life: it sleeps until there is a run, and takes part in it. */
export function serve(
  port: { onmessage: ((event: { data: Mail }) => void) | null },
  take: typeof takeTasks,
  words: typeof CONTROL,
  spins: number,
): void {
  const jobs = new Map<number, { job: Job; functions: Functions }>();
  let received = 0;
  port.onmessage = ({ data: { thread, control, id, job } }) => {
    received++;
    jobs.delete(id);
    if (job) {
      const { modules, memory, schedule } = job;
      const exports: WebAssembly.Exports = Object.assign(
        {},
        ...modules.map((module) => new WebAssembly.Instance(module, { env: { memory, thread } }).exports),
      );
      jobs.set(id, { job, functions: schedule.functions.map((name) => exports[name] as () => void) });
    }
    for (;;) {
      const event = Atomics.load(control, words.event);
      // A message only arrives once this returns.
      if (Atomics.load(control, words.mail) !== received) return;
      Atomics.add(control, words.active, 1);
      const running = jobs.get(Atomics.load(control, words.job));
      if (running) {
        const { counters, threads, schedule } = running.job;
        const { stages } = schedule;
        for (let stage = 0; stage + 1 < stages.length; stage++) {
          take(running.job, running.functions, thread, stage);
          const count = stages[stage + 1]! - stages[stage]!;
          const word = stage * (threads + 1);
          let done = Atomics.load(counters, word);
          for (let spin = 0; done < count; spin++) {
            if (spin > spins) Atomics.wait(counters, word, done);
            done = Atomics.load(counters, word);
          }
        }
      }
      if (Atomics.sub(control, words.active, 1) === 1) Atomics.notify(control, words.active);
      let spin = 0;
      while (spin < spins && Atomics.load(control, words.event) === event) spin++;
      Atomics.wait(control, words.event, event);
    }
  };
}
