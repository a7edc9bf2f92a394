import { MAGNITUDE_BITS, SIGN_BIT } from '../../scalar/float32.ts';
import { f32OfWord } from '../../scalar/machine.ts';
import { type FloatFormat, isExact } from '../floatFormats.ts';
import type { Expression } from '../ir/expression.ts';
import { axisIndex } from '../ir/indices.ts';
import type { Tensor } from '../ir/tensor.ts';

interface Search {
  readonly format: FloatFormat;
  /** Axes that indices are made of so far. */
  readonly axes: number;
  readonly seen: Map<Expression, boolean>;
}

/**
 * Knows the tensors of narrow float types that have values of their type only, though held in binary32: what is
 * copied, chosen or negated needs no rounding, sums and products do.
 */
export class NarrowTensors {
  readonly #known = new WeakMap<Tensor, boolean>();

  /** Notes that a tensor's elements were rounded to its type, or come from it. */
  add(tensor: Tensor): void {
    this.#known.set(tensor, true);
  }

  has(tensor: Tensor): boolean {
    const known = this.#known.get(tensor);
    if (known !== undefined) return known;
    const found = this.#isExact(tensor);
    this.#known.set(tensor, found);
    return found;
  }

  #isExact({ type, shape, source }: Tensor): boolean {
    const { format } = type;
    if (!format) return true;
    if (source.kind === 'input') return false;
    if (source.kind === 'constant') return source.words.every((word) => isExact(format, f32OfWord(word)));
    const indices = shape.map((extent, id) => axisIndex({ id, extent }));
    return this.#isChosen(source.body(indices), { format, axes: shape.length, seen: new Map() });
  }

  /** Whether an expression is one of values that the format has, by its form. */
  #isChosen(expression: Expression, search: Search): boolean {
    const known = search.seen.get(expression);
    if (known !== undefined) return known;
    const found = this.#isChosenAnew(expression, search);
    search.seen.set(expression, found);
    return found;
  }

  #isChosenAnew(expression: Expression, search: Search): boolean {
    const { format, axes } = search;
    const isChosen = (part: Expression | undefined): boolean =>
      part !== undefined && this.#isChosen(part, search);
    switch (expression.kind) {
      case 'literal':
        return isExact(format, f32OfWord(expression.word));
      case 'accumulator':
        return true;
      case 'reading': {
        const { tensor, fill } = expression;
        const isFillExact = fill === undefined || isExact(format, f32OfWord(fill));
        return tensor.type.format === format && isFillExact && this.has(tensor);
      }
      case 'fold': {
        const indices = expression.extents.map((extent, i) => axisIndex({ id: axes + i, extent }));
        const step = expression.step(indices, { kind: 'accumulator' });
        const isInitExact = isExact(format, f32OfWord(expression.init));
        return isInitExact && this.#isChosen(step, { ...search, axes: axes + indices.length });
      }
      case 'operation': {
        const [first, second, third] = expression.args;
        switch (expression.name) {
          case 'select':
            return isChosen(second) && isChosen(third);
          case 'f32.min':
          case 'f32.max':
            return isChosen(first) && isChosen(second);
          case 'i32.xor':
            return format.special === 'ieee' && isChosen(first) && isWord(second, SIGN_BIT);
          case 'i32.and':
            return isChosen(first) && isWord(second, MAGNITUDE_BITS);
          default:
            return false;
        }
      }
      default:
        return false;
    }
  }
}

const isWord = (expression: Expression | undefined, word: number): boolean =>
  expression?.kind === 'literal' && expression.word === word;
