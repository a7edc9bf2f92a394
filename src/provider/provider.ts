import { claimByRootCall, claimCall, finalizeCall } from '../chain/contracts/calls.ts';
import { ZERO_ADDRESS } from '../chain/contracts/types.ts';
import { amountText, ETHER } from '../chain/contracts/unit.ts';
import {
  type ClaimRecord,
  type DisputeRecord,
  type RequestRecord,
  windowEnd,
} from '../chain/contracts/world.ts';
import { explain } from '../chain/messages/explain.ts';
import { withAllowance } from '../chain/money/allowance.ts';
import { callbackCost, claimGas, finalizeGas, sideGas } from '../chain/money/gas.ts';
import type { Wish } from '../chain/money/purse.ts';
import { type Arranged, arrange } from '../chain/service/arrange.ts';
import { Collector } from '../chain/service/collect.ts';
import { inputOf, needInput } from '../chain/service/inputs.ts';
import { type Pass, patient } from '../chain/service/loop.ts';
import { Losses } from '../chain/service/losses.ts';
import { clockEnd, dueIn, moverOf } from '../chain/service/play.ts';
import {
  type ChainService,
  createService,
  type Scene,
  type ServiceOptions,
} from '../chain/service/service.ts';
import { collected, type Due } from '../chain/transactions/due.ts';
import { ceilingWei } from '../chain/transactions/fees.ts';
import { NotNow } from '../chain/transactions/prepare.ts';
import { DEFAULT_MAX_FEE_WEI } from '../chain/transactions/prices.ts';
import { bytesOfHex } from '../merkle/keccak.ts';
import { claimedRefs, type Model, splitTensors, totalBytes } from '../merkle/model.ts';
import { hexRoots } from '../merkle/tensor.ts';
import { LIMITS } from '../program/limits.ts';
import type { Answers } from '../store/answers.ts';
import { answerTo, type Runner, runOf, type Solve } from '../store/shelf.ts';
import { feeCollector } from './fees.ts';

/** Options of {@link createProvider}. */
export interface ProviderOptions extends ServiceOptions {
  /** Runs the models that this provider answers for. */
  readonly runner: Runner;
  /** Finds answers for models that check them; without it requests on those are left to others. */
  readonly solve?: Solve;
  /** Decides whether a request is worth its fee; all are if left out. */
  readonly accepts?: (request: RequestRecord) => boolean;
  /** The least fee, wei; `gas` for what the answer's gas may cost; 0 if left out. A token's fees have no price in gas. */
  readonly leastFeeWei?: bigint | 'gas';
  /** Keeps an answer that is claimed by root where others can have it; else nobody is told where it is. */
  readonly answers?: Pick<Answers, 'put'> | undefined;
  /** When to run callbacks: if their fee pays for their gas, which is the default; always; or never. */
  readonly callbacks?: Callbacks;
}

export const CALLBACKS = ['paid', 'always', 'never'] as const;
export type Callbacks = (typeof CALLBACKS)[number];

/** Claims on one request that may be lost by the clock alone before it is left alone. */
const MOST_CLAIMS = 3;

/** Bytes of an answer as it travels. */
function answerBytes(model: Model, { terms }: RequestRecord['request']): number {
  const refs = claimedRefs(model);
  return terms.answerByRoot ? 32 * refs.length : totalBytes(refs);
}

interface Answer {
  readonly output: Uint8Array;
  readonly outputs: string;
}

