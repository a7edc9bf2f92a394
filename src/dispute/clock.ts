import type { Role } from './move.ts';
import { MOVERS, type Position } from './position.ts';

/** The two clocks of a dispute, which run in turn like those of a chess game. Twin of `types/Clock.sol`. */
export interface Clock {
  /** Unix seconds. */
  readonly lastMoveAt: number;
  readonly claimantSecondsLeft: number;
  readonly challengerSecondsLeft: number;
  /** Base fee of the block that opened the dispute, a multiple of 2^16; no part of the clock, but packed with it. */
  readonly baseFeeAtOpenWei: bigint;
}

/** Most seconds that one side can have. */
export const MAX_SECONDS = 2 ** 28 - 1;

const MAX_BASE_FEE_WEI = 2n ** 64n - 1n;

const SECONDS_BITS = 28n;

const TIME_BITS = 40n;

export const encodeClock = ({
  lastMoveAt,
  claimantSecondsLeft,
  challengerSecondsLeft,
  baseFeeAtOpenWei,
}: Clock): bigint =>
  (((((baseFeeAtOpenWei << TIME_BITS) | BigInt(lastMoveAt)) << SECONDS_BITS) | BigInt(claimantSecondsLeft)) <<
    SECONDS_BITS) |
  BigInt(challengerSecondsLeft);

export const decodeClock = (packed: bigint): Clock => ({
  baseFeeAtOpenWei: packed >> (TIME_BITS + 2n * SECONDS_BITS),
  lastMoveAt: Number(BigInt.asUintN(40, packed >> (2n * SECONDS_BITS))),
  claimantSecondsLeft: Number(BigInt.asUintN(28, packed >> SECONDS_BITS)),
  challengerSecondsLeft: Number(BigInt.asUintN(28, packed)),
});

/**
 * A clock that starts now with the same time for both sides.
 *
 * @param baseFeeWei of the block; kept as a multiple of 2^16 below 2^64
 */
export const startClock = (nowTimestamp: number, secondsEach: number, baseFeeWei: bigint): Clock => ({
  // Bytes that are zero make every move cheaper.
  baseFeeAtOpenWei: ((baseFeeWei < MAX_BASE_FEE_WEI ? baseFeeWei : MAX_BASE_FEE_WEI) >> 16n) << 16n,
  lastMoveAt: nowTimestamp,
  claimantSecondsLeft: secondsEach,
  challengerSecondsLeft: secondsEach,
});

export const secondsLeft = (clock: Clock, of: Role): number =>
  of === 'claimant' ? clock.claimantSecondsLeft : clock.challengerSecondsLeft;

/** Last Unix second in which the mover may move. */
export const lastTimestamp = (clock: Clock, mover: Role): number =>
  clock.lastMoveAt + secondsLeft(clock, mover);

/** Whether the side to move has run out: elapsed > left. It may still move at elapsed == left. */
export const isOut = (clock: Clock, mover: Role, nowTimestamp: number): boolean =>
  nowTimestamp > lastTimestamp(clock, mover);

/** The clock after a move: the mover pays for the seconds since the last one. Only for a clock that is not out. */
export function pressed(clock: Clock, mover: Role, nowTimestamp: number): Clock {
  const left = secondsLeft(clock, mover) - (nowTimestamp - clock.lastMoveAt);
  return {
    ...clock,
    lastMoveAt: nowTimestamp,
    ...(mover === 'claimant' ? { claimantSecondsLeft: left } : { challengerSecondsLeft: left }),
  };
}

/** The side that has let its clock run out, so that anyone may call `timeout`. */
export function loserByTime({ phase }: Position, clock: Clock, nowTimestamp: number): Role | undefined {
  if (phase === 'None') return undefined;
  const mover = MOVERS[phase];
  return isOut(clock, mover, nowTimestamp) ? mover : undefined;
}
