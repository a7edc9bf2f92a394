import { pruned, renumbered } from '../kernel/code.ts';
import type { Form, Interval } from '../kernel/form.ts';
import {
  type Access,
  accessUses,
  BYTE_PAIR,
  dependsOn,
  ELEMENT_SIZE,
  isLinear,
  type Kernel,
  slotLayout,
} from '../kernel/kernel.ts';
import { copyBox } from './box.ts';
import { tileShape } from './chooseTile.ts';
import { packedBuffer, planPanels } from './panels.ts';
import type { Copied } from './scratch.ts';
import type { Target } from './target.ts';

/** Size of a 16-bit integer, bytes. */
const HALF = 2;

/**
 * Folds sums of products of bytes two steps at a time. One instruction multiplies pairs of 16-bit integers and adds
 * neighbours; sums of i32 wrap, so their order does not matter. It applies where both factors fit 16 bits.
 *
 * The factor that rows read, or that all lanes of a single row share, is computed beforehand, as 16-bit integers in a
 * scratch buffer. The factor that lanes read is a constant: it is packed in panels with pairs of steps next to each
 * other, as bytes that are extended when loaded, and 0 after an odd last step.
 */
export function pairBytes(kernel: Kernel, target: Target): Kernel {
  const { extents, outputs, accesses, packed, scratch } = kernel;
  const { laneLoop, rowLoop } = tileShape(kernel, target);
  const inner = extents.length - 1;
  if (!target.hasPairDot || laneLoop < 0 || inner < outputs || kernel.isFoldEmpty) return kernel;
  const factors = findFactors(kernel, rowLoop, laneLoop);
  if (!factors) return kernel;
  const { rows, lanes, shared } = factors;
  const copied = copyFactor(kernel, rows.access, rows.slot, scratch.length);
  if (!copied || copied.access.address.coefficients[inner] !== HALF) return kernel;
  const constant = accesses[lanes]!;
  const { source } = constant;
  if (source.kind !== 'tensor' || !isLinear(constant) || constant.address.coefficients[inner] === 0)
    return kernel;

  const halved = extents.map((extent, i) => (i === inner ? Math.ceil(extent / 2) : extent));
  const double = (form: Form): Form => ({
    ...form,
    coefficients: form.coefficients.map((coefficient, i) => (i === inner ? 2 * coefficient : coefficient)),
  });
  const { buffer } = copied;
  const dimensions = buffer.dimensions.map(({ extent, index }) => ({ extent, index: double(index) }));
  const rowAccess: Access = {
    ...copied.access,
    element: 'i16x2',
    address: double(copied.access.address),
  };
  const { accesses: first, results } = slotLayout(kernel);
  const dot = { operation: 'dot_i16x2', args: [first + rows.access, first + lanes] } as const;
  // The factor that steps share is multiplied with their sum: words are integers modulo 2^32.
  const product =
    shared === undefined ? [] : [{ operation: 'i32.mul', args: [results, first + shared] } as const];
  const added = results + product.length;
  const paired: Kernel = {
    ...kernel,
    extents: halved,
    accesses: accesses.map((access, i) => (i === rows.access ? rowAccess : access)),
    step: {
      instructions: [dot, ...product, { operation: 'i32.add', args: [0, added] }],
      result: added + 1,
    },
    scratch: [...scratch, { ...buffer, dimensions }],
  };
  const { vectors } = tileShape(paired, target);
  const elementBytes = ELEMENT_SIZE[constant.element] as 1 | 4;
  // A pair of steps is a word of two bytes, though the constant is counted by steps.
  const pairBytes = 2 * elementBytes;
  const panels = planPanels(halved, constant.address, laneLoop, target.lanes * vectors, pairBytes);
  const laneAccess: Access = {
    ...constant,
    element: constant.element === 'i8' ? 'i8x2' : 'u8x2',
    address: { constant: 0, coefficients: panels.coefficients, wide: false, laneStride: pairBytes },
    source: { kind: 'packed', buffer: packed.length },
  };
  const { node } = source;
  return {
    ...paired,
    accesses: paired.accesses.map((access, i) => (i === lanes ? laneAccess : access)),
    packed: [
      ...packed,
      {
        ...packedBuffer({ node, elementBytes }, extents, constant.address, panels),
        group: BYTE_PAIR,
      },
    ],
  };
}

/** The factors of a product: the slot that rows compute from one access, and the access that lanes read as it is. */
interface Factors {
  readonly rows: { readonly slot: number; readonly access: number };
  readonly lanes: number;
  /** An access that lanes read too, the same for all steps of the innermost loop, by which the product is multiplied. */
  readonly shared?: number;
}

