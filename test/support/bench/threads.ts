import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { Session, Weights } from '../../../src/engine/engine.ts';
import { wasmEngineWith } from '../../../src/engine/wasm/wasm.ts';
import type { Program } from '../../../src/program/node.ts';
import { rateOf } from './rate.ts';
import type { RivalWork } from './rival.ts';
import { median } from './timing.ts';

const ROUNDS = 12;
const WINDOW_MS = 200;

/** Speed of several threads on a program, compared with one. */
export interface ThreadTimes {
  /** Milliseconds of a run, the median of rounds. */
  readonly one: number;
  readonly many: number;
  /** Runs in a time for each by one thread alone, the median of rounds: those by all threads of one session… */
  readonly together: number;
  /** …and by as many processes of one thread each, next to each other: what the machine has for the threads. */
  readonly apart: number;
  /** Milliseconds of the best run. */
  readonly best: { readonly one: number; readonly many: number };
  /**
   * By node, median milliseconds. Small loops that are done in one go count for the first of them; what comes before
   * the first stage, the call to the other threads among it, for node 0.
   */
  readonly nodes: readonly { readonly one: number; readonly many: number }[];
}

const bestOf = (runs: readonly number[][]): number => Math.min(...runs.map((at) => at.at(-1)!));

const medianOf = (runs: readonly number[][], node: number): number =>
  median(runs.map((at) => at[node + 1]! - at[node]!));

/** When so many nodes were done, ms from the start of a run. */
async function progressOf(session: Session, inputs: readonly Uint8Array[]): Promise<number[]> {
  const start = performance.now();
  const at = [0];
  await session.run(inputs, (done) => {
    at[done] = performance.now() - start;
  });
  return at;
}

/** Processes of their own, each with a session of one thread. */
class Rivals {
  readonly #processes: readonly ChildProcess[];

  constructor(count: number, work: RivalWork) {
    const file = new URL('rival.ts', import.meta.url);
    this.#processes = Array.from({ length: count }, () => fork(file, { serialization: 'advanced' }));
    for (const one of this.#processes) one.send(work);
  }

  /** Runs a second of all together, from now on for so long. */
  async rate(ms: number): Promise<number> {
    const rates = this.#processes.map(async (one) => {
      one.send(ms);
      return (await once(one, 'message'))[0] as number;
    });
    return (await Promise.all(rates)).reduce((sum, rate) => sum + rate, 0);
  }

  end(): void {
    for (const one of this.#processes) one.disconnect();
  }
}

/** Times a program on one thread, on several, and on one thread while others do the same for themselves. */
export async function threadTimes(
  program: Program,
  weights: Weights,
  inputs: readonly Uint8Array[],
  threads: number,
  runs: number,
): Promise<ThreadTimes> {
  const load = (count: number) => wasmEngineWith({ threads: count }).load(program, weights);
  const [one, many] = [await load(1), await load(threads)];
  const rivals = new Rivals(threads - 1, { program, weights, inputs });
  const runOf = (session: Session) => () => session.run(inputs);
  for (const session of [one, many]) await rateOf(runOf(session), 5 * WINDOW_MS);
  await rivals.rate(5 * WINDOW_MS);
  const rounds: { alone: number; together: number; apart: number }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const alone = await rateOf(runOf(one), WINDOW_MS);
    const together = await rateOf(runOf(many), WINDOW_MS);
    const [ours, others] = await Promise.all([rateOf(runOf(one), WINDOW_MS), rivals.rate(WINDOW_MS)]);
    rounds.push({ alone, together, apart: ours + others });
  }
  rivals.end();

  const alone: number[][] = [];
  const shared: number[][] = [];
  for (let run = 0; run < runs; run++) {
    alone.push(await progressOf(one, inputs));
    shared.push(await progressOf(many, inputs));
  }
  await Promise.all([one.close(), many.close()]);
  return {
    one: 1000 / median(rounds.map(({ alone }) => alone)),
    many: 1000 / median(rounds.map(({ together }) => together)),
    together: median(rounds.map(({ alone, together }) => together / alone)),
    apart: median(rounds.map(({ alone, apart }) => apart / alone)),
    best: { one: bestOf(alone), many: bestOf(shared) },
    nodes: program.nodes.map((_, i) => ({ one: medianOf(alone, i), many: medianOf(shared, i) })),
  };
}
