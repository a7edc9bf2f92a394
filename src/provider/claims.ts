import { claimByRootCall, claimCall } from '../chain/contracts/calls.ts';
import { ZERO_ADDRESS } from '../chain/contracts/types.ts';
import { type ClaimRecord, patienceEnd, type RequestRecord } from '../chain/contracts/world.ts';
import { explain } from '../chain/messages/explain.ts';
import { Allowance, type Bond } from '../chain/money/allowance.ts';
import { claimGas, finalizeGas, sideGas } from '../chain/money/gas.ts';
import type { Wish } from '../chain/money/purse.ts';
import type { Arranged } from '../chain/service/arrange.ts';
import { inputOf, needInput } from '../chain/service/inputs.ts';
import type { Scene } from '../chain/service/service.ts';
import type { Due } from '../chain/transactions/due.ts';
import { NotNow } from '../chain/transactions/prepare.ts';
import { DEFAULT_MAX_FEE_WEI } from '../chain/transactions/prices.ts';
import { bytesOfHex } from '../merkle/keccak.ts';
import { claimedRefs, type Model, splitTensors } from '../merkle/model.ts';
import { hexRoots } from '../merkle/tensor.ts';
import { LIMITS } from '../program/limits.ts';
import { answerTo } from '../store/shelf.ts';
import type { ProviderOptions } from './options.ts';
import { answerBytes, byPay, MINING_SECONDS, objectionTo } from './terms.ts';

/** Claims on one request that may be lost by the clock alone before it is left alone. */
const MOST_CLAIMS = 3;

interface Answer {
  readonly output: Uint8Array;
  readonly outputs: string;
}

/** A request that this account would claim on. */
interface Candidate {
  readonly request: RequestRecord;
  readonly model: Model;
  /** Claims of this account on it that were lost by the clock. */
  readonly tries: number;
  /** Whether the claim was sent, and may be mined. */
  readonly isSent: boolean;
}

/** Names a claim: another answer, or another try, is another claim. */
const claimKey = ({ requestId, request }: RequestRecord, { outputs }: Answer, tries: number): string =>
  `claim/${requestId}/${request.inputs}/${outputs}/${tries}`;

/** A claim that was lost although it was right: nobody was at home. */
const isLostByClock = (claim: ClaimRecord, { endedOn }: Arranged): boolean =>
  claim.status === 'falsified' && endedOn(claim).some(({ ended }) => ended?.reason === 'ClaimantTimeout');

/** Another's claim of the same output answers for it, unless it is disputed: it may be lost on purpose. */
const isTaken = (request: RequestRecord, outputs: string, { claimsOn, disputesOn }: Arranged): boolean =>
  claimsOn(request).some(
    (made) => made.status !== 'falsified' && made.outputs === outputs && disputesOn(made).length === 0,
  );

/**
 * Finds the claims that are due: on requests that are worth it and can be paid for.
 *
 * @returns a function that says what is due in the world as it is
 */
