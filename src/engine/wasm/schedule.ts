/**
 * What the threads of a run do. A run is a row of stages; a stage's tasks may be done in any order and by any thread,
 * and those of the next stage start when all of them are done. A task is a row of calls.
 *
 * The lists are flat, because every thread gets them and goes through them in every run.
 */
export interface Schedule {
  /** The functions that are called, by the number that calls know them by. */
  readonly functions: readonly string[];
  /** {@link CALL_WORDS} for each call: the function, then its arguments. */
  readonly calls: Int32Array;
  /** The first call of each task, and the end of the last one's. */
  readonly tasks: Int32Array;
  /** The first task of each stage, and the end of the last one's. */
  readonly stages: Int32Array;
  /** How many units are done after each stage. */
  readonly unitsDone: readonly number[];
}

/** A function and two arguments. */
export const CALL_WORDS = 3;

/** Work that is done in any parts: a function of (from, to) that does turns `from` to `to - 1`. */
export interface Work {
  readonly name: string;
  readonly turns: number;
  /** Scalar instructions of all turns together, roughly. */
  readonly work: number;
}

/** Instructions below which it takes longer to share work than to do it: some microseconds of it. */
export const LEAST_TASK = 100_000;

/** Tasks of a stage for each thread: more of them even out threads that are held up, and cost some calls. */
const TASKS_PER_THREAD = 4;

function tasksOf({ turns, work }: Work, threads: number, leastTask: number): number {
  if (threads === 1) return 1;
  const most = Math.min(turns, Math.floor(work / leastTask), threads * TASKS_PER_THREAD);
  return most < 2 ? 1 : most;
}

/**
 * @param units what is done one after the other, each a row of works that are; one unit may be empty
 * @param threads how many there are
 * @param leastTask instructions that a task has at least, if its work has
 */
export function scheduleOf(
  units: readonly (readonly Work[])[],
  threads: number,
  leastTask = LEAST_TASK,
): Schedule {
  const functions = new Map<string, number>();
  const calls: number[] = [];
  const tasks: number[] = [];
  const stages: number[] = [];
  const unitsDone: number[] = [];
  const callCount = (): number => calls.length / CALL_WORDS;
  /** Instructions of the stage that the next small work goes to; undefined if there is none. */
  let small: number | undefined;
  units.forEach((works, unit) => {
    for (const one of works) {
      const { name, turns, work } = one;
      const index = functions.get(name) ?? functions.size;
      functions.set(name, index);
      const count = tasksOf(one, threads, leastTask);
      const joins = count === 1 && small !== undefined && small + work <= leastTask * TASKS_PER_THREAD;
      if (!joins) {
        stages.push(tasks.length);
        unitsDone.push(unit);
      }
      for (let task = 0; task < count; task++) {
        if (!joins) tasks.push(callCount());
        calls.push(index, Math.floor((turns * task) / count), Math.floor((turns * (task + 1)) / count));
      }
      small = count > 1 ? undefined : (joins ? small! : 0) + work;
    }
    if (unitsDone.length > 0) unitsDone[unitsDone.length - 1] = unit + 1;
  });
  return {
    functions: [...functions.keys()],
    calls: Int32Array.from(calls),
    tasks: Int32Array.from([...tasks, callCount()]),
    stages: Int32Array.from([...stages, tasks.length]),
    unitsDone,
  };
}

/** Whether there is something for more than one thread. */
export const isParallel = ({ stages }: Schedule): boolean =>
  stages.some((first, i) => i + 1 < stages.length && stages[i + 1]! - first > 1);
