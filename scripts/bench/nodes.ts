import { performance } from 'node:perf_hooks';
import type { Session } from '../../src/engine/engine.ts';
import { isMatrixLike, productsOf } from './program.ts';

/** Milliseconds of each node, the best of several runs. */
export async function nodeTimes(
  session: Session,
  inputs: readonly Uint8Array[],
  runs: number,
): Promise<number[]> {
  const best = session.program.nodes.map(() => Number.POSITIVE_INFINITY);
  for (let run = 0; run < runs; run++) {
    let before = performance.now();
    await session.run(inputs, (done) => {
      const now = performance.now();
      best[done - 1] = Math.min(best[done - 1]!, now - before);
      before = now;
    });
  }
  return best;
}

/** f32 operations a second over all nodes like matrix products; undefined if there are none. */
export function matrixSpeed({ program }: Session, times: readonly number[]): number | undefined {
  let [operations, ms] = [0, 0];
  for (const [i, node] of program.nodes.entries()) {
    if (node.kind !== 'loop' || !isMatrixLike(node)) continue;
    operations += 2 * productsOf(node);
    ms += times[i]!;
  }
  return operations > 0 ? operations / (ms / 1000) : undefined;
}
