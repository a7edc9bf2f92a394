import { type DType, ELEMENT_BYTES, sizeOf } from '../../program/node.ts';
import { neededResults } from '../kernel/code.ts';
import { rowMajorStrides } from '../kernel/form.ts';
import { type Access, dependsOn, type Kernel, slotLayout } from '../kernel/kernel.ts';
import { codeMayDoubt, type KernelTerms, termsOf, writesBytes } from './kernelText.ts';

/**
 * One factor of a product: what is computed of some accesses alone, and the output loops that it depends on and the other
 * factor does not. Its words are loaded into workgroup memory, and shared along the loops of the other one.
 */
export interface TileSide {
  readonly slot: number;
  /** Output loops of this side only, outermost first. */
  readonly loops: readonly number[];
  readonly extent: number;
  /** Instructions of the step that the factor needs. */
  readonly instructions: readonly number[];
  /** Accesses that the factor reads, those that are gathered through first. */
  readonly accesses: readonly number[];
  /** Whether the words of neighbouring steps lie next to each other, not those of neighbouring rows. */
  readonly isAlongSteps: boolean;
}

/** Sizes of a tile: what a workgroup computes at a time. */
export interface TileSize {
  /** Rows and lanes of one invocation. */
  readonly rows: number;
  readonly lanes: 1 | 2 | 4;
  /** Invocations along rows and lanes that fold; others only load. */
  readonly down: number;
  readonly across: number;
  readonly invocations: number;
  /** Steps of the fold that are in workgroup memory at a time; a multiple of 4. */
  readonly steps: number;
}

/** A kernel as a product: `total[batch, row, lane] = sum over steps of rows[batch, row, step] * lanes[batch, lane, step]`. */
export interface Product {
  readonly terms: KernelTerms;
  readonly rows: TileSide;
  readonly lanes: TileSide;
  /** Output loops of both sides, or of neither. */
  readonly batchLoops: readonly number[];
  readonly batches: number;
  readonly steps: number;
  readonly size: TileSize;
  /** Whether the kernel's elements are the totals, or bytes of them, so that tiles compute all of it. */
  readonly isWhole: boolean;
}

/** Least steps and lanes for which a tile pays, and products of all elements together. */
const LEAST_STEPS = 4;
const LEAST_LANES = 2;
const LEAST_PRODUCTS = 1024;

/** Tiles that keep a large device busy; smaller tiles are taken if there would be fewer. */
const BUSY = 256;

/** One row, and few: each of few invocations folds, and all load. Those of bytes have whole words of the target. */
const ONE_ROW: TileSize = { rows: 1, lanes: 1, down: 1, across: 32, invocations: 128, steps: 64 };
const FEW_ROWS: TileSize = { rows: 2, lanes: 1, down: 4, across: 32, invocations: 128, steps: 64 };
const ONE_ROW_OF_BYTES: TileSize = { ...ONE_ROW, lanes: 4, across: 8 };
const FEW_ROWS_OF_BYTES: TileSize = { ...FEW_ROWS, lanes: 4, across: 8 };
/** From large to small. Panels take at most 16 kB, which every device has. */
const SIZES: readonly TileSize[] = [
  { rows: 8, lanes: 4, down: 16, across: 16, invocations: 256, steps: 16 },
  { rows: 4, lanes: 4, down: 16, across: 16, invocations: 256, steps: 16 },
  { rows: 4, lanes: 4, down: 8, across: 8, invocations: 64, steps: 16 },
];

/** Rows and lanes of a tile. */
export const tileRows = ({ rows, down }: TileSize): number => rows * down;
export const tileLanes = ({ lanes, across }: TileSize): number => lanes * across;

/** Number of tiles along rows and along lanes of one batch. */
export const tilesOf = (
  { rows, lanes }: Pick<Product, 'rows' | 'lanes'>,
  size: TileSize,
): [number, number] => [Math.ceil(rows.extent / tileRows(size)), Math.ceil(lanes.extent / tileLanes(size))];

