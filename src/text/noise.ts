import { type Expression, f32, i32, log } from '../onnx/building.ts';

/** Reproducible noise: an integer function of a seed and a position. */

/** Threefry-2x32 with 20 rounds (Salmon et al., Parallel random numbers: as easy as 1, 2, 3, SC 2011). */
const ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24] as const;
const ROUNDS = 20;
const ROUNDS_A_KEY = 4;
const PARITY = 0x1bd11bda;

const rotated = (x: Expression, by: number): Expression =>
  i32.or(i32.shl(x, i32.of(by)), i32.shrU(x, i32.of(32 - by)));

/** The first word that the generator makes of a counter; 32 bits, uniform. */
export function threefry(
  key: readonly [Expression, Expression],
  counter: readonly [Expression, Expression],
): Expression {
  const keys = [...key, i32.xor(i32.of(PARITY), i32.xor(...key))];
  let x = i32.add(counter[0], key[0]);
  let y = i32.add(counter[1], key[1]);
  for (let round = 0; round < ROUNDS; round++) {
    x = i32.add(x, y);
    y = i32.xor(rotated(y, ROTATIONS[round % ROTATIONS.length]!), x);
    if ((round + 1) % ROUNDS_A_KEY !== 0) continue;
    const turn = (round + 1) / ROUNDS_A_KEY;
    x = i32.add(x, keys[turn % 3]!);
    y = i32.add(y, i32.add(keys[(turn + 1) % 3]!, i32.of(turn)));
  }
  return x;
}

/** Bits of a uniform number that are used, so that it and half a step more are exact in binary32. */
const UNIFORM_BITS = 23;

/**
 * Gumbel noise from 32 uniform bits: -ln(-ln u), u in the middle of one of 2^23 equal steps, so that it is finite. The
 * greatest of scores with such noise is a sample of their softmax (Gumbel, 1954).
 */
export function gumbel(bits: Expression): Expression {
  const step = f32.fromI32(i32.shrU(bits, i32.of(32 - UNIFORM_BITS)));
  const uniform = f32.mul(f32.add(step, f32.of(0.5)), f32.of(2 ** -UNIFORM_BITS));
  return f32.neg(log(f32.neg(log(uniform))));
}
