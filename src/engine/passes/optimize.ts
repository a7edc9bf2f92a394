import type { Weights } from '../engine.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { bandScratch } from './bandScratch.ts';
import { chooseBand } from './chooseBand.ts';
import { chooseTile } from './chooseTile.ts';
import { factorSums } from './factorSums.ts';
import { groupBytes } from './groupBytes.ts';
import { mergeLoops } from './mergeLoops.ts';
import { narrowReads } from './narrowReads.ts';
import { orderLoops } from './orderLoops.ts';
import { packConstants } from './packConstants.ts';
import { packPanels } from './packPanels.ts';
import { padOperands } from './padOperands.ts';
import { pairBytes } from './pairBytes.ts';
import type { Target } from './target.ts';
import { tileFills } from './tileFills.ts';
import { tileLoops } from './tileLoops.ts';
import { widenCopies } from './widenCopies.ts';

/** Sees a kernel after each pass, by the pass's name. */
export type Observer = (pass: string, kernel: Kernel) => void;

/**
 * All passes from a lowered kernel to one that a code generator can write, in their order. Each pass leaves the results
 * of every element as they are, bit for bit; one that has nothing to do returns the kernel unchanged.
 *
 * @param weights the constants, if they are known: their values decide how some of them are packed
 */
export function optimize(
  kernel: Kernel,
  target: Target,
  weights?: Weights,
  observe: Observer = () => undefined,
): Kernel {
  const pass = (name: string, run: (kernel: Kernel, target: Target) => Kernel): void => {
    kernel = run(kernel, target);
    observe(name, kernel);
  };
  pass('merge loops', mergeLoops);
  pass('pair bytes', pairBytes);
  pass('group bytes', (before) => groupBytes(before, target, weights));
  pass('factor sums', factorSums);
  pass('pad operands', padOperands);
  pass('choose tile', chooseTile);
  pass('pack constants', packConstants);
  pass('pack panels', packPanels);
  pass('choose band', chooseBand);
  pass('band scratch', bandScratch);
  pass('widen copies', widenCopies);
  pass('order loops', orderLoops);
  pass('tile loops', tileLoops);
  pass('tile fills', tileFills);
  pass('narrow reads', narrowReads);
  return kernel;
}
