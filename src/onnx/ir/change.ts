import type { Range } from '../types.ts';
import type { ScalarOperation } from './expression.ts';
import {
  ANY,
  either,
  fitted,
  floatOf,
  integer,
  integerOf,
  type Known,
  type KnownInteger,
  knownResult,
} from './known.ts';

/** Change of a fold's accumulator in one step: an amount that is added, or a value that replaces it. */
export interface Change {
  readonly kind: 'change';
  /** Added to the accumulator; `undefined` if it is always replaced. */
  readonly by: KnownInteger | undefined;
  readonly replaced: Known | undefined;
}

export type StepValue = Known | Change;

/** The accumulator before anything was done with it. */
export const UNCHANGED: Change = { kind: 'change', by: integer(0, 0), replaced: undefined };

/** `count` times a change, from `init`: an arithmetic series between the least and the greatest steps. */
export function afterSteps(change: StepValue, init: Known, count: number): Known {
  if (change.kind !== 'change') return change;
  const { by, replaced } = change;
  if (!by) return replaced as Known;
  if (isStill(by)) return replaced ? either(init, replaced) : init;
  const from = integerOf(init);
  if (!replaced) {
    const final = { low: from.low + count * by.low, high: from.high + count * by.high };
    const passed = fitted(Math.min(from.low, final.low), Math.max(from.high, final.high), by.exact);
    return passed === ANY ? ANY : integer(final.low, final.high, passed.exact);
  }
  const starts = integerOf(either(init, replaced));
  return fitted(
    starts.low + count * Math.min(0, by.low),
    starts.high + count * Math.max(0, by.high),
    starts.exact && by.exact,
  );
}

/**
 * An instruction one of whose operands is the accumulator, changed or not.
 *
 * @returns undefined if it does anything else than add to the accumulator, subtract from it or take its extremum
 */
export function changed(name: ScalarOperation['name'], [a, b]: readonly StepValue[]): StepValue | undefined {
  if (!a || !b || (a.kind === 'change') === (b.kind === 'change')) return undefined;
  if (a.kind !== 'change') {
    if (name === 'i32.sub') return undefined;
    return changed(name, [b, a]);
  }
  const other = b as Known;
  if (name === 'f32.min' || name === 'f32.max') {
    if (a.by && !isStill(a.by)) return undefined;
    return joined(a, floatOf(other));
  }
  if (name !== 'i32.add' && name !== 'i32.sub') return undefined;
  const apply = (before: Known): Known => knownResult(name, [before, other]);
  return {
    kind: 'change',
    by: a.by && integerOf(apply(a.by)),
    replaced: a.replaced && apply(a.replaced),
  };
}

const isStill = ({ low, high }: Range): boolean => low === 0 && high === 0;

/** Either of two values. */
export function joined(a: StepValue, b: StepValue): StepValue {
  if (a.kind !== 'change' && b.kind !== 'change') return either(a, b);
  const [x, y] = [a, b].map((value) =>
    value.kind === 'change' ? value : ({ kind: 'change', by: undefined, replaced: value } as const),
  ) as [Change, Change];
  const both = <T extends Known>(p: T | undefined, q: T | undefined) => (p && q ? either(p, q) : (p ?? q));
  return {
    kind: 'change',
    by: both<Known>(x.by, y.by) as KnownInteger | undefined,
    replaced: both<Known>(x.replaced, y.replaced),
  };
}
