import { type Expression, type IndexCoordinate, i32, select, word } from '../ir/expression.ts';
import { MAGNITUDE, SIGN } from '../ir/floatWords.ts';
import { constantIndex } from '../ir/indices.ts';
import { reading, type Tensor } from '../ir/tensor.ts';
import { TYPES } from '../types.ts';
import { type Halves, keyOf, keys } from './doubleBits.ts';

const ZERO: Halves = { low: word(0), high: word(0) };

/**
 * The exact value of an expression that computes an element of type double in float32, if it copies elements, chooses
 * among them, takes the greater or lesser of two, or changes signs; `undefined` for any other.
 *
 * @param halvesOf the words of a tensor's exact elements, [..., 2]
 */
export function exactly(
  expression: Expression,
  halvesOf: (tensor: Tensor) => Tensor | undefined,
): Halves | undefined {
  const recur = (part: Expression | undefined) => part && exactly(part, halvesOf);
  // Other literals may be numbers that float32 rounded.
  if (expression.kind === 'literal') return expression.word === 0 ? ZERO : undefined;
  if (expression.kind === 'reading') {
    const { tensor, coordinates, fill } = expression;
    if (tensor.type !== TYPES.double || (fill !== undefined && fill !== 0)) return undefined;
    const halves = halvesOf(tensor);
    return halves && { low: half(halves, coordinates, 0, fill), high: half(halves, coordinates, 1, fill) };
  }
  if (expression.kind !== 'operation') return undefined;
  const [a, b, c] = expression.args;
  switch (expression.name) {
    case 'select': {
      const [then, otherwise] = [recur(b), recur(c)];
      return then && otherwise && chosen(a as Expression, then, otherwise);
    }
    case 'f32.max':
    case 'f32.min': {
      const [first, second] = [recur(a), recur(b)];
      return first && second && extremum(expression.name === 'f32.max', first, second);
    }
    // Signs are flipped and cleared as bits.
    case 'i32.xor':
    case 'i32.and': {
      const isFlip = expression.name === 'i32.xor';
      const mask = isFlip ? SIGN : MAGNITUDE;
      if (b?.kind !== 'literal' || b.word !== mask.word) return undefined;
      const value = recur(a);
      return value && { low: value.low, high: (isFlip ? i32.xor : i32.and)(value.high, mask) };
    }
    default:
      return undefined;
  }
}

const half = (
  halves: Tensor,
  coordinates: readonly IndexCoordinate[],
  index: 0 | 1,
  fill: number | undefined,
): Expression => reading(halves, [...coordinates, constantIndex(index)], fill);

const chosen = (condition: Expression, then: Halves, otherwise: Halves): Halves => ({
  low: select(condition, then.low, otherwise.low),
  high: select(condition, then.high, otherwise.high),
});

/** The greater or lesser of two; NaN if one is NaN. */
function extremum(isGreatest: boolean, a: Halves, b: Halves): Halves {
  const [first, second] = [keyOf(a), keyOf(b)];
  const keyed = isGreatest ? [first, second] : [keys.reversed(first), keys.reversed(second)];
  return chosen(keys.isBelow(keyed[0] as Halves, keyed[1] as Halves), b, a);
}
