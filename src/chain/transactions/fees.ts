import { larger, smaller } from '../bigints.ts';

/** Prices of gas under EIP-1559, in wei a unit. */
export interface Fees {
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
}

/** Current gas prices, in wei per unit of gas. */
export interface Market {
  readonly baseFeeWei: bigint;
  /** The priority fee at which block producers include a transaction. */
  readonly tipWei: bigint;
}

const HOUR = 3600n;
/** With more time left, at most a quarter of the ceiling is paid. */
const CALM_SECONDS = 6n * HOUR;
/** With less time left, all of the ceiling may be paid. */
const URGENT_SECONDS = 600n;
const CALM_SHARE = 4n;

/** Whether a deadline is near. @param secondsLeft undefined for no deadline */
export const isUrgent = (secondsLeft: bigint | undefined): boolean =>
  secondsLeft !== undefined && secondsLeft <= URGENT_SECONDS;

/**
 * The most that is paid for a unit of gas now: a quarter of the ceiling while there is time, all of it near the deadline,
 * and in between along a line.
 *
 * @param maxFeeWei the ceiling
 * @param secondsLeft until the deadline; undefined if there is none
 */
export function ceilingWei(maxFeeWei: bigint, secondsLeft: bigint | undefined): bigint {
  const calm = maxFeeWei / CALM_SHARE;
  if (secondsLeft === undefined || secondsLeft >= CALM_SECONDS) return calm;
  if (secondsLeft <= URGENT_SECONDS) return maxFeeWei;
  const gone = CALM_SECONDS - secondsLeft;
  return calm + ((maxFeeWei - calm) * gone) / (CALM_SECONDS - URGENT_SECONDS);
}

/**
 * The most that a unit of gas is worth where a deadline is near: what is at stake, spread over the gas that it still takes.
 *
 * @param gasLeft undefined or 0 if no more is paid than usual
 */
export const worthWei = (stakeWei: bigint, gasLeft: bigint | undefined): bigint =>
  gasLeft ? stakeWei / gasLeft : 0n;

/**
 * Prices for a first attempt: room for the base fee to double, and the usual tip.
 *
 * @returns undefined if the ceiling does not even pay the base fee
 */
export function quote({ baseFeeWei, tipWei }: Market, ceiling: bigint): Fees | undefined {
  if (baseFeeWei >= ceiling) return undefined;
  const maxFeePerGas = smaller(2n * baseFeeWei + tipWei, ceiling);
  return { maxFeePerGas, maxPriorityFeePerGas: smaller(tipWei, maxFeePerGas) };
}

const bump = (wei: bigint, divisor: bigint): bigint => wei + wei / divisor + 1n;

/** Nodes replace a transaction in their pool for a tenth more in both prices; an eighth is more than all of them ask. */
const BUMP_DIVISOR = 8n;
/** Near a deadline, and after a refusal, tips double. */
const HURRIED_DIVISOR = 1n;
/** Tips below this share of the ceiling double too, and rise to this share at least: a node may say that no tip is needed. */
const SMALL_SHARE = 64n;
const LEAST_SHARE = 4096n;

/** The fees offered for one nonce so far. */
export interface Offers {
  /** The prices of the latest attempt. */
  readonly latest: Fees;
  /** The highest prices at which a node took one; undefined if none did. */
  readonly taken: Fees | undefined;
}

/**
 * Prices that replace an attempt: at least an eighth more than what a pool holds, a higher tip than the latest, and what the
 * market asks for now.
 *
 * @returns undefined if that is over the ceiling, or no more than what was refused
 */
export function replacement(
  { latest, taken }: Offers,
  market: Market,
  ceiling: bigint,
  isHurried: boolean,
): Fees | undefined {
  const floor = taken ? bump(taken.maxFeePerGas, BUMP_DIVISOR) : market.baseFeeWei;
  if (floor > ceiling) return undefined;
  const isSmall = latest.maxPriorityFeePerGas < ceiling / SMALL_SHARE;
  const divisor = isHurried || isSmall ? HURRIED_DIVISOR : BUMP_DIVISOR;
  const raised = larger(bump(latest.maxPriorityFeePerGas, divisor), ceiling / LEAST_SHARE);
  const tip = larger(raised, market.tipWei);
  const maxFeePerGas = smaller(ceiling, larger(floor, 2n * market.baseFeeWei + tip));
  const maxPriorityFeePerGas = smaller(tip, maxFeePerGas);
  const isMore = maxFeePerGas > latest.maxFeePerGas || maxPriorityFeePerGas > latest.maxPriorityFeePerGas;
  return isMore ? { maxFeePerGas, maxPriorityFeePerGas } : undefined;
}
