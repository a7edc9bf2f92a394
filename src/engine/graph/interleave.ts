import {
  type AffineCoordinate,
  type LoopNode,
  type Node,
  type Operand,
  operandUses,
  type ScalarProgram,
  sizeOf,
  slotsOf,
} from '../../program/node.ts';
import { isFiniteWord } from '../../scalar/float32.ts';
import { OPCODE } from '../../scalar/instructions.ts';
import type { Weights } from '../engine.ts';
import { viewAccess } from '../kernel/access.ts';
import { modulo, rowMajorStrides, valueRange } from '../kernel/form.ts';
import type { Piece } from '../kernel/lower.ts';

/**
 * Takes transposed convolutions apart, so that they do without the steps that add nothing. Where a coordinate must divide
 * exactly by s, an output index o meets only every s-th fold index; the other steps read the fill, 0, and add its product.
 * The outputs of each remainder of o by s become a loop of their own, which folds over the steps that meet it.
 *
 * A skipped step leaves the accumulator as it is: 0 times a finite weight is a zero, a sum that starts from +0 is never
 * -0 (IEEE 754-2019 §6.3: only -0 + -0 is), and any other word plus a zero is itself.
 */

/** An output index and a fold index in a coordinate that must divide exactly by `divisor`. */
interface Stride {
  /** Dimension of the output index. */
  readonly output: number;
  /** Position of the fold index among all indices of the loop. */
  readonly fold: number;
  readonly outputCoefficient: number;
  /** 1 or -1. */
  readonly foldCoefficient: number;
  readonly offset: number;
  readonly divisor: number;
}

/** Most loops that one node becomes. */
const MAX_PIECES = 16;

const inOnePiece = (loop: LoopNode): Piece[] => [{ loop, strides: rowMajorStrides(loop.shape, 1), first: 0 }];

/**
 * The loops whose outputs together are those of a loop, each once.
 *
 * @param weights the constants, if they are known: floats must be finite
 * @returns the loop itself if it is no transposed convolution
 */
export function interleave(loop: LoopNode, nodes: readonly Node[], weights: Weights | undefined): Piece[] {
  const factors = findFactors(loop);
  if (!factors || sizeOf(loop.fold) === 0 || loop.init !== 0) return inOnePiece(loop);
  const [image, filter] = strideOperands(loop, factors) ?? [];
  if (image === undefined || filter === undefined) return inOnePiece(loop);
  if (operandUses(loop)[image]!.post || loop.operands[image]!.fill !== 0) return inOnePiece(loop);
  if (!makesZeros(loop, loop.operands[filter]!, nodes, weights)) return inOnePiece(loop);
  const strides = stridesIn(loop, image);
  if (!areSplittable(loop, image, strides)) return inOnePiece(loop);
  return strides.reduce<Piece[]>(
    (pieces, stride) => pieces.flatMap((piece) => split(piece, stride)),
    inOnePiece(loop),
  );
}

/** The factors, as operands, if all that the step does is to add the product of two operands to the accumulator. */
function findFactors({ step, ...loop }: LoopNode): readonly [number, number] | undefined {
  if (step.code.length !== 2) return undefined;
  const { accumulator, operands, outputIndices, results } = slotsOf(loop);
  const codeAt = (slot: number) => step.code[slot - results];
  const sum = codeAt(step.result);
  if (!sum || (sum.opcode !== OPCODE['f32.add'] && sum.opcode !== OPCODE['i32.add'])) return undefined;
  const multiply = sum.opcode === OPCODE['f32.add'] ? OPCODE['f32.mul'] : OPCODE['i32.mul'];
  const product = codeAt(sum.a === accumulator ? sum.b : sum.b === accumulator ? sum.a : accumulator);
  if (product?.opcode !== multiply) return undefined;
  const isOperand = (slot: number) => slot >= operands && slot < outputIndices;
  return isOperand(product.a) && isOperand(product.b) && product.a !== product.b
    ? [product.a - operands, product.b - operands]
    : undefined;
}

/** The factors in the order image, filter; undefined if neither is read at strided coordinates. */
function strideOperands(
  loop: LoopNode,
  [a, b]: readonly [number, number],
): readonly [number, number] | undefined {
  if (stridesIn(loop, a).length > 0) return [a, b];
  return stridesIn(loop, b).length > 0 ? [b, a] : undefined;
}

/** The strides of an operand's exact coordinates, as far as these are of one output and one fold index. */
function stridesIn({ operands, shape }: LoopNode, operand: number): Stride[] {
  return operands[operand]!.view.flatMap(({ coordinate }): Stride[] => {
    if (coordinate.kind !== 'affine' || !coordinate.exact || coordinate.divisor === 1) return [];
    const { divisor, offset, terms } = coordinate;
    const uneven = terms.filter(({ coefficient }) => coefficient % divisor !== 0);
    const output = uneven.find(({ index }) => index < shape.length);
    const fold = uneven.find(({ index }) => index >= shape.length);
    if (uneven.length !== 2 || !output || !fold || Math.abs(fold.coefficient) !== 1) return [];
    const isAlone = terms.filter(({ index }) => index === output.index || index === fold.index).length === 2;
    if (!isAlone) return [];
    return [
      {
        output: output.index,
        fold: fold.index,
        outputCoefficient: output.coefficient,
        foldCoefficient: fold.coefficient,
        offset,
        divisor,
      },
    ];
  });
}

