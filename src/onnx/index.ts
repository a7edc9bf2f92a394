export { realNodes } from './backend/blocks.ts';
export { ImportError } from './errors.ts';
export type { BoundInput, TensorNumbers } from './frontend/inputs.ts';
export { inputLength, isDouble } from './frontend/inputWords.ts';
export { firstOutside, type Outside } from './frontend/ranges.ts';
export {
  type CompiledModel,
  type ImportOptions,
  importOnnx,
  type ModelTensor,
} from './import.ts';
export { OPERATORS } from './operators/index.ts';
export { OWN_FILE, withoutBulk } from './read/bulk.ts';
export type { ReadExternal } from './read/external.ts';
export { outlineOf, readModel as readGraph } from './read/model.ts';
export type { HalfArithmetic } from './tensors/narrowing.ts';
export type { Range } from './types.ts';
