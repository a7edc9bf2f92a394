import type { Address } from '../chain/contracts/types.ts';
import { type DisputeRecord, type World, windowEnd } from '../chain/contracts/world.ts';
import { decodeClock, lastTimestamp } from '../dispute/clock.ts';
import type { Role } from '../dispute/move.ts';
import { MOVERS } from '../dispute/position.ts';

/** A point in time at which something ends, Unix seconds. */
export interface Deadline {
  readonly at: number;
  readonly what: string;
}

/** A clock that runs against this account. */
export interface OwnClock {
  readonly disputeId: bigint;
  readonly modelId: string;
  /** Negative once it is out. */
  readonly secondsLeft: number;
  readonly clockSeconds: number;
  /** Seconds since it has been this account's turn. */
  readonly waitedSeconds: number;
}

/** Money and open duties of one account on a deployment. Times are seconds. */
export interface Standing {
  readonly openClaims: number;
  /** Claims of anybody that can still be challenged. */
  readonly openWindows: number;
  readonly ownClaims: number;
  readonly ownDisputes: number;
  readonly bondsAtStakeWei: bigint;
  /** Clocks that run against this account, the shortest first. */
  readonly clocks: readonly OwnClock[];
  /** Clocks of which more than a tenth has gone by in this turn. */
  readonly overdue: number;
  /** The next end of a clock or window that this account has to do with. */
  readonly next: Deadline | undefined;
}

/** Part of a clock after which a move is late: one should take a block or two. */
const LATE_SHARE = 0.1;

/** The side of a dispute that an account is on, if any. */
export function sideOf({ challenger, claim }: DisputeRecord, account: Address): Role | undefined {
  if (challenger === account) return 'challenger';
  return claim.claimant === account ? 'claimant' : undefined;
}

/** Derives the standing of an account from the chain alone. @param now Unix seconds */
export function standingOf(
  { claims, disputes }: Pick<World, 'claims' | 'disputes'>,
  account: Address,
  now: number,
): Standing {
  const open = [...claims.values()].filter(({ status }) => status === 'open');
  const own = open.filter(({ claimant }) => claimant === account);
  const mine = [...disputes.values()].filter((one) => !one.ended && sideOf(one, account));
  const deadlines: Deadline[] = open.map((claim) => ({
    at: Number(windowEnd(claim)),
    what: `the window of claim ${claim.claimId}`,
  }));
  const clocks: OwnClock[] = [];
  for (const record of mine) {
    const { phase } = record.view.position;
    if (phase === 'None' || record.claim.status === 'falsified') continue;
    const clock = decodeClock(record.dispute.clock);
    const mover = MOVERS[phase];
    const at = lastTimestamp(clock, mover);
    const isOwn = mover === sideOf(record, account);
    deadlines.push({ at, what: `${isOwn ? 'our' : 'their'} clock in dispute ${record.disputeId}` });
    if (!isOwn) continue;
    const { modelId, terms } = record.claim.request.request;
    const clockSeconds = Number(terms.clockSeconds);
    const times = { secondsLeft: at - now, clockSeconds, waitedSeconds: now - clock.lastMoveAt };
    clocks.push({ disputeId: record.disputeId, modelId, ...times });
  }
  const bonds = own.map(({ request }) => request.request.terms.claimBondWei);
  const challenges = mine.filter((one) => sideOf(one, account) === 'challenger');
  bonds.push(...challenges.map(({ claim }) => claim.request.request.terms.challengeBondWei));
  return {
    openClaims: open.length,
    openWindows: open.filter((claim) => Number(windowEnd(claim)) >= now).length,
    ownClaims: own.length,
    ownDisputes: mine.length,
    bondsAtStakeWei: bonds.reduce((sum, bond) => sum + bond, 0n),
    clocks: clocks.toSorted((a, b) => a.secondsLeft - b.secondsLeft),
    overdue: clocks.filter(({ waitedSeconds, clockSeconds }) => waitedSeconds > LATE_SHARE * clockSeconds)
      .length,
    next: deadlines.filter(({ at }) => at >= now).toSorted((a, b) => a.at - b.at)[0],
  };
}
