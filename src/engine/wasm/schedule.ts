/**
 * What the threads of a run do. A run is a row of stages; a stage's tasks may be done in any order and by any thread,
 * and those of the next stage start when all of them are done. A task is a row of calls.
 *
 * The lists are flat, because every thread gets them and goes through them in every run.
 */
export interface Schedule {
  /** The functions that are called, by the number that calls know them by. */
  readonly functions: readonly string[];
  /** So many words for each call: the function, its first turn and the one after its last, other arguments, zeros. */
  readonly calls: Int32Array;
  readonly callWords: number;
  /** The first call of each task, and the end of the last one's. */
  readonly tasks: Int32Array;
  /** The first task of each stage, and the end of the last one's. */
  readonly stages: Int32Array;
  /** How many steps are done after each stage. */
  readonly stepsDone: readonly number[];
}

/** A function and its arguments, five at most. */
const CALL_WORDS = 6;

/** Work that is done in any parts: a function that does turns `from` to `to - 1`, its first arguments. */
export interface Work {
  readonly name: string;
  /** Its other arguments. */
  readonly args?: readonly number[];
  readonly turns: number;
  /** Scalar instructions of all turns together, roughly. */
  readonly work: number;
}

/** Instructions below which it takes longer to share work than to do it: some microseconds of it. */
export const LEAST_TASK = 100_000;

/** Tasks of a stage for each thread: so many even out threads that are not equally fast, or are held up. */
const TASKS_PER_THREAD = 16;

/** Small works that follow each other are done in one go while they are not more than so many tasks would be. */
const JOINED_TASKS = 4;

function tasksOf({ turns, work }: Work, threads: number, leastTask: number): number {
  if (threads === 1) return 1;
  const most = Math.min(turns, Math.floor(work / leastTask), threads * TASKS_PER_THREAD);
  return most < 2 ? 1 : most;
}

/**
 * @param steps each what may be done at the same time, after all steps before it
 * @param threads how many there are
 * @param leastTask instructions that a task has at least, if its work has
 */
export function scheduleOf(
  steps: readonly (readonly Work[])[],
  threads: number,
  leastTask = LEAST_TASK,
): Schedule {
  const functions = new Map<string, number>();
  const calls: number[] = [];
  const tasks: number[] = [];
  const stages: number[] = [];
  const stepsDone: number[] = [];
  /** Instructions of the one task of the last stage, if that may grow. */
  let small = Number.POSITIVE_INFINITY;
  const call = ({ name, args = [], turns }: Work, task: number, of: number): void => {
    const index = functions.get(name) ?? functions.size;
    functions.set(name, index);
    const words = [index, Math.floor((turns * task) / of), Math.floor((turns * (task + 1)) / of), ...args];
    calls.push(...words, ...new Array<number>(CALL_WORDS - words.length).fill(0));
  };
  steps.forEach((works, step) => {
    const counts = works.map((one) => tasksOf(one, threads, leastTask));
    const total = counts.reduce((sum, count) => sum + count, 0);
    const least = works.reduce((sum, { work }) => sum + work, 0);
    const joins = total === 1 && small + least <= leastTask * JOINED_TASKS;
    if (total > 0 && !joins) {
      stages.push(tasks.length);
      stepsDone.push(0);
    }
    works.forEach((one, i) => {
      for (let task = 0; task < counts[i]!; task++) {
        if (!joins) tasks.push(calls.length / CALL_WORDS);
        call(one, task, counts[i]!);
      }
    });
    if (total > 0) small = total > 1 ? Number.POSITIVE_INFINITY : (joins ? small : 0) + least;
    if (stepsDone.length > 0) stepsDone[stepsDone.length - 1] = step + 1;
  });
  return {
    functions: [...functions.keys()],
    calls: Int32Array.from(calls),
    callWords: CALL_WORDS,
    tasks: Int32Array.from([...tasks, calls.length / CALL_WORDS]),
    stages: Int32Array.from([...stages, tasks.length]),
    stepsDone,
  };
}

/** Whether there is something for more than one thread. */
export const isParallel = ({ stages }: Schedule): boolean =>
  stages.some((first, i) => i + 1 < stages.length && stages[i + 1]! - first > 1);
