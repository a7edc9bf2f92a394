import { parseEther } from 'ethers';
import type { TermBounds } from '../contracts/types.ts';

/** The least and the greatest terms that a requester may choose. */
export interface Bounds {
  readonly min: TermBounds;
  readonly max: TermBounds;
}

const HOUR = 3600n;
const DAY = 24n * HOUR;

/**
 * Base fee up to which the least bonds of {@link SAFE_BOUNDS} pay for the gas of a dispute, a demanded node and the longest
 * first answer included; see contracts/README.md, Least bonds.
 */
export const LEAST_BONDS_HOLD_TO_GWEI = 60;

/**
 * Bounds for a chain with money in it. Window and clocks outlast a day of censorship; a claim is final after at most
 * the window and both clocks.
 */
export const SAFE_BOUNDS: Bounds = {
  min: {
    claimBondWei: parseEther('0.1'),
    challengeBondWei: parseEther('0.05'),
    windowSeconds: DAY,
    clockSeconds: DAY,
    callbackGas: 0n,
    patienceSeconds: HOUR,
  },
  max: {
    claimBondWei: parseEther('10000'),
    challengeBondWei: parseEther('5000'),
    windowSeconds: 30n * DAY,
    clockSeconds: 30n * DAY,
    callbackGas: 5_000_000n,
    patienceSeconds: 365n * DAY,
  },
};

/**
 * Bounds for a rollup. Windows and clocks run while its sequencer is down, and a transaction that is forced in through
 * layer 1 takes up to a day (Arbitrum 24 hours, the OP Stack 12): three days outlast an outage of two and leave one.
 */
export const ROLLUP_BOUNDS: Bounds = {
  min: { ...SAFE_BOUNDS.min, windowSeconds: 3n * DAY, clockSeconds: 3n * DAY },
  max: SAFE_BOUNDS.max,
};

/** Bounds for tries on a development chain or a test network, where nobody censors, waits or has much ether. */
export const TRIAL_BOUNDS: Bounds = {
  min: {
    ...SAFE_BOUNDS.min,
    claimBondWei: parseEther('0.002'),
    challengeBondWei: parseEther('0.001'),
    windowSeconds: 1n,
    clockSeconds: 1n,
    patienceSeconds: 1n,
  },
  max: SAFE_BOUNDS.max,
};

/** The sets by the names of their files in ignition/parameters, which are generated from here. */
export const BOUNDS = { safe: SAFE_BOUNDS, rollup: ROLLUP_BOUNDS, trial: TRIAL_BOUNDS } as const;
export type BoundsName = keyof typeof BOUNDS;

/** Greatest claim bond by the least one, as in {@link SAFE_BOUNDS}. */
const BOND_RANGE = 100_000n;

/** Greatest bond that a dispute's stake holds; see contracts/types/Stake.sol. */
const MOST_BOND_WEI = 2n ** 80n - 1n;

/** The greatest least claim bond of a token, so that requesters have some choice above it. */
export const MOST_LEAST_BOND_WEI = MOST_BOND_WEI / 10n;

/**
 * Bounds for a token, whose price nobody here knows: the times as given, the bonds from the least one.
 *
 * @param leastBondWei the least claim bond in the token's smallest unit, 2 to {@link MOST_LEAST_BOND_WEI}
 */
export function tokenBounds({ min, max }: Bounds, leastBondWei: bigint): Bounds {
  const ranged = leastBondWei * BOND_RANGE;
  const mostWei = ranged < MOST_BOND_WEI ? ranged : MOST_BOND_WEI;
  const bonds = (claimBondWei: bigint) => ({ claimBondWei, challengeBondWei: claimBondWei / 2n });
  return {
    min: { ...min, ...bonds(leastBondWei) },
    max: { ...max, ...bonds(mostWei) },
  };
}

/** Base, OP Mainnet, Arbitrum One, and their test networks on Sepolia. */
const ROLLUPS: ReadonlySet<bigint> = new Set([8453n, 10n, 42161n, 84532n, 11155420n, 421614n]);

/** The set that a chain with money in it should have. */
export const boundsFor = (chainId: bigint): BoundsName => (ROLLUPS.has(chainId) ? 'rollup' : 'safe');

/** Longest outage of the chain in which nobody loses anything: the lesser of window and clock, s. */
export const outlastsSeconds = ({ min }: Bounds): number =>
  Math.min(Number(min.windowSeconds), Number(min.clockSeconds));
