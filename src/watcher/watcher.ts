import { challenge, reclaim, signerOf } from '../chain/actions.ts';
import { collect } from '../chain/collect.ts';
import type { Contracts } from '../chain/contracts.ts';
import { type ClaimRecord, type DisputeRecord, History, type World } from '../chain/history.ts';
import { inputOf, needInput, type ReadInput } from '../chain/inputs.ts';
import type { Pass } from '../chain/loop.ts';
import { attempt, play, playMalformed, systemClock, type Times, timesAt } from '../chain/play.ts';
import { type Listener, withoutRepeats } from '../chain/report.ts';
import { hasPending } from '../chain/submit.ts';
import { isRight, type Runner, runOf } from '../store/shelf.ts';

export interface WatcherOptions {
  /** Opened with the watcher's account. */
  readonly contracts: Contracts;
  /** Runs the models that this watcher checks; claims on others are reported as unverified. */
  readonly runner: Runner;
  /** Gets inputs that requests give by root; without it claims on such requests are reported as unverified. */
  readonly readInput?: ReadInput;
  readonly listen?: Listener;
  /** Told, in each pass, what the chain looks like, before anything is done about it. */
  readonly observe?: (world: World) => void;
  /** Block from which events are read. */
  readonly fromBlock?: number;
  /** This machine's idea of now, Unix seconds. */
  readonly clock?: () => bigint;
}

type Verdict = 'right' | 'wrong' | 'unknown';

/**
 * A watcher: re-executes every claim on models that it holds, or what accepts it if the model has answers, challenges the wrong ones, plays each of its disputes to
 * the end, takes its bond back where another watcher was faster, and collects. Every pass derives what to do from
 * the chain, so it may be ended and started again at any time.
 */
export function createWatcher(options: WatcherOptions): Pass {
  const { contracts, runner, readInput, clock = systemClock } = options;
  const listen = withoutRepeats(options.listen ?? (() => undefined));
  const history = new History(contracts, options.fromBlock);
  const account = signerOf(contracts).getAddress();
  /** What was said about a claim, so that it is said once and run once. */
  const judged = new Map<bigint, { outputs: string; inputs: string; verdict: Verdict }>();

  const judge = async (claim: ClaimRecord): Promise<Verdict> => {
    const { claimId, outputs, request } = claim;
    const { inputs, modelId } = request.request;
    const known = judged.get(claimId);
    // A reorganisation may have put another claim in its place.
    const isSame = known?.outputs === outputs && known.inputs === inputs;
    if (known && isSame && known.verdict !== 'unknown') return known.verdict;
    const model = runner.model(modelId);
    const input = model && (await inputOf(request, readInput));
    // Commitments are compared, for they are what a challenge names: bytes are only what a node says they are.
    const right = runner.malformed?.(modelId)
      ? false
      : input === undefined
        ? undefined
        : await isRight(runner, request.request, input, claim);
    const verdict = right === undefined ? 'unknown' : right ? 'right' : 'wrong';
    if (verdict === 'right') listen({ kind: 'verified', claim });
    // Not known yet: what cannot be had now may be had later, and is looked for until the window is over.
    if (verdict === 'unknown' && !isSame) {
      listen({ kind: 'unverified', claim, missing: model ? 'input' : 'model' });
    }
    judged.set(claimId, { outputs, inputs, verdict });
    return verdict;
  };

  const mine = (world: World, me: string): DisputeRecord[] =>
    [...world.disputes.values()].filter(({ challenger }) => challenger === me);

  /**
   * Whether a challenge of this account stands on the claim or was decided. One that was lost by the clock alone
   * (nobody was at home) does not count: the claim is as wrong as before.
   */
  const isChallenged = (claim: ClaimRecord, disputes: readonly DisputeRecord[]): boolean =>
    disputes.some((dispute) => dispute.claim === claim && dispute.ended?.reason !== 'ChallengerTimeout');

  const playAll = async (world: World, me: string, times: Times): Promise<number> => {
    let sent = 0;
    for (const dispute of mine(world, me)) {
      if (dispute.ended) continue;
      const { request, status } = dispute.claim;
      if (status === 'falsified') {
        sent += await attempt(listen, async () => {
          listen({ kind: 'reclaimed', dispute, receipt: await reclaim(contracts, dispute) });
          return 1;
        });
        continue;
      }
      const { modelId } = request.request;
      const malformed = runner.malformed?.(modelId);
      if (malformed) {
        sent += await playMalformed(dispute, malformed, { contracts, times, listen });
      } else if (runner.model(modelId)) {
        const own = runOf(runner, modelId, () => needInput(request, readInput), dispute.claim.answer);
        sent += await play(dispute, { contracts, role: 'challenger', times, ...own, listen });
      }
    }
    return sent;
  };

  const challengeAll = async (world: World, me: string, times: Times): Promise<number> => {
    const disputes = mine(world, me);
    let sent = 0;
    for (const claim of world.claims.values()) {
      const { windowSeconds } = claim.request.request.terms;
      if (claim.status !== 'open' || times.earliest > claim.claimedAt + windowSeconds) continue;
      sent += await attempt(listen, async () => {
        if ((await judge(claim)) !== 'wrong' || isChallenged(claim, disputes)) return 0;
        listen({ kind: 'challenged', claim, receipt: await challenge(contracts, claim) });
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
    options.observe?.(world);
    const times = timesAt(world.block.timestamp, clock());
    const sent = (await playAll(world, me, times)) + (await challengeAll(world, me, times));
    return sent + (await collect(contracts, me, listen));
  };
}
