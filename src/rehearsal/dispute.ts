import { performance } from 'node:perf_hooks';
import type { TransactionReceipt } from 'ethers';
import { challenge, sendMove, timeout } from '../chain/actions/actions.ts';
import { Refused } from '../chain/actions/submit.ts';
import { type Contracts, signerOf } from '../chain/contracts/contracts.ts';
import type { ClaimRecord, DisputeRecord } from '../chain/contracts/world.ts';
import type { EventIndex } from '../chain/index/eventIndex.ts';
import { moverOf } from '../chain/service/play.ts';
import { decodeClock, secondsLeft } from '../dispute/clock.ts';
import type { Move, Role } from '../dispute/move.ts';
import { nextMove } from '../dispute/nextMove.ts';
import { elementAt, intervalAt, type Reason } from '../dispute/rules.ts';
import type { DisputeView } from '../dispute/view.ts';
import type { Trace } from '../trace/trace.ts';

/** One side of a rehearsed dispute. */
export interface RehearsedSide {
  readonly contracts: Contracts;
  readonly trace: Trace;
}

export interface PlayedMove {
  readonly role: Role;
  /** The move's kind, `challenge` or `timeout`. */
  readonly kind: string;
  readonly gas: number;
}

/** Where a dispute ended: what the last proof was about. */
export interface Isolated {
  readonly node: number;
  /** `null` where the whole tensor was the point: a constant or an input. */
  readonly element: number | null;
  /** Fold steps [from, to) that the chain ran; `null` if it ran none. */
  readonly interval: readonly [number, number] | null;
}

export interface Played {
  readonly moves: readonly PlayedMove[];
  readonly seconds: number;
  readonly winner: Role;
  readonly reason: Reason;
  /** `undefined` if nobody proved anything. */
  readonly isolated: Isolated | undefined;
  /** The chain's reason for refusing the last move. */
  readonly refusal: string | undefined;
}

const BLOCK_SECONDS = 12;

/** Lets time pass on the chain, or refuses to where it would be a clock's whole length. */
export interface Pacemaker {
  /** @param why what the chain said to the last move, if it was refused */
  wait(seconds: number, why?: string): Promise<void>;
}

/** Node, element and interval of a winning move, from the state that it answers. */
export function isolatedBy({ position }: DisputeView, move: Move): Isolated | undefined {
  switch (move.kind) {
    case 'proveConstant':
    case 'proveInput':
    case 'proveAnswer': {
      const levels = move.picked.siblings.length;
      return { node: position.index * 2 ** levels + move.picked.child, element: null, interval: null };
    }
    case 'proveElement': {
      const { index: element, lo, hi } = elementAt(position, move.chunk, move.offset);
      return { node: position.nodeIndex, element, interval: [lo, hi] };
    }
    case 'proveInterval': {
      const { lo, hi } = intervalAt(position, move.words, move.interval);
      return { node: position.nodeIndex, element: position.index, interval: [lo, hi] };
    }
    default:
      return undefined;
  }
}

/**
 * Challenges a claim and plays for both sides until the dispute has ended. A side that has no move, or whose move the
 * chain refuses, lets its clock run out.
 */
export async function playDispute(
  chain: Pacemaker,
  history: EventIndex,
  claim: ClaimRecord,
  sides: Readonly<Record<Role, RehearsedSide>>,
): Promise<Played> {
  const start = performance.now();
  const moves: PlayedMove[] = [];
  let isolated: Isolated | undefined;
  let refusal: string | undefined;
  const note = (role: Role, kind: string, { gasUsed }: TransactionReceipt): void => {
    moves.push({ role, kind, gas: Number(gasUsed) });
  };
  const challenger = await signerOf(sides.challenger.contracts).getAddress();
  const newest = async (): Promise<DisputeRecord> => {
    const world = await history.update();
    // On a chain that others use, they may challenge the claim too.
    const record = world.disputesOn(claim.claimId).findLast((one) => one.challenger === challenger);
    if (!record) throw new Error(`claim ${claim.claimId} has no dispute`);
    return record;
  };

  await chain.wait(BLOCK_SECONDS);
  note('challenger', 'challenge', await challenge(sides.challenger.contracts, claim));
  for (;;) {
    const record = await newest();
    if (record.ended) {
      const { reason, winner } = record.ended;
      const role = winner === record.challenger ? 'challenger' : 'claimant';
      return { moves, seconds: (performance.now() - start) / 1000, winner: role, reason, isolated, refusal };
    }
    const role = moverOf(record);
    const { contracts, trace } = sides[role];
    const move = nextMove(record.view, trace, role);
    if (move) {
      await chain.wait(BLOCK_SECONDS);
      try {
        note(role, move.kind, await sendMove(contracts, record, move));
        isolated = isolatedBy(record.view, move);
        continue;
      } catch (failure) {
        if (!(failure instanceof Refused)) throw failure;
        refusal = failure.message;
      }
    }
    const other = role === 'claimant' ? 'challenger' : 'claimant';
    await chain.wait(secondsLeft(decodeClock(record.dispute.clock), role) + 1, refusal);
    note(other, 'timeout', await timeout(sides[other].contracts, record));
  }
}
