import { CANONICAL_NAN_BITS, POSITIVE_INFINITY_BITS, SIGN_BIT } from '../../scalar/float32.ts';

/**
 * The float instructions of `scalar/instructions.ts` in WGSL, on words and in integers alone, after Berkeley SoftFloat 3
 * (Hauser): right on every device whose integers are right. WGSL's own floats are not exact: they may be flushed, fused,
 * rounded either way, and NaN and infinity may be taken not to occur (WGSL, §15.7 "Floating Point Evaluation").
 */
export const SOFT_FLOAT = /* wgsl */ `
const NAN = ${CANONICAL_NAN_BITS}u;
const INFINITY = ${POSITIVE_INFINITY_BITS}u;
const SIGN = ${SIGN_BIT}u;

fn is_nan(x: u32) -> bool { return (x & 0x7fffffffu) > INFINITY; }
fn exponent(x: u32) -> i32 { return i32((x >> 23u) & 0xffu); }
fn fraction(x: u32) -> u32 { return x & 0x7fffffu; }
fn clz(x: u32) -> i32 { return i32(countLeadingZeros(x)); }

// A float before it is rounded: a significand whose leading bit, at bit 30, is worth 2^(exponent + 1 - 127).
struct Parts {
  sign: u32,
  exponent: i32,
  significand: u32,
}

// The exponent of parts whose significand is a whole word.
const WORD = 0x7fffffffi;
fn word_parts(word: u32) -> Parts { return Parts(0u, WORD, word); }

// A finite float with its leading bit at bit 23.
fn unpack(x: u32) -> Parts {
  let e = exponent(x);
  let m = fraction(x);
  let shift = select(0, clz(m) - 8, e == 0);
  return Parts(x & SIGN, select(e, 1 - shift, e == 0), (m << u32(shift)) | select(0x800000u, 0u, e == 0));
}

// Shifts a word below 2^31 to the right; bits that fall out are kept in the last one.
fn shift_jam(x: u32, distance: u32) -> u32 {
  let d = min(distance, 31u);
  return (x >> d) | select(0u, 1u, ((x >> d) << d) != x);
}

// Normalizes, and rounds to nearest, ties to even.
fn rounded(parts: Parts) -> u32 {
  let top = parts.significand >> 31u;
  var m = (parts.significand >> top) | (parts.significand & top);
  let shift = clz(m) - 1;
  m = m << (u32(shift) & 31u);
  let e = parts.exponent + i32(top) - shift;
  m = shift_jam(m, u32(max(0, -e)));
  let is_tie = (m & 0x7fu) == 0x40u;
  m = ((m + 0x40u) >> 7u) & select(0xffffffffu, 0xfffffffeu, is_tie);
  let word = select((u32(max(0, e)) << 23u) + m, INFINITY, e > 0xfd);
  let finite = parts.sign | select(word, 0u, parts.significand == 0u);
  return select(finite, parts.significand, parts.exponent == WORD);
}

fn add_parts(a: u32, b: u32) -> Parts {
  let a_special = exponent(a) == 0xff;
  if (a_special || exponent(b) == 0xff) {
    let is_wrong = is_nan(a) || is_nan(b) || (a ^ b) == SIGN;
    return word_parts(select(select(b, a, a_special), NAN, is_wrong));
  }
  let is_swapped = (b & 0x7fffffffu) > (a & 0x7fffffffu);
  let large = unpack(select(a, b, is_swapped));
  let small = unpack(select(b, a, is_swapped));
  let m = large.significand << 7u;
  let other = shift_jam(small.significand << 7u, u32(large.exponent - small.exponent));
  let sum = select(m + other, m - other, large.sign != small.sign);
  // A difference of nothing is +0, a sum of zeros has the sign of both.
  return Parts(select(large.sign, a & b & SIGN, sum == 0u), large.exponent - 1, sum);
}

// The upper half of a product of 64 bits; the lower half is kept in the last bit.
fn multiply_high(a: u32, b: u32) -> u32 {
  let al = a & 0xffffu;
  let ah = a >> 16u;
  let bl = b & 0xffffu;
  let bh = b >> 16u;
  let low = al * bl;
  let middle = ah * bl + (low >> 16u);
  let other = al * bh + (middle & 0xffffu);
  let high = ah * bh + (middle >> 16u) + (other >> 16u);
  return high | select(0u, 1u, (a * b) != 0u);
}

fn mul_parts(a: u32, b: u32) -> Parts {
  let sign = (a ^ b) & SIGN;
  let is_zero = (a << 1u) == 0u || (b << 1u) == 0u;
  if (exponent(a) == 0xff || exponent(b) == 0xff) {
    return word_parts(select(sign | INFINITY, NAN, is_nan(a) || is_nan(b) || is_zero));
  }
  let x = unpack(a);
  let y = unpack(b);
  let m = multiply_high(x.significand << 7u, y.significand << 8u);
  return Parts(sign, x.exponent + y.exponent - 0x7f, select(m, 0u, is_zero));
}

fn div_parts(a: u32, b: u32) -> Parts {
  let sign = (a ^ b) & SIGN;
  let a_zero = (a << 1u) == 0u;
  let b_zero = (b << 1u) == 0u;
  let a_special = exponent(a) == 0xff;
  let b_special = exponent(b) == 0xff;
  if (a_special || b_special || a_zero || b_zero) {
    let is_wrong = is_nan(a) || is_nan(b) || (a_zero && b_zero) || (a_special && b_special);
    return word_parts(select(select(sign, sign | INFINITY, a_special || b_zero), NAN, is_wrong));
  }
  let x = unpack(a);
  let y = unpack(b);
  // A bit before the point and 30 behind it, by long division.
  var q = select(0u, 1u, x.significand >= y.significand);
  var r = x.significand - q * y.significand;
  for (var left = 30u; left > 0u; left = left - min(left, 8u)) {
    let bits = min(left, 8u);
    let n = r << bits;
    let digit = n / y.significand;
    q = (q << bits) | digit;
    r = n - digit * y.significand;
  }
  return Parts(sign, x.exponent - y.exponent + 0x7e, q | select(0u, 1u, r != 0u));
}

fn sqrt_parts(a: u32) -> Parts {
  let is_zero = (a << 1u) == 0u;
  if (is_zero || a >= INFINITY) {
    return word_parts(select(NAN, a, is_zero || a == INFINITY));
  }
  let x = unpack(a);
  let e = x.exponent - 127;
  let m = x.significand << u32(e & 1);
  // 26 bits of the root of m * 2^27, two bits of the radicand at a time.
  var q = 0u;
  var r = 0u;
  for (var i = 0u; i < 26u; i = i + 1u) {
    let bits = select(select(0u, m << 1u, i == 12u), m >> (23u - 2u * min(i, 11u)), i < 12u) & 3u;
    let n = (r << 2u) | bits;
    let t = (q << 2u) | 1u;
    let is_set = n >= t;
    r = select(n, n - t, is_set);
    q = (q << 1u) | select(0u, 1u, is_set);
  }
  return Parts(0u, (e >> 1u) + 126, (q << 5u) | select(0u, 1u, r != 0u));
}

fn whole_parts(a: u32) -> Parts {
  let sign = a & SIGN;
  return Parts(sign, 0x9c, select(a, 0u - a, sign != 0u));
}

fn f32_div(a: u32, b: u32) -> u32 { return rounded(div_parts(a, b)); }
fn f32_sqrt(a: u32) -> u32 { return rounded(sqrt_parts(a)); }
fn f32_from_i32(a: u32) -> u32 { return rounded(whole_parts(a)); }

// The order of floats as that of signed integers, -0 before +0.
fn order(x: u32) -> i32 { return bitcast<i32>(x ^ (bitcast<u32>(bitcast<i32>(x) >> 31u) & 0x7fffffffu)); }

fn f32_min(a: u32, b: u32) -> u32 {
  return select(select(b, a, order(a) < order(b)), NAN, is_nan(a) || is_nan(b));
}

fn f32_max(a: u32, b: u32) -> u32 {
  return select(select(b, a, order(a) > order(b)), NAN, is_nan(a) || is_nan(b));
}

fn f32_eq(a: u32, b: u32) -> u32 {
  return select(0u, 1u, !is_nan(a) && !is_nan(b) && (a == b || ((a | b) << 1u) == 0u));
}

fn f32_lt(a: u32, b: u32) -> u32 {
  return select(0u, 1u, !is_nan(a) && !is_nan(b) && ((a | b) << 1u) != 0u && order(a) < order(b));
}

fn f32_le(a: u32, b: u32) -> u32 { return f32_lt(a, b) | f32_eq(a, b); }

// The whole number below in magnitude.
fn f32_trunc(a: u32) -> u32 {
  let e = exponent(a);
  let mask = (1u << u32(clamp(150 - e, 0, 31))) - 1u;
  let whole = select(a & ~mask, a & SIGN, e < 127);
  return select(whole, NAN, is_nan(a));
}

// The whole number next to it, away from 0: a unit of the bit before the point is added.
fn outwards(a: u32, whole: u32) -> u32 {
  let e = exponent(a);
  return select(whole + (1u << u32(clamp(150 - e, 0, 31))), whole | 0x3f800000u, e < 127);
}

fn f32_floor(a: u32) -> u32 {
  let whole = f32_trunc(a);
  return select(whole, outwards(a, whole), (a & SIGN) != 0u && whole != a && !is_nan(a));
}

fn f32_ceil(a: u32) -> u32 {
  let whole = f32_trunc(a);
  return select(whole, outwards(a, whole), (a & SIGN) == 0u && whole != a && !is_nan(a));
}

fn f32_nearest(a: u32) -> u32 {
  let whole = f32_trunc(a);
  let e = exponent(a);
  let unit = 1u << u32(clamp(150 - e, 0, 31));
  let half = unit >> 1u;
  let rest = a & (unit - 1u);
  // The bit before the point; between 1 and 2 it is the hidden one, which is odd, and so is the exponent.
  let is_more = rest > half || (rest == half && (a & unit) != 0u);
  let is_up = (e >= 127 && e < 150 && is_more) || (e == 126 && fraction(a) != 0u);
  return select(whole, outwards(a, whole), is_up);
}

fn i32_from_f32(a: u32) -> u32 {
  let e = exponent(a);
  let negative = (a & SIGN) != 0u;
  let m = fraction(a) | 0x800000u;
  let whole = select(m >> u32(clamp(150 - e, 0, 31)), m << u32(clamp(e - 150, 0, 31)), e >= 150);
  let kept = select(select(whole, 0u - whole, negative), select(0x7fffffffu, SIGN, negative), e >= 158);
  return select(kept, 0u, e < 127 || is_nan(a));
}

fn i32_div(a: u32, b: u32) -> u32 {
  // The quotient by -1 may be too large for the device.
  let is_plain = b + 1u > 1u;
  let quotient = bitcast<u32>(bitcast<i32>(a) / bitcast<i32>(select(1u, b, is_plain)));
  return select(select(0u - a, 0u, b == 0u), quotient, is_plain);
}

fn i32_rem(a: u32, b: u32) -> u32 { return a - i32_div(a, b) * b; }
`;

