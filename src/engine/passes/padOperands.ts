import type { DType } from '../../program/node.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { wordAsStored } from '../reference/word.ts';
import { copyBox } from './box.ts';
import { COPY, copyToScratch } from './scratch.ts';

/** A copy pays if each of its elements is read at least this often. */
const MIN_READS = 2;

/**
 * Copies operands that may be outside, or whose coordinates are divided, to scratch buffers together with their padding,
 * so that the fold reads them without checks.
 */
export const padOperands = (kernel: Kernel): Kernel =>
  copyToScratch(kernel, (position, buffer) => {
    const { coordinates, element, fill } = kernel.accesses[position]!;
    // A byte of the copy cannot hold every word that an access may yield outside.
    const fits = wordAsStored(element as DType, fill) === fill >>> 0;
    if (coordinates.length === 0 || !fits) return undefined;
    return copyBox(kernel, position, buffer, { kind: 'padded', element, minReads: MIN_READS }, COPY);
  });
