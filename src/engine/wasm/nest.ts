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

/** How one operand is read. */
export interface Access {
  /** Never inside its view. */
  readonly outside: boolean;
  /** Bytes from the start of the tensor, without quotients and gatherings; modulo 2^32. */
  readonly address: Form;
  readonly checks: readonly Check[];
  readonly quotients: readonly Quotient[];
  readonly gatherings: readonly Gathering[];
  /** Where the elements are, if not in the operand's own tensor: in a packed constant of the node's plan. */
  readonly packed?: number;
}

export interface Nest {
  /** Extents of the loops, outputs first; all above 1. */
  readonly extents: readonly number[];
  /** How many of them are outputs. */
  readonly outputs: number;
  readonly accesses: readonly Access[];
  /** The index of each dimension as a form of the loops' indices, by its slot. */
  readonly indexSlots: ReadonlyMap<number, Form>;
}

const INT32 = 2 ** 31;

/** The least and the greatest value of a form. */
function rangeOf(constant: number, coefficients: readonly number[], extents: readonly number[]) {
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
 * The same check by fewer indices, if there is one. Where all of `bound` and of a form but some small terms are
 * multiples of g, and the small terms stay in [0, g), `0 <= form < bound` says nothing about them: a pixel's row is
 * inside or not for all of its channels.
 */
function coarser({ form, bound, multipleOf }: Check, extents: readonly number[]): Check {
  const { constant, coefficients } = form;
  const terms = coefficients.map((_, i) => i).filter((i) => coefficients[i] !== 0);
  terms.sort((a, b) => Math.abs(coefficients[a]!) - Math.abs(coefficients[b]!));
  for (let small = terms.length - 1; small > 0; small--) {
    const kept = terms.slice(small);
    const g = kept.reduce((all, i) => gcd(all, coefficients[i]!), bound!);
    const rest = ((constant % g) + g) % g;
    const dropped = coefficients.map((coefficient, i) => (kept.includes(i) ? 0 : coefficient));
    const { low, high } = rangeOf(rest, dropped, extents);
    if (low < 0 || high >= g) continue;
    return {
      form: {
        constant: (constant - rest) / g,
        coefficients: coefficients.map((coefficient, i) => (kept.includes(i) ? coefficient / g : 0)),
        wide: form.wide,
      },
      bound: bound! / g,
      multipleOf,
    };
  }
  return { form, bound, multipleOf };
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
      // floor(n / divisor) is in [0, extent) exactly if n is in [0, extent * divisor).
      const end = extent * divisor;
      if (high < 0 || low >= end) outside = true;
      const bound = low >= 0 && high < end ? undefined : Math.min(end, form.wide ? 2 ** 48 : INT32);
      const multipleOf = exact ? divisor : 1;
      if (multipleOf > 1) checks.push({ form, bound, multipleOf });
      else if (bound !== undefined) checks.push(coarser({ form, bound, multipleOf }, extents));
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
  };
}

/** All forms of a nest that a merge of loops must keep. */
const formsOf = ({ accesses, indexSlots }: Nest): Form[] => [
  ...accesses.flatMap(({ address, checks, quotients }) => [
    address,
    ...checks.map(({ form }) => form),
    ...quotients.map(({ form }) => form),
  ]),
  ...indexSlots.values(),
];

function mapForms(nest: Nest, map: (form: Form) => Form): Pick<Nest, 'accesses' | 'indexSlots'> {
  return {
    accesses: nest.accesses.map((access) => ({
      ...access,
      address: map(access.address),
      checks: access.checks.map((check) => ({ ...check, form: map(check.form) })),
      quotients: access.quotients.map((quotient) => ({ ...quotient, form: map(quotient.form) })),
    })),
    indexSlots: new Map([...nest.indexSlots].map(([slot, form]) => [slot, map(form)])),
  };
}

/** Leaves out loops of one index, and merges two loops where every form goes on from one into the other. */
function simplify(nest: Nest): Nest {
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
      extents: extents.filter((_, at) => at !== gone),
      outputs: nest.outputs - (gone < nest.outputs ? 1 : 0),
      ...mapForms(nest, without(gone)),
    };
  }
  return nest;
}

/** The nest of a loop that has at least one element and is folded at least once, or whose fold is left out. */
export function nestOf(loop: LoopNode): Nest {
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
    indexSlots,
  });
}
