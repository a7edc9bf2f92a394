import { ELEMENT_BYTES, type LoopNode, type Node, operandUses, sizeOf, slotsOf } from '../../program/node.ts';
import { OPCODE } from '../../scalar/instructions.ts';
import type { Band, Stage } from './box.ts';
import { DOT } from './instruction.ts';
import { type Access, isLinear, type Nest } from './nest.ts';
import { type Packing, packingOf, panelsOf } from './packing.ts';
import { stagedFactor } from './staging.ts';
import { dependsOn, LANES, shapeOf } from './tile.ts';

/**
 * Sums of integer products by pairs. `i32x4.dot_i16x8_s` multiplies eight 16-bit integers and adds neighbours; sums of
 * i32 wrap, so their order does not matter, and where both factors of a fold's product fit 16 bits, its innermost loop
 * is folded two steps at a time. The factor that rows have is computed beforehand, as 16-bit integers in scratch
 * memory; the lanes' factor is a constant, packed with pairs of steps next to each other and 0 after the last, as bytes
 * that are extended when they are loaded.
 */
export interface Paired {
  readonly loop: LoopNode;
  readonly nest: Nest;
  readonly stage: Stage;
  readonly packing: Packing;
}

interface Interval {
  readonly low: number;
  readonly high: number;
}

const BYTE_RANGES = { i8: { low: -128, high: 127 }, u8: { low: 0, high: 255 } } as const;

/** Values of a slot of the step's code, if it is made of bytes and constants by additions and subtractions. */
function intervalOf(loop: LoopNode, slot: number): Interval | undefined {
  const { constants, operands, outputIndices, results } = slotsOf(loop);
  if (slot < constants) return undefined;
  if (slot < operands) {
    const value = loop.constants[slot - constants]! | 0;
    return { low: value, high: value };
  }
  if (slot < outputIndices) {
    const { dtype, fill } = loop.operands[slot - operands]!;
    if (dtype !== 'i8' && dtype !== 'u8') return undefined;
    const { low, high } = BYTE_RANGES[dtype];
    return { low: Math.min(low, fill | 0), high: Math.max(high, fill | 0) };
  }
  if (slot < results) return undefined;
  const { opcode, a, b } = loop.step.code[slot - results]!;
  const [left, right] = [intervalOf(loop, a), intervalOf(loop, b)];
  if (!left || !right) return undefined;
  if (opcode === OPCODE['i32.add']) return { low: left.low + right.low, high: left.high + right.high };
  if (opcode === OPCODE['i32.sub']) return { low: left.low - right.high, high: left.high - right.low };
  return undefined;
}

const fitsHalf = (interval: Interval | undefined): boolean =>
  interval !== undefined && interval.low >= -32_768 && interval.high <= 32_767;

/** Operands under a slot of the step's code. */
function operandsUnder(loop: LoopNode, slot: number): number[] {
  const { operands, outputIndices, results } = slotsOf(loop);
  if (slot < operands) return [];
  if (slot < outputIndices) return [slot - operands];
  const { a, b } = loop.step.code[slot - results]!;
  return [...new Set([a, b].flatMap((one) => operandsUnder(loop, one)))];
}

/** The slots of the two factors, if the step adds their product to the accumulator. */
function factorsOf(loop: LoopNode): [number, number] | undefined {
  const { accumulator, results } = slotsOf(loop);
  const codeAt = (slot: number) => loop.step.code[slot - results];
  const sum = codeAt(loop.step.result);
  if (sum?.opcode !== OPCODE['i32.add']) return undefined;
  const other = sum.a === accumulator ? sum.b : sum.b === accumulator ? sum.a : accumulator;
  const product = codeAt(other);
  if (product?.opcode !== OPCODE['i32.mul']) return undefined;
  const factors: [number, number] = [product.a, product.b];
  return factors.every((slot) => fitsHalf(intervalOf(loop, slot))) ? factors : undefined;
}

/**
 * The nest with its fold in pairs, if it is a sum of products of bytes that this suits.
 *
 * @param index of its packing
 * @param band along which its stage copies, if it can
 */
