/**
 * The order of everything that a run calls. A schedule is a list of stages with a barrier after each: tasks of one stage
 * may be done in any order and by any thread, and the next stage starts when all of them are done. A task is a list of
 * calls that one thread does in order.
 *
 * The lists are flat arrays, because every thread receives them and walks through them in every run.
 */
export interface Schedule {
  /** Names of the functions that are called; calls refer to them by index. */
  readonly functions: readonly string[];
  /** `callWords` words for each call: function, first item, end of the items, further arguments, zeros. */
  readonly calls: Int32Array;
  readonly callWords: number;
  /** The first call of each task, then the end of the last task's calls. */
  readonly tasks: Int32Array;
  /** The first task of each stage, then the end of the last stage's tasks. */
  readonly stages: Int32Array;
  /** The number of phases that are done after each stage. */
  readonly phasesDone: readonly number[];
}

/** A function and at most five arguments. */
const CALL_WORDS = 6;

/** A function over a range of independent work items: its first two arguments are the range, [from, to). */
export interface Work {
  readonly name: string;
  /** Further arguments. */
  readonly args?: readonly number[];
  readonly items: number;
  /** Estimated number of scalar instructions of all items together. */
  readonly cost: number;
}

/** Cost below which sharing takes longer than the work itself: some microseconds. */
export const LEAST_TASK = 100_000;

/** Tasks per thread in a stage: enough to even out threads that are slower than others, or held up. */
const TASKS_PER_THREAD = 16;

/** Small works that follow each other form one task while they cost no more than this many least tasks. */
const JOINED_TASKS = 4;

function taskCount({ items, cost }: Work, threads: number, leastTask: number): number {
  if (threads === 1) return 1;
  const most = Math.min(items, Math.floor(cost / leastTask), threads * TASKS_PER_THREAD);
  return most < 2 ? 1 : most;
}

/**
 * Divides the works of a run into tasks.
 *
 * @param phases lists of works that may run at the same time; each phase follows all phases before it
 * @param threads number of threads
 * @param leastTask cost that a task has at least, if its work has as much
 */
export function buildSchedule(
  phases: readonly (readonly Work[])[],
  threads: number,
  leastTask = LEAST_TASK,
): Schedule {
  const functions = new Map<string, number>();
  const calls: number[] = [];
  const tasks: number[] = [];
  const stages: number[] = [];
  const phasesDone: number[] = [];
  /** Cost of the last stage if it is one task that may still grow; infinite otherwise. */
  let small = Number.POSITIVE_INFINITY;
  const call = ({ name, args = [], items }: Work, task: number, count: number): void => {
    const index = functions.get(name) ?? functions.size;
    functions.set(name, index);
    const words = [
      index,
      Math.floor((items * task) / count),
      Math.floor((items * (task + 1)) / count),
      ...args,
    ];
    calls.push(...words, ...new Array<number>(CALL_WORDS - words.length).fill(0));
  };
  phases.forEach((works, phase) => {
    const counts = works.map((work) => taskCount(work, threads, leastTask));
    const total = counts.reduce((sum, count) => sum + count, 0);
    const cost = works.reduce((sum, work) => sum + work.cost, 0);
    const joins = total === 1 && small + cost <= leastTask * JOINED_TASKS;
    if (total > 0 && !joins) {
      stages.push(tasks.length);
      phasesDone.push(0);
    }
    works.forEach((work, i) => {
      for (let task = 0; task < counts[i]!; task++) {
        if (!joins) tasks.push(calls.length / CALL_WORDS);
        call(work, task, counts[i]!);
      }
    });
    if (total > 0) small = total > 1 ? Number.POSITIVE_INFINITY : (joins ? small : 0) + cost;
    if (phasesDone.length > 0) phasesDone[phasesDone.length - 1] = phase + 1;
  });
  return {
    functions: [...functions.keys()],
    calls: Int32Array.from(calls),
    callWords: CALL_WORDS,
    tasks: Int32Array.from([...tasks, calls.length / CALL_WORDS]),
    stages: Int32Array.from([...stages, tasks.length]),
    phasesDone,
  };
}

/** Whether a schedule has a stage with work for more than one thread. */
export const isParallel = ({ stages }: Schedule): boolean =>
  stages.some((first, i) => i + 1 < stages.length && stages[i + 1]! - first > 1);
