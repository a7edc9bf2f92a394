import type { Engine } from '../../../src/engine/engine.ts';
import { referenceEngine } from '../../../src/engine/reference/reference.ts';
import { madeFrom, type NestKind } from '../../browser/nests.ts';
import { onDevice } from './stage.ts';

/**
 * Runs a program of random loops on a device, keeping all tensors, and again keeping its outputs alone.
 *
 * @returns the number of its loops, and what differs from the reference
 */
export async function compareNests(
  engine: Engine,
  kind: NestKind,
  seed: number,
): Promise<{ readonly nests: number; readonly wrong: readonly string[] }> {
  const { program, weights, inputs } = madeFrom(kind, seed);
  const { nodes, outputs } = program;
  const expected = await (await referenceEngine.load(program, weights)).runAll(inputs);
  const session = await onDevice(engine, program, weights);
  const tensors = await session.runAll(inputs);
  const found = await session.run(inputs);
  await session.close();
  const differs = (bytes: Uint8Array, node: number): boolean => Buffer.compare(bytes, expected[node]!) !== 0;
  const wrong = [
    ...nodes.flatMap((_, i) => (differs(tensors[i]!, i) ? [`node ${i}`] : [])),
    ...outputs.flatMap((node, i) => (differs(found[i]!.bytes, node) ? [`output ${i}`] : [])),
  ];
  return { nests: nodes.filter(({ kind }) => kind === 'loop').length, wrong };
}
