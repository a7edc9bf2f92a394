import { sizeOf } from '../../program/node.ts';
import { SEMANTICS } from '../../scalar/machine.ts';
import { type Axis, evaluateIndex } from './indices.ts';
import { termsOf } from './loop.ts';
import { type ReadingTerm, resolve, type Term } from './resolve.ts';
import { isConstant, type Tensor, wordsOf } from './tensor.ts';

/** Constant folding: the elements of a tensor that is computed from constants alone, by the same semantics. */

/** Fold steps and elements that folding one tensor may take; what takes more is left to the program. */
export const FOLDING_STEPS = 4_000_000;

/** @returns the words, or `undefined` if it would take too long */
export function evaluate(tensor: Tensor): Uint32Array | undefined {
  const size = sizeOf(tensor.shape);
  if (size > FOLDING_STEPS) return undefined;
  const { output, fold, result } = resolve(tensor, isConstant);
  const foldAxes = fold?.dimensions.flatMap(({ axes }) => axes) ?? [];
  const steps = fold ? sizeOf(foldAxes.map(({ extent }) => extent)) : 0;
  if (size * Math.max(1, steps) > FOLDING_STEPS) return undefined;

  const indices = new Map<Axis, number>();
  const stepOf = (axis: Axis): number => indices.get(axis) ?? 0;
  const values = new Map<Term, number>();
  let accumulator = 0;
  const read = ({ tensor: from, places, fill }: ReadingTerm): number => {
    let address = 0;
    for (const [i, place] of places.entries()) {
      const extent = from.shape[i] as number;
      let at: number;
      if ('gathered' in place) at = (values.get(place.gathered) as number) | 0;
      else {
        const value = evaluateIndex(place.index, stepOf);
        at = Math.floor(value / place.divisor);
        if (place.exact && at * place.divisor !== value) return fill ?? 0;
      }
      if (at < 0 || at >= extent) return fill ?? 0;
      address = address * extent + at;
    }
    return (wordsOf(from) as Uint32Array)[address] as number;
  };
  const valueOfTerm = (term: Term): number => {
    switch (term.kind) {
      case 'literal':
        return term.word;
      case 'operation': {
        const [a = 0, b = 0, c = 0] = term.args.map((arg) => values.get(arg) as number);
        return SEMANTICS[term.name](a, b, c) >>> 0;
      }
      case 'reading':
        return read(term);
      case 'axis':
        return stepOf(term.axis);
      default:
        return accumulator;
    }
  };
  const run = (terms: readonly Term[]): number => {
    let last = 0;
    for (const term of terms) {
      last = valueOfTerm(term);
      values.set(term, last);
    }
    return last;
  };
  const step = fold ? termsOf([fold.step]) : [];
  const post = termsOf([result]);
  const outputAxes = output.flatMap(({ axes }) => axes);
  const words = new Uint32Array(size);
  for (let i = 0; i < size; i++) {
    setIndices(outputAxes, i, indices);
    if (fold) {
      accumulator = fold.init;
      for (let k = 0; k < steps; k++) {
        setIndices(foldAxes, k, indices);
        accumulator = run(step);
      }
    }
    words[i] = store(run(post), tensor);
  }
  return words;
}

function setIndices(axes: readonly Axis[], position: number, into: Map<Axis, number>): void {
  for (let i = axes.length - 1; i >= 0; i--) {
    const axis = axes[i] as Axis;
    into.set(axis, position % axis.extent);
    position = Math.floor(position / axis.extent);
  }
}

/** A word as it comes back from memory: byte types keep the low byte. */
const store = (word: number, { type: { dtype } }: Tensor): number =>
  dtype === 'i8' ? (word << 24) >> 24 : dtype === 'u8' ? word & 255 : word;
