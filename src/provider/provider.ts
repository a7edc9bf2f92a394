import { finalizeCall } from '../chain/contracts/calls.ts';
import { ZERO_ADDRESS } from '../chain/contracts/types.ts';
import { type RequestRecord, windowEnd } from '../chain/contracts/world.ts';
import { callbackCost, sideGas } from '../chain/money/gas.ts';
import { type Arranged, arrange } from '../chain/service/arrange.ts';
import { Collector } from '../chain/service/collect.ts';
import { needInput } from '../chain/service/inputs.ts';
import { type Pass, patient } from '../chain/service/loop.ts';
import { Losses } from '../chain/service/losses.ts';
import { clockEnd, dueIn, duesIn, moverOf } from '../chain/service/play.ts';
import { type ChainService, createService, type Scene } from '../chain/service/service.ts';
import { collected, type Due } from '../chain/transactions/due.ts';
import { runOf } from '../store/shelf.ts';
import { claimPlanner } from './claims.ts';
import { feeCollector } from './fees.ts';
import type { ProviderOptions } from './options.ts';

export { CALLBACKS, type Callbacks, type ProviderOptions } from './options.ts';

/** A provider that never waits: see {@link createProvider}. */
export function provideService(options: ProviderOptions): ChainService {
  const { contracts, runner, readInput, callbacks = 'paid' } = options;
  const collector = new Collector();
  const losses = new Losses();
  const claims = claimPlanner(options);
  const fees = feeCollector(contracts);

  /** Whoever orders a callback pays for it: a token has no price here, so there it is run only if that was told. */
  const runsCallback = async ({ request: { terms } }: RequestRecord): Promise<boolean> => {
    if (callbacks !== 'paid') return callbacks === 'always';
    if (contracts.currency !== ZERO_ADDRESS || terms.callbackGas === 0n) return false;
    const { gasPrice, maxFeePerGas } = await contracts.provider.getFeeData();
    const price = gasPrice ?? maxFeePerGas;
    return price !== null && terms.callbackFeeWei >= callbackCost(terms.callbackGas) * price;
  };

  const defences = ({ world, me, times, moving, listen }: Scene, { disputesOn }: Arranged): Due[] =>
    duesIn([...world.disputes.values()], listen, (dispute) => {
      const { claim } = dispute;
      if (dispute.ended || claim.claimant !== me || claim.status !== 'open') return [];
      const { answer, request: asked } = claim;
      const { modelId } = asked.request;
      if (!runner.model(modelId)) {
        if (moverOf(dispute) === 'claimant') {
          const sentence = `dispute ${dispute.disputeId}: cannot be answered, because model ${modelId} is not held here; its clock runs until ${clockEnd(dispute)}, Unix seconds`;
          listen({ kind: 'warned', about: 'unplayed', sentence });
        }
        return [];
      }
      const deadline = clockEnd(dispute);
      const own = runOf(runner, modelId, () => needInput(asked, readInput), answer, { deadline });
      const gas = sideGas(runner.model(modelId), 'claimant');
      const due = dueIn(dispute, {
        ...{ contracts, role: 'claimant', times, background: moving, gas, listen },
        ...own,
        disputes: disputesOn(claim).length,
      });
      return due ? [due] : [];
    });

  const finalities = ({ world, me, times, listen }: Scene, { disputesOn }: Arranged): Due[] =>
    [...world.claims.values()].flatMap((made) => {
      const { terms } = made.request.request;
      if (made.claimant !== me || made.status !== 'open' || disputesOn(made).length > 0) return [];
      if (times.latest <= windowEnd(made)) return [];
      return [
        {
          key: `finalize/${made.claimId}/${made.outputs}`,
          what: `finalizing claim ${made.claimId}`,
          deadline: undefined,
          stakeWei: terms.claimBondWei,
          populate: async () => finalizeCall(contracts, made, await runsCallback(made.request)),
          mined: (receipt) => listen({ kind: 'finalized', claim: made, receipt }),
        } satisfies Due,
      ];
    });

  return createService(options, async (scene) => {
    const arranged = arrange(scene.world);
    const own = [...scene.world.disputes.values()].filter(({ claim }) => claim.claimant === scene.me);
    losses.look(own, scene.me, arranged, scene.listen);
    return collected([
      defences(scene, arranged),
      claims(scene, arranged),
      finalities(scene, arranged),
      fees(scene.me, arranged),
      collector.due(contracts, scene.me, scene.sender.transactions, scene.listen),
    ]);
  });
}

/**
 * A provider: claims answers to requests on models that it holds, defends its claims, makes them final and collects.
 * Every pass derives what to do from the chain, so it may be ended and started again at any time. This one waits in each pass
 * until its runs have ended and its transactions are mined; {@link provideService} does not.
 *
 * @returns a pass, which says how many transactions it sent and throws what the node fails with; `repeat` repeats it
 * @example
 * ```ts
 * const runner = new WorkRunner({ threads: 1, engine: { name: 'wasm', threads: 1 } });
 * runner.put({ model: modelOf(program), weights });
 * const pass = createProvider({ contracts, runner, leastFeeWei: 'gas' });
 * await repeat(pass, { signal, pauseMs: 4000, onFailure: console.error });
 * ```
 */
export const createProvider = (options: ProviderOptions): Pass => patient(provideService(options));