export const tileCount = (product: Product): number =>
  tilesOf(product, product.size).reduce((count, tiles) => count * tiles, product.batches);

/** The kernel as a product in tiles; undefined if it is none, or too small to be one. */
export function productOf(kernel: Kernel): Product | undefined {
  const terms = termsOf(kernel);
  if (terms?.factors.length !== 2) return undefined;
  const { extents, outputs, step, post } = kernel;
  const before = { instructions: step.instructions.slice(0, terms.before) };
  const steps = sizeOf(extents.slice(outputs));
  const [a, b] = terms.factors.map((slot) => dependencies(kernel, slot, terms.before)) as [Reach, Reach];
  const all = extents.map((_, i) => i).slice(0, outputs);
  const only = (one: Reach, other: Reach) => all.filter((i) => one.loops.has(i) && !other.loops.has(i));
  const [ofA, ofB] = [only(a, b), only(b, a)];
  const size = (loops: readonly number[]) => sizeOf(loops.map((i) => extents[i]!));
  const last = outputs - 1;
  const isBytes = writesBytes(kernel);
  // Lanes lie next to each other in the target. Where they are few, rows are many.
  let isFirst = ofA.includes(last);
  if (!isFirst && !ofB.includes(last)) isFirst = (ofA.at(-1) ?? -1) > (ofB.at(-1) ?? -1);
  const [lanes, rows] = isFirst ? [ofA, ofB] : [ofB, ofA];
  if (!isBytes && size(lanes) < 16 && size(rows) > size(lanes)) isFirst = !isFirst;
  const [laneSlot, rowSlot] = isFirst ? terms.factors : [...terms.factors].reverse();
  const side = (slot: number, reach: Reach, loops: readonly number[]): TileSide => ({
    slot,
    loops,
    extent: size(loops),
    instructions: reach.instructions,
    accesses: reach.accesses,
    isAlongSteps: isAlongSteps(kernel, reach, loops),
  });
  const product = {
    terms,
    rows: isFirst ? side(rowSlot!, b, ofB) : side(rowSlot!, a, ofA),
    lanes: isFirst ? side(laneSlot!, a, ofA) : side(laneSlot!, b, ofB),
    batchLoops: all.filter((i) => !ofA.includes(i) && !ofB.includes(i)),
    steps,
    isWhole: isBytes || (terms.family === 'i32' && post.instructions.length === 0 && post.result === 0),
  };
  if (steps < LEAST_STEPS || product.lanes.extent < LEAST_LANES) return undefined;
  // Nothing would tell an integer that is in doubt from one that is not.
  if (terms.family === 'i32' && codeMayDoubt(before)) return undefined;
  // A word of four bytes is written by one invocation, which has no way back to single steps.
  if (isBytes && (terms.family === 'f32' || product.lanes.loops.at(-1) !== last || extents[last]! % 4 !== 0))
    return undefined;
  // Nothing is shared along one row, as in a convolution of each channel by itself: a panel pays by its order of loads alone.
  if (product.rows.extent === 1 && steps < ONE_ROW.steps) return undefined;
  const batches = size(product.batchLoops);
  if (steps * product.rows.extent * product.lanes.extent * batches < LEAST_PRODUCTS) return undefined;
  return { ...product, batches, size: sizeFor(product, batches, isBytes) };
}

function sizeFor(product: Pick<Product, 'rows' | 'lanes'>, batches: number, isBytes: boolean): TileSize {
  const least = SIZES.at(-1)!;
  const rows = product.rows.extent;
  if (rows === 1) return isBytes ? ONE_ROW_OF_BYTES : ONE_ROW;
  if (rows <= tileRows(FEW_ROWS)) return isBytes ? FEW_ROWS_OF_BYTES : FEW_ROWS;
  return (
    SIZES.find((size) => {
      const [down, across] = tilesOf(product, size);
      return rows >= tileRows(size) && down * across * batches >= BUSY;
    }) ?? least
  );
}