export function paired(
  loop: LoopNode,
  nest: Nest,
  nodes: readonly Node[],
  index: number,
  band?: Band,
): Paired | undefined {
  const { laneLoop, rowLoop } = shapeOf(loop, nest);
  const inner = nest.extents.length - 1;
  if (laneLoop < 0 || rowLoop < 0 || inner < nest.outputs || sizeOf(loop.fold) === 0) return undefined;
  const factors = factorsOf(loop);
  if (!factors) return undefined;
  const uses = operandUses(loop);
  const isScalar = (operand: number) =>
    isLinear(nest.accesses[operand]!) && nest.extents.every((_, i) => !dependsOn(nest, operand, i));
  /** The factor's one operand that is no scalar; its others become constants of a phase of their own. */
  const mainOf = (slot: number): number | undefined => {
    const found = operandsUnder(loop, slot).filter((operand) => !isScalar(operand));
    return found.length === 1 && !uses[found[0]!]!.post ? found[0] : undefined;
  };
  const { operands } = slotsOf(loop);
  const isLanes = (slot: number) => {
    const main = mainOf(slot);
    return (
      main !== undefined &&
      slot === operands + main &&
      nodes[loop.operands[main]!.node]!.kind === 'constant' &&
      dependsOn(nest, main, laneLoop) &&
      !dependsOn(nest, main, rowLoop)
    );
  };
  const laneFactor = factors.find(isLanes);
  const rowFactor = factors.find((slot) => slot !== laneFactor);
  if (laneFactor === undefined || rowFactor === undefined) return undefined;
  const [rows, lanes] = [mainOf(rowFactor), laneFactor - operands];
  if (rows === undefined || rows === lanes || dependsOn(nest, rows, laneLoop)) return undefined;

  const staged = stagedFactor(loop, nest, rows, rowFactor, band);
  if (!staged || staged.access.address.coefficients[inner] !== HALF_BYTES) return undefined;
  const access = nest.accesses[lanes]!;
  if (!isLinear(access) || access.address.coefficients[inner] === 0) return undefined;

  const pairs = Math.ceil(nest.extents[inner]! / 2);
  const extents = nest.extents.map((extent, i) => (i === inner ? pairs : extent));
  const accesses = nest.accesses.map((one, o) => (o === rows ? doubled(staged.access, inner) : one));
  const dot = slotsOf(loop).results;
  const product: LoopNode = {
    ...loop,
    operands: loop.operands.map((operand, o) =>
      o === rows || o === lanes ? { ...operand, dtype: 'i32' } : operand,
    ),
    step: {
      code: [
        { opcode: DOT, a: operands + rows, b: operands + lanes, c: 0 },
        { opcode: OPCODE['i32.add'], a: 0, b: dot, c: 0 },
      ],
      result: dot + 1,
    },
  };
  const halved: Nest = { ...nest, extents, accesses };
  const { vectors } = shapeOf(product, halved);
  const { node, dtype } = loop.operands[lanes]!;
  const elementBytes = ELEMENT_BYTES[dtype];
  // What lanes read lies in pairs, though the constant is counted by steps.
  const wordBytes = 2 * elementBytes;
  const panels = panelsOf(halved, access.address, laneLoop, LANES * vectors, wordBytes);
  const packed: Access = {
    ...access,
    address: { constant: 0, coefficients: panels.coefficients, wide: false, lane: wordBytes },
    halves: dtype === 'i8' ? 'signed' : 'unsigned',
    region: { kind: 'packed', index },
  };
  return {
    loop: product,
    nest: { ...halved, accesses: accesses.map((one, o) => (o === lanes ? packed : one)) },
    stage: staged.stage,
    packing: { ...packingOf({ node, elementBytes }, nest, access.address, panels), isPaired: true },
  };
}

/** Bytes of a 16-bit integer. */
const HALF_BYTES = 2;

/** An access whose innermost index counts pairs. */
function doubled(access: Nest['accesses'][number], inner: number) {
  const coefficients = access.address.coefficients.map((coefficient, i) =>
    i === inner ? 2 * coefficient : coefficient,
  );
  return { ...access, address: { ...access.address, coefficients } };
}
