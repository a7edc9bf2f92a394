// The subject of the random game: a model, the honest values of each claim on it, and lies.
import { concat } from '../../../src/merkle/tree.ts';
import { type ToyModel, toyInput, toyLoop, toyModel } from './model.ts';
import { honestValues, INPUT, small, withLies } from './small.ts';
import { type Lie, type Values, valuesOf } from './values.ts';

export interface Scene {
  readonly name: string;
  readonly model: ToyModel;
  /** The right claim and its values; undefined if there is nothing right to claim. */
  readonly right: Values | undefined;
  /** The values behind a claim of these bytes. */
  honestValuesFor(claimed: Uint8Array): Values;
  isFalse(claimed: Uint8Array): boolean;
  withLies(...lies: Lie[]): Values;
}

const plain: Scene = {
  name: 'outputs',
  model: small,
  right: honestValues,
  honestValuesFor: () => honestValues,
  isFalse: (claimed) => Buffer.compare(claimed, honestValues.output()) !== 0,
  withLies,
};

/** A toy's word is its initial accumulator in the other colours, if it folds nothing. */
const MASK = 0xa5a5a5a5;

const ANSWER = Uint8Array.from({ length: 40 }, (_, i) => i * 5);

/** The small model with an answer in place of the constant, and an `accept` that is always the same. */
function checking(name: string, accept: 0 | 1): Scene {
  const nodes = [
    toyInput(16),
    toyInput(40, 1),
    toyLoop(200, { foldSteps: 9, grain: 2 }),
    toyLoop(2, { foldSteps: 1, grain: 1 }),
    toyLoop(1, { elementBytes: 1, foldSteps: 0, grain: 1, init: (MASK ^ accept) >>> 0 }),
  ];
  const model = toyModel(nodes, [4], 1);
  const valuesAt = (answer: Uint8Array, lies: readonly Lie[]) =>
    valuesOf(model, concat([INPUT, answer]), lies);
  // Nobody can defend a trace that is not accepted.
  const least: readonly Lie[] = accept === 0 ? [{ node: 4, byte: 0 }] : [];
  return {
    name,
    model,
    right: accept === 1 ? valuesAt(ANSWER, []) : undefined,
    honestValuesFor: (claimed) => valuesAt(claimed, []),
    isFalse: () => accept === 0,
    withLies: (...lies) =>
      valuesAt(ANSWER, [...least, ...lies.filter(({ node }) => accept === 1 || node !== 4)]),
  };
}

export const SCENES: readonly Scene[] = [
  plain,
  checking('answers that are accepted', 1),
  checking('answers that are not accepted', 0),
];
