import { decodeClock, isOut, lastTimestamp } from '../../dispute/clock.ts';
import { type MalformedProgram, moveAgainstMalformed } from '../../dispute/malformed.ts';
import type { Move, Role } from '../../dispute/move.ts';
import { foldQuestion, isAboveBlocks, moveAboveBlocks, nextMove } from '../../dispute/nextMove.ts';
import { MOVERS } from '../../dispute/position.ts';
import type { Commitment, Trace } from '../../trace/trace.ts';
import { reclaimCall, timeoutCall } from '../contracts/calls.ts';
import type { Contracts } from '../contracts/contracts.ts';
import { populateMove } from '../contracts/move.ts';
import { ZERO_ADDRESS } from '../contracts/types.ts';
import type { DisputeRecord } from '../contracts/world.ts';
import { explain } from '../messages/explain.ts';
import type { Listener } from '../messages/report.ts';
import type { Due } from '../transactions/due.ts';
import type { Background } from './background.ts';
import type { Times } from './chainClock.ts';

/** Whose move an open dispute waits for. */
export function moverOf({ disputeId, view }: DisputeRecord): Role {
  const { phase } = view.position;
  if (phase === 'None') throw new Error(`dispute ${disputeId} is in no phase`);
  return MOVERS[phase];
}

/** Names the state of a dispute: every move changes it. */
export const stateOf = ({ disputeId, dispute, subject, claim }: DisputeRecord): string =>
  [disputeId, dispute.clock, dispute.position, subject, claim.traceRoot ?? ''].join('/');

/** Last second in which the side to move may move. */
export const clockEnd = (record: DisputeRecord): bigint =>
  BigInt(lastTimestamp(decodeClock(record.dispute.clock), moverOf(record)));

/**
 * The stake of a side in a dispute: its own bond plus its gain.
 *
 * RULE: a claim's bond changes hands once, so its disputes share it; else each might cost as much gas as the whole bond.
 *
 * @param disputes open ones of this side on the claim
 */
const stakeOf = ({ claim }: DisputeRecord, role: Role, disputes: number): bigint => {
  const { claimBondWei, challengeBondWei } = claim.request.request.terms;
  const wonWei = role === 'claimant' ? claimBondWei : claimBondWei / 2n;
  return challengeBondWei + wonWei / BigInt(disputes);
};

export interface Player {
  readonly contracts: Contracts;
  readonly role: Role;
  readonly times: Times;
  /** Runs what a move takes. */
  readonly background: Background;
  /** The data that the root of the player's own trace of the disputed run commits to. */
  commitment(): Promise<Commitment>;
  /** The trace of the claim. */
  trace(): Promise<Trace>;
  readonly listen: Listener;
  /** Gas that its moves may take in this dispute, at most. */
  readonly gas: bigint;
  /** Its open disputes on the same claim, this one included. */
  readonly disputes: number;
}

type Bystander = Pick<Player, 'contracts' | 'times' | 'listen' | 'gas' | 'disputes'>;

const timeoutDue = (record: DisputeRecord, role: Role, { contracts, listen, disputes }: Bystander): Due => ({
  key: `timeout/${stateOf(record)}`,
  what: `ending dispute ${record.disputeId} by the clock`,
  deadline: undefined,
  stakeWei: stakeOf(record, role, disputes),
  group: 'game',
  populate: () => timeoutCall(contracts, record),
  mined: (receipt, calls) => listen({ kind: 'timedOut', dispute: record, receipt, calls }),
});

function moveDue(record: DisputeRecord, role: Role, move: Move, player: Bystander): Due {
  const { contracts, listen, gas, disputes } = player;
  // Of all disputes on a claim, the first one fixes its trace; the others show what is fixed then.
  const isShared = move.kind === 'commitTrace';
  // A later pass sees the dispute as it is then.
  const shown = { ...record };
  return {
    key: isShared ? `trace/${record.claim.claimId}/${record.claim.outputs}` : `move/${stateOf(record)}`,
    what: `moving (${move.kind}) in dispute ${record.disputeId}`,
    deadline: moverOf(record) === role ? clockEnd(record) : undefined,
    // A move for all disputes is worth what all of them share.
    stakeWei: stakeOf(record, role, isShared ? 1 : disputes),
    // A token has no price in gas.
    ...(contracts.currency === ZERO_ADDRESS && { gasLeft: gas }),
    group: 'game',
    populate: () => populateMove(contracts, shown, move),
    mined: (receipt, calls) => listen({ kind: 'moved', dispute: shown, move, receipt, calls }),
  };
}

