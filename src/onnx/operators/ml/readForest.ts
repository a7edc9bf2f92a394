import { ensure } from '../../errors.ts';
import type { Context } from '../context.ts';
import {
  type Branch,
  branchOn,
  type Features,
  type Forest,
  MODES,
  type Mode,
  type Weight,
} from './forest.ts';

/** Forests as the operators' attributes describe them. */

/** A list of numbers, or a tensor of them under `<name>_as_tensor`. */
export function numbers(context: Context, name: string): readonly number[] {
  const list = context.floats(name) ?? [];
  return list.length > 0 ? list : Array.from(context.tensor(`${name}_as_tensor`)?.values ?? []);
}

const ensureLength = (name: string, list: ArrayLike<unknown>, length: number): void =>
  ensure(list.length === length, `${name} has ${list.length} entries in place of ${length}`);

/** A list of integers. @throws Refusal unless it has `length` entries */
function integers(context: Context, name: string, length: number): readonly number[] {
  const list = context.ints(name, []);
  ensureLength(name, list, length);
  return list;
}

/** For each node, 1 if a missing value leads to its true branch; an empty list if none does. */
const missingOf = (context: Context, length: number): readonly number[] => {
  const name = 'nodes_missing_value_tracks_true';
  return context.ints(name, []).length > 0 ? integers(context, name, length) : [];
};

function featuresOf(context: Context): Features {
  const x = context.input(0);
  if (x.type.family !== 'float') return 'integers';
  return context.doubles.exactKeys(x) ? 'doubles' : 'floats';
}

/**
 * TreeEnsembleRegressor and TreeEnsembleClassifier: nodes go by the number of their tree and their own.
 *
 * @param kind what the names of the leaves' weights begin with
 */
export function readEnsemble(context: Context, kind: 'target' | 'class'): Forest {
  const compared = featuresOf(context);
  const modes = context.strings('nodes_modes') ?? [];
  const ofNodes = (name: string): readonly number[] => integers(context, name, modes.length);
  const [trees, ids, features] = [
    ofNodes('nodes_treeids'),
    ofNodes('nodes_nodeids'),
    ofNodes('nodes_featureids'),
  ] as const;
  const [whenTrue, whenFalse] = [ofNodes('nodes_truenodeids'), ofNodes('nodes_falsenodeids')] as const;
  const thresholds = numbers(context, 'nodes_values');
  ensureLength('nodes_values', thresholds, modes.length);
  const missing = missingOf(context, modes.length);

  const isLeaf = modes.map((mode) => mode === 'LEAF');
  const leafCount = isLeaf.filter(Boolean).length;
  let [leaf, branch] = [0, leafCount];
  const numberOf = new Map<string, number>();
  const roots = new Map<number, number>();
  isLeaf.forEach((is, i) => {
    const key = `${trees[i]} ${ids[i]}`;
    ensure(!numberOf.has(key), `tree ${trees[i]} has two nodes ${ids[i]}`);
    const number = is ? leaf++ : branch++;
    numberOf.set(key, number);
    // A tree's root is the first of its nodes.
    if (!roots.has(trees[i] as number)) roots.set(trees[i] as number, number);
  });
  const find = (tree: number | undefined, id: number | undefined): number => {
    const found = numberOf.get(`${tree} ${id}`);
    ensure(found !== undefined, `tree ${tree} has no node ${id}`);
    return found;
  };
  const branches: Branch[] = [];
  modes.forEach((mode, i) => {
    if (isLeaf[i]) return;
    ensure(mode in MODES, `the mode ${mode} of a node is not known`);
    branches.push({
      ...branchOn(compared, features[i] as number, mode as Mode, thresholds[i] as number, missing[i] === 1),
      whenTrue: find(trees[i], whenTrue[i]),
      whenFalse: find(trees[i], whenFalse[i]),
    });
  });

  const leaves: Weight[][] = Array.from({ length: leafCount }, () => []);
  const targets = context.ints(`${kind}_ids`, []);
  const values = numbers(context, `${kind}_weights`);
  ensureLength(`${kind}_weights`, values, targets.length);
  const weightTrees = context.ints(`${kind}_treeids`, []);
  const weightNodes = context.ints(`${kind}_nodeids`, []);
  targets.forEach((target, i) => {
    const weights = leaves[find(weightTrees[i], weightNodes[i])];
    // Weights of branches are never reached.
    weights?.push({ target, value: values[i] as number });
  });
  return { features: compared, leaves, branches, roots: [...roots.values()] };
}

