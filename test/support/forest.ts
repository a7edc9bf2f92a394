import type { Attribute } from '../../examples/onnx.ts';

/** Random trees as attributes of ai.onnx.ml operators. */

export type Random = () => number;

export interface TreeNode {
  readonly mode: string;
  readonly feature: number;
  readonly threshold: number;
  readonly missing: boolean;
  /** Places of the children in the tree; those of a leaf mean nothing. */
  readonly whenTrue: number;
  readonly whenFalse: number;
}

/** Trees of random shape, nodes in the order in which a walk from the left meets them. */
export function randomTrees(
  random: Random,
  options: {
    readonly trees: number;
    readonly depth: number;
    readonly features: number;
    readonly modes: readonly string[];
    readonly thresholds?: readonly number[];
    readonly missing?: boolean;
  },
): TreeNode[][] {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const grow = (nodes: TreeNode[], depth: number): number => {
    const place = nodes.length;
    const isLeaf = depth === 0 || (depth < options.depth && random() < 0.2);
    const threshold = options.thresholds ? pick(options.thresholds) : Math.fround(2 * random() - 1);
    const feature = isLeaf ? 0 : Math.floor(random() * options.features);
    const missing = (options.missing ?? false) && random() < 0.5;
    const mode = isLeaf ? 'LEAF' : pick(options.modes);
    nodes.push({ mode, feature, threshold, missing, whenTrue: 0, whenFalse: 0 });
    if (isLeaf) return place;
    const whenTrue = grow(nodes, depth - 1);
    const whenFalse = grow(nodes, depth - 1);
    nodes[place] = { ...(nodes[place] as TreeNode), whenTrue, whenFalse };
    return place;
  };
  return Array.from({ length: options.trees }, () => {
    const nodes: TreeNode[] = [];
    grow(nodes, options.depth);
    return nodes;
  });
}

/** `nodes_*` of TreeEnsembleRegressor and TreeEnsembleClassifier. */
export function nodeAttributes(trees: readonly (readonly TreeNode[])[]): Record<string, Attribute> {
  const all = trees.flatMap((nodes, tree) => nodes.map((node, id) => ({ ...node, tree, id })));
  const ints = (value: (node: (typeof all)[number]) => number): number[] => all.map(value);
  return {
    nodes_treeids: ints(({ tree }) => tree),
    nodes_nodeids: ints(({ id }) => id),
    nodes_featureids: ints(({ feature }) => feature),
    nodes_truenodeids: ints(({ whenTrue }) => whenTrue),
    nodes_falsenodeids: ints(({ whenFalse }) => whenFalse),
    nodes_missing_value_tracks_true: ints(({ missing }) => (missing ? 1 : 0)),
    nodes_values: { floats: all.map(({ threshold }) => threshold) },
    nodes_modes: { strings: all.map(({ mode }) => mode) },
  };
}

/** Weights of the leaves for the targets that `targetsOf` names, as `target_*` or `class_*`. */
export function weightAttributes(
  trees: readonly (readonly TreeNode[])[],
  kind: 'target' | 'class',
  targetsOf: (tree: number, leaf: number) => readonly number[],
  weight: Random,
): Record<string, Attribute> {
  const all = trees.flatMap((nodes, tree) =>
    nodes.flatMap(({ mode }, id) =>
      mode === 'LEAF'
        ? targetsOf(tree, id).map((target) => ({ tree, id, target, value: Math.fround(weight()) }))
        : [],
    ),
  );
  return {
    [`${kind}_treeids`]: all.map(({ tree }) => tree),
    [`${kind}_nodeids`]: all.map(({ id }) => id),
    [`${kind}_ids`]: all.map(({ target }) => target),
    [`${kind}_weights`]: { floats: all.map(({ value }) => value) },
  };
}
