import { claim, finalize } from '../chain/actions/actions.ts';
import { Refused } from '../chain/actions/submit.ts';
import { type Contracts, signerOf } from '../chain/contracts/contracts.ts';
import type { Terms } from '../chain/contracts/types.ts';
import type { ClaimRecord, RequestRecord } from '../chain/contracts/world.ts';
import { EventIndex } from '../chain/index/eventIndex.ts';
import { request } from '../client/client.ts';
import { hexOf } from '../merkle/keccak.ts';
import type { Trace } from '../trace/trace.ts';
import { type Played, playDispute } from './dispute.ts';
import type { Lie } from './fault.ts';
import { outputOf } from './stage.ts';

/** Everything a canary needs to play. */
export interface Canary {
  readonly contracts: Contracts;
  /** A block before all of it. */
  readonly fromBlock: number;
  readonly input: Uint8Array;
  readonly honest: Trace;
  readonly lie: Lie;
  onStep(sentence: string): void;
}

/** A dispute that waits for a clock has gone wrong; a canary does not sit it out. */
export class Stuck extends Error {
  override name = 'Stuck';
}

/** Longest pause that a dispute makes between moves while it goes on, s. */
const LONGEST_PAUSE = 60;

const pass = async (seconds: number, why: string | undefined): Promise<void> => {
  if (seconds > LONGEST_PAUSE) throw new Stuck(why ?? 'a side of the dispute had no move');
};

/** Asks, and claims an output. */
async function askAndClaim(
  { contracts, fromBlock, input, honest }: Canary,
  terms: Terms,
  output: Uint8Array,
): Promise<{ history: EventIndex; made: ClaimRecord }> {
  const { requestId } = await request(contracts, hexOf(honest.model.id), input, terms, 0n);
  const history = new EventIndex(contracts, { fromBlock });
  const { requests } = await history.update();
  await claim(contracts, requests.get(requestId) as RequestRecord, output);
  const { claims } = await history.update();
  const me = await signerOf(contracts).getAddress();
  // Providers on this deployment may have answered the request too.
  const made = [...claims.values()].findLast(
    (one) => one.request.requestId === requestId && one.claimant === me,
  );
  return { history, made: made as ClaimRecord };
}

/**
 * Claims a false output, challenges it, and plays the dispute to its end, both sides from one account.
 *
 * @returns how it went, and what is wrong with that: nothing if the claim was falsified at exactly the lie
 * @throws Stuck if a move is missing or refused
 */
export async function playFalseClaim(
  canary: Canary,
  terms: Terms,
): Promise<{ readonly played: Played; readonly problems: readonly string[] }> {
  const { contracts, honest, lie, onStep } = canary;
  onStep('claiming a false output');
  const { history, made } = await askAndClaim(canary, terms, outputOf(lie.trace));
  onStep('playing the dispute');
  const side = (trace: Trace) => ({ contracts, trace });
  const sides = { claimant: side(lie.trace), challenger: side(honest) };
  const played = await playDispute({ wait: pass }, history, made, sides);
  const world = await history.update();
  const problems: string[] = [];
  const { isolated, reason } = played;
  if (reason !== 'WrongWord') problems.push(`the dispute ended with ${reason}, not with a wrong word`);
  else if (isolated?.node !== lie.fault.node || isolated.element !== lie.fault.element) {
    problems.push(`the dispute ended at node ${isolated?.node}, the lie was at node ${lie.fault.node}`);
  }
  const status = world.claim(made.claimId)?.status;
  if (status !== 'falsified') problems.push(`the false claim is ${status}`);
  return { played, problems };
}

/** Pause between two attempts to make a claim final, ms. */
const REST_MS = 1000;

/** Claims the right output and makes it final. @returns what is wrong with the result */
export async function playRightClaim(canary: Canary, terms: Terms): Promise<readonly string[]> {
  const { contracts, honest, onStep } = canary;
  onStep('claiming the right output');
  const output = outputOf(honest);
  const { made } = await askAndClaim(canary, terms, output);
  onStep('waiting until it is final');
  const patience = performance.now() + (Number(terms.windowSeconds) + LONGEST_PAUSE) * 1000;
  for (;;) {
    try {
      await finalize(contracts, made, false);
      break;
    } catch (failure) {
      const isEarly = failure instanceof Refused && failure.error === 'WindowOpen';
      if (!isEarly || performance.now() > patience) throw failure;
      await new Promise((resolve) => setTimeout(resolve, REST_MS));
    }
  }
  const { requestId } = made.request;
  const result = await contracts.oracle.connect(signerOf(contracts)).result(requestId);
  return result === hexOf(output) ? [] : ['the final answer is not what was claimed'];
}
