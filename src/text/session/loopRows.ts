import { ensure } from '../../onnx/errors.ts';
import {
  type AffineCoordinate,
  type Coordinate,
  ELEMENT_BYTES,
  type LoopNode,
  type Operand,
  type ScalarProgram,
  sizeOf,
  slotsOf,
  type Term,
  type ViewDimension,
  withSlots,
} from '../../program/node.ts';
import type { Reach } from './analysis.ts';
import {
  type AxisPart,
  affine,
  type Carrier,
  digitsOf,
  isInside,
  joinTerms,
  partsOf,
  type RowAxis,
  stridesOf,
} from './axis.ts';

/** Some rows of a loop as a loop of its own: the same code over fewer indices. */

/** The axes of a loop whose extents change, by position: its rows, and keys. */
const ROW = 0;
const KEY = 1;

/** A tensor that an operand reads, as the new loop finds it. */
export interface RowPosition {
  readonly node: number;
  /** The axes along which it is smaller than the tensor that it stands for, with their new extents. */
  readonly shrunk: readonly { readonly axis: RowAxis; readonly extent: number }[];
  /** Set if it is a cache that has the rows along this axis last. */
  readonly turned?: RowAxis | undefined;
}

/** Everything around a loop that its rows need. */
export interface LoopSurroundings {
  /** Tensors that are read, by operand. */
  readonly places: readonly RowPosition[];
  readonly reaches: readonly Reach[];
  /** Rows of the loop, and how many of them are computed. */
  readonly row: { readonly carrier: Carrier; readonly axis: RowAxis; readonly count: number };
  /** The index that counts keys, and how many of them are read. */
  readonly key: { readonly carrier: Carrier; readonly extent: number; readonly count: number } | undefined;
  /** Node with the number of each row, [rows], int32. */
  numbers(): number;
  /** Bytes of a constant; undefined for another tensor. */
  constant(operand: number): Uint8Array | undefined;
  /** The node of a constant, which is made once for each key. */
  define(key: string, dtype: Operand['dtype'], shape: readonly number[], make: () => Uint8Array): number;
}

/** A constant that is laid out anew. */
interface Table {
  /** The indices that it is read by, and their extents. */
  readonly indices: readonly number[];
  readonly shape: readonly number[];
  readonly width: number;
  readonly fill: number;
}

/** Bytes of a constant that is laid out anew by rows, most. */
const MAX_TABLE_BYTES = 2 ** 26;

/** @throws Refusal for a loop that is not understood */
export function loopRows(loop: LoopNode, around: LoopSurroundings): LoopNode {
  return new LoopRows(loop, around).made();
}

class LoopRows {
  readonly #loop: LoopNode;
  readonly #around: LoopSurroundings;
  /** Parts of each index. */
  readonly #parts: readonly (readonly AxisPart[])[];
  /** Number of the first part of each index. */
  readonly #firsts: readonly number[];
  /** Extents of the new indices as they were, and as they are. */
  readonly #before: readonly number[];
  readonly #after: readonly number[];
  readonly #outputs: number;
  readonly #rowIndex: number;
  readonly #operands: Operand[] = [];
  #hasNumbers = false;