/**
 * Sums and products by the device's own floats, on words. Where the result may not be that of the definition, `doubt` is
 * set and the element is computed again in integers: an operand that is subnormal, infinite or NaN, or a result that is not
 * normal. Left out are those that integers know: sums of zeros or with one infinity, differences of equal numbers, products
 * with zero or so small that they round to it. A product is `fma(a, b, -0)`, with -0 from a uniform: fused or not, it is
 * the rounded product, signed zeros included, and nothing is left to fuse with a sum that follows.
 */
export const PLAIN_FLOAT = /* wgsl */ `
var<private> doubt: u32;

fn is_odd(x: u32) -> u32 {
  let e = x & 0x7f800000u;
  return select(0u, 1u, e == 0x7f800000u || (e == 0u && (x << 1u) != 0u));
}

fn not_normal(x: u32) -> u32 {
  return select(0u, 1u, (x & 0x7f800000u) - 0x800000u >= 0x7f000000u);
}

fn is_infinite(x: u32) -> bool { return (x << 1u) == 0xff000000u; }
fn is_finite(x: u32) -> bool { return (x & 0x7f800000u) != 0x7f800000u; }

// Whether factors allow sums of their products without a look at each: 2 * |x| - 1 of the least x that is not 0, as words.
fn are_wide(a: u32, b: u32) -> bool {
  let ea = (a + 1u) >> 24u;
  let eb = (b + 1u) >> 24u;
  return a == 0xffffffffu || b == 0xffffffffu || (ea > 0u && eb > 0u && ea + eb >= 152u);
}

const ONE_TWICE = 0x7effffffu;

// A sum that starts at +0 is never -0. Compilers may leave out the +0 (WGSL does not keep the sign of a zero), which shows in the
// total alone: before it, another term takes the sign away.
fn unsigned_zero(total: u32) -> u32 { return select(total, 0u, total == SIGN); }

fn plain_sum(a: f32, b: f32) -> f32 { return a + b; }
fn plain_product(a: f32, b: f32) -> f32 { return fma(a, b, bitcast<f32>(p[0].x)); }

fn f32_add(a: u32, b: u32) -> u32 {
  let r = bitcast<u32>(plain_sum(bitcast<f32>(a), bitcast<f32>(b)));
  let cancel = (a ^ b) == SIGN;
  let zeros = ((a | b) << 1u) == 0u;
  let a_alone = is_infinite(a) && is_finite(b);
  let b_alone = is_infinite(b) && is_finite(a);
  let odd = is_odd(a) | is_odd(b) | select(not_normal(r), 0u, cancel || zeros);
  doubt = doubt | select(odd, 0u, a_alone || b_alone);
  let finite = select(select(r, 0u, cancel), a & b, zeros);
  return select(select(finite, a, a_alone), b, b_alone);
}

fn f32_sub(a: u32, b: u32) -> u32 { return f32_add(a, b ^ SIGN); }

fn f32_mul(a: u32, b: u32) -> u32 {
  let r = bitcast<u32>(plain_product(bitcast<f32>(a), bitcast<f32>(b)));
  // Below 2^-150, half of the least subnormal number.
  let tiny = exponent(a) + exponent(b) <= 102;
  let zero = (a << 1u) == 0u || (b << 1u) == 0u || tiny;
  doubt = doubt | is_odd(a) | is_odd(b) | select(not_normal(r), 0u, zero);
  return select(r, (a ^ b) & SIGN, zero);
}
`;
