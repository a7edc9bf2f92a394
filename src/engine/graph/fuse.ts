import {
  type Coordinate,
  type LoopNode,
  type Operand,
  operandUses,
  type Program,
  sizeOf,
  slotsOf,
  withSlots,
} from '../../program/node.ts';
import { rowMajorStrides, valueRange } from '../kernel/form.ts';

/**
 * Loops computed inside the one loop that reads them, element by element, where nobody asks for their tensors: their
 * code goes before that loop's own, and a word is handed on instead of being stored and loaded. Node numbers stay; a
 * loop that has gone is left with no elements.
 *
 * @param asked nodes whose tensors somebody asks for
 */
export function fuse(program: Program, asked: ReadonlySet<number>): Program {
  const nodes = [...program.nodes];
  const readers = nodes.map(() => new Set<number>());
  nodes.forEach((node, i) => {
    if (node.kind === 'loop') for (const operand of node.operands) readers[operand.node]!.add(i);
  });
  for (let i = 0; i < nodes.length; i++) {
    for (;;) {
      const reader = nodes[i]!;
      if (reader.kind !== 'loop') break;
      const found = reader.operands.find(({ node }) => {
        const made = nodes[node]!;
        return (
          made.kind === 'loop' && !asked.has(node) && readers[node]!.size === 1 && join(made, reader, node)
        );
      });
      if (!found) break;
      const made = nodes[found.node] as LoopNode;
      nodes[i] = join(made, reader, found.node)!;
      nodes[found.node] = { ...made, shape: [0], fold: [], operands: [], step: NOTHING, post: NOTHING };
      for (const { node } of made.operands) {
        readers[node]!.delete(found.node);
        readers[node]!.add(i);
      }
    }
  }
  return { ...program, nodes };
}

const NOTHING = { code: [], result: 0 };

/** Instructions that follow one fold at most. */
const MAX_POST = 64;

/** Each index of `coarse` as a sum over indices of `fine`, if that has the same elements in more dimensions. */
function indicesIn(
  coarse: readonly number[],
  fine: readonly number[],
): (readonly [number, number])[][] | undefined {
  const sums: (readonly [number, number])[][] = [];
  let at = fine.length;
  for (const extent of [...coarse].reverse()) {
    const terms: (readonly [number, number])[] = [];
    let size = 1;
    while (size < extent && at > 0) {
      at--;
      terms.unshift([at, size]);
      size *= fine[at]!;
    }
    if (size !== extent) return undefined;
    sums.unshift(terms);
  }
  return fine.slice(0, at).every((extent) => extent === 1) ? sums : undefined;
}

/** Whether an operand reads the element that is computed. */
function isOwnElement({ view }: Operand, shape: readonly number[]): boolean {
  const sum = shape.map(() => 0);
  let constant = 0;
  let stride = 1;
  for (const { extent, coordinate } of [...view].reverse()) {
    if (coordinate.kind !== 'affine' || coordinate.divisor !== 1) return false;
    const coefficients = shape.map(() => 0);
    for (const { index, coefficient } of coordinate.terms) {
      if (index >= shape.length) return false;
      coefficients[index]! += coefficient;
    }
    const { low, high } = valueRange({ constant: coordinate.offset, coefficients }, shape);
    if (low < 0 || high >= extent) return false;
    constant += coordinate.offset * stride;
    coefficients.forEach((coefficient, i) => {
      sum[i]! += coefficient * stride;
    });
    stride *= extent;
  }
  const own = rowMajorStrides(shape, 1);
  return constant === 0 && sum.every((coefficient, i) => coefficient === own[i] || shape[i] === 1);
}

const hasFold = ({ fold }: LoopNode): boolean => fold.length > 0;

/** A loop without a fold must have no step either. */
const isPlain = (loop: LoopNode): boolean =>
  hasFold(loop) || (loop.step.code.length === 0 && loop.step.result === 0);

const readsIndex = (loop: LoopNode): boolean => {
  const { outputIndices, results } = slotsOf(loop);
  const isIndex = (slot: number) => slot >= outputIndices && slot < results;
  return [loop.step, loop.post].some(
    ({ code, result }) => isIndex(result) || code.some(({ a, b, c }) => [a, b, c].some(isIndex)),
  );
};