export function claimPlanner(options: ProviderOptions) {
  const { contracts, runner, solve, accepts = () => true, readInput } = options;
  const { leastFeeWei = 0n, trustedVerifiers = [], answers: answersKept } = options;
  const maxFeeWei = options.sending?.maxFeeWei ?? DEFAULT_MAX_FEE_WEI;
  const isEther = contracts.currency === ZERO_ADDRESS;
  /** Answers found to open requests, so that what was sent is known again. */
  const answers = new Map<bigint, Answer>();
  const allowance = new Allowance();

  /** The bond of a claim, and gas of everything that it may take. */
  const wishOf = ({ request: { request }, model }: Candidate): Wish => {
    const bytes = answerBytes(model, request);
    const gas = claimGas(bytes) + finalizeGas(bytes) + sideGas(model, 'claimant');
    return { bondWei: request.terms.claimBondWei, gas };
  };

  /** Gas that open claims may still take. */
  const reservedGas = (open: readonly ClaimRecord[], { disputesOn }: Arranged): bigint =>
    open.reduce((sum, claim) => {
      const model = runner.model(claim.request.request.modelId);
      const bytes = model ? answerBytes(model, claim.request.request) : 0;
      const disputes = BigInt(Math.max(1, disputesOn(claim).length));
      return sum + finalizeGas(bytes) + sideGas(model, 'claimant') * disputes;
    }, 0n);

  /** INVARIANT: one claim a request: what was falsified by a proof would be again. */
  const isOpenTo = (
    request: RequestRecord,
    model: Model,
    me: string,
    own: readonly ClaimRecord[],
    arranged: Arranged,
  ): boolean =>
    (request.request.terms.answerByRoot || answerBytes(model, request.request) <= LIMITS.MAX_DATA_BYTES) &&
    [ZERO_ADDRESS, me].includes(request.request.terms.provider) &&
    own.length < MOST_CLAIMS &&
    own.every((claim) => isLostByClock(claim, arranged)) &&
    accepts(request);

  /** Tells once why a request is left. */
  const tell = (about: string, { requestId }: RequestRecord, why: string, { once, listen }: Scene): void =>
    once(`${about}/${requestId}`, () =>
      listen({ kind: 'warned', about: 'refused', sentence: `request ${requestId}: ${why}` }),
    );

  /**
   * Whether a claim is mined before the requester can cancel in front of it. Nobody is told of a request that was cancellable
   * when it was first seen: there are many on an old deployment.
   */
  const isInTime = ({ request, isSent }: Candidate, scene: Scene): boolean => {
    const end = patienceEnd(request.request);
    const { latest } = scene.times;
    if (isSent ? latest <= end : latest + MINING_SECONDS <= end) return true;
    const why = `left, because it can be cancelled after ${end}, Unix seconds, before a claim is mined`;
    if (latest <= end) tell('patience', request, why, scene);
    return false;
  };

  /** Requests that this account would claim on, the best paid first. */
  const candidates = (scene: Scene, arranged: Arranged): readonly Candidate[] => {
    const { me, world, sender } = scene;
    const conditions = { me, leastFeeWei, trustedVerifiers, maxFeeWei, isEther };
    const found: Candidate[] = [];
    for (const request of world.requests.values()) {
      if (request.status !== 'open') continue;
      const model = runner.model(request.request.modelId);
      if (!model) continue;
      const own = arranged.claimsOn(request).filter(({ claimant }) => claimant === me);
      if (!isOpenTo(request, model, me, own, arranged)) continue;
      const why = objectionTo(request.request, model, conditions);
      if (why) {
        tell('terms', request, `left, because ${why}`, scene);
        continue;
      }
      const [answer, tries] = [answers.get(request.requestId), own.length];
      const isSent = answer !== undefined && sender.transactions.isSent(claimKey(request, answer, tries));
      found.push({ request, model, tries, isSent });
    }
    return found.toSorted((a, b) => byPay(a.request.request, b.request.request));
  };

  /** @throws NotNow if the input or an answer cannot be had */
  const answerFor = async (request: RequestRecord): Promise<Answer> => {
    const input = await inputOf(request, readInput);
    const found = input === undefined ? undefined : await answerTo(runner, request.request, input, solve);
    if (!found) throw new NotNow(`request ${request.requestId} cannot be answered now`);
    return found;
  };

  /** The answer to a request, once it is found. */
  const knownAnswer = (request: RequestRecord, { background, listen }: Scene): Answer | undefined => {
    const { modelId, inputs } = request.request;
    const key = `answer/${modelId}/${request.requestId}/${inputs}`;
    const outcome = background.ask(key, patienceEnd(request.request), () => answerFor(request));
    if (outcome?.kind === 'failed' && !(outcome.failure instanceof NotNow)) {
      const sentence = `request ${request.requestId}: ${explain(outcome.failure)}`;
      listen({ kind: 'failed', sentence });
    }
    return outcome?.kind === 'done' ? outcome.value : undefined;
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

  const claimDue = ({ request, tries }: Candidate, answer: Answer, { listen }: Scene): Due => {
    const { terms, modelId } = request.request;
    return {
      key: claimKey(request, answer, tries),
      what: `claiming on request ${request.requestId}`,
      deadline: undefined,
      stakeWei: request.request.feeWei,
      // Somebody who copies the answer from the pool, and is mined first, would earn the fee.
      isPrivate: true,
      populate: async () => {
        // RULE: no bond for a claim that cannot be defended, because its input may be gone.
        await needInput(request, readInput);
        const payment = { value: isEther ? terms.claimBondWei : 0n };
        if (!terms.answerByRoot) return claimCall(contracts, request, answer.output, payment);
        const tensors = splitTensors(claimedRefs(runner.model(modelId) as Model), answer.output);
        const roots = hexRoots(tensors);
        const uri = await publishedAt(tensors, roots, listen);
        return claimByRootCall(contracts, request, roots, uri, payment);
      },
      mined: (receipt) => listen({ kind: 'claimed', request, receipt }),
    };
  };

  return async (scene: Scene, arranged: Arranged): Promise<readonly Due[]> => {
    const { me, listen, world, sender } = scene;
    const open = [...world.claims.values()].filter(
      ({ claimant, status }) => claimant === me && status === 'open',
    );
    const openBondsWei = open.reduce((sum, claim) => sum + claim.request.request.terms.claimBondWei, 0n);
    scene.commit(openBondsWei, reservedGas(open, arranged));
    const found = candidates(scene, arranged);
    const wanted = new Set(found.map(({ request }) => request.requestId));
    for (const id of answers.keys()) if (!wanted.has(id)) answers.delete(id);
    if (found.length === 0) return [];
    const purse = await scene.purse();
    for (const one of found) if (one.isSent) purse.keep(wishOf(one));
    const bonds: Bond[] = [];
    // RULE: money is set aside for claims that are sent, so never for a request whose answer is not known or is taken.
    for (const one of found) {
      const { request, isSent } = one;
      if (!isInTime(one, scene)) continue;
      // No model is run for what cannot be paid for.
      const why = isSent ? undefined : purse.refusal(wishOf(one));
      if (why) {
        tell('bond', request, `left for now, because ${why}`, scene);
        continue;
      }
      const answer = knownAnswer(request, scene);
      if (!answer) continue;
      answers.set(request.requestId, answer);
      if (isTaken(request, answer.outputs, arranged)) continue;
      if (!isSent) purse.keep(wishOf(one));
      options.onBond?.(request);
      bonds.push({ due: claimDue(one, answer, scene), bondWei: wishOf(one).bondWei });
    }
    return allowance.due(contracts, me, bonds, sender.transactions, listen);
  };
}
