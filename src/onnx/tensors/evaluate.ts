import { sizeOf } from '../../program/node.ts';
import { SEMANTICS } from '../../scalar/machine.ts';
import { type Axis, evaluateIndex, type Index } from '../ir/indices.ts';
import { isConstant, type Tensor, type Words, wordsFor, wordsOf } from '../ir/tensor.ts';
import { isSpill, resolve } from '../loops/resolve.ts';
import {
  isPlain,
  type LinearTerm,
  type ReadingTerm,
  type ResolvedCoordinate,
  termsOf,
} from '../loops/terms.ts';

/** Constant folding: the elements of a tensor that is computed from constants alone, by the same semantics. */

/** Terms that folding may evaluate in one import, whatever its size; what takes more is left to the program. */
const FOLDING_TERMS = 2 ** 25;
/** And for each byte of the file, so that weights can be dequantised. */
const FOLDING_TERMS_PER_BYTE = 16;

/** The remaining work that one import may spend on folding. */
export class FoldingBudget {
  #terms: number;

  constructor(fileBytes: number) {
    this.#terms = FOLDING_TERMS + FOLDING_TERMS_PER_BYTE * fileBytes;
  }

  /** @returns whether there is as much left, which is then spent */
  spend(terms: number): boolean {
    if (terms > this.#terms) return false;
    this.#terms -= terms;
    return true;
  }
}

/** @returns the words; `undefined` if it would take too long, or is no single loop */
export function evaluate(tensor: Tensor, budget: FoldingBudget): Words | undefined {
  const size = sizeOf(tensor.shape);
  const resolution = resolve(tensor, isConstant);
  if (isSpill(resolution)) return undefined;
  const { output, fold, result } = resolution;
  const outputAxes = output.flatMap(({ axes }) => axes);
  const foldAxes = fold?.dimensions.flatMap(({ axes }) => axes) ?? [];
  const steps = fold ? sizeOf(foldAxes.map(({ extent }) => extent)) : 0;
  const step = fold ? termsOf([fold.step]) : [];
  const post = termsOf([result]);
  if (!budget.spend(size * (1 + post.length + steps * step.length))) return undefined;

  const indices = new Indices([...outputAxes, ...foldAxes]);
  const machine = new Registers(indices);
  const runStep = machine.compile(step);
  const runPost = machine.compile(post);
  const words = wordsFor(tensor.type.dtype, size);
  for (let i = 0; i < size; i++) {
    if (fold) {
      machine.accumulator = fold.init;
      for (let k = 0; k < steps; k++) {
        machine.accumulator = runStep();
        indices.advance(foldAxes);
      }
    }
    // A byte keeps the low bits of a word.
    words[i] = runPost();
    indices.advance(outputAxes);
  }
  return words;
}

/** Where a loop over axes stands. */
class Indices {
  readonly steps: Int32Array;
  readonly slotOf: ReadonlyMap<Axis, number>;

  constructor(axes: readonly Axis[]) {
    this.steps = new Int32Array(axes.length);
    this.slotOf = new Map(axes.map((axis, i) => [axis, i]));
  }

  /** Advances to the next step, the last axis fastest; the first step follows the last one. */
  advance(axes: readonly Axis[]): void {
    for (let i = axes.length - 1; i >= 0; i--) {
      const axis = axes[i] as Axis;
      const slot = this.slotOf.get(axis) as number;
      const next = (this.steps[slot] as number) + 1;
      this.steps[slot] = next === axis.extent ? 0 : next;
      if (next < axis.extent) return;
    }
  }

  /** The value of an index expression at the present step. */
  valueOf(index: Index): () => number {
    const { steps, slotOf } = this;
    if (!isPlain(index)) {
      const stepOf = (axis: Axis): number => steps[slotOf.get(axis) as number] as number;
      return () => evaluateIndex(index, stepOf);
    }
    const { offset } = index;
    const terms = index.terms.map(({ atom, coefficient }) => ({
      slot: slotOf.get(atom as Axis) as number,
      coefficient,
    }));
    const [only] = terms;
    if (!only) return () => offset;
    if (terms.length === 1) return () => offset + only.coefficient * (steps[only.slot] as number);
    return () => {
      let sum = offset;
      for (const { slot, coefficient } of terms) sum += coefficient * (steps[slot] as number);
      return sum;
    };
  }
}

/** Values of terms, as closures over one array of words. */
class Registers {
  readonly #indices: Indices;
  readonly #words: number[] = [];
  readonly #slots = new Map<LinearTerm, number>();
  accumulator = 0;

  constructor(indices: Indices) {
    this.#indices = indices;
  }

  /** @returns a function that computes the terms and yields the last one's word */
  compile(terms: readonly LinearTerm[]): () => number {
    const own = terms.flatMap((term) => {
      const slot = this.#words.length;
      this.#slots.set(term, slot);
      if (term.kind === 'literal') {
        this.#words.push(term.word);
        return [];
      }
      this.#words.push(0);
      return [{ slot, value: this.#valueOf(term) }];
    });
    const words = this.#words;
    const result = words.length - 1;
    return () => {
      for (const { slot, value } of own) words[slot] = value();
      return words[result] as number;
    };
  }

  #valueOf(term: Exclude<LinearTerm, { kind: 'literal' }>): () => number {
    const words = this.#words;
    switch (term.kind) {
      case 'operation': {
        const compute = SEMANTICS[term.name];
        const [a = 0, b = 0, c = 0] = term.args.map((arg) => this.#slots.get(arg) as number);
        return () => compute(words[a] as number, words[b] as number, words[c] as number) >>> 0;
      }
      case 'reading':
        return this.#read(term);
      case 'axis': {
        const slot = this.#indices.slotOf.get(term.axis) as number;
        return () => this.#indices.steps[slot] as number;
      }
      default:
        return () => this.accumulator;
    }
  }

  #read({ tensor, coordinates, fill = 0 }: ReadingTerm): () => number {
    const from = wordsOf(tensor) as Words;
    const dimensions = coordinates.map((coordinate, i) => ({
      extent: tensor.shape[i] as number,
      at: this.#coordinate(coordinate),
    }));
    return () => {
      let address = 0;
      for (const { extent, at } of dimensions) {
        const index = at();
        if (index < 0 || index >= extent) return fill;
        address = address * extent + index;
      }
      return (from[address] as number) >>> 0;
    };
  }

  /** -1 is outside. */
  #coordinate(coordinate: ResolvedCoordinate): () => number {
    if ('gathered' in coordinate) {
      const slot = this.#slots.get(coordinate.gathered) as number;
      return () => (this.#words[slot] as number) | 0;
    }
    const value = this.#indices.valueOf(coordinate.index);
    const { divisor, exact } = coordinate;
    if (divisor === 1) return value;
    return () => {
      const whole = value();
      const at = Math.floor(whole / divisor);
      return exact && at * divisor !== whole ? -1 : at;
    };
  }
}
