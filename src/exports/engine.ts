/**
 * `import … from 'assay/engine'`: run programs. Pure, and runs in a browser too.
 *
 * @module engine
 */
export * from '../engine/engine.ts';
export { referenceEngine } from '../engine/reference/reference.ts';
export { type WasmOptions, wasmEngine, wasmEngineWith } from '../engine/wasm/wasm.ts';
export {
  type DeviceRefusal,
  LARGE_COST,
  type WebgpuOptions,
  webgpuEngineWith,
} from '../engine/webgpu/webgpu.ts';
export * from '../program/node.ts';
export { validate } from '../program/validate.ts';
