import { hexOf } from '../../src/merkle/keccak.ts';
import { concat } from '../../src/merkle/tree.ts';
import type { Runner } from '../../src/store/shelf.ts';
import type { Trace } from '../../src/trace/trace.ts';

/** Runs models as `honest` does, but tells and defends another trace of each run. @param lie makes it of the right one */
export function lyingRunner(honest: Runner, lie: (right: Trace) => Trace): Runner {
  const trace: Runner['trace'] = async (modelId, input) => lie(await honest.trace(modelId, input));
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
