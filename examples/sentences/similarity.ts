/** The cosine of the angle between two vectors of length 1. */
export const similarity = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a, (x, i) => x * (b[i] as number)).reduce((sum, product) => sum + product, 0);
