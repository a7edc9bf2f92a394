/** Greatest common divisor of two integers, by Euclid's algorithm; `gcd(a, 0)` is |a|. */
export const gcd = (a: number, b: number): number => (b === 0 ? Math.abs(a) : gcd(b, a % b));