/** Modes by number (ai.onnx.ml 5); 6 is membership in a set. */
const MODE_NUMBERS = Object.keys(MODES) as Mode[];
const MEMBER = 6;

/** TreeEnsemble: branches and leaves are numbered apart, and a leaf has one weight. */
export function readTreeEnsemble(context: Context): Forest {
  const compared = featuresOf(context);
  const modes = Array.from(context.tensor('nodes_modes')?.values ?? []);
  const thresholds = Array.from(context.tensor('nodes_splits')?.values ?? []);
  ensureLength('nodes_splits', thresholds, modes.length);
  const ofNodes = (name: string): readonly number[] => integers(context, name, modes.length);
  const [features, trueIds, falseIds] = [
    ofNodes('nodes_featureids'),
    ofNodes('nodes_truenodeids'),
    ofNodes('nodes_falsenodeids'),
  ] as const;
  const [trueLeafs, falseLeafs] = [ofNodes('nodes_trueleafs'), ofNodes('nodes_falseleafs')] as const;
  const missing = missingOf(context, modes.length);
  const values = Array.from(context.tensor('leaf_weights')?.values ?? []);
  const targets = integers(context, 'leaf_targetids', values.length);
  const leaves = values.map((value, i) => [{ target: targets[i] as number, value }]);

  const sets = setsOf(context);
  const branches: Branch[] = [];
  // A set is tried member by member, each with a branch of its own behind those that the file has.
  const extra: Branch[] = [];
  const member = (
    set: readonly number[],
    feature: number,
    missingIsTrue: boolean,
    whenTrue: number,
    whenFalse: number,
  ): Branch => {
    const branchAt = (value: number, next: number): Branch => ({
      ...branchOn(compared, feature, 'BRANCH_EQ', value, missingIsTrue),
      whenTrue,
      whenFalse: next,
    });
    let next = whenFalse;
    for (const value of set.slice(1)) {
      next = leaves.length + modes.length + extra.push(branchAt(value, next)) - 1;
    }
    ensure(set.length > 0, 'a node asks for membership in a set that membership_values does not have');
    return branchAt(set[0] as number, next);
  };
  const node = (id: number | undefined, isLeaf: number | undefined): number => {
    const count = isLeaf ? leaves.length : modes.length;
    ensure(id !== undefined && id >= 0 && id < count, `a node leads to ${isLeaf ? 'leaf' : 'node'} ${id}`);
    return isLeaf ? id : leaves.length + id;
  };
  modes.forEach((number, i) => {
    const mode = MODE_NUMBERS[number];
    ensure(mode || number === MEMBER, `the mode ${number} of a node is not known`);
    const feature = features[i] as number;
    const missingIsTrue = missing[i] === 1;
    const whenTrue = node(trueIds[i], trueLeafs[i]);
    const whenFalse = node(falseIds[i], falseLeafs[i]);
    branches.push(
      mode
        ? {
            ...branchOn(compared, feature, mode, thresholds[i] as number, missingIsTrue),
            whenTrue,
            whenFalse,
          }
        : member(sets.shift() ?? [], feature, missingIsTrue, whenTrue, whenFalse),
    );
  });
  const roots = context.ints('tree_roots', []).map((root) => node(root, 0));
  return { features: compared, leaves, branches: [...branches, ...extra], roots };
}

/** The sets of the nodes that ask for membership, in their order, each ended by a NaN. */
function setsOf(context: Context): number[][] {
  const sets: number[][] = [[]];
  for (const value of context.tensor('membership_values')?.values ?? []) {
    if (Number.isNaN(value)) sets.push([]);
    else sets.at(-1)?.push(value);
  }
  return sets;
}
