import {
  type AffineCoordinate,
  type LoopNode,
  type Node,
  operandUses,
  type ScalarProgram,
  sizeOf,
  slotsOf,
} from '../../program/node.ts';
import { OPCODE } from '../../scalar/instructions.ts';
import type { Weights } from '../engine.ts';
import { viewAccess } from '../kernel/access.ts';
import { modulo, rowMajorStrides, valueRange } from '../kernel/form.ts';

/**
 * Transposed convolutions without the steps that add nothing. Where a coordinate must divide exactly by s, an output
 * index o meets only every s-th fold index; the other steps read the fill, 0, and add its product. The outputs of each
 * remainder of o by s are a loop of their own that folds over what it meets.
 *
 * A skipped step leaves the accumulator as it is: 0 times a finite weight is a zero, a sum that starts from +0 is never
 * -0 (IEEE 754-2019 §6.3: only -0 + -0 is), and any other word plus a zero is itself.
 */
export interface Piece {
  readonly loop: LoopNode;
  /** Where its elements are in the node's tensor, in elements: by its output indices, and the first. */
  readonly strides: readonly number[];
  readonly first: number;
}

/** An output index and a fold index, by their dimensions, in a coordinate that must divide by `divisor`. */
interface Meeting {
  readonly output: number;
  readonly fold: number;
  readonly outputCoefficient: number;
  readonly foldCoefficient: number;
  readonly offset: number;
  readonly divisor: number;
}

/** Most loops that one node becomes. */
const MAX_PIECES = 16;

const whole = (loop: LoopNode): Piece[] => [{ loop, strides: rowMajorStrides(loop.shape, 1), first: 0 }];

/** The loops whose outputs together are the loop's, each once. */
export function piecesOf(loop: LoopNode, nodes: readonly Node[], weights: Weights | undefined): Piece[] {
  const factors = factorsOf(loop);
  if (!factors || sizeOf(loop.fold) === 0 || loop.init !== 0) return whole(loop);
  const { operands } = slotsOf(loop);
  const [x, w] = factors.map((slot) => slot - operands) as [number, number];
  const pair = [
    [x, w],
    [w, x],
  ].find(([a]) => meetingsOf(loop, a!).length > 0);
  if (!pair || operandUses(loop)[pair[0]!]!.post) return whole(loop);
  const [image, filter] = pair as [number, number];
  if (loop.operands[image]!.fill !== 0 || !makesZeros(loop, filter, nodes, weights)) return whole(loop);
  const meetings = meetingsOf(loop, image);
  const isReadOnce =
    new Set(meetings.flatMap(({ output, fold }) => [output, fold])).size === 2 * meetings.length;
  const exact = loop.operands[image]!.view.filter(
    ({ coordinate }) => coordinate.kind === 'affine' && coordinate.exact && coordinate.divisor > 1,
  );
  if (!isReadOnce || exact.length !== meetings.length) return whole(loop);
  if (meetings.some(({ output, fold }) => isIndexRead(loop, output) || isIndexRead(loop, fold)))
    return whole(loop);
  // Vectors are stored along the last output dimension that goes on, whose elements must therefore stay side by side.
  const last = loop.shape.findLastIndex((extent) => extent > 1);
  if (meetings.some(({ output }) => output >= last)) return whole(loop);
  if (sizeOf(meetings.map(({ divisor }) => divisor)) > MAX_PIECES) return whole(loop);
  return meetings.reduce<Piece[]>(
    (pieces, meeting) => pieces.flatMap((piece) => split(piece, meeting)),
    whole(loop),
  );
}

/** The slots of the factors, if all that the step does is to add the product of two operands to the accumulator. */
function factorsOf({ step, ...loop }: LoopNode): [number, number] | undefined {
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
    ? [product.a, product.b]
    : undefined;
}

function meetingsOf({ operands, shape }: LoopNode, operand: number): Meeting[] {
  return operands[operand]!.view.flatMap(({ coordinate }): Meeting[] => {
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

/** Whether a program reads an index as a value. */
function isIndexRead(loop: LoopNode, index: number): boolean {
  const slot = slotsOf(loop).outputIndices + index;
  const reads = ({ code, result }: ScalarProgram) =>
    result === slot || code.some(({ a, b, c }) => a === slot || b === slot || c === slot);
  return reads(loop.step) || reads(loop.post);
}

/** Whether 0 times any of an operand's elements is a zero: always of integers, and of floats that are known. */
function makesZeros(
  loop: LoopNode,
  operand: number,
  nodes: readonly Node[],
  weights: Weights | undefined,
): boolean {
  if (loop.step.code.some(({ opcode }) => opcode === OPCODE['i32.mul'])) return true;
  const { node, dtype, fill, view } = loop.operands[operand]!;
  const bytes = nodes[node]!.kind === 'constant' && dtype === 'f32' ? weights?.get(node) : undefined;
  if (!bytes) return false;
  // Several loops may have their constants in one tensor: only what this one reads matters.
  const extents = [...loop.shape, ...loop.fold];
  const { address, coordinates, gathers } = viewAccess(view, 4, extents);
  const isLinear = coordinates.length + gathers.length === 0;
  const { low, high } = isLinear ? valueRange(address, extents) : { low: 0, high: bytes.length - 4 };
  if (low < 0 || high > bytes.length - 4) return false;
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const isFiniteWord = (word: number) => (word & 0x7f800000) !== 0x7f800000;
  for (let at = low; at <= high; at += 4) if (!isFiniteWord(words.getUint32(at, true))) return false;
  return isFiniteWord(fill);
}

/** A piece's outputs by their remainder. */
function split(piece: Piece, meeting: Meeting): Piece[] {
  const { loop, strides, first } = piece;
  const { output, fold, outputCoefficient, foldCoefficient, offset, divisor } = meeting;
  const foldAt = fold - loop.shape.length;
  return Array.from({ length: Math.min(divisor, loop.shape[output]!) }, (_, remainder) => {
    // offset + outputCoefficient * remainder + foldCoefficient * k must be a multiple; foldCoefficient is 1 or -1.
    const start = modulo(-foldCoefficient * (offset + outputCoefficient * remainder), divisor);
    const extent = (whole: number, from: number) => Math.max(0, Math.ceil((whole - from) / divisor));
    const moved = (coordinate: AffineCoordinate): AffineCoordinate => {
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
        shape: loop.shape.map((e, i) => (i === output ? extent(e, remainder) : e)),
        fold: loop.fold.map((e, i) => (i === foldAt ? extent(e, start) : e)),
        operands: loop.operands.map((operand) => ({
          ...operand,
          view: operand.view.map(({ extent: e, coordinate }) => ({
            extent: e,
            coordinate: coordinate.kind === 'affine' ? moved(coordinate) : coordinate,
          })),
        })),
      },
      strides: strides.map((stride, i) => (i === output ? stride * divisor : stride)),
      first: first + remainder * strides[output]!,
    };
  });
}
