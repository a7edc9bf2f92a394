import {
  CANONICAL_NAN_BITS,
  FRACTION_BITS,
  MAGNITUDE_BITS,
  NEGATIVE_INFINITY_BITS,
  POSITIVE_INFINITY_BITS,
  SIGN_BIT,
  SMALLEST_NORMAL_BITS,
} from '../../scalar/float32.ts';
import { word } from './expression.ts';

/** The words of `scalar/float32.ts` as literals of expressions. */

export const SIGN = word(SIGN_BIT);
export const MAGNITUDE = word(MAGNITUDE_BITS);
export const FRACTION = word(FRACTION_BITS);
export const SMALLEST_NORMAL = word(SMALLEST_NORMAL_BITS);
export const INFINITY = word(POSITIVE_INFINITY_BITS);
export const NEGATIVE_INFINITY = word(NEGATIVE_INFINITY_BITS);
export const CANONICAL_NAN = word(CANONICAL_NAN_BITS);