/** A provider that never waits: see {@link createProvider}. */
export function provideService(options: ProviderOptions): ChainService {
  const { contracts, runner, solve, accepts = () => true, readInput, callbacks = 'paid' } = options;
  const { leastFeeWei = 0n, answers: answersKept } = options;
  const maxFeeWei = options.sending?.maxFeeWei ?? DEFAULT_MAX_FEE_WEI;
  const collector = new Collector();
  const losses = new Losses();
  const fees = feeCollector(contracts);
  /** Answers found to open requests, so that what was sent is known again. */
  const answers = new Map<bigint, Answer>();

  /** Gas of everything that a claim may take. */
  const gasOf = (model: Model, { request }: RequestRecord): bigint => {
    const bytes = answerBytes(model, request);
    return claimGas(bytes) + finalizeGas(bytes) + sideGas(model, 'claimant');
  };

  /** Why a request is not worth answering; undefined if it is. */
  const unprofitable = (model: Model, { request }: RequestRecord): string | undefined => {
    if (leastFeeWei !== 'gas') {
      return request.feeWei >= leastFeeWei
        ? undefined
        : `its fee of ${request.feeWei} is less than ${leastFeeWei} (--min-fee-wei)`;
    }
    if (contracts.currency !== ZERO_ADDRESS) return undefined;
    const bytes = answerBytes(model, request);
    const gas = claimGas(bytes) + finalizeGas(bytes);
    const price = ceilingWei(maxFeeWei, undefined);
    if (request.feeWei >= gas * price) return undefined;
    return `its fee of ${amountText(ETHER, request.feeWei)} does not pay for its gas, up to ${gas} at ${price} wei each, ${amountText(ETHER, gas * price)} (--min-fee-wei, --max-fee-gwei)`;
  };

  /** A claim that was lost although it was right: nobody was at home. */
  const isLostByClock = (claim: ClaimRecord, { endedOn }: Arranged): boolean =>
    claim.status === 'falsified' && endedOn(claim).some(({ ended }) => ended?.reason === 'ClaimantTimeout');

  /** INVARIANT: one claim a request: what was falsified by a proof would be again. */
  const isOpenTo = (
    request: RequestRecord,
    model: Model,
    me: string,
    own: readonly ClaimRecord[],
    arranged: Arranged,
  ): boolean =>
    request.status === 'open' &&
    (request.request.terms.answerByRoot || answerBytes(model, request.request) <= LIMITS.MAX_DATA_BYTES) &&
    [ZERO_ADDRESS, me].includes(request.request.terms.provider) &&
    own.length < MOST_CLAIMS &&
    own.every((claim) => isLostByClock(claim, arranged)) &&
    accepts(request);

  /** Another's claim of the same output answers for it, unless it is disputed: it may be lost on purpose. */
  const isTaken = (request: RequestRecord, outputs: string, { claimsOn, disputesOn }: Arranged): boolean =>
    claimsOn(request).some(
      (made) => made.status !== 'falsified' && made.outputs === outputs && disputesOn(made).length === 0,
    );

  /** @throws NotNow if the input or an answer cannot be had */
  const answerFor = async (request: RequestRecord): Promise<Answer> => {
    const input = await inputOf(request, readInput);
    const found = input === undefined ? undefined : await answerTo(runner, request.request, input, solve);
    if (!found) throw new NotNow(`request ${request.requestId} cannot be answered now`);
    return { output: bytesOfHex(found.output), outputs: found.outputs };
  };

  /** Whoever orders a callback pays for it: a token has no price here, so there it is run only if that was told. */
  const runsCallback = async ({ request: { terms } }: RequestRecord): Promise<boolean> => {
    if (callbacks !== 'paid') return callbacks === 'always';
    if (contracts.currency !== ZERO_ADDRESS || terms.callbackGas === 0n) return false;
    const { gasPrice, maxFeePerGas } = await contracts.provider.getFeeData();
    const price = gasPrice ?? maxFeePerGas;
    return price !== null && terms.callbackFeeWei >= callbackCost(terms.callbackGas) * price;
  };

  /** Where an answer by root can be had; empty if nowhere: whoever checks a claim runs the model, and needs no bytes. */
  const publishedAt = async (
    tensors: readonly Uint8Array[],
    roots: readonly string[],
    listen: Scene['listen'],
  ): Promise<string> => {
    try {
      return (await answersKept?.put(tensors, roots.map(bytesOfHex))) ?? '';
    } catch (failure) {
      const sentence = `${explain(failure)}; an answer is claimed without saying where it can be had`;
      listen({ kind: 'warned', about: 'disk', sentence });
      return '';
    }
  };

  const claimDue = (
    request: RequestRecord,
    { output, outputs }: Answer,
    tries: number,
    { listen }: Scene,
  ): Due => {
    const { terms, modelId } = request.request;
    return {
      key: `claim/${request.requestId}/${request.request.inputs}/${outputs}/${tries}`,
      what: `claiming on request ${request.requestId}`,
      deadline: undefined,
      stakeWei: request.request.feeWei,
      // Whoever copies an answer and is mined first earns its fee.
      isPrivate: true,
      populate: async () => {
        const payment = { value: contracts.currency === ZERO_ADDRESS ? terms.claimBondWei : 0n };
        if (!terms.answerByRoot) return claimCall(contracts, request, output, payment);
        const tensors = splitTensors(claimedRefs(runner.model(modelId) as Model), output);
        const roots = hexRoots(tensors);
        const uri = await publishedAt(tensors, roots, listen);
        return claimByRootCall(contracts, request, roots, uri, payment);
      },
      mined: (receipt) => listen({ kind: 'claimed', request, receipt }),
    };
  };

  /** Claims on all requests that are worth it and can be paid for. */
  const claims = async (scene: Scene, arranged: Arranged): Promise<readonly Due[]> => {
    const { me, background, sender, listen, once, world } = scene;
    const open = [...world.claims.values()].filter(
      ({ claimant, status }) => claimant === me && status === 'open',
    );
    const bonds = open.reduce((sum, claim) => sum + claim.request.request.terms.claimBondWei, 0n);
    scene.commit(bonds, reservedGas(open, arranged));
    const wishes: { request: RequestRecord; model: Model; tries: number }[] = [];
    for (const request of world.requests.values()) {
      if (request.status !== 'open') continue;
      const model = runner.model(request.request.modelId);
      if (!model) continue;
      const own = arranged.claimsOn(request).filter(({ claimant }) => claimant === me);
      if (!isOpenTo(request, model, me, own, arranged)) continue;
      const why = unprofitable(model, request);
      if (why) {
        const sentence = `request ${request.requestId}: left, because ${why}`;
        once(`fee/${request.requestId}`, () => listen({ kind: 'warned', about: 'refused', sentence }));
        continue;
      }
      wishes.push({ request, model, tries: own.length });
    }
    const wished = new Set(wishes.map(({ request }) => request.requestId));
    for (const id of answers.keys()) if (!wished.has(id)) answers.delete(id);
    if (wishes.length === 0) return [];
    const purse = await scene.purse();
    const dues: Due[] = [];
    // Money for sent transactions is already set aside.
    const asWish = ({ request, model }: (typeof wishes)[number]): Wish => ({
      bondWei: request.request.terms.claimBondWei,
      gas: gasOf(model, request),
    });
    const isSent = ({ request, tries }: (typeof wishes)[number]): boolean => {
      const answer = answers.get(request.requestId);
      return answer !== undefined && sender.transactions.isSent(claimDue(request, answer, tries, scene).key);
    };
    const sent = new Set(wishes.filter(isSent));
    for (const wish of sent) purse.keep(asWish(wish));
    for (const wish of wishes) {
      const { request, tries } = wish;
      if (!sent.has(wish)) {
        const why = purse.grant(asWish(wish));
        if (why) {
          const sentence = `request ${request.requestId}: left for now, because ${why}`;
          once(`bond/${request.requestId}`, () => listen({ kind: 'warned', about: 'refused', sentence }));
          continue;
        }
      }
      const { modelId, inputs, requestedAt, terms } = request.request;
      const key = `answer/${modelId}/${request.requestId}/${inputs}`;
      const outcome = background.ask(key, requestedAt + terms.patienceSeconds, () => answerFor(request));
      if (outcome?.kind === 'failed' && !(outcome.failure instanceof NotNow)) {
        const sentence = `request ${request.requestId}: ${explain(outcome.failure)}`;
        listen({ kind: 'failed', sentence });
      }
      if (outcome?.kind !== 'done') continue;
      answers.set(request.requestId, outcome.value);
      if (isTaken(request, outcome.value.outputs, arranged)) continue;
      dues.push(claimDue(request, outcome.value, tries, scene));
    }
    return withAllowance(contracts, me, purse.grantedWei, dues, listen);
  };

  const reservedGas = (open: readonly ClaimRecord[], { disputesOn }: Arranged): bigint =>
    open.reduce((sum, claim) => {
      const model = runner.model(claim.request.request.modelId);
      const bytes = model ? answerBytes(model, claim.request.request) : 0;
      const disputes = BigInt(Math.max(1, disputesOn(claim).length));
      return sum + finalizeGas(bytes) + sideGas(model, 'claimant') * disputes;
    }, 0n);

  const defences = ({ world, me, times, moving, listen }: Scene, { disputesOn }: Arranged): Due[] =>
    [...world.disputes.values()].flatMap((dispute: DisputeRecord) => {
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
