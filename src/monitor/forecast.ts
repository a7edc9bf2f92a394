import type { Address, Hex } from '../chain/contracts/types.ts';
import { type ClaimRecord, type DisputeRecord, type World, windowEnd } from '../chain/contracts/world.ts';
import { decodeClock, lastTimestamp } from '../dispute/clock.ts';
import type { Role } from '../dispute/move.ts';
import { MOVERS, type Phase } from '../dispute/position.ts';

/** The result of re-running a claim; `unknown` if model or input is unavailable. */
export type Verdict = 'right' | 'wrong' | 'unknown';

/** A bond that changes hands. */
export interface Loss {
  readonly loser: Address;
  readonly bondWei: bigint;
  /** Who gets a part of it: half of a claimant's bond is burned, less the gas of overtaken challengers. */
  readonly winner: Address;
  readonly winsWei: bigint;
}

/** State and forecast of an open dispute. Times are Unix seconds. */
export interface DisputeForecast {
  readonly disputeId: bigint;
  readonly claimId: bigint;
  readonly claimant: Address;
  readonly challenger: Address;
  readonly phase: Phase;
  readonly mover: Role;
  /** Last second in which the mover can move. */
  readonly deadline: number;
  /** Negative once the clock is out. */
  readonly secondsLeft: number;
  /** The initial clock of each side, seconds. */
  readonly clockSeconds: number;
  /** Who wins if both play right; undefined if nobody knows whether the claim is right. */
  readonly ifPlayed: Role | undefined;
  /** Who wins if the mover does nothing more. */
  readonly ifIdle: Role;
  /** Another dispute has falsified the claim: this one ends with the challenger's bond given back. */
  readonly isOvertaken: boolean;
  /** Who loses which bond as things stand; undefined if nobody does, or it cannot be told. */
  readonly loss: Loss | undefined;
}

/** Forecast of an open claim. Times are Unix seconds. */
export interface ClaimForecast {
  readonly claimId: bigint;
  readonly requestId: bigint;
  readonly modelId: Hex;
  readonly claimant: Address;
  readonly bondWei: bigint;
  readonly verdict: Verdict;
  /** Last second in which it can be challenged. */
  readonly windowEndsAt: number;
  /** Negative once the window has passed. */
  readonly windowSecondsLeft: number;
  readonly windowSeconds: number;
  readonly openDisputes: number;
  /** The expected end as things stand; undefined if unknown. */
  readonly ends: 'final' | 'falsified' | undefined;
}

export interface Forecast {
  readonly block: World['block'];
  /** Unix seconds, for which it was made. */
  readonly now: number;
  readonly claims: readonly ClaimForecast[];
  readonly disputes: readonly DisputeForecast[];
}

/** Whether somebody who is not known to be wrong has to move: a side that is wrong may let its clock run out. */
export const isAtRisk = ({ mover, ifPlayed, isOvertaken }: DisputeForecast): boolean =>
  !isOvertaken && (ifPlayed === undefined || ifPlayed === mover);

const other = (role: Role): Role => (role === 'claimant' ? 'challenger' : 'claimant');

/** The bond that a side loses with a dispute, and the part of it that the other side gets. */
export function lossIn(record: DisputeRecord, loser: Role): Loss {
  const { claim, challenger } = record;
  const { claimBondWei, challengeBondWei } = claim.request.request.terms;
  return loser === 'claimant'
    ? { loser: claim.claimant, bondWei: claimBondWei, winner: challenger, winsWei: claimBondWei / 2n }
    : { loser: challenger, bondWei: challengeBondWei, winner: claim.claimant, winsWei: challengeBondWei };
}

function forecastDispute(record: DisputeRecord, verdict: Verdict, now: number): DisputeForecast {
  const { claim, disputeId, challenger, dispute, view } = record;
  const clock = decodeClock(dispute.clock);
  const { phase } = view.position;
  // An open dispute always waits for somebody; `None` is the phase of those that were never opened.
  const mover = phase === 'None' ? 'claimant' : MOVERS[phase];
  const deadline = lastTimestamp(clock, mover);
  const secondsLeft = deadline - now;
  const isOvertaken = claim.status === 'falsified';
  const ifPlayed = verdict === 'unknown' ? undefined : verdict === 'right' ? 'claimant' : 'challenger';
  const ifIdle = other(mover);
  const winner = secondsLeft < 0 ? ifIdle : ifPlayed;
  return {
    ...{ disputeId, claimId: claim.claimId, claimant: claim.claimant, challenger, phase, mover, deadline },
    ...{ secondsLeft, clockSeconds: Number(claim.request.request.terms.clockSeconds) },
    ...{ ifPlayed, ifIdle, isOvertaken },
    loss: isOvertaken || winner === undefined ? undefined : lossIn(record, other(winner)),
  };
}

/** Forecasts the end of a claim from the forecasts of its disputes. */
function endOf(verdict: Verdict, disputes: readonly DisputeForecast[]): ClaimForecast['ends'] {
  const isLost = ({ secondsLeft, mover }: DisputeForecast): boolean =>
    secondsLeft < 0 && mover === 'claimant';
  if (disputes.some(isLost)) return 'falsified';
  if (disputes.length === 0) return 'final';
  if (verdict === 'unknown') return undefined;
  const isWon = ({ secondsLeft, mover }: DisputeForecast): boolean =>
    secondsLeft >= 0 || mover === 'claimant';
  return verdict === 'wrong' && disputes.some(isWon) ? 'falsified' : 'final';
}

function forecastClaim(
  claim: ClaimRecord,
  verdict: Verdict,
  disputes: readonly DisputeForecast[],
  now: number,
): ClaimForecast {
  const { claimId, claimant, request } = claim;
  const { modelId, terms } = request.request;
  const windowEndsAt = Number(windowEnd(claim));
  return {
    ...{ claimId, requestId: request.requestId, modelId, claimant, bondWei: terms.claimBondWei, verdict },
    ...{ windowEndsAt, windowSecondsLeft: windowEndsAt - now, windowSeconds: Number(terms.windowSeconds) },
    openDisputes: disputes.length,
    ends: endOf(verdict, disputes),
  };
}

/**
 * Forecasts how all that is open on a deployment will end: by the clock, and where it is known whether a claim is right, by
 * who is right.
 *
 * @param verdictOn what running the claim again said
 * @param now Unix seconds
 */
export function forecast(
  { block, claims, disputes }: Pick<World, 'block' | 'claims' | 'disputes'>,
  verdictOn: (claim: ClaimRecord) => Verdict,
  now: number,
): Forecast {
  const open = [...disputes.values()].filter(({ ended }) => !ended);
  const disputeForecasts = open.map((record) => forecastDispute(record, verdictOn(record.claim), now));
  const about = new Map<bigint, DisputeForecast[]>();
  for (const one of disputeForecasts) {
    const known = about.get(one.claimId);
    if (known) known.push(one);
    else about.set(one.claimId, [one]);
  }
  return {
    block,
    now,
    claims: [...claims.values()]
      .filter(({ status }) => status === 'open')
      .map((claim) => forecastClaim(claim, verdictOn(claim), about.get(claim.claimId) ?? [], now)),
    disputes: disputeForecasts.toSorted((a, b) => a.deadline - b.deadline),
  };
}
