import { wasmEngineWith } from '../../src/engine/wasm/wasm.ts';
import { hexOf } from '../../src/merkle/keccak.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { commitmentOf } from '../../src/trace/commitment.ts';
import { RunTrace } from '../../src/trace/run.ts';
import { allRoots, madeFrom, type NestKind } from './nests.ts';

/**
 * The roots of all tensors of seeded programs, and of their commitments, run in the page that this is the script of; every
 * nest is shared by threads.
 */
async function roots(kind: NestKind, seeds: readonly number[], threads: number): Promise<string[]> {
  const engine = wasmEngineWith({ threads, leastTask: 1 });
  const found: string[] = [];
  for (const seed of seeds) {
    const { program, weights, inputs } = madeFrom(kind, seed);
    const session = await engine.load(program, weights);
    const { tensors, trees } = await session.runTrace(inputs);
    const model = modelOf(program);
    found.push(allRoots(new RunTrace(model, tensors, trees)));
    found.push(hexOf(commitmentOf(model, await session.runCheckpoints(inputs)).root));
    await session.close();
  }
  return found;
}

Object.assign(globalThis, { nests: { roots } });