/** Whether all exact coordinates of the image can be resolved by splitting output dimensions. */
function areSplittable(loop: LoopNode, image: number, strides: readonly Stride[]): boolean {
  const indices = strides.flatMap(({ output, fold }) => [output, fold]);
  const exact = loop.operands[image]!.view.filter(
    ({ coordinate }) => coordinate.kind === 'affine' && coordinate.exact && coordinate.divisor > 1,
  );
  if (new Set(indices).size !== indices.length || exact.length !== strides.length) return false;
  if (indices.some((index) => isUsedAsValue(loop, index))) return false;
  // Vectors are stored along the last output dimension that has several elements, so these must stay side by side.
  const last = loop.shape.findLastIndex((extent) => extent > 1);
  if (strides.some(({ output }) => output >= last)) return false;
  return sizeOf(strides.map(({ divisor }) => divisor)) <= MAX_PIECES;
}

/** Whether a loop's code uses an index as a value. */
function isUsedAsValue(loop: LoopNode, index: number): boolean {
  const slot = slotsOf(loop).outputIndices + index;
  const reads = ({ code, result }: ScalarProgram) =>
    result === slot || code.some(({ a, b, c }) => a === slot || b === slot || c === slot);
  return reads(loop.step) || reads(loop.post);
}

/** Whether 0 times any element of an operand is a zero: always for integers, for floats if they are known and finite. */
function makesZeros(
  loop: LoopNode,
  { node, dtype, fill, view }: Operand,
  nodes: readonly Node[],
  weights: Weights | undefined,
): boolean {
  if (loop.step.code.some(({ opcode }) => opcode === OPCODE['i32.mul'])) return true;
  const bytes = nodes[node]!.kind === 'constant' && dtype === 'f32' ? weights?.get(node) : undefined;
  if (!bytes) return false;
  // Several loops may share one constant tensor: only the elements that this loop reads matter.
  const { address, coordinates, gathers } = viewAccess(view, 4, [...loop.shape, ...loop.fold]);
  const isLinear = coordinates.length + gathers.length === 0;
  const { low, high } = isLinear
    ? valueRange(address, [...loop.shape, ...loop.fold])
    : { low: 0, high: bytes.length - 4 };
  if (low < 0 || high > bytes.length - 4) return false;
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = low; at <= high; at += 4) if (!isFiniteWord(words.getUint32(at, true))) return false;
  return isFiniteWord(fill);
}

/** One piece for each remainder of a piece's output index by a stride. */
function split({ loop, strides, first }: Piece, stride: Stride): Piece[] {
  const { output, fold, outputCoefficient, foldCoefficient, offset, divisor } = stride;
  const foldDimension = fold - loop.shape.length;
  return Array.from({ length: Math.min(divisor, loop.shape[output]!) }, (_, remainder) => {
    // The first fold index k for which offset + outputCoefficient * remainder + foldCoefficient * k is a multiple.
    const start = modulo(-foldCoefficient * (offset + outputCoefficient * remainder), divisor);
    const count = (extent: number, from: number) => Math.max(0, Math.ceil((extent - from) / divisor));
    const move = (coordinate: AffineCoordinate): AffineCoordinate => {
      let { offset: constant, divisor: by, exact } = coordinate;
      let terms = coordinate.terms.map(({ index, coefficient }) => {
        if (index !== output && index !== fold) return { index, coefficient };
        constant += coefficient * (index === output ? remainder : start);
        return { index, coefficient: coefficient * divisor };
      });
      const isWhole = [constant, ...terms.map(({ coefficient }) => coefficient)].every((n) => n % by === 0);
      if (exact && isWhole) {
        terms = terms.map(({ index, coefficient }) => ({ index, coefficient: coefficient / by }));
        [constant, by, exact] = [constant / by, 1, false];
      }
      return { kind: 'affine', offset: constant, divisor: by, exact, terms };
    };
    return {
      loop: {
        ...loop,
        shape: loop.shape.map((extent, i) => (i === output ? count(extent, remainder) : extent)),
        fold: loop.fold.map((extent, i) => (i === foldDimension ? count(extent, start) : extent)),
        operands: loop.operands.map((operand) => ({
          ...operand,
          view: operand.view.map(({ extent, coordinate }) => ({
            extent,
            coordinate: coordinate.kind === 'affine' ? move(coordinate) : coordinate,
          })),
        })),
      },
      strides: strides.map((along, i) => (i === output ? along * divisor : along)),
      first: first + remainder * strides[output]!,
    };
  });
}
