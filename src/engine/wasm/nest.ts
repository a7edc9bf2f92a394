import { ELEMENT_BYTES, type LoopNode, sizeOf, slotsOf, type ViewDimension } from '../../program/node.ts';

/**
 * A loop node seen as loops: its output and fold dimensions of more than one index, neighbours merged where nothing
 * tells them apart, and its operands' addresses as linear forms of their indices.
 */

/** `constant + sum of coefficients[i] * index of loop i`; wide if a value of it, somewhere, is no i32. */
export interface Form {
  readonly constant: number;
  readonly coefficients: readonly number[];
  readonly wide: boolean;
  /** What the lanes of one tile are apart, if that is not the coefficient of their loop. */
  readonly lane?: number;
}

/** What must hold, if the operand is not to be outside. All of them are on coordinates before division. */
export interface Check {
  readonly form: Form;
  /** The form must be in [0, bound); `undefined` if it always is. */
  readonly bound: number | undefined;
  /** The form must be a multiple of this. */
  readonly multipleOf: number;
}

/** `floor(form / divisor) * stride`, added to an address; the form is not negative. */
interface Quotient {
  readonly form: Form;
  readonly divisor: number;
  /** Bytes. */
  readonly stride: number;
}

/** The value of another operand, times the stride; it must be in [0, extent). */
interface Gathering {
  readonly operand: number;
  readonly extent: number;
  readonly stride: number;
}

/** A dimension that is divided, or in which the operand may be outside. */
export interface Hard {
  /** The coordinate before division. */
  readonly form: Form;
  readonly extent: number;
  readonly divisor: number;
  readonly exact: boolean;
  /** Bytes. */
  readonly stride: number;
}

/** Where an operand's addresses start: at a byte of its own tensor, in a packed constant, or in what a stage copies. */
export type Region =
  | { readonly kind: 'tensor'; readonly start: number }
  | { readonly kind: 'packed'; readonly index: number }
  | { readonly kind: 'staged'; readonly stage: number };

/** How one operand is read. */
export interface Access {
  /** Never inside its view. */
  readonly outside: boolean;
  /** Bytes from where its region starts, without quotients and gatherings; modulo 2^32. */
  readonly address: Form;
  readonly checks: readonly Check[];
  readonly quotients: readonly Quotient[];
  readonly gatherings: readonly Gathering[];
  /** What checks and quotients are made of; neighbouring loops merge only where it allows. */
  readonly hard: readonly Hard[];
  readonly region: Region;
  /** A word is two bytes, extended to 16 bits each when they are loaded. */
  readonly halves?: 'signed' | 'unsigned';
}

/** Whether an operand is always inside and its address is the linear form alone. */
export const isLinear = ({ checks, quotients, gatherings }: Access): boolean =>
  checks.length + quotients.length + gatherings.length === 0;

export interface Nest {
  /** Extents of the loops, outputs first; all above 1. */
  readonly extents: readonly number[];
  /** How many of them are outputs. */
  readonly outputs: number;
  readonly accesses: readonly Access[];
  /** Bytes from the start of what is computed to an element. */
  readonly store: Form;
  /** Elements are stored as 16-bit integers, which they must fit. */
  readonly halves?: boolean;
  /** The index of each dimension as a form of the loops' indices, by its slot. */
  readonly indexSlots: ReadonlyMap<number, Form>;
  /** The index of the loop of which only a band is run at a time. */
  readonly banded?: Form;
}

const INT32 = 2 ** 31;

/** The least and the greatest value of a form. */
export function rangeOf(constant: number, coefficients: readonly number[], extents: readonly number[]) {
  let low = constant;
  let high = constant;
  coefficients.forEach((coefficient, i) => {
    const reach = coefficient * (extents[i]! - 1);
    if (reach < 0) low += reach;
    else high += reach;
  });
  return { low, high };
}

const gcd = (a: number, b: number): number => (b === 0 ? Math.abs(a) : gcd(b, a % b));

/**
 * The greatest g such that floor(form / g) goes by fewer indices and says whether `0 <= form < bound`: `bound` and the
 * terms that are left are multiples of g, the others stay in [0, g). A pixel's row is inside or not for all of its
 * channels. 1 if there is none.
 */