export const reclaimDue = (
  record: DisputeRecord,
  { contracts, listen }: Pick<Bystander, 'contracts' | 'listen'>,
): Due => ({
  key: `reclaim/${stateOf(record)}`,
  what: `reclaiming the bond of dispute ${record.disputeId}`,
  deadline: undefined,
  stakeWei: record.claim.request.request.terms.challengeBondWei,
  group: 'game',
  populate: () => reclaimCall(contracts, record),
  mined: (receipt, calls) => listen({ kind: 'reclaimed', dispute: record, receipt, calls }),
});

function warnOverdue(record: DisputeRecord, { listen }: Pick<Bystander, 'listen'>): void {
  const sentence = `dispute ${record.disputeId}: the own clock ran out at ${clockEnd(record)}, Unix seconds, and anyone may end it now`;
  listen({ kind: 'warned', about: 'overdue', sentence });
}

/**
 * Finds the due transaction in an open dispute about a malformed program: the proof, at any time, or a move towards
 * one; the end by the clock if the claimant's has run out.
 */
export function dueAgainstMalformed(
  record: DisputeRecord,
  program: MalformedProgram,
  player: Bystander,
): Due | undefined {
  const mover = moverOf(record);
  const clock = decodeClock(record.dispute.clock);
  if (mover === 'claimant' && isOut(clock, mover, Number(player.times.latest))) {
    return timeoutDue(record, 'challenger', player);
  }
  const move = moveAgainstMalformed(record.view, program);
  return move && moveDue(record, 'challenger', move, player);
}

/** The move that follows from the own trace; long folds are not computed in this thread. */
async function moveBelow(record: DisputeRecord, { trace, role }: Player): Promise<Move | undefined> {
  const { view } = record;
  const own = await trace();
  const question = foldQuestion(view, own);
  if (question && own.prepare) {
    const { nodeIndex, element, positions } = question;
    await own.prepare(nodeIndex, element, positions, { deadline: clockEnd(record) });
  }
  return nextMove(view, own, role);
}

/**
 * Finds the due transaction in an open dispute: the player's move if it is its turn, time is left and the run for it
 * has ended; the end by the clock if it is the other's turn and no time is left.
 */
export function dueIn(record: DisputeRecord, player: Player): Due | undefined {
  const { role, times, background, listen } = player;
  const mover = moverOf(record);
  const clock = decodeClock(record.dispute.clock);
  if (mover !== role) {
    return isOut(clock, mover, Number(times.latest)) ? timeoutDue(record, role, player) : undefined;
  }
  if (isOut(clock, mover, Number(times.earliest))) {
    warnOverdue(record, player);
    return undefined;
  }
  const { view } = record;
  // Until a block is disputed nobody has to keep every tensor of a run.
  const outcome = background.ask(`move/${stateOf(record)}`, clockEnd(record), async () =>
    isAboveBlocks(view) ? moveAboveBlocks(view, await player.commitment(), role) : moveBelow(record, player),
  );
  if (outcome?.kind === 'failed') {
    listen({ kind: 'failed', sentence: `dispute ${record.disputeId}: ${explain(outcome.failure)}` });
  }
  const move = outcome?.kind === 'done' ? outcome.value : undefined;
  return move && moveDue(record, role, move, player);
}

/**
 * The dues of disputes, one after the other.
 *
 * RULE: a dispute that cannot be played, whatever a stranger has put into it, keeps no other from being played.
 */
export const duesIn = (
  disputes: readonly DisputeRecord[],
  listen: Listener,
  find: (dispute: DisputeRecord) => readonly Due[],
): Due[] =>
  disputes.flatMap((dispute) => {
    try {
      return find(dispute);
    } catch (failure) {
      listen({ kind: 'failed', sentence: `dispute ${dispute.disputeId}: ${explain(failure)}` });
      return [];
    }
  });
