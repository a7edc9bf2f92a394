/**
 * `import … from 'assay/engine'`: run programs. Pure, and runs in a browser too.
 *
 * @module engine
 */
export * from '../engine/engine.ts';
export { referenceEngine } from '../engine/reference/reference.ts';
export { type WasmOptions, wasmEngine, wasmEngineWith } from '../engine/wasm/wasm.ts';
export { LARGE_COST, type Refusal, type WebgpuOptions, webgpuEngineWith } from '../engine/webgpu/webgpu.ts';
export * from '../program/node.ts';
export { validate } from '../program/validate.ts';
