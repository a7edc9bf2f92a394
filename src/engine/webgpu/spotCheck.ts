import { sizeOf } from '../../program/node.ts';
import { EngineError } from '../engine.ts';
import { LoopRunner } from '../reference/loop.ts';
import { loadFrom } from '../reference/runLoop.ts';
import { wordAsStored, wordReader } from '../reference/word.ts';
import type { GpuDevice } from './device.ts';
import type { ComputedNode } from './machine.ts';

/** Fold steps that one spot check takes on the CPU, roughly. */
const STEPS = 10_000;
/** Most elements of one spot check. */
const MAX_ELEMENTS = 64;

/**
 * Checks some elements of a node against the definition.
 *
 * @throws EngineError at the first that differs; the device is then given up
 */
export function requireRight(
  { node, loop, tensors, result }: ComputedNode,
  device: Pick<GpuDevice, 'name' | 'giveUp'>,
  next: () => number,
): void {
  const size = sizeOf(loop.shape);
  const runner = new LoopRunner(loop, loadFrom(loop, tensors));
  const word = wordReader(loop.dtype, result);
  const count = Math.min(size, MAX_ELEMENTS, Math.ceil(STEPS / Math.max(1, runner.steps)));
  for (let i = 0; i < count; i++) {
    const element = count === size ? i : next() % size;
    const right = wordAsStored(loop.dtype, runner.element(element));
    if (word(element) === right) continue;
    const reason = `element ${element} of node ${node} is ${hex(word(element))}, not ${hex(right)}`;
    device.giveUp(reason);
    throw new EngineError(`the device ${device.name} computes wrong: ${reason}`);
  }
}

export const hex = (word: number): string => `0x${(word >>> 0).toString(16).padStart(8, '0')}`;
