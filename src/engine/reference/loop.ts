import {
  type LoopNode,
  type Operand,
  operandUses,
  type ScalarProgram,
  sizeOf,
  slotsOf,
  type ViewDimension,
} from '../../program/node.ts';
import { runScalar } from '../../scalar/machine.ts';
import { wordAsStored } from './word.ts';

/** Loads the word of an operand's tensor at an address. A run, a recorder and a replay each have their own. */
export type Load = (operand: number, address: number) => number;

/** The address of anything outside an operand's view. */
const OUTSIDE = -1;

/** One dimension of a view, with slots in place of index and operand numbers. */
interface Axis {
  readonly extent: number;
  /** Slot of the operand that holds the coordinate, or -1 if it is affine. */
  readonly gathered: number;
  readonly exact: boolean;
  readonly offset: number;
  readonly divisor: number;
  readonly indexSlots: readonly number[];
  readonly coefficients: readonly number[];
}

interface Read {
  readonly operand: number;
  readonly slot: number;
  readonly fill: number;
  readonly axes: readonly Axis[];
}

type Slots = ReturnType<typeof slotsOf>;

function axisOf({ extent, coordinate }: ViewDimension, slots: Slots): Axis {
  if (coordinate.kind === 'gathered') {
    const gathered = slots.operands + coordinate.operand;
    return { extent, gathered, exact: false, offset: 0, divisor: 1, indexSlots: [], coefficients: [] };
  }
  return {
    extent,
    gathered: -1,
    exact: coordinate.exact,
    offset: coordinate.offset,
    divisor: coordinate.divisor,
    // Fold indices are numbered after output indices, and so are their slots.
    indexSlots: coordinate.terms.map(({ index }) => slots.outputIndices + index),
    coefficients: coordinate.terms.map(({ coefficient }) => coefficient),
  };
}

const readOf = ({ fill, view }: Operand, operand: number, slots: Slots): Read => ({
  operand,
  slot: slots.operands + operand,
  fill,
  axes: view.map((dimension) => axisOf(dimension, slots)),
});

/**
 * Row-major address that the slots select, or OUTSIDE.
 *
 * All numbers stay below 2^47 (MAX_ADDRESS), so binary64 computes them exactly, the floor of a quotient included.
 */
function addressOf(axes: readonly Axis[], slots: Uint32Array): number {
  let address = 0;
  for (let d = 0; d < axes.length; d++) {
    const axis = axes[d]!;
    let coordinate: number;
    if (axis.gathered >= 0) {
      coordinate = slots[axis.gathered]! | 0;
    } else {
      coordinate = axis.offset;
      for (let t = 0; t < axis.indexSlots.length; t++) {
        coordinate += axis.coefficients[t]! * slots[axis.indexSlots[t]!]!;
      }
      if (axis.divisor !== 1) {
        const quotient = Math.floor(coordinate / axis.divisor);
        if (axis.exact && quotient * axis.divisor !== coordinate) return OUTSIDE;
        coordinate = quotient;
      }
    }
    if (coordinate < 0 || coordinate >= axis.extent) return OUTSIDE;
    address = address * axis.extent + coordinate;
  }
  return address;
}

/**
 * Runs single elements of one loop node, any range of fold steps at a time.
 *
 * The node must be valid (see `program/validate.ts`). This is the definition of its result:
 *
 * ```
 * acc = init
 * for each fold index, last dimension fastest:
 *   read the operands that step uses, in order; run step; acc = its result
 * read the operands that post uses, in order, fold indices 0; run post; store its result
 * ```
 */
export class LoopRunner {
  /** Fold steps of one element: 1 if there are no fold dimensions, 0 if one of them is empty. */
  readonly steps: number;
  readonly #loop: LoopNode;
  readonly #load: Load;
  readonly #layout: Slots;
  readonly #slots: Uint32Array;
  readonly #stepReads: readonly Read[];
  readonly #postReads: readonly Read[];

  constructor(loop: LoopNode, load: Load) {
    this.#loop = loop;
    this.#load = load;
    this.steps = sizeOf(loop.fold);
    this.#layout = slotsOf(loop);
    const instructions = Math.max(loop.step.code.length, loop.post.code.length);
    this.#slots = new Uint32Array(this.#layout.results + instructions);
    this.#slots.set(loop.constants, this.#layout.constants);
    const uses = operandUses(loop);
    const reads = loop.operands.map((operand, i) => readOf(operand, i, this.#layout));
    this.#stepReads = reads.filter((_, i) => uses[i]!.step);
    this.#postReads = reads.filter((_, i) => uses[i]!.post);
  }

  /** The accumulator of an element after fold steps [from, to), given the one before them. */
  fold(element: number, from: number, to: number, accumulator: number): number {
    if (from >= to) return accumulator;
    const { fold, step } = this.#loop;
    const slots = this.#slots;
    const first = this.#layout.foldIndices;
    this.#setIndices(this.#loop.shape, this.#layout.outputIndices, element);
    this.#setIndices(fold, first, from);
    for (let k = from; k < to; k++) {
      accumulator = this.#evaluate(step, this.#stepReads, accumulator);
      for (let d = fold.length - 1; d >= 0; d--) {
        if (++slots[first + d]! < fold[d]!) break;
        slots[first + d] = 0;
      }
    }
    return accumulator;
  }

  /** The word that is loaded from an element, given its accumulator after the last fold step. */
  finish(element: number, accumulator: number): number {
    this.#setIndices(this.#loop.shape, this.#layout.outputIndices, element);
    this.#setIndices(this.#loop.fold, this.#layout.foldIndices, 0);
    return wordAsStored(this.#loop.dtype, this.#evaluate(this.#loop.post, this.#postReads, accumulator));
  }

  /** The word that is loaded from an element. */
  element(element: number): number {
    return this.finish(element, this.fold(element, 0, this.steps, this.#loop.init));
  }

  /**
   * Accumulators of an element after as many fold steps as each position says.
   *
   * @param from a position whose accumulator is known; the beginning if left out
   * @throws RangeError unless the positions ascend from there to the number of steps
   */
  accumulators(
    element: number,
    positions: readonly number[],
    from = { position: 0, word: this.#loop.init },
  ): number[] {
    let at = from.position;
    let accumulator = from.word;
    return positions.map((position) => {
      if (!(position >= at && position <= this.steps)) {
        throw new RangeError(`position ${position} is not between ${at} and ${this.steps}`);
      }
      accumulator = this.fold(element, at, position, accumulator);
      at = position;
      return accumulator;
    });
  }

  #evaluate(program: ScalarProgram, reads: readonly Read[], accumulator: number): number {
    const slots = this.#slots;
    slots[0] = accumulator;
    for (let r = 0; r < reads.length; r++) {
      const read = reads[r]!;
      const address = addressOf(read.axes, slots);
      slots[read.slot] = address === OUTSIDE ? read.fill : this.#load(read.operand, address);
    }
    runScalar(program.code, slots, this.#layout.results);
    return slots[program.result]!;
  }

  /** Writes the row-major indices of `position` in `extents` to the slots from `first` on. */
  #setIndices(extents: readonly number[], first: number, position: number): void {
    for (let d = extents.length - 1; d >= 0; d--) {
      const extent = extents[d]!;
      // A zero extent has no index; its fold has no steps and its tensor no elements.
      this.#slots[first + d] = extent === 0 ? 0 : position % extent;
      position = extent === 0 ? 0 : Math.floor(position / extent);
    }
  }
}
