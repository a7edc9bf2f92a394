import { type Expression, f32, i32, select } from '../ir/expression.ts';
import { polynomial } from './polynomial.ts';

/** x = n pi/2 + r + low with |r| about pi/4 at most and low below its last place. */
interface Reduced {
  readonly n: Expression;
  readonly r: Expression;
  readonly low: Expression;
}

/** sin(r + low); minimax, Cephes sinf (Moshier). */
function sinOf({ r, low }: Reduced, square: Expression): Expression {
  const tail = polynomial(square, [-1.6666654611e-1, 8.3321608736e-3, -1.9515295891e-4]);
  return f32.add(r, f32.add(f32.mul(f32.mul(r, square), tail), low));
}

/** cos(r + low); minimax, Cephes cosf (Moshier). What 1 - r^2/2 rounds away is added again. */
function cosOf({ r, low }: Reduced, square: Expression): Expression {
  const half = f32.mul(f32.of(0.5), square);
  const main = f32.sub(f32.of(1), half);
  const lost = f32.sub(f32.sub(f32.of(1), main), half);
  const tail = polynomial(square, [4.166664568298827e-2, -1.388731625493765e-3, 2.443315711809948e-5]);
  return f32.add(main, f32.add(f32.sub(f32.mul(f32.mul(square, square), tail), f32.mul(r, low)), lost));
}

/** A number as a sum of parts, each cut to the given count of significant bits. */
function partsOf(value: number, bits: readonly number[]): number[] {
  let rest = value;
  return bits.map((count) => {
    const unit = 2 ** (Math.floor(Math.log2(Math.abs(rest))) - count + 1);
    const part = Math.trunc(rest / unit) * unit;
    rest -= part;
    return part;
  });
}

/** pi / 2; products of the 9-bit parts with an integer below 2^15 are exact. */
const [PART_1, PART_2, PART_3, PART_4] = partsOf(Math.PI / 2, [9, 9, 9, 24]) as [
  number,
  number,
  number,
  number,
];

function reduce(x: Expression): Reduced {
  const n = f32.nearest(f32.mul(x, f32.of(2 / Math.PI)));
  // The first two differences are exact; what the third rounds away is kept.
  const near = f32.sub(f32.sub(x, f32.mul(n, f32.of(PART_1))), f32.mul(n, f32.of(PART_2)));
  const third = f32.mul(n, f32.of(PART_3));
  const main = f32.sub(near, third);
  const rest = f32.sub(f32.sub(f32.sub(near, main), third), f32.mul(n, f32.of(PART_4)));
  const r = f32.add(main, rest);
  return { n: i32.fromF32(n), r, low: f32.add(f32.sub(main, r), rest) };
}

const circular = (x: Expression, turn: number): Expression => {
  const reduced = reduce(x);
  const q = i32.add(reduced.n, i32.of(turn));
  const square = f32.mul(reduced.r, reduced.r);
  const value = select(i32.and(q, i32.of(1)), cosOf(reduced, square), sinOf(reduced, square));
  // Quadrants 2 and 3 are the first two with the other sign; NaN (from infinities) keeps its bits.
  const sign = i32.shl(i32.and(q, i32.of(2)), i32.of(30));
  return select(f32.eq(value, value), i32.xor(value, sign), value);
};

/** sin x; NaN at infinities. {@link ACCURACY}.sin ulp for |x| <= 2^14; beyond, the reduction loses digits. */
export const sin = (x: Expression): Expression => select(f32.eq(x, f32.of(0)), x, circular(x, 0));

/** cos x; NaN at infinities. {@link ACCURACY}.cos ulp for |x| <= 2^14; beyond, the reduction loses digits. */
export const cos = (x: Expression): Expression => circular(x, 1);
