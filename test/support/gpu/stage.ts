import { expect } from 'chai';
import { checkpointsOf, type Engine, type Session, type Weights } from '../../../src/engine/engine.ts';
import { wasmEngine } from '../../../src/engine/wasm/wasm.ts';
import { WebgpuSession } from '../../../src/engine/webgpu/session.ts';
import { type WebgpuOptions, webgpuEngineWith } from '../../../src/engine/webgpu/webgpu.ts';
import { hexOf } from '../../../src/merkle/keccak.ts';
import { tensorRoot } from '../../../src/merkle/tensor.ts';
import type { Program } from '../../../src/program/node.ts';
import { f32Bytes, matMul, ProgramBuilder } from '../programs.ts';
import { NO_DEVICE, softwareGpu } from './softwareGpu.ts';

/** WebGPU on the CPU; skips the tests, saying why, if there is none. */
export async function deviceOrSkip(context: Mocha.Context): Promise<GPU> {
  const found = await softwareGpu();
  if (found) return found;
  console.error(`      ${NO_DEVICE}`);
  return context.skip();
}

/** An engine that checks a node of every run, and the lines that it has said. */
export function engineOn(gpu: GPU, options: Partial<WebgpuOptions> = {}) {
  const lines: string[] = [];
  const engine = webgpuEngineWith({
    ...{ gpu: async () => gpu, cpu: wasmEngine, spotChecks: 1, warn: (line) => lines.push(line) },
    ...options,
  });
  return { engine, lines };
}

/** Loads a program and fails unless a device has taken it. */
export async function onDevice(engine: Engine, program: Program, weights: Weights): Promise<WebgpuSession> {
  const session = await engine.load(program, weights);
  expect(session).to.be.instanceOf(WebgpuSession);
  return session as WebgpuSession;
}

/** A product of small matrices, by a constant, and what is right for its inputs. */
export function small() {
  const build = new ProgramBuilder();
  const x = build.input('f32', [2, 3]);
  const w = build.constant('f32', [3, 2], f32Bytes([1, 2, 3, 4, 5, 6]));
  build.node(matMul(x, w, 2, 3, 2));
  const inputs = [f32Bytes([1, 10, 100, 2, 20, 200])];
  return { ...build.finish(), inputs, right: f32Bytes([531, 642, 1062, 1284]) };
}

export const rootsOf = (tensors: readonly Uint8Array[]): string[] =>
  tensors.map((bytes) => hexOf(tensorRoot(bytes)));

/** Fails unless a session gives some tensors in every way. */
export async function expectTensors(
  session: Session,
  inputs: readonly Uint8Array[],
  tensors: readonly Uint8Array[],
): Promise<void> {
  const { program } = session;
  const roots = rootsOf(tensors);
  const outputs = await session.run(inputs);
  expect(rootsOf(outputs.map(({ bytes }) => bytes))).to.deep.equal(program.outputs.map((i) => roots[i]));
  const traced = await session.runTrace(inputs);
  expect(rootsOf(traced.tensors)).to.deep.equal(roots);
  for (const [i, tree] of traced.trees) expect(hexOf(tree.root), `tree ${i}`).to.equal(roots[i]);
  const checkpointed = await session.runCheckpoints(inputs);
  expect([...checkpointed.trees.keys()]).to.deep.equal(checkpointsOf(program));
  for (const [i, tree] of checkpointed.trees) expect(hexOf(tree.root), `checkpoint ${i}`).to.equal(roots[i]);
  const loops = program.nodes.flatMap(({ kind }, i) => (kind === 'loop' ? [i] : []));
  const last = loops.at(-1)!;
  expect(hexOf(tensorRoot(await session.runNode(last, tensors)))).to.equal(roots[last]);
}
