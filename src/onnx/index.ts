export { realNodes } from './blocks.ts';
export { ImportError } from './errors.ts';
export {
  type BoundInput,
  type CompiledModel,
  type ImportOptions,
  importOnnx,
  type ModelTensor,
  type TensorNumbers,
} from './import.ts';
export { inputLength, isDouble } from './inputWords.ts';
export { OPERATORS } from './lower/index.ts';
export type { HalfArithmetic } from './lower/narrowing.ts';
export { firstOutside, type Outside } from './ranges.ts';
export type { ReadExternal } from './read/external.ts';
export { outlineOf, readModel as readGraph } from './read/model.ts';
export type { Range } from './types.ts';
