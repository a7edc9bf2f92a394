export { ImportError } from './errors.ts';
export { type CompiledModel, type ImportOptions, importOnnx, type ModelTensor } from './import.ts';
export { OPERATORS } from './lower/index.ts';
