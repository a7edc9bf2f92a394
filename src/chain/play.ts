import { decodeClock, isOut } from '../dispute/clock.ts';
import { type MalformedProgram, moveAgainstMalformed } from '../dispute/malformed.ts';
import type { Role } from '../dispute/move.ts';
import { isAboveBlocks, moveAboveBlocks, nextMove } from '../dispute/nextMove.ts';
import { MOVERS } from '../dispute/position.ts';
import type { Commitment, Trace } from '../trace/trace.ts';
import { timeout } from './actions.ts';
import type { Contracts } from './contracts.ts';
import { explain } from './explain.ts';
import type { DisputeRecord } from './history.ts';
import { sendMove } from './move.ts';
import type { Listener } from './report.ts';
import { Refused } from './submit.ts';

/** Refusals that only mean: not yet. The node's idea of now is a little behind ours. */
const TOO_EARLY = ['ClockRuns', 'WindowOpen', 'PatienceLasts', 'OpenedNow'];

/**
 * Does one thing of a pass. What fails is reported and keeps nothing else from being done: nobody may stop a provider
 * or watcher with one request or claim that it stumbles over.
 *
 * @param work says how many transactions it sent
 */
export async function attempt(listen: Listener, work: () => Promise<0 | 1>): Promise<0 | 1> {
  try {
    return await work();
  } catch (failure) {
    if (!(failure instanceof Refused)) listen({ kind: 'failed', sentence: explain(failure) });
    else if (!failure.error || !TOO_EARLY.includes(failure.error)) {
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
  /** What the root of the player's own trace of the disputed run commits to. */
  commitment(): Promise<Commitment>;
  /** That trace. */
  trace(): Promise<Trace>;
  readonly listen: Listener;
}

/**
 * Does what is due in an open dispute about a malformed program: the proof, at any time, or what leads to one; the end by
 * the clock if the claimant's has run out.
 *
 * @returns transactions sent, 0 or 1
 */
export async function playMalformed(
  record: DisputeRecord,
  program: MalformedProgram,
  { contracts, times, listen }: Pick<Player, 'contracts' | 'times' | 'listen'>,
): Promise<0 | 1> {
  return attempt(listen, async () => {
    const clock = decodeClock(record.dispute.clock);
    const mover = moverOf(record);
    if (mover === 'claimant' && isOut(clock, mover, Number(times.latest))) {
      listen({ kind: 'timedOut', dispute: record, receipt: await timeout(contracts, record) });
      return 1;
    }
    const move = moveAgainstMalformed(record.view, program);
    if (!move) return 0;
    listen({ kind: 'moved', dispute: record, move, receipt: await sendMove(contracts, record, move) });
    return 1;
  });
}

/**
 * Does what is due in an open dispute: the player's move if it is its turn and time is left, the end by the clock if
 * it is the other's and none is.
 *
 * @returns transactions sent, 0 or 1
 */
export async function play(record: DisputeRecord, player: Player): Promise<0 | 1> {
  const { contracts, role, times, listen } = player;
  return attempt(listen, async () => {
    const mover = moverOf(record);
    const clock = decodeClock(record.dispute.clock);
    if (mover !== role) {
      if (!isOut(clock, mover, Number(times.latest))) return 0;
      listen({ kind: 'timedOut', dispute: record, receipt: await timeout(contracts, record) });
      return 1;
    }
    if (isOut(clock, mover, Number(times.earliest))) return 0;
    // Until a block is disputed nobody has to keep every tensor of a run.
    const move = isAboveBlocks(record.view)
      ? moveAboveBlocks(record.view, await player.commitment(), role)
      : nextMove(record.view, await player.trace(), role);
    if (!move) return 0;
    listen({ kind: 'moved', dispute: record, move, receipt: await sendMove(contracts, record, move) });
    return 1;
  });
}
