import { type Facts, ZERO_HASH } from './facts.ts';

/** A request whose records are not what a node says, and what it says. */
export interface Denial {
  readonly id: bigint;
  readonly facts: Facts;
}

/** Whether the chain has no such request. */
export const isNone = ({ requestHash }: Facts): boolean => requestHash === ZERO_HASH;

export const ids = (denials: readonly Denial[]): bigint[] => denials.map(({ id }) => id);

/** The state that a node gives for each denied request, by id. */
export const denialsIn = (denials: readonly Denial[]): ReadonlyMap<bigint, Facts> =>
  new Map(denials.map(({ id, facts }) => [id, facts]));
