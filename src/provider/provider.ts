import { claim, finalize, signerOf } from '../chain/actions.ts';
import { collect } from '../chain/collect.ts';
import type { Contracts } from '../chain/contracts.ts';
import { History, type RequestRecord, type World } from '../chain/history.ts';
import type { Pass } from '../chain/loop.ts';
import { attempt, play, systemClock, type Times, timesAt } from '../chain/play.ts';
import { type Listener, withoutRepeats } from '../chain/report.ts';
import { hasPending } from '../chain/submit.ts';
import { bytesOfHex } from '../merkle/keccak.ts';
import { answerTo, type Runner, runOf, type Solve } from '../store/shelf.ts';

export interface ProviderOptions {
  /** Opened with the provider's account. */
  readonly contracts: Contracts;
  /** Runs the models that this provider answers for. */
  readonly runner: Runner;
  /** Finds answers for models that check them; without it requests on those are left to others. */
  readonly solve?: Solve;
  /** Which requests are worth their fee; all if left out. */
  readonly accepts?: (request: RequestRecord) => boolean;
  readonly listen?: Listener;
  /** Block from which events are read. */
  readonly fromBlock?: number;
  /** This machine's idea of now, Unix seconds. */
  readonly clock?: () => bigint;
}

/**
 * A provider: claims answers to requests on models that it holds, defends its claims, makes them final and collects.
 * Every pass derives what to do from the chain, so it may be ended and started again at any time.
 */
export function createProvider(options: ProviderOptions): Pass {
  const { contracts, runner, solve, accepts = () => true, clock = systemClock } = options;
  const listen = withoutRepeats(options.listen ?? (() => undefined));
  const history = new History(contracts, options.fromBlock);
  const account = signerOf(contracts).getAddress();

  /** INVARIANT: at most one claim a request, ever: what was falsified once would be again. */
  const shouldClaim = (world: World, me: string, request: RequestRecord): boolean =>
    request.status === 'open' &&
    runner.model(request.request.modelId) !== undefined &&
    ![...world.claims.values()].some((made) => made.request === request && made.claimant === me) &&
    accepts(request);

  const claimAll = async (world: World, me: string): Promise<number> => {
    let sent = 0;
    for (const request of world.requests.values()) {
      if (!shouldClaim(world, me, request)) continue;
      sent += await attempt(listen, async () => {
        const answer = await answerTo(runner, request.request, request.input, solve);
        const taken = [...world.claims.values()].some(
          (made) =>
            made.request === request && made.status !== 'falsified' && made.outputs === answer?.outputs,
        );
        if (!answer || taken) return 0;
        const output = bytesOfHex(answer.output);
        listen({ kind: 'claimed', request, receipt: await claim(contracts, request, output) });
        return 1;
      });
    }
    return sent;
  };

  const defendAll = async (world: World, me: string, times: Times): Promise<number> => {
    let sent = 0;
    for (const dispute of world.disputes.values()) {
      if (dispute.ended || dispute.claim.claimant !== me || dispute.claim.status !== 'open') continue;
      const { output, request: asked } = dispute.claim;
      const { modelId } = asked.request;
      if (!runner.model(modelId)) continue;
      const own = runOf(runner, modelId, asked.input, output);
      sent += await play(dispute, { contracts, role: 'claimant', times, ...own, listen });
    }
    return sent;
  };

  const finalizeAll = async (world: World, me: string, times: Times): Promise<number> => {
    const disputed = new Set(
      [...world.disputes.values()].filter(({ ended }) => !ended).map(({ claim: { claimId } }) => claimId),
    );
    let sent = 0;
    for (const made of world.claims.values()) {
      const { windowSeconds } = made.request.request.terms;
      if (made.claimant !== me || made.status !== 'open' || disputed.has(made.claimId)) continue;
      if (times.latest <= made.claimedAt + windowSeconds) continue;
      sent += await attempt(listen, async () => {
        listen({ kind: 'finalized', claim: made, receipt: await finalize(contracts, made) });
        return 1;
      });
    }
    return sent;
  };

  return async () => {
    const me = await account;
    // An earlier run of this program may have been ended while its transaction was on the way.
    if (await hasPending(contracts.provider, me)) return 0;
    const world = await history.update();
    const times = timesAt(world.block.timestamp, clock());
    const sent =
      (await defendAll(world, me, times)) +
      (await claimAll(world, me)) +
      (await finalizeAll(world, me, times));
    return sent + (await collect(contracts, me, listen));
  };
}
