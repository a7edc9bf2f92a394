import { claim, claimByRoot, finalize, signerOf } from '../chain/actions.ts';
import { collect } from '../chain/collect.ts';
import type { Contracts } from '../chain/contracts.ts';
import { History, type RequestRecord, type World } from '../chain/history.ts';
import { inputOf, needInput, type ReadInput } from '../chain/inputs.ts';
import type { Pass } from '../chain/loop.ts';
import { attempt, play, systemClock, type Times, timesAt } from '../chain/play.ts';
import { type Listener, withoutRepeats } from '../chain/report.ts';
import { hasPending } from '../chain/submit.ts';
import { ZERO_ADDRESS } from '../chain/types.ts';
import { bytesOfHex, hexOf } from '../merkle/keccak.ts';
import { claimedRefs, type Model, splitTensors } from '../merkle/model.ts';
import { tensorRoot } from '../merkle/tensor.ts';
import { LIMITS } from '../program/limits.ts';
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
  /** Gets inputs that requests give by root; without it such requests are left. */
  readonly readInput?: ReadInput;
  /** When to run callbacks: if their fee pays for their gas, which is the default; always; or never. */
  readonly callbacks?: Callbacks;
  readonly listen?: Listener;
  /** Told, in each pass, what the chain looks like, before anything is done about it. */
  readonly observe?: (world: World) => void;
  /** Block from which events are read. */
  readonly fromBlock?: number;
  /** This machine's idea of now, Unix seconds. */
  readonly clock?: () => bigint;
}

export const CALLBACKS = ['paid', 'always', 'never'] as const;
export type Callbacks = (typeof CALLBACKS)[number];

/** Gas that a callback takes besides its own: its set-up, status and event. */
const CALLBACK_OVERHEAD_GAS = 30_000n;

/** Roots of the tensors that a claim supplies, one after the other in `output`. */
const rootsOf = (model: Model, output: Uint8Array): string[] =>
  splitTensors(claimedRefs(model), output).map((tensor) => hexOf(tensorRoot(tensor)));

/** Whether the answers of a model go where a request wants them: long ones fit no transaction. */
const fits = (model: Model, { terms }: RequestRecord['request']): boolean =>
  terms.answerByRoot ||
  claimedRefs(model).reduce((sum, { byteLength }) => sum + byteLength, 0) <= LIMITS.MAX_DATA_BYTES;

/**
 * A provider: claims answers to requests on models that it holds, defends its claims, makes them final and collects.
 * Every pass derives what to do from the chain, so it may be ended and started again at any time.
 */
export function createProvider(options: ProviderOptions): Pass {
  const { contracts, runner, solve, accepts = () => true, readInput, callbacks = 'paid' } = options;
  const { clock = systemClock } = options;
  const listen = withoutRepeats(options.listen ?? (() => undefined));
  const history = new History(contracts, options.fromBlock);
  const account = signerOf(contracts).getAddress();

  /** INVARIANT: at most one claim a request, ever: what was falsified once would be again. */
  const shouldClaim = (world: World, me: string, request: RequestRecord): boolean => {
    const model = runner.model(request.request.modelId);
    return (
      request.status === 'open' &&
      model !== undefined &&
      fits(model, request.request) &&
      [ZERO_ADDRESS, me].includes(request.request.terms.provider) &&
      ![...world.claims.values()].some((made) => made.request === request && made.claimant === me) &&
      accepts(request)
    );
  };

  /** Another's claim of the same output answers for it, unless it is disputed: it may be lost on purpose. */
  const isTaken = (world: World, request: RequestRecord, outputs: string): boolean =>
    [...world.claims.values()].some(
      (made) =>
        made.request === request &&
        made.status !== 'falsified' &&
        made.outputs === outputs &&
        ![...world.disputes.values()].some((dispute) => dispute.claim === made && !dispute.ended),
    );

  const claimOne = async (world: World, request: RequestRecord): Promise<0 | 1> => {
    const input = await inputOf(request, readInput);
    const model = runner.model(request.request.modelId);
    if (input === undefined || !model) return 0;
    const answer = await answerTo(runner, request.request, input, solve);
    if (!answer || isTaken(world, request, answer.outputs)) return 0;
    const output = bytesOfHex(answer.output);
    const receipt = request.request.terms.answerByRoot
      ? await claimByRoot(contracts, request, rootsOf(model, output), '')
      : await claim(contracts, request, output);
    listen({ kind: 'claimed', request, receipt });
    return 1;
  };

  /** Whoever orders a callback pays for it: a token has no price here, so there it is run only if that was told. */
  const runsCallback = async ({ request: { terms } }: RequestRecord): Promise<boolean> => {
    if (callbacks !== 'paid') return callbacks === 'always';
    if (contracts.currency !== ZERO_ADDRESS || terms.callbackGas === 0n) return false;
    const { gasPrice, maxFeePerGas } = await contracts.provider.getFeeData();
    const price = gasPrice ?? maxFeePerGas;
    return price !== null && terms.callbackFeeWei >= (terms.callbackGas + CALLBACK_OVERHEAD_GAS) * price;
  };

  const claimAll = async (world: World, me: string): Promise<number> => {
    let sent = 0;
    for (const request of world.requests.values()) {
      if (!shouldClaim(world, me, request)) continue;
      sent += await attempt(listen, () => claimOne(world, request));
    }
    return sent;
  };

  const defendAll = async (world: World, me: string, times: Times): Promise<number> => {
    let sent = 0;
    for (const dispute of world.disputes.values()) {
      if (dispute.ended || dispute.claim.claimant !== me || dispute.claim.status !== 'open') continue;
      const { answer, request: asked } = dispute.claim;
      const { modelId } = asked.request;
      if (!runner.model(modelId)) continue;
      const own = runOf(runner, modelId, () => needInput(asked, readInput), answer);
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
        const withCallback = await runsCallback(made.request);
        listen({ kind: 'finalized', claim: made, receipt: await finalize(contracts, made, withCallback) });
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
    const sent =
      (await defendAll(world, me, times)) +
      (await claimAll(world, me)) +
      (await finalizeAll(world, me, times));
    return sent + (await collect(contracts, me, listen));
  };
}