/** The output loops, instructions of the step and accesses on which a factor depends. */
interface Reach {
  readonly loops: ReadonlySet<number>;
  readonly instructions: readonly number[];
  readonly accesses: readonly number[];
}

function dependencies(kernel: Kernel, slot: number, before: number): Reach {
  const slots = slotLayout(kernel);
  const code = kernel.step.instructions.slice(0, before);
  const needed = neededResults({ instructions: code, result: slot }, slots.results);
  const instructions = needed.map((result) => result - slots.results);
  const read = [slot, ...instructions.flatMap((i) => code[i]!.args)];
  const accesses = new Set<number>();
  const add = (access: number): void => {
    for (const gather of kernel.accesses[access]!.gathers) add(gather.access);
    accesses.add(access);
  };
  for (const one of read) if (one >= slots.accesses && one < slots.indices) add(one - slots.accesses);
  const values = read.filter((one) => one >= slots.indices && one < slots.results);
  const loops = kernel.extents
    .map((_, i) => i)
    .slice(0, kernel.outputs)
    .filter(
      (loop) =>
        [...accesses].some((access) => dependsOn(kernel, access, loop)) ||
        values.some((value) => kernel.indices[value - slots.indices]!.coefficients[loop] !== 0),
    );
  return { loops: new Set(loops), instructions, accesses: [...accesses].sort((a, b) => a - b) };
}

/** Whether most of what a factor reads lies along the steps, rather than along the last of its own loops. */
function isAlongSteps({ accesses, extents }: Kernel, reach: Reach, loops: readonly number[]): boolean {
  const step = extents.length - 1;
  const own = loops.at(-1);
  const distance = (loop: number | undefined): number => {
    const found = reach.accesses.map((i) => Math.abs(accesses[i]!.address.coefficients[loop ?? -1] ?? 0));
    return Math.max(0, ...found) || Number.POSITIVE_INFINITY;
  };
  return own === undefined || distance(step) <= distance(own);
}

/** Bytes from one step to the next of an access that lies in memory in the order of the fold; undefined if it does not. */
function strideOfSteps({ extents, outputs }: Kernel, { address }: Access): number | undefined {
  const strides = rowMajorStrides(extents.slice(outputs), 1);
  const stride = address.coefficients[extents.length - 1]!;
  return strides.every((one, i) => address.coefficients[outputs + i] === one * stride) ? stride : undefined;
}

/**
 * Whether the words of an access for four steps, from a multiple of 4 on, lie next to each other, the first of them at the
 * start of a word of memory if they are bytes: one load serves them.
 */
export function isQuad(kernel: Kernel, position: number): boolean {
  const { extents, outputs, accesses } = kernel;
  const access = accesses[position]!;
  const { address, checks, quotients, gathers } = access;
  const bytes = ELEMENT_BYTES[access.element as DType];
  const inner = extents.length - 1;
  if (access.isAlwaysOutside || address.coefficients[inner] !== bytes) return false;
  const isWhole = extents[inner]! % 4 === 0;
  const isFlat = sizeOf(extents.slice(outputs)) % 4 === 0 && strideOfSteps(kernel, access) === bytes;
  if (!isWhole && !isFlat) return false;
  const varying = extents.map((_, i) => i).slice(isWhole ? inner : outputs);
  const isFixed =
    [...checks, ...quotients].every(({ form }) => varying.every((i) => form.coefficients[i] === 0)) &&
    gathers.every((gather) => varying.every((i) => !dependsOn(kernel, gather.access, i)));
  if (!isFixed) return false;
  if (bytes !== 1) return true;
  const parts = [
    address.constant,
    ...address.coefficients.filter((_, i) => !varying.includes(i)),
    ...quotients.map(({ stride }) => stride),
    ...gathers.map(({ stride }) => stride),
  ];
  return parts.every((part) => part % 4 === 0);
}
