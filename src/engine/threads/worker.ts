import type { Functions, Job, takeTasks } from './tasks.ts';

/** Words of the memory through which a pool controls its workers. */
export const CONTROL = {
  /** Goes up whenever workers have something to look at. */
  event: 0,
  /** Number of messages sent to each worker so far. */
  messages: 1,
  /** Id of the job that runs; 0 for none. */
  job: 2,
  /** Number of workers that may be working on a job. */
  active: 3,
} as const;

/** A message to a worker: a job that it is to know, or one to forget. */
export interface Message {
  /** Number of the worker's thread; the thread that asks for runs is 0. */
  readonly thread: number;
  readonly control: Int32Array;
  readonly id: number;
  /** Undefined to forget the job. */
  readonly job: Job | undefined;
}

/** Times a thread polls before it sleeps: some tens of microseconds, about as long as many tasks take. */
export const SPINS = 10_000;

/**
 * The main loop of a worker: it sleeps until a job runs, takes part in it, and sleeps again. Like `takeTasks`, it is
 * sent as its source text and therefore gets all that it uses as arguments.
 */
export function serve(
  port: { onmessage: ((event: { data: Message }) => void) | null },
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
      const { modules, memories, schedule } = job;
      const exports: WebAssembly.Exports = Object.assign(
        {},
        ...modules.map(
          (module) => new WebAssembly.Instance(module, { env: { ...memories, thread } }).exports,
        ),
      );
      jobs.set(id, { job, functions: schedule.functions.map((name) => exports[name] as () => void) });
    }
    for (;;) {
      const event = Atomics.load(control, words.event);
      // The next message only arrives once this handler returns.
      if (Atomics.load(control, words.messages) !== received) return;
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
