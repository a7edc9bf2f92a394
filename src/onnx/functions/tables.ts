/**
 * Functions in binary64 for constants that are computed at import. Math.sin and its like may round differently on
 * another machine, which would be another program; sums, products and quotients may not.
 */

/** Terms of a Taylor series, each the one before times `ratio(i)`, until they no longer count. */
function series(first: number, ratio: (i: number) => number): number {
  let sum = first;
  for (let i = 1, term = first * ratio(1); Math.abs(term) > 1e-18 * Math.abs(sum); i++, term *= ratio(i))
    sum += term;
  return sum;
}

const cosine = (x: number): number => series(1, (i) => (-x * x) / ((2 * i - 1) * 2 * i));
const sine = (x: number): number => (x === 0 ? 0 : series(x, (i) => (-x * x) / (2 * i * (2 * i + 1))));

/** cos(2 pi k / n) for whole numbers, exact where it is 0, 1/2 of a turn or a whole one. */
export function cosOfTurn(k: number, n: number): number {
  const eighths = 8 * (((k % n) + n) % n);
  const octant = Math.floor(eighths / n);
  const rest = eighths - octant * n;
  const angle = ((octant % 2 === 0 ? rest : n - rest) / n) * (Math.PI / 4);
  // From the x axis in octants 0, 3, 4 and 7, from the y axis in the others.
  const isFromX = octant % 4 === 0 || octant % 4 === 3;
  const value = isFromX ? cosine(angle) : sine(angle);
  return octant >= 2 && octant <= 5 ? -value : value;
}

/** sin(2 pi k / n) for whole numbers. */
export const sinOfTurn = (k: number, n: number): number => cosOfTurn(4 * k - n, 4 * n);

/** ln x by 2 atanh((m - 1) / (m + 1)) for the significand m; -infinity at 0, NaN below. */
export function lnOf(x: number): number {
  if (!(x > 0 && x < Number.POSITIVE_INFINITY))
    return x === 0 ? Number.NEGATIVE_INFINITY : x > 0 ? x : Number.NaN;
  let exponent = 0;
  for (; x > Math.SQRT2; x /= 2) exponent++;
  for (; x < Math.SQRT1_2; x *= 2) exponent--;
  const s = (x - 1) / (x + 1);
  if (s === 0) return exponent * Math.LN2;
  let sum = 0;
  for (let i = 1, power = s; Math.abs(power) > 1e-18 * Math.abs(s); i += 2, power *= s * s) sum += power / i;
  return 2 * sum + exponent * Math.LN2;
}

/** e^x, by a power of two times a series; 0 or infinity beyond the range of binary64. */
export function expOf(x: number): number {
  if (!(Math.abs(x) < 800)) return Number.isNaN(x) ? x : x > 0 ? Number.POSITIVE_INFINITY : 0;
  const n = Math.round(x / Math.LN2);
  let value = series(1, (i) => (x - n * Math.LN2) / i);
  for (let i = 0; i < Math.abs(n); i++) value *= n > 0 ? 2 : 0.5;
  return value;
}