function findFactors(kernel: Kernel, rowLoop: number, laneLoop: number): Factors | undefined {
  const slots = productFactors(kernel);
  if (!slots) return undefined;
  const uses = accessUses(kernel);
  const isScalar = (access: number) =>
    isLinear(kernel.accesses[access]!) && kernel.extents.every((_, loop) => !dependsOn(kernel, access, loop));
  /** The only access of a factor that is no scalar; its scalars stay in the code that computes the factor. */
  const mainAccess = (slot: number): number | undefined => {
    const [access, ...others] = accessesUnder(kernel, slot).filter((one) => !isScalar(one));
    return access !== undefined && others.length === 0 && !uses[access]!.post ? access : undefined;
  };
  const { accesses: first } = slotLayout(kernel);
  const inner = kernel.extents.length - 1;
  /** The access at a slot, if it is a constant that lanes read and rows share. */
  const laneConstant = (slot: number): number | undefined => {
    const access = slot - first;
    const source = kernel.accesses[access]?.source;
    const isConstant = source?.kind === 'tensor' && source.isConstant && !uses[access]!.post;
    const isLanes = isConstant && dependsOn(kernel, access, laneLoop) && !dependsOn(kernel, access, rowLoop);
    return isLanes ? access : undefined;
  };
  /** The constants whose product is at a slot: one of each step, and one that steps share, if there is such. */
  const laneConstants = (slot: number): Pick<Factors, 'lanes' | 'shared'> | undefined => {
    const own = laneConstant(slot);
    if (own !== undefined) return { lanes: own };
    const { results } = slotLayout(kernel);
    const product = kernel.step.instructions[slot - results];
    if (product?.operation !== 'i32.mul') return undefined;
    const [a, b] = product.args.map(laneConstant);
    if (a === undefined || b === undefined || a === b) return undefined;
    const [lanes, shared] = dependsOn(kernel, a, inner) ? [a, b] : [b, a];
    return dependsOn(kernel, shared, inner) ? undefined : { lanes, shared };
  };
  const laneSlot = slots.find((slot) => laneConstants(slot) !== undefined);
  const rowSlot = slots.find((slot) => slot !== laneSlot);
  if (laneSlot === undefined || rowSlot === undefined) return undefined;
  const constants = laneConstants(laneSlot)!;
  const rows = mainAccess(rowSlot);
  if (rows === undefined || rows === constants.lanes || dependsOn(kernel, rows, laneLoop)) return undefined;
  const multiplied = [rowSlot, first + constants.lanes];
  if (!multiplied.every((slot) => fits16Bits(slotInterval(kernel, slot)))) return undefined;
  return { rows: { slot: rowSlot, access: rows }, ...constants };
}

/** The slots of both factors if the step adds their product to the accumulator. */
function productFactors(kernel: Kernel): readonly number[] | undefined {
  const { instructions, result } = kernel.step;
  const { results } = slotLayout(kernel);
  const sum = instructions[result - results];
  if (sum?.operation !== 'i32.add') return undefined;
  const [a, b] = sum.args;
  const other = a === 0 ? b! : b === 0 ? a! : 0;
  const product = instructions[other - results];
  return product?.operation === 'i32.mul' ? product.args : undefined;
}

const BYTE_RANGES = { i8: { low: -128, high: 127 }, u8: { low: 0, high: 255 } } as const;

/** The values of a slot of the step that is computed from bytes and constants by additions and subtractions. */
function slotInterval(kernel: Kernel, slot: number): Interval | undefined {
  const { constants, accesses, indices, results } = slotLayout(kernel);
  if (slot < constants) return undefined;
  if (slot < accesses) {
    const value = kernel.constants[slot - constants]! | 0;
    return { low: value, high: value };
  }
  if (slot < indices) {
    const { element, fill } = kernel.accesses[slot - accesses]!;
    if (element !== 'i8' && element !== 'u8') return undefined;
    const { low, high } = BYTE_RANGES[element];
    return { low: Math.min(low, fill | 0), high: Math.max(high, fill | 0) };
  }
  if (slot < results) return undefined;
  const { operation, args } = kernel.step.instructions[slot - results]!;
  if (operation !== 'i32.add' && operation !== 'i32.sub') return undefined;
  const [left, right] = args.map((arg) => slotInterval(kernel, arg));
  if (!left || !right) return undefined;
  return operation === 'i32.add'
    ? { low: left.low + right.low, high: left.high + right.high }
    : { low: left.low - right.high, high: left.high - right.low };
}

const fits16Bits = (interval: Interval | undefined): boolean =>
  interval !== undefined && interval.low >= -32_768 && interval.high <= 32_767;

/** The accesses that a slot of the step is computed from, by additions and subtractions. */
function accessesUnder(kernel: Kernel, slot: number): number[] {
  const { accesses, indices, results } = slotLayout(kernel);
  if (slot < accesses) return [];
  if (slot < indices) return [slot - accesses];
  const { args } = kernel.step.instructions[slot - results]!;
  return [...new Set(args.flatMap((arg) => accessesUnder(kernel, arg)))];
}

/** Copies a factor as 16-bit integers, in the order of the memory of the access that it is computed from. */
function copyFactor(kernel: Kernel, access: number, slot: number, buffer: number): Copied | undefined {
  const { indices, results } = slotLayout(kernel);
  // The copy uses no indices, so its results follow the accesses.
  const moved = (at: number): number => (at >= results ? at - results + indices : at);
  const code: Omit<Kernel, 'extents' | 'outputs' | 'accesses' | 'store'> = {
    isFoldEmpty: false,
    init: kernel.init,
    constants: kernel.constants,
    indices: [],
    step: { instructions: [], result: 0 },
    post: renumbered(pruned({ ...kernel.step, result: slot }, results), moved),
    scratch: [],
    packed: [],
  };
  return copyBox(
    kernel,
    access,
    buffer,
    { kind: 'pairs', element: 'i16', minReads: 1 },
    code,
    kernel.accesses,
  );
}
