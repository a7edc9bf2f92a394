/**
 * The surface for folders that build programs: tensors, expressions and graphs, and {@link importJoined}, which compiles a graph
 * together with the tensors around it. Whoever only compiles files imports from `index.ts`.
 */

export { POOLED_CONSTANT_BYTES } from './backend/constants.ts';
export { log } from './functions/index.ts';
export { type Expression, f32, fold, i32, indexValue, select, word } from './ir/expression.ts';
export { NEGATIVE_INFINITY, SIGN } from './ir/floatWords.ts';
export { constantIndex, type Index, shift } from './ir/indices.ts';
export { reading, type Tensor } from './ir/tensor.ts';
export { branchesTaken, importJoined, type Joined, type Joint } from './joined.ts';
export type { AttributeValue, Graph, GraphNode, GraphValue, TensorValue } from './read/graph.ts';
export type { Builder } from './tensors/builder.ts';
export { Rows } from './tensors/rows.ts';
