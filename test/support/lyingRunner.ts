import { hexOf } from '../../src/merkle/keccak.ts';
import { concat } from '../../src/merkle/tree.ts';
import type { Runner } from '../../src/store/runner.ts';
import type { Trace } from '../../src/trace/trace.ts';

/** Lies that are remembered: a dispute takes many moves about one. */
const MOST_LIES = 8;

/** Runs models as `honest` does, but tells and defends another trace of each run. @param lie makes it of the right one, once */
export function lyingRunner(honest: Runner, lie: (right: Trace) => Trace): Runner {
  const told = new Map<string, Promise<Trace>>();
  const trace: Runner['trace'] = (modelId, input) => {
    const key = `${modelId} ${input}`;
    const cached = told.get(key);
    if (cached) return cached;
    const trace = honest.trace(modelId, input).then(lie);
    if (told.size >= MOST_LIES) told.delete(told.keys().next().value as string);
    told.set(key, trace);
    trace.catch(() => told.delete(key));
    return trace;
  };
  return {
    model: (modelId) => honest.model(modelId),
    commitment: trace,
    trace,
    output: async (modelId, input) => {
      const { model, tensors } = await trace(modelId, input);
      return hexOf(concat(model.outputs.map(({ node }) => tensors[node]!)));
    },
  };
}