  constructor(loop: LoopNode, around: LoopSurroundings) {
    this.#loop = loop;
    this.#around = around;
    const { row, key } = around;
    this.#parts = [...loop.shape, ...loop.fold].map((size, index) =>
      partsOf(size, [
        ...(row.carrier.index === index
          ? [{ extent: row.axis.extent, inner: row.carrier.unit, axis: ROW }]
          : []),
        ...(key?.carrier.index === index ? [{ extent: key.extent, inner: key.carrier.unit, axis: KEY }] : []),
      ]),
    );
    const all = this.#parts.flat();
    this.#firsts = this.#parts.map((_, i) => this.#parts.slice(0, i).flat().length);
    this.#before = all.map(({ extent }) => extent);
    this.#after = all.map(({ extent, axis }) =>
      axis === ROW ? row.count : axis === KEY ? key!.count : extent,
    );
    this.#outputs = this.#parts.slice(0, loop.shape.length).flat().length;
    this.#rowIndex = all.findIndex(({ axis }) => axis === ROW);
  }

  made(): LoopNode {
    const loop = this.#loop;
    this.#hasNumbers = this.#needsNumbers();
    if (this.#hasNumbers) {
      const view = [{ extent: this.#around.row.count, coordinate: this.#row }];
      this.#operands.push({ node: this.#around.numbers(), dtype: 'i32', view, fill: 0 });
    }
    for (const o of loop.operands.keys()) this.#operands.push(this.#operand(o));
    const frame = {
      shape: this.#after.slice(0, this.#outputs),
      fold: this.#after.slice(this.#outputs),
      constants: loop.constants,
      operands: this.#operands,
    };
    return { ...loop, ...frame, step: this.#code(loop.step, frame), post: this.#code(loop.post, frame) };
  }

  get #row(): Coordinate {
    return affine(0, [{ index: this.#rowIndex, coefficient: 1 }]);
  }

  /** Whether the number of the row itself is needed: as a value, or to find the row of a constant. */
  #needsNumbers(): boolean {
    const slot = slotsOf(this.#loop).outputIndices + this.#around.row.carrier.index;
    const isUsed = [this.#loop.step, this.#loop.post].some(
      ({ code, result }) => result === slot || code.some(({ a, b, c }) => [a, b, c].includes(slot)),
    );
    return isUsed || this.#around.reaches.some((_, o) => this.#isTable(o));
  }

  /** Whether an operand reads, at the row that is computed, a tensor that has all rows. */
  #isTable(o: number): boolean {
    const reach = this.#around.reaches[o]!;
    return reach.kind === 'rows' && this.#around.places[o]!.shrunk.length === 0;
  }

  #terms(terms: readonly Term[]): Term[] {
    return terms.flatMap(({ index, coefficient }) =>
      this.#parts[index]!.map(({ stride }, part) => ({
        index: this.#firsts[index]! + part,
        coefficient: coefficient * stride,
      })),
    );
  }

  #moved(coordinate: Coordinate): Coordinate {
    return coordinate.kind === 'gathered'
      ? { kind: 'gathered', operand: coordinate.operand + (this.#hasNumbers ? 1 : 0) }
      : { ...coordinate, terms: joinTerms(this.#terms(coordinate.terms)) };
  }

  #operand(o: number): Operand {
    const operand = this.#loop.operands[o]!;
    const reach = this.#around.reaches[o]!;
    const { node, shrunk, turned } = this.#around.places[o]!;
    if (this.#isTable(o)) return this.#table(o);
    if (turned) return { ...operand, node, view: this.#turned(operand, turned) };
    const strides = stridesOf(operand.view.map(({ extent }) => extent));
    const view = operand.view.flatMap((dimension, d): ViewDimension[] => {
      const { extent, coordinate } = dimension;
      const stride = strides[d]!;
      const axes = shrunk.flatMap(({ axis }, i) =>
        axis.extent > 1 && stride <= axis.inner && axis.inner < stride * extent
          ? [{ extent: axis.extent, inner: axis.inner / stride, axis: i }]
          : [],
      );
      if (axes.length === 0) return [{ extent, coordinate: this.#moved(coordinate) }];
      if (coordinate.kind === 'gathered') {
        ensure(
          reach.kind === 'rows' && reach.dimension === d && axes.length === 1 && axes[0]!.extent === extent,
          'it gathers rows that are not there',
        );
        return [{ extent: shrunk[axes[0]!.axis]!.extent, coordinate: this.#row }];
      }
      const moved = this.#moved(coordinate);
      ensure(
        isInside(moved, extent, this.#before),
        'it reads rows through a coordinate that is divided or may be outside',
      );
      const parts = partsOf(extent, axes);
      return digitsOf(moved, parts, this.#before).map((digit, p): ViewDimension => {
        const { axis, extent: whole } = parts[p]!;
        if (axis === undefined) return { extent: whole, coordinate: digit };
        const [term, ...others] = digit.terms;
        ensure(
          term?.coefficient === 1 && others.length === 0 && digit.offset === 0,
          'it reads other rows than its own',
        );
        return { extent: shrunk[axis]!.extent, coordinate: digit };
      });
    });
    return { ...operand, node, view };
  }

  /** The view of a tensor whose rows are moved behind everything else. */
  #turned({ view }: Operand, axis: RowAxis): ViewDimension[] {
    const strides = stridesOf(view.map(({ extent }) => extent));
    const flat = view.map(({ extent, coordinate }, d) => {
      const moved = this.#moved(coordinate);
      ensure(
        isInside(moved, extent, this.#before),
        'it reads a cache at places that are computed, or outside',
      );
      return scaled(moved, strides[d]!);
    });
    const offset = flat.reduce((sum, part) => sum + part.offset, 0);
    const terms = flat.flatMap((part) => part.terms);
    const size = sizeOf(view.map(({ extent }) => extent));
    const parts = partsOf(size, [{ ...axis, axis: 0 }]);
    const digits = digitsOf({ offset, terms }, parts, this.#before);
    const dimensions = parts.map(({ extent, axis: which }, p) => ({ extent, which, coordinate: digits[p]! }));
    return [
      ...dimensions.filter(({ which }) => which === undefined),
      ...dimensions.filter(({ which }) => which !== undefined),
    ].map(({ extent, coordinate }) => ({ extent, coordinate }));
  }

  /**
   * An operand that reads rows of a tensor that has all of them. A constant is laid out anew: for each row, the elements
   * that are read there.
   */
  #table(o: number): Operand {
    const { dtype, view, fill } = this.#loop.operands[o]!;
    const bytes = this.#around.constant(o);
    ensure(bytes, 'it reads rows of a tensor that each request has anew');
    const moved = view.map(({ extent, coordinate }) => ({ extent, coordinate: this.#moved(coordinate) }));
    const used = new Set(
      moved.flatMap(({ coordinate }) => {
        ensure(coordinate.kind === 'affine', 'it reads rows of a constant at places that are computed');
        return coordinate.terms.map(({ index }) => index);
      }),
    );
    const indices = [this.#rowIndex, ...[...used].filter((index) => index !== this.#rowIndex)];
    const shape = indices.map((index) => this.#before[index]!);
    const width = ELEMENT_BYTES[dtype];
    ensure(sizeOf(shape) * width <= MAX_TABLE_BYTES, 'it reads too many elements of a constant at each row');
    const from = this.#loop.operands[o]!.node;
    const node = this.#around.define(JSON.stringify([from, fill, moved, indices, shape]), dtype, shape, () =>
      this.#tableOf(bytes, moved, { indices, shape, width, fill }),
    );
    return {
      node,
      dtype,
      fill: 0,
      view: indices.map((index, i) => ({
        extent: shape[i]!,
        coordinate: i === 0 ? { kind: 'gathered', operand: 0 } : affine(0, [{ index, coefficient: 1 }]),
      })),
    };
  }

  #tableOf(
    bytes: Uint8Array,
    view: readonly ViewDimension[],
    { indices, shape, width, fill }: Table,
  ): Uint8Array {
    const table = new Uint8Array(sizeOf(shape) * width);
    const words = new DataView(table.buffer);
    const at = new Array<number>(this.#before.length).fill(0);
    for (let element = 0; element < sizeOf(shape); element++) {
      let rest = element;
      for (let i = shape.length - 1; i >= 0; i--) {
        at[indices[i]!] = rest % shape[i]!;
        rest = Math.floor(rest / shape[i]!);
      }
      const place = placeIn(view, at);
      if (place !== undefined) table.set(bytes.subarray(place * width, (place + 1) * width), element * width);
      else if (width === 4) words.setInt32(4 * element, fill | 0, true);
      else {
        ensure(fill >= 0 && fill < 128, 'it reads outside of a constant');
        words.setUint8(element, fill);
      }
    }
    return table;
  }

  #code({ code, result }: ScalarProgram, frame: Parameters<typeof slotsOf>[0]): ScalarProgram {
    const from = slotsOf(this.#loop);
    const to = slotsOf(frame);
    const slot = (at: number): number => {
      if (at < from.operands) return at;
      if (at < from.outputIndices) return at - from.operands + to.operands + (this.#hasNumbers ? 1 : 0);
      if (at >= from.results) return at - from.results + to.results;
      const index = at - from.outputIndices;
      const { row } = this.#around;
      ensure(this.#parts[index]!.length === 1, 'it computes with the number of a row and more');
      return index === row.carrier.index ? to.operands : to.outputIndices + this.#firsts[index]!;
    };
    return { code: withSlots(code, slot), result: slot(result) };
  }
}

const scaled = ({ offset, terms }: AffineCoordinate, factor: number): AffineCoordinate =>
  affine(
    factor * offset,
    terms.map(({ index, coefficient }) => ({ index, coefficient: factor * coefficient })),
  );

/** The element that a view reads; undefined outside. */
function placeIn(view: readonly ViewDimension[], indices: readonly number[]): number | undefined {
  let place = 0;
  for (const { extent, coordinate } of view) {
    if (coordinate.kind === 'gathered') return undefined;
    const { offset, divisor, exact, terms } = coordinate;
    const sum = terms.reduce((all, { index, coefficient }) => all + coefficient * indices[index]!, offset);
    const value = Math.floor(sum / divisor);
    if ((exact && value * divisor !== sum) || value < 0 || value >= extent) return undefined;
    place = place * extent + value;
  }
  return place;
}