export function runOf({ constant, coefficients }: Form, bound: number, extents: readonly number[]): number {
  const terms = coefficients.map((_, i) => i).filter((i) => coefficients[i] !== 0);
  terms.sort((a, b) => Math.abs(coefficients[a]!) - Math.abs(coefficients[b]!));
  for (let small = terms.length - 1; small > 0; small--) {
    const kept = terms.slice(small);
    const g = kept.reduce((all, i) => gcd(all, coefficients[i]!), bound);
    const rest = ((constant % g) + g) % g;
    const dropped = coefficients.map((coefficient, i) => (kept.includes(i) ? 0 : coefficient));
    const { low, high } = rangeOf(rest, dropped, extents);
    if (low >= 0 && high < g) return g;
  }
  return 1;
}

/** The same check by fewer indices, if there is one. */
function coarser(check: Check, extents: readonly number[]): Check {
  const { form, bound, multipleOf } = check;
  const g = runOf(form, bound!, extents);
  if (g === 1) return check;
  const coefficients = form.coefficients.map((coefficient) => (coefficient % g === 0 ? coefficient / g : 0));
  const constant = Math.floor(form.constant / g);
  return { form: { constant, coefficients, wide: form.wide }, bound: bound! / g, multipleOf };
}

/** What must hold of a coordinate, and nothing where it always does. */
export function checksOf(
  { form, extent, divisor, exact }: Omit<Hard, 'stride'>,
  extents: readonly number[],
): Check[] {
  const { low, high } = rangeOf(form.constant, form.coefficients, extents);
  // floor(n / divisor) is in [0, extent) exactly if n is in [0, extent * divisor).
  const end = extent * divisor;
  const bound = low >= 0 && high < end ? undefined : Math.min(end, form.wide ? 2 ** 48 : INT32);
  const multipleOf = exact ? divisor : 1;
  if (multipleOf > 1) return [{ form, bound, multipleOf }];
  return bound === undefined ? [] : [coarser({ form, bound, multipleOf }, extents)];
}

/** A coordinate's coefficients by dimension; several terms may be of the same one. */
function coefficientsOf(dimension: ViewDimension, dimensions: number): number[] {
  const coefficients = new Array<number>(dimensions).fill(0);
  if (dimension.coordinate.kind === 'affine') {
    for (const { index, coefficient } of dimension.coordinate.terms) coefficients[index]! += coefficient;
  }
  return coefficients;
}

const wrap = (value: bigint): number => Number(BigInt.asIntN(32, value));

function accessOf(view: readonly ViewDimension[], elementBytes: number, extents: readonly number[]): Access {
  const checks: Check[] = [];
  const quotients: Quotient[] = [];
  const gatherings: Gathering[] = [];
  const hard: Hard[] = [];
  const address = new Array<bigint>(extents.length).fill(0n);
  let constant = 0n;
  let outside = false;
  let stride = BigInt(elementBytes);
  for (const dimension of [...view].reverse()) {
    const { extent, coordinate } = dimension;
    if (coordinate.kind === 'gathered') {
      gatherings.unshift({ operand: coordinate.operand, extent, stride: wrap(stride) });
    } else {
      const { offset, divisor, exact } = coordinate;
      const coefficients = coefficientsOf(dimension, extents.length);
      const { low, high } = rangeOf(offset, coefficients, extents);
      const form = { constant: offset, coefficients, wide: low < -INT32 || high >= INT32 };
      if (high < 0 || low >= extent * divisor) outside = true;
      const whole = { form, extent, divisor, exact, stride: wrap(stride) };
      const found = checksOf(whole, extents);
      checks.push(...found);
      if (found.length > 0 || divisor > 1) hard.unshift(whole);
      if (divisor === 1) {
        constant += BigInt(offset) * stride;
        coefficients.forEach((coefficient, i) => {
          address[i]! += BigInt(coefficient) * stride;
        });
      } else {
        quotients.push({ form, divisor, stride: wrap(stride) });
      }
    }
    stride *= BigInt(extent);
  }
  return {
    outside,
    address: { constant: wrap(constant), coefficients: address.map(wrap), wide: false },
    checks,
    quotients,
    gatherings,
    hard,
    region: { kind: 'tensor', start: 0 },
  };
}