/** The reader with the loop that it reads in it; `undefined` where they do not go together. */
function join(made: LoopNode, reader: LoopNode, node: number): LoopNode | undefined {
  const isMade = (operand: Operand) => operand.node === node;
  const uses = operandUses(reader);
  if (hasFold(made) && hasFold(reader)) return undefined;
  if (!isPlain(made) || !isPlain(reader) || made.dtype === 'i8' || made.dtype === 'u8') return undefined;
  if (sizeOf(made.shape) === 0 || sizeOf(made.shape) !== sizeOf(reader.shape)) return undefined;
  if (made.post.code.length + reader.post.code.length > MAX_POST || readsIndex(made) || readsIndex(reader))
    return undefined;
  const isFit = reader.operands.every(
    (operand, o) => !isMade(operand) || (!uses[o]!.step && isOwnElement(operand, reader.shape)),
  );
  const gathers = reader.operands.some(({ view }) =>
    view.some(
      ({ coordinate }) => coordinate.kind === 'gathered' && isMade(reader.operands[coordinate.operand]!),
    ),
  );
  if (!isFit || gathers) return undefined;

  const madeIn = indicesIn(made.shape, reader.shape);
  const readerIn = madeIn ? undefined : indicesIn(reader.shape, made.shape);
  if (!madeIn && !readerIn) return undefined;
  const shape = madeIn ? reader.shape : made.shape;
  const folded = hasFold(made) ? made : reader;

  const rest = reader.operands.filter((operand) => !isMade(operand));
  const place = reader.operands.map((operand) => made.operands.length + rest.indexOf(operand));
  const moved = (loop: LoopNode, sums: ReturnType<typeof indicesIn>, operandAt: (o: number) => number) => {
    const coordinateOf = (coordinate: Coordinate): Coordinate =>
      coordinate.kind === 'gathered'
        ? { kind: 'gathered', operand: operandAt(coordinate.operand) }
        : {
            ...coordinate,
            terms: coordinate.terms.flatMap(({ index, coefficient }) =>
              index >= loop.shape.length
                ? [{ index: index - loop.shape.length + shape.length, coefficient }]
                : sums
                  ? sums[index]!.map(([to, size]) => ({ index: to, coefficient: coefficient * size }))
                  : [{ index, coefficient }],
            ),
          };
    return (operand: Operand): Operand => ({
      ...operand,
      view: operand.view.map(({ extent, coordinate }) => ({ extent, coordinate: coordinateOf(coordinate) })),
    });
  };
  const operands = [
    ...made.operands.map(moved(made, madeIn, (o) => o)),
    ...rest.map(moved(reader, readerIn, (o) => place[o]!)),
  ];
  // An accumulator without a fold is what it starts from.
  const constants = [...made.constants, ...reader.constants, made.init, reader.init];
  const frame = { shape, fold: folded.fold, operands, constants };
  const to = slotsOf(frame);
  const slotMap = (loop: LoopNode, results: number, constant: number, operandAt: (o: number) => number) => {
    const from = slotsOf(loop);
    const start = to.constants + made.constants.length + reader.constants.length + (loop === made ? 0 : 1);
    return (slot: number): number => {
      if (slot < from.constants) return loop === folded ? 0 : start;
      if (slot < from.operands) return slot - from.constants + constant;
      if (slot < from.outputIndices) return operandAt(slot - from.operands);
      return slot - from.results + results;
    };
  };
  const madeMap = slotMap(made, to.results, to.constants, (o) => to.operands + o);
  const ends = madeMap(made.post.result);
  const readerMap = (results: number) =>
    slotMap(reader, results, to.constants + made.constants.length, (o) =>
      isMade(reader.operands[o]!) ? ends : to.operands + place[o]!,
    );
  const last = readerMap(to.results + made.post.code.length);
  const stepMap = folded === made ? madeMap : readerMap(to.results);
  return {
    ...reader,
    ...frame,
    init: folded.init,
    step: { code: withSlots(folded.step.code, stepMap), result: stepMap(folded.step.result) },
    post: {
      code: [...withSlots(made.post.code, madeMap), ...withSlots(reader.post.code, last)],
      result: last(reader.post.result),
    },
  };
}
