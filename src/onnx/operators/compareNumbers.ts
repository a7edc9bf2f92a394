/** Order of numbers for sorting: NaN is above all others and equal to itself, as in NumPy. */
export const compareNumbers = (a: number, b: number): number =>
  a < b ? -1 : a > b ? 1 : Number(Number.isNaN(a)) - Number(Number.isNaN(b));
