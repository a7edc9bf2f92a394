// The smallest toy model on which every kind of move can be made, for tests that are about something else.
import { tensorRoot } from '../../../src/merkle/tensor.ts';
import { toyConstant, toyInput, toyLoop, toyModel } from './model.ts';
import { constantBytes, type Lie, valuesOf } from './values.ts';

export const INPUT = Uint8Array.from({ length: 16 }, (_, i) => i);

export const small = toyModel([
  toyInput(16),
  toyConstant(10, tensorRoot(constantBytes(10))),
  toyLoop(200, { foldSteps: 9, grain: 2 }),
  toyLoop(2, { foldSteps: 1, grain: 1 }),
  toyLoop(2),
]);

export const honestValues = valuesOf(small, INPUT);

/** Two chunks in; found by way of every phase. */
export const DEEP: Lie = { node: 2, byte: 4 * 150, step: 5 };

export const withLies = (...lies: Lie[]) => valuesOf(small, INPUT, lies);

/** A wrong output besides, so that several false claims differ. */
export const withFalseOutput = (...lies: Lie[]) => withLies(...lies, { node: 4, byte: 0 });
