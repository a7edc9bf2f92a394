import { encodeOnnx } from '../onnx.ts';
import { isLeaf, type Tree } from './boosting.ts';
import { FEATURES, SPECIES } from './dataset.ts';

interface Row {
  readonly tree: number;
  readonly id: number;
  readonly mode: 'BRANCH_LEQ' | 'LEAF';
  readonly feature: number;
  readonly value: number;
  readonly whenTrue: number;
  readonly whenFalse: number;
}

/** Nodes of a tree, a parent before its children; a leaf's value is its weight. */
function rowsOf(tree: Tree, number: number): Row[] {
  const rows: Row[] = [];
  const add = (node: Tree): number => {
    const id = rows.length;
    const leaf = { tree: number, id, mode: 'LEAF', feature: 0, value: 0, whenTrue: 0, whenFalse: 0 } as const;
    if (isLeaf(node)) {
      rows.push({ ...leaf, value: node.value });
      return id;
    }
    rows.push(leaf);
    const [whenTrue, whenFalse] = [add(node.left), add(node.right)];
    rows[id] = {
      ...leaf,
      mode: 'BRANCH_LEQ',
      feature: node.feature,
      value: node.threshold,
      whenTrue,
      whenFalse,
    };
    return id;
  };
  add(tree);
  return rows;
}

/** Boosted trees as an ONNX file of one node. @param rounds trees by round and class */
export function encodeModel(rounds: readonly (readonly Tree[])[]): Uint8Array {
  const rows = rounds.flat().flatMap(rowsOf);
  const leaves = rows.filter(({ mode }) => mode === 'LEAF');
  const of = <T>(pick: (row: Row) => T): T[] => rows.map(pick);
  return encodeOnnx({
    name: 'iris',
    producer: 'examples/iris',
    opset: 17,
    domains: { 'ai.onnx.ml': 3 },
    inputs: { sizes: { type: 'float', shape: [1, FEATURES] } },
    outputs: {
      species: { type: 'int64', shape: [1] },
      probabilities: { type: 'float', shape: [1, SPECIES.length] },
    },
    nodes: [
      {
        op: 'TreeEnsembleClassifier',
        domain: 'ai.onnx.ml',
        name: 'trees',
        inputs: ['sizes'],
        outputs: ['species', 'probabilities'],
        attributes: {
          post_transform: 'SOFTMAX',
          classlabels_int64s: SPECIES.map((_, k) => k),
          nodes_treeids: of(({ tree }) => tree),
          nodes_nodeids: of(({ id }) => id),
          nodes_modes: { strings: of(({ mode }) => mode) },
          nodes_featureids: of(({ feature }) => feature),
          nodes_values: { floats: of(({ mode, value }) => (mode === 'LEAF' ? 0 : value)) },
          nodes_truenodeids: of(({ whenTrue }) => whenTrue),
          nodes_falsenodeids: of(({ whenFalse }) => whenFalse),
          class_treeids: leaves.map(({ tree }) => tree),
          class_nodeids: leaves.map(({ id }) => id),
          class_ids: leaves.map(({ tree }) => tree % SPECIES.length),
          class_weights: { floats: leaves.map(({ value }) => value) },
        },
      },
    ],
  });
}
