import { SIGN_BIT } from '../../../scalar/float32.ts';
import { ensure } from '../../errors.ts';
import { I32_RANGE } from '../../types.ts';

/** Decision trees as data: nodes with numbers, whatever operator and version described them. */

/** Outcomes of comparing a feature with a threshold; a branch has the set of those that count as true. */
export const OUTCOMES = { less: 1, equal: 2, greater: 4, unordered: 8 } as const;

const { less, equal, greater, unordered } = OUTCOMES;

/** Outcomes that count as true, in the order of ai.onnx.ml's node modes (a member of a set: see TreeEnsemble). */
export const MODES = {
  BRANCH_LEQ: less | equal,
  BRANCH_LT: less,
  BRANCH_GTE: greater | equal,
  BRANCH_GT: greater,
  BRANCH_EQ: equal,
  // NaN is unequal to everything.
  BRANCH_NEQ: less | greater | unordered,
} as const;

export type Mode = keyof typeof MODES;

export interface Branch {
  readonly feature: number;
  readonly threshold: number;
  /** Sum of {@link OUTCOMES}. */
  readonly outcomes: number;
  /** Numbers of nodes. */
  readonly whenTrue: number;
  readonly whenFalse: number;
}

/** The weight that a leaf adds to a target (or class). */
export interface Weight {
  readonly target: number;
  readonly value: number;
}

/** Leaves are the nodes 0 to L - 1, and branch i is node L + i. */
export interface Forest {
  readonly features: Features;
  readonly leaves: readonly (readonly Weight[])[];
  readonly branches: readonly Branch[];
  readonly roots: readonly number[];
}

/** The condition of a branch that does not depend on which features it reads. */
type Test = Pick<Branch, 'feature' | 'threshold' | 'outcomes'>;

/** Type in which features are compared: exact doubles, numbers that float32 holds, or integers. */
export type Features = 'doubles' | 'floats' | 'integers';

/** A threshold that features, as a program holds them, are compared with just as with the given one. */
export function branchOn(
  features: Features,
  feature: number,
  mode: Mode,
  threshold: number,
  missingIsTrue: boolean,
): Test {
  ensure(!Number.isNaN(threshold), 'a threshold is not a number');
  ensure(
    Number.isInteger(feature) && feature >= 0 && feature < 2 ** 31,
    `a tree asks for feature ${feature}`,
  );
  const outcomes = MODES[mode] | (missingIsTrue ? unordered : 0);
  if (features === 'doubles') return { feature, threshold, outcomes };
  return {
    feature,
    ...(features === 'floats' ? amongFloats(threshold, outcomes) : amongIntegers(threshold, outcomes)),
  };
}

/** An integer threshold and outcomes by which integers compare as with any threshold. */
function amongIntegers(threshold: number, outcomes: number): Omit<Test, 'feature'> {
  // Everything is less than a threshold above int32, and greater than one below.
  const always = (outcome: number): Omit<Test, 'feature'> => ({
    threshold: 0,
    outcomes: (outcomes & unordered) | (outcomes & outcome ? less | equal | greater : 0),
  });
  if (threshold > I32_RANGE.high) return always(less);
  if (threshold < I32_RANGE.low) return always(greater);
  const floor = Math.floor(threshold);
  if (floor === threshold) return { threshold, outcomes };
  // No integer is equal to a fraction; the one below it is less.
  return { threshold: floor, outcomes: (outcomes & ~equal) | (outcomes & less ? equal : 0) };
}

/** A float32 threshold and outcomes by which floats of at most 32 bits compare as with a binary64 threshold. */
function amongFloats(threshold: number, outcomes: number): Omit<Test, 'feature'> {
  const nearest = Math.fround(threshold);
  if (nearest === threshold) return { threshold, outcomes };
  // Between two floats nothing is equal: x <= t is x <= the float below, whose own outcome is that of less.
  const below = nearest < threshold ? nearest : neighbour(nearest, -1);
  return { threshold: below, outcomes: (outcomes & ~equal) | (outcomes & less ? equal : 0) };
}

/** The next float32 in a direction. */
function neighbour(value: number, direction: 1 | -1): number {
  const words = new Int32Array(1);
  const floats = new Float32Array(words.buffer);
  if (value === 0) words[0] = 1 | (direction < 0 ? SIGN_BIT : 0);
  else {
    floats[0] = value;
    words[0]! += value > 0 === direction > 0 ? 1 : -1;
  }
  return floats[0] as number;
}

/** Levels of branches that a tree may have. */
const MAX_DEPTH = 1024;

/** Branches on the longest way from a root to a leaf. @throws Refusal for a cycle */
export function depthOf({ leaves, branches, roots }: Forest): number {
  const known = new Map<number, number>();
  const depth = (node: number, above: number): number => {
    if (node < leaves.length) return 0;
    ensure(above < MAX_DEPTH, `a tree has a cycle, or more than ${MAX_DEPTH} levels`);
    const found = known.get(node);
    if (found !== undefined) return found;
    const { whenTrue, whenFalse } = branches[node - leaves.length] as Branch;
    const made = 1 + Math.max(depth(whenTrue, above + 1), depth(whenFalse, above + 1));
    known.set(node, made);
    return made;
  };
  const most = roots.reduce((deepest, root) => Math.max(deepest, depth(root, 0)), 0);
  ensure(most <= MAX_DEPTH, `a tree has ${most} levels, of ${MAX_DEPTH}`);
  return most;
}

/** Leaves that can be reached from a root. */
export function leavesBelow({ leaves, branches }: Forest, root: number): Set<number> {
  const seen = new Set<number>();
  const pending = [root];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    const branch = branches[node - leaves.length];
    if (node >= leaves.length && branch) pending.push(branch.whenTrue, branch.whenFalse);
  }
  return new Set([...seen].filter((node) => node < leaves.length));
}
