/**
 * `import … from 'assay/onnx'`: compile ONNX files to programs. Pure, and runs in a browser too.
 *
 * @module onnx
 */
export { type Model, modelOf } from '../merkle/model.ts';
export * from '../onnx/index.ts';
