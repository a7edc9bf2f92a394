/**
 * A seeded generator of 32-bit words: Marsaglia, "Xorshift RNGs" (2003), triple 13, 17, 5.
 *
 * @param seed 0, from which the generator would never move, is replaced by a fixed number
 * @returns the next word at each call, from 1 to 2^32 - 1
 */
export function xorshift32(seed: number): () => number {
  let state = seed >>> 0 || 0x9e3779b9;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}
