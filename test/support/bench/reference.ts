import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CACHE } from '../../../examples/models/packages.ts';
import { referenceEngine } from '../../../src/engine/reference/reference.ts';
import { modelOf } from '../../../src/merkle/model.ts';
import type { CompiledModel } from '../../../src/onnx/index.ts';
import { cpuTime } from './timing.ts';

/** The result of a full run of the reference on a model and its inputs. */
export interface ReferenceRun {
  /** Processor time: it is kept, and the other load of the machine must not matter later. */
  readonly ms: number;
  /** SHA-256 of the bytes of every node's tensor, in node order. */
  readonly tensors: readonly string[];
}

const src = join(import.meta.dirname, '../../../src');

/** The sources that decide the bits: results in the cache are for one state of them. */
const DEFINITION = ['engine/reference', 'scalar', 'program/node.ts'].flatMap((path) => {
  const full = join(src, path);
  return path.endsWith('.ts')
    ? [full]
    : readdirSync(full)
        .sort()
        .map((file) => join(full, file));
});

export const digest = (...parts: readonly Uint8Array[]): string => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};

/** The file in the cache for a run: by the model's id, the inputs and the source of the definition. */
function fileFor({ program }: CompiledModel, inputs: readonly Uint8Array[]): string {
  const sources = DEFINITION.map((path) => readFileSync(path));
  return join(CACHE, `reference-${digest(modelOf(program).id, ...inputs, ...sources)}.json`);
}

/** The reference's run of a model, if the cache has one. */
export function keptReference(
  compiled: CompiledModel,
  inputs: readonly Uint8Array[],
): ReferenceRun | undefined {
  const file = fileFor(compiled, inputs);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
}

/** Runs the reference in full, a second for each ten million products, and keeps the result in the cache. */
export async function runReference(
  compiled: CompiledModel,
  inputs: readonly Uint8Array[],
): Promise<ReferenceRun> {
  const { program, weights } = compiled;
  const session = await referenceEngine.load(program, weights);
  const start = cpuTime();
  const tensors = await session.runAll(inputs);
  const run: ReferenceRun = { ms: cpuTime() - start, tensors: tensors.map((tensor) => digest(tensor)) };
  mkdirSync(CACHE, { recursive: true });
  writeFileSync(fileFor(compiled, inputs), JSON.stringify(run));
  return run;
}
