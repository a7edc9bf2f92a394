// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import { Bits } from "../evm/Bits.sol";

/// @title Float32
/// @notice IEEE 754-2019 binary32 in integer arithmetic: round to nearest, ties to even; subnormals kept; every NaN
/// result is {NAN}. Twin of the `f32` rows of `src/scalar/machine.ts`.
///
/// Every function takes three words, as an instruction does, so that one table can call them all; those that it does
/// not need have no name. A word is 32 bits in a uint256, the upper bits zero, on the way in and on the way out.
///
/// ```
/// bit 31   sign
/// 30..23   biased exponent e; 255 is infinity (fraction 0) or NaN
/// 22..0    fraction
/// ```
/// A finite word is `significand * 2^(max(e, 1) - 1)` in units of 2^-149, the smallest subnormal, where significand
/// is the fraction, plus 2^23 unless e = 0. Two consequences are used throughout: an integer below 2^24 is the
/// encoding of itself in that unit, and `(s << 23) + q` encodes `q * 2^s` for q in [2^23, 2^24], the carry out of
/// the fraction included.
///
/// Why one file: the functions share these encodings, and each is a dozen lines.
library Float32 {
    uint256 internal constant NAN = 0x7fc00000;
    uint256 internal constant INFINITY = 0x7f800000;
    uint256 internal constant SIGN = 0x80000000;
    uint256 internal constant MAGNITUDE = 0x7fffffff;

    /// @notice a + b (§5.4.1).
    function add(uint256 a, uint256 b, uint256) internal pure returns (uint256 r) {
        // Both as integers in units of 2^-149 while 24 + 229 bits hold them; the sum is then exact:
        //   magnitude = |x ± y|; r = magnitude < 2^24 ? magnitude : round(magnitude to 24 bits)
        uint256 m;
        uint256 z;
        assembly ("memory-safe") {
            let e := and(shr(23, a), 0xff)
            let f := and(shr(23, b), 0xff)
            switch or(gt(e, 230), gt(f, 230))
            case 0 {
                z := iszero(iszero(e))
                m := shl(sub(e, z), or(and(a, 0x7fffff), shl(23, z)))
                z := iszero(iszero(f))
                f := shl(sub(f, z), or(and(b, 0x7fffff), shl(23, z)))
                // z = -1 if the signs differ, else 0; m = m ± f.
                z := sub(0, shr(31, xor(a, b)))
                m := add(m, sub(xor(f, z), z))
                // z = -1 if b outweighed a and had the other sign; m = |m|.
                z := sar(255, m)
                m := sub(xor(m, z), z)
            }
            default {
                z := 1
            }
        }
        if (m > 0xffffff) {
            uint256 zeros = Bits.clz(m);
            // e = bits of m above 24; m += half a unit; r = (e << 23) + (m >> e), with the sign of the greater operand
            assembly ("memory-safe") {
                let e := sub(232, zeros)
                // Half a unit, less one if the kept part is even: ties go to even.
                m := add(m, sub(shl(sub(e, 1), 1), iszero(and(shr(e, m), 1))))
                r := or(add(shl(23, e), shr(e, m)), and(xor(a, z), 0x80000000))
            }
            return r;
        }
        if (z == 1) return _addLarge(a, b);
        // x - x is +0, and -0 only if both are.
        r = m == 0 ? a & b & SIGN : m | ((a ^ z) & SIGN);
    }

    /// @notice a - b (§5.4.1).
    function sub(uint256 a, uint256 b, uint256) internal pure returns (uint256) {
        return add(a, b ^ SIGN, 0);
    }

    /// @notice a * b (§5.4.1).
    function mul(uint256 a, uint256 b, uint256) internal pure returns (uint256 r) {
        // For normal numbers the product m of the significands has 47 or 48 bits:
        //   r = m rounded to 24 bits, exponent e + f - 127 or one more; {_round} does what is not normal.
        assembly ("memory-safe") {
            let e := and(shr(23, a), 0xff)
            let f := and(shr(23, b), 0xff)
            r := not(0)
            if and(lt(sub(e, 1), 254), lt(sub(f, 1), 254)) {
                let m := mul(or(and(a, 0x7fffff), 0x800000), or(and(b, 0x7fffff), 0x800000))
                let s := add(23, shr(47, m))
                e := sub(add(add(e, f), s), 151)
                // At 253 a carry gives infinity, as it should.
                if lt(e, 254) {
                    m := shr(s, add(m, sub(shl(sub(s, 1), 1), iszero(and(shr(s, m), 1)))))
                    r := or(add(shl(23, e), m), and(xor(a, b), 0x80000000))
                }
            }
        }
        if (r > 0xffffffff) r = _mulOther(a, b);
    }

    /// @notice a / b (§5.4.1).
    function div(uint256 a, uint256 b, uint256) internal pure returns (uint256) {
        unchecked {
            uint256 sign = (a ^ b) & SIGN;
            uint256 e = (a >> 23) & 0xff;
            uint256 f = (b >> 23) & 0xff;
            if (e == 255 || f == 255) {
                if (_isNaN(a) || _isNaN(b) || e == f) return NAN;
                return e == 255 ? sign | INFINITY : sign;
            }
            uint256 m = _significand(a);
            uint256 n = _significand(b);
            if (n == 0) return m == 0 ? NAN : sign | INFINITY;
            // At least 26 bits of quotient, the last one set if anything was left over: enough to round from.
            //   quotient = (m << 50) / n | ((m << 50) % n == 0 ? 0 : 1); e = max(e, 1); f = max(f, 1)
            uint256 quotient;
            assembly ("memory-safe") {
                m := shl(50, m)
                quotient := div(m, n)
                quotient := or(quotient, iszero(iszero(sub(m, mul(quotient, n)))))
                e := add(e, iszero(e))
                f := add(f, iszero(f))
            }
            // quotient * 2^-50 * 2^(e - f), in units of 2^-149.
            return _round(sign, quotient, int256(e) - int256(f) + 99);
        }
    }

    /// @notice The square root (§5.4.1); of −0 it is −0, below that NaN.
    function sqrt(uint256 a, uint256, uint256) internal pure returns (uint256 r) {
        if (a & MAGNITUDE == 0) return a;
        if (a >= INFINITY) return a == INFINITY ? a : NAN;
        uint256 e;
        uint256 m;
        // a = m * 2^(e - 150): e = max(exponent, 1); m = fraction, with the bit above it if a is normal
        assembly ("memory-safe") {
            e := and(shr(23, a), 0xff)
            m := or(and(a, 0x7fffff), shl(23, iszero(iszero(e))))
            e := add(e, iszero(e))
        }
        r = Bits.clz(m);
        // r = round(isqrt(n) to 24 bits), by Newton's method
        assembly ("memory-safe") {
            // n = significand scaled to 54 or 55 bits so that its exponent is even: a = n * 2^(e - 181 or 180).
            let k := sub(r, 232)
            e := sub(add(e, 300), k)
            let n := shl(add(add(k, 30), and(e, 1)), m)
            // Newton from the tangent at 2^54, off by 6 % at most: three steps leave at most one unit of excess.
            let x := add(0x4000000, shr(28, n))
            x := shr(1, add(x, div(n, x)))
            x := shr(1, add(x, div(n, x)))
            x := shr(1, add(x, div(n, x)))
            x := sub(x, gt(mul(x, x), n))
            // Round to 24 bits. No tie is possible: it would be the root of a number of 49 bits or more.
            k := add(3, shr(27, x))
            r := add(shl(23, sub(add(shr(1, e), k), 91)), shr(k, add(x, shl(sub(k, 1), 1))))
        }
    }

    /// @notice The lesser (§9.6 minimum): NaN wins, −0 < +0.
    function min(uint256 a, uint256 b, uint256) internal pure returns (uint256 r) {
        // NaN if either is, else the first in the order of the keys x < 0 ? ~x : x | sign.
        assembly ("memory-safe") {
            switch or(gt(and(a, 0x7fffffff), 0x7f800000), gt(and(b, 0x7fffffff), 0x7f800000))
            case 0 {
                let x := xor(a, or(0x80000000, sub(0, shr(31, a))))
                let y := xor(b, or(0x80000000, sub(0, shr(31, b))))
                r := xor(a, mul(xor(a, b), lt(and(y, 0xffffffff), and(x, 0xffffffff))))
            }
            default {
                r := 0x7fc00000
            }
        }
    }

    /// @notice The greater (§9.6 maximum): NaN wins, −0 < +0.
    function max(uint256 a, uint256 b, uint256) internal pure returns (uint256 r) {
        // NaN if either is, else the last in the order of the keys x < 0 ? ~x : x | sign.
        assembly ("memory-safe") {
            switch or(gt(and(a, 0x7fffffff), 0x7f800000), gt(and(b, 0x7fffffff), 0x7f800000))
            case 0 {
                let x := xor(a, or(0x80000000, sub(0, shr(31, a))))
                let y := xor(b, or(0x80000000, sub(0, shr(31, b))))
                r := xor(a, mul(xor(a, b), lt(and(x, 0xffffffff), and(y, 0xffffffff))))
            }
            default {
                r := 0x7fc00000
            }
        }
    }

    /// @notice 1 if a = b, else 0 (§5.11); NaN equals nothing, −0 equals +0.
    function eq(uint256 a, uint256 b, uint256) internal pure returns (uint256 r) {
        // (a == b && !isNaN(a)) || both are zeros
        assembly ("memory-safe") {
            r := or(
                and(eq(a, b), iszero(gt(and(a, 0x7fffffff), 0x7f800000))),
                iszero(and(or(a, b), 0x7fffffff))
            )
        }
    }

    /// @notice 1 if a < b, else 0 (§5.11); false if either is NaN.
    function lt(uint256 a, uint256 b, uint256) internal pure returns (uint256 r) {
        // !isNaN(a) && !isNaN(b) && value(a) < value(b), the values as integers: sign ? -magnitude : magnitude
        assembly ("memory-safe") {
            let x := and(a, 0x7fffffff)
            let y := and(b, 0x7fffffff)
            if iszero(or(gt(x, 0x7f800000), gt(y, 0x7f800000))) {
                let s := sub(0, shr(31, a))
                x := sub(xor(x, s), s)
                s := sub(0, shr(31, b))
                r := slt(x, sub(xor(y, s), s))
            }
        }
    }

    /// @notice 1 if a ≤ b, else 0 (§5.11); false if either is NaN.
    function le(uint256 a, uint256 b, uint256) internal pure returns (uint256 r) {
        // !isNaN(a) && !isNaN(b) && value(a) <= value(b), as in {lt}
        assembly ("memory-safe") {
            let x := and(a, 0x7fffffff)
            let y := and(b, 0x7fffffff)
            if iszero(or(gt(x, 0x7f800000), gt(y, 0x7f800000))) {
                let s := sub(0, shr(31, a))
                x := sub(xor(x, s), s)
                s := sub(0, shr(31, b))
                r := iszero(sgt(x, sub(xor(y, s), s)))
            }
        }
    }

    /// @notice The nearest integer, ties to even (§5.9 roundToIntegralTiesToEven).
    function nearest(uint256 a, uint256, uint256) internal pure returns (uint256 r) {
        // In the encoding, the fraction's last s = 150 - e bits are the part after the point; adding to them carries
        // into the exponent as it should.
        assembly ("memory-safe") {
            let x := and(a, 0x7fffffff)
            switch lt(x, 0x3f800000)
            case 0 {
                r := a
                if gt(x, 0x7f800000) {
                    r := 0x7fc00000
                }
                if lt(x, 0x4b000000) {
                    let s := sub(150, shr(23, x))
                    x := add(x, sub(shl(sub(s, 1), 1), iszero(and(shr(s, x), 1))))
                    r := or(shl(s, shr(s, x)), and(a, 0x80000000))
                }
            }
            // Below one: 1 above a half, else 0, the sign kept.
            default {
                r := or(mul(0x3f800000, gt(x, 0x3f000000)), and(a, 0x80000000))
            }
        }
    }

    /// @notice The greatest integer that is not greater (§5.9 roundToIntegralTowardNegative).
    function floor(uint256 a, uint256, uint256) internal pure returns (uint256) {
        return _integral(a, a >> 31);
    }

    /// @notice The least integer that is not less (§5.9 roundToIntegralTowardPositive).
    function ceil(uint256 a, uint256, uint256) internal pure returns (uint256) {
        return _integral(a, (a >> 31) ^ 1);
    }

    /// @notice The integer part (§5.9 roundToIntegralTowardZero).
    function trunc(uint256 a, uint256, uint256) internal pure returns (uint256) {
        return _integral(a, 0);
    }

    /// @notice The i32 `a`, rounded (§5.4.1 convertFromInt).
    function fromI32(uint256 a, uint256, uint256) internal pure returns (uint256 r) {
        // m = |a|, scaled to 56 bits and rounded to 24.
        if (a == 0) return 0;
        uint256 m;
        assembly ("memory-safe") {
            let z := sub(0, shr(31, a))
            m := and(sub(xor(a, z), z), 0xffffffff)
        }
        r = Bits.clz(m);
        // m <<= zeros + 24; r = ((157 - zeros) << 23) + round(m >> 32), with the sign, where zeros are those of 32 bits
        assembly ("memory-safe") {
            let k := sub(r, 224)
            m := shl(add(k, 24), m)
            m := shr(32, add(m, sub(0x80000000, iszero(and(shr(32, m), 1)))))
            r := or(add(shl(23, sub(157, k)), m), and(a, 0x80000000))
        }
    }

    /// @notice The integer part as i32, saturated at both ends; NaN gives 0.
    function toI32(uint256 a, uint256, uint256) internal pure returns (uint256 r) {
        // |a| < 2^31: the significand moved by e - 150 places. Otherwise the end of the range, or 0 for NaN.
        assembly ("memory-safe") {
            let e := and(shr(23, a), 0xff)
            switch lt(e, 158)
            case 0 {
                if iszero(gt(and(a, 0x7fffffff), 0x7f800000)) {
                    r := add(0x7fffffff, shr(31, a))
                }
            }
            default {
                r := shr(150, shl(e, or(and(a, 0x7fffff), 0x800000)))
                e := sub(0, shr(31, a))
                r := and(sub(xor(r, e), e), 0xffffffff)
            }
        }
    }

    /// @dev The integer next to `a`, away from zero if `away` is 1 and towards it if 0.
    function _integral(uint256 a, uint256 away) private pure returns (uint256 r) {
        // |a| < 1: away and a is not 0 ? 1 : 0, the sign kept. |a| >= 2^23: a itself, or NaN.
        // Else s = 150 - e bits of the encoding are the part after the point: add away * (2^s - 1), then clear them.
        assembly ("memory-safe") {
            let x := and(a, 0x7fffffff)
            switch lt(x, 0x3f800000)
            case 0 {
                r := a
                if gt(x, 0x7f800000) {
                    r := 0x7fc00000
                }
                if lt(x, 0x4b000000) {
                    let s := sub(150, shr(23, x))
                    x := add(x, mul(away, sub(shl(s, 1), 1)))
                    r := or(shl(s, shr(s, x)), and(a, 0x80000000))
                }
            }
            default {
                r := or(mul(0x3f800000, and(away, iszero(iszero(x)))), and(a, 0x80000000))
            }
        }
    }

    /// @dev a + b where an exponent is above 230.
    function _addLarge(uint256 a, uint256 b) private pure returns (uint256) {
        unchecked {
            uint256 x = a & MAGNITUDE;
            uint256 y = b & MAGNITUDE;
            if (x >= INFINITY || y >= INFINITY) {
                if (x > INFINITY || y > INFINITY) return NAN;
                if (x == y) return a == b ? a : NAN;
                return x == INFINITY ? a : b;
            }
            int256 sum = _inLargeUnits(a) + _inLargeUnits(b);
            uint256 sign = sum < 0 ? SIGN : 0;
            return _round(sign, uint256(sum < 0 ? -sum : sum), 99);
        }
    }

    /// @dev A finite word in units of 2^-50. A smaller one that is not zero counts as one unit: beside a number of
    /// exponent above 230, whose last bit is worth 2^131 units, it matters only that it is not zero.
    function _inLargeUnits(uint256 a) private pure returns (int256 x) {
        unchecked {
            uint256 e = (a >> 23) & 0xff;
            x = e >= 100 ? int256(_significand(a) << (e - 100)) : int256(a & MAGNITUDE == 0 ? uint256(0) : 1);
            if (a & SIGN != 0) x = -x;
        }
    }

    /// @dev a * b where an operand or the result is not a normal number.
    function _mulOther(uint256 a, uint256 b) private pure returns (uint256 r) {
        unchecked {
            uint256 sign = (a ^ b) & SIGN;
            uint256 x = a & MAGNITUDE;
            uint256 y = b & MAGNITUDE;
            if (x >= INFINITY || y >= INFINITY) {
                return x > INFINITY || y > INFINITY || x == 0 || y == 0 ? NAN : sign | INFINITY;
            }
            if (x == 0 || y == 0) return sign;
            int256 e = int256(x >> 23);
            int256 f = int256(y >> 23);
            if (e == 0) e = 1;
            if (f == 0) f = 1;
            return _round(sign, _significand(a) * _significand(b), e + f - 151);
        }
    }

    /// @dev The significand of a finite word.
    function _significand(uint256 a) private pure returns (uint256 m) {
        // fraction | (exponent == 0 ? 0 : 2^23)
        assembly ("memory-safe") {
            m := or(and(a, 0x7fffff), shl(23, iszero(iszero(and(a, 0x7f800000)))))
        }
    }

    function _isNaN(uint256 a) private pure returns (bool) {
        return a & MAGNITUDE > INFINITY;
    }

    /// @dev The word nearest to ±m * 2^t units of 2^-149, overflow to infinity and subnormals included; m < 2^224.
    /// A caller that cut m off sets its last bit, and leaves 26 bits or more.
    function _round(uint256 sign, uint256 m, int256 t) private pure returns (uint256 r) {
        // s = bits to drop: down to 24 remaining bits, or further, down to the unit.
        // r = sign | min(((s + t) << 23) + (m rounded to even after dropping s bits), infinity)
        if (m == 0) return sign;
        uint256 zeros = Bits.clz(m);
        assembly ("memory-safe") {
            // Thirty-two zeros below, so that something always goes.
            m := shl(32, m)
            t := sub(t, 32)
            let s := sub(264, zeros)
            if slt(add(s, t), 0) {
                s := sub(0, t)
            }
            m := shr(s, add(m, sub(shl(sub(s, 1), 1), iszero(and(shr(s, m), 1)))))
            m := add(shl(23, add(s, t)), m)
            if gt(m, 0x7f800000) {
                m := 0x7f800000
            }
            r := or(sign, m)
        }
    }
}
