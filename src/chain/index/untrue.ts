import { NodeFailure } from '../endpoints/failures.ts';
import { EventsMissing } from './gaps.ts';
import { isDiskTrouble, isUnusable } from './sqlite.ts';

/** More requests or disputes than gas can pay for: each takes some 10^5 of it. */
export const MOST_IDS = 2n ** 40n;

/** An answer that no chain can give: a header without a hash, logs that are no list, an id that no contract has given out. */
export class UnusableAnswer extends Error {
  override name = 'UnusableAnswer';
}

/** Whether a node gave what no chain gives. */
export const isUntrue = (failure: unknown): boolean =>
  failure instanceof EventsMissing ||
  failure instanceof UnusableAnswer ||
  (failure instanceof NodeFailure && failure.kind === 'malformed');

/** Notes that a node which is not the one of the look has failed. @throws whatever is not its failure */
export function blame(node: { distrust?(): void }, failure: unknown): void {
  if (isUnusable(failure) || isDiskTrouble(failure)) throw failure;
  if (isUntrue(failure)) node.distrust?.();
}
