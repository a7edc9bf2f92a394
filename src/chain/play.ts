import { decodeClock, isOut } from '../dispute/clock.ts';
import type { Role } from '../dispute/move.ts';
import { nextMove } from '../dispute/nextMove.ts';
import { MOVERS } from '../dispute/position.ts';
import type { Trace } from '../trace/trace.ts';
import { timeout } from './actions.ts';
import type { Contracts } from './contracts.ts';
import type { DisputeRecord } from './history.ts';
import { sendMove } from './move.ts';
import type { Listener } from './report.ts';
import { Refused } from './submit.ts';

/** Refusals that only mean: not yet. The node's idea of now is a little behind ours. */
const TOO_EARLY = ['ClockRuns', 'WindowOpen', 'PatienceLasts'];

/**
 * Runs one transaction of a pass. A refusal is reported and does not keep the others from being tried.
 *
 * @returns transactions sent: 1, or 0 if it was refused
 */
export async function attempt(listen: Listener, work: () => Promise<void>): Promise<0 | 1> {
  try {
    await work();
    return 1;
  } catch (failure) {
    if (!(failure instanceof Refused)) throw failure;
    if (!failure.error || !TOO_EARLY.includes(failure.error)) {
      listen({ kind: 'failed', sentence: failure.message });
    }
    return 0;
  }
}

/**
 * Unix seconds. The next block's timestamp is unknown: a quiet chain's latest block may be old, the clock of this
 * machine may be wrong, and that of a development chain may have been put forward. So what might still be in time is
 * tried by `earliest`, what might be due is tried by `latest`, and the chain refuses what is not.
 */
export interface Times {
  /** The latest block's. */
  readonly earliest: bigint;
  /** The latest block's or this machine's, whichever is later. */
  readonly latest: bigint;
}

export const systemClock = (): bigint => BigInt(Math.floor(Date.now() / 1000));

export const timesAt = (blockTimestamp: bigint, machine: bigint): Times => ({
  earliest: blockTimestamp,
  latest: machine > blockTimestamp ? machine : blockTimestamp,
});

/** Whose move an open dispute waits for. */
export function moverOf({ disputeId, view }: DisputeRecord): Role {
  const { phase } = view.position;
  if (phase === 'None') throw new Error(`dispute ${disputeId} is in no phase`);
  return MOVERS[phase];
}

export interface Player {
  readonly contracts: Contracts;
  readonly role: Role;
  readonly times: Times;
  /** The player's own trace of the disputed run. */
  trace(): Promise<Trace>;
  readonly listen: Listener;
}

/**
 * Does what is due in an open dispute: the player's move if it is its turn and time is left, the end by the clock if
 * it is the other's and none is.
 *
 * @returns transactions sent, 0 or 1
 */
export async function play(record: DisputeRecord, player: Player): Promise<0 | 1> {
  const { contracts, role, times, listen } = player;
  const mover = moverOf(record);
  const clock = decodeClock(record.dispute.clock);
  if (mover !== role) {
    if (!isOut(clock, mover, Number(times.latest))) return 0;
    return attempt(listen, async () => {
      listen({ kind: 'timedOut', dispute: record, receipt: await timeout(contracts, record) });
    });
  }
  if (isOut(clock, mover, Number(times.earliest))) return 0;
  const move = nextMove(record.view, await player.trace(), role);
  if (!move) return 0;
  return attempt(listen, async () => {
    listen({ kind: 'moved', dispute: record, move, receipt: await sendMove(contracts, record, move) });
  });
}
