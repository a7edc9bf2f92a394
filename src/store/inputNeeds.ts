import { larger } from '../chain/bigints.ts';
import { ZERO_ADDRESS } from '../chain/contracts/types.ts';
import {
  type ClaimRecord,
  patienceEnd,
  type RequestRecord,
  type World,
  windowEnd,
} from '../chain/contracts/world.ts';
import type { Turn } from './turns.ts';

/** An input that something open depends on. */
export interface InputNeed extends Omit<Turn, 'tries'> {
  readonly request: RequestRecord;
}

/** Whose inputs they are: a claimant answers requests and defends claims, a challenger checks claims and disputes them. */
export interface Party {
  readonly role: 'claimant' | 'challenger';
  /** Undefined for one who only looks, also at claims that nobody can dispute any more. */
  readonly account: string | undefined;
}

/**
 * The inputs that a party needs, as far as a world shows it. Everything follows from what is open, so that an input is let
 * go however its request, claim or dispute ended.
 *
 * @param isJudged whether a claim was found right, so that nobody here reads its input again
 */
export function inputNeeds(
  world: World,
  { role, account }: Party,
  isJudged: (claim: ClaimRecord) => boolean,
): InputNeed[] {
  const now = world.block.timestamp;
  const onlyLooks = account === undefined;
  const needs: InputNeed[] = [];
  const add = (request: RequestRecord, isBonded: boolean, deadline: bigint, stakeWei: bigint): void => {
    if (now <= deadline || onlyLooks) needs.push({ request, isBonded, deadline: Number(deadline), stakeWei });
  };
  for (const { ended, challenger, claim } of world.disputes.values()) {
    const isOwn = (role === 'claimant' ? claim.claimant : challenger) === account;
    if (!isOwn || ended || claim.status !== 'open') continue;
    add(claim.request, true, now, claim.request.request.terms.claimBondWei);
  }
  for (const claim of world.claims.values()) {
    const isOwn = claim.claimant === account;
    if (claim.status !== 'open' || (role === 'claimant' ? !isOwn : isJudged(claim))) continue;
    // One's own claim may be disputed until its window ends.
    add(claim.request, role === 'claimant', windowEnd(claim), claim.request.request.terms.claimBondWei);
  }
  if (role === 'challenger') return needs;
  for (const asked of world.requests.values()) {
    const { terms, feeWei } = asked.request;
    if (asked.status !== 'open' || ![ZERO_ADDRESS, account].includes(terms.provider)) continue;
    add(asked, false, patienceEnd(asked.request), feeWei);
  }
  return needs;
}

/** Two needs of one input. */
export const both = (a: InputNeed, b: InputNeed): InputNeed => ({
  request: a.request,
  isBonded: a.isBonded || b.isBonded,
  deadline: Math.min(a.deadline, b.deadline),
  stakeWei: larger(a.stakeWei, b.stakeWei),
});