/** All forms of a nest that a merge of loops must keep. */
const formsOf = ({ accesses, store, indexSlots, banded }: Nest): Form[] => [
  ...accesses.flatMap(({ address, checks, quotients, hard }) => [
    address,
    ...[...checks, ...quotients, ...hard].map(({ form }) => form),
  ]),
  store,
  ...indexSlots.values(),
  ...(banded ? [banded] : []),
];

function mapForms(
  nest: Nest,
  map: (form: Form) => Form,
): Pick<Nest, 'accesses' | 'store' | 'indexSlots' | 'banded'> {
  return {
    accesses: nest.accesses.map((access) => ({
      ...access,
      address: map(access.address),
      checks: access.checks.map((check) => ({ ...check, form: map(check.form) })),
      quotients: access.quotients.map((quotient) => ({ ...quotient, form: map(quotient.form) })),
      hard: access.hard.map((dimension) => ({ ...dimension, form: map(dimension.form) })),
    })),
    store: map(nest.store),
    indexSlots: new Map([...nest.indexSlots].map(([slot, form]) => [slot, map(form)])),
    ...(nest.banded ? { banded: map(nest.banded) } : {}),
  };
}

/** Leaves out loops of one index, and merges two loops where every form goes on from one into the other. */
export function simplify(nest: Nest): Nest {
  const without = (at: number) => (form: Form) => ({
    ...form,
    coefficients: form.coefficients.filter((_, i) => i !== at),
  });
  for (let i = nest.extents.length - 1; i >= 0; i--) {
    const extent = nest.extents[i]!;
    const merges =
      i > 0 &&
      i !== nest.outputs &&
      formsOf(nest).every(({ coefficients }) => coefficients[i - 1] === coefficients[i]! * extent);
    if (extent > 1 && !merges) continue;
    // A merged loop goes by the inner one's coefficients, and its outer part goes.
    const gone = extent === 1 ? i : i - 1;
    const extents = nest.extents.map((e, at) => (gone !== i && at === i ? e * nest.extents[i - 1]! : e));
    nest = {
      ...nest,
      extents: extents.filter((_, at) => at !== gone),
      outputs: nest.outputs - (gone < nest.outputs ? 1 : 0),
      ...mapForms(nest, without(gone)),
    };
  }
  return nest;
}

/** The same nest with its loops in another order: `order` has the loop that is to be at each place. */
export function reordered(nest: Nest, order: readonly number[]): Nest {
  const map = (form: Form): Form => ({ ...form, coefficients: order.map((i) => form.coefficients[i]!) });
  return { ...nest, extents: order.map((i) => nest.extents[i]!), ...mapForms(nest, map) };
}

/** Steps in a row-major array of these extents, in units of `unit`. */
export function stridesOf(extents: readonly number[], unit: number): number[] {
  const strides = new Array<number>(extents.length);
  for (let i = extents.length - 1; i >= 0; i--) {
    strides[i] = unit;
    unit *= extents[i]!;
  }
  return strides;
}

/**
 * The nest of a loop that has at least one element and is folded at least once, or whose fold is left out.
 *
 * @param strides where its elements go by its output indices, and the first one, in elements
 */
export function nestOf(
  loop: LoopNode,
  strides: readonly number[] = stridesOf(loop.shape, 1),
  first = 0,
): Nest {
  const fold = sizeOf(loop.fold) === 0 ? loop.fold.map(() => 1) : loop.fold;
  const extents = [...loop.shape, ...fold];
  const { outputIndices, results } = slotsOf(loop);
  const read = new Set([
    ...[loop.step, loop.post].flatMap(({ code, result }) => [
      result,
      ...code.flatMap((s) => [s.a, s.b, s.c]),
    ]),
  ]);
  const indexSlots = new Map<number, Form>();
  for (let slot = outputIndices; slot < results; slot++) {
    if (!read.has(slot)) continue;
    const coefficients = extents.map((_, i) => (i === slot - outputIndices ? 1 : 0));
    indexSlots.set(slot, { constant: 0, coefficients, wide: false });
  }
  return simplify({
    extents,
    outputs: loop.shape.length,
    accesses: loop.operands.map(({ view, dtype }) => accessOf(view, ELEMENT_BYTES[dtype], extents)),
    store: {
      constant: first * ELEMENT_BYTES[loop.dtype],
      coefficients: [...strides.map((stride) => stride * ELEMENT_BYTES[loop.dtype]), ...fold.map(() => 0)],
      wide: false,
    },
    indexSlots,
  });
}
