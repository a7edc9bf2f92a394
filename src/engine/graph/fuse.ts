import {
  type Coordinate,
  type LoopNode,
  type Operand,
  operandUses,
  type Program,
  type ScalarProgram,
  sizeOf,
  slotsOf,
  withSlots,
} from '../../program/node.ts';
import { rowMajorStrides, valueRange } from '../kernel/form.ts';

/**
 * Fuses loops (compute-inline in Halide and TVM): a loop whose tensor is not kept is computed inside the one loop that
 * reads it, element by element. Its code goes in front of the reader's, and a word is passed on in place of a store and a
 * load. Node numbers stay: a loop that was fused into another one is left with no elements.
 *
 * @param kept nodes whose tensors are read when the run is over
 */
export function fuse(program: Program, kept: ReadonlySet<number>): Program {
  const nodes = [...program.nodes];
  const readers = nodes.map(() => new Set<number>());
  nodes.forEach((node, i) => {
    if (node.kind === 'loop') for (const operand of node.operands) readers[operand.node]!.add(i);
  });
  for (let i = 0; i < nodes.length; i++) {
    for (;;) {
      const consumer = nodes[i]!;
      if (consumer.kind !== 'loop') break;
      const read = consumer.operands.find(({ node }) => {
        const producer = nodes[node]!;
        const isInner = producer.kind === 'loop' && !kept.has(node) && readers[node]!.size === 1;
        return isInner && fuseLoops(producer, consumer, node);
      });
      if (!read) break;
      const producer = nodes[read.node] as LoopNode;
      nodes[i] = fuseLoops(producer, consumer, read.node)!;
      nodes[read.node] = { ...producer, shape: [0], fold: [], operands: [], step: NOTHING, post: NOTHING };
      for (const { node } of producer.operands) {
        readers[node]!.delete(read.node);
        readers[node]!.add(i);
      }
    }
  }
  return { ...program, nodes };
}

const NOTHING: ScalarProgram = { code: [], result: 0 };

/** Most instructions that follow a fold. */
const MAX_POST = 64;

/** An index of one shape as a sum of indices of another one, each with its factor. */
type IndexSum = readonly (readonly [index: number, factor: number])[];

/**
 * The consumer with its producer inside.
 *
 * @param node number of the producer
 * @returns undefined if the two do not fit
 */
function fuseLoops(producer: LoopNode, consumer: LoopNode, node: number): LoopNode | undefined {
  if (!canFuse(producer, consumer, node)) return undefined;
  const producerIndices = indicesIn(producer.shape, consumer.shape);
  const consumerIndices = producerIndices ? undefined : indicesIn(consumer.shape, producer.shape);
  if (!producerIndices && !consumerIndices) return undefined;
  const shape = producerIndices ? consumer.shape : producer.shape;

  const others = consumer.operands.filter((operand) => operand.node !== node);
  /** Positions of the consumer's operands in the fused loop; of no use for the producer's tensor. */
  const position = consumer.operands.map((operand) => producer.operands.length + others.indexOf(operand));
  const operands = [
    ...producer.operands.map((operand) => moveOperand(operand, producer, shape, producerIndices, (o) => o)),
    ...others.map((operand) => moveOperand(operand, consumer, shape, consumerIndices, (o) => position[o]!)),
  ];
  // A loop without a fold starts from its init, which becomes a constant.
  const constants = [...producer.constants, ...consumer.constants, producer.init, consumer.init];
  const folded = hasFold(producer) ? producer : consumer;
  const frame = { shape, fold: folded.fold, operands, constants };
  const to = slotsOf(frame);
  const firstInit = to.constants + producer.constants.length + consumer.constants.length;

  /** Slots of a loop's code in the fused loop: its results start at `results`, its constants at `constants`. */
  const slotMap = (
    loop: LoopNode,
    results: number,
    constants: number,
    operandSlot: (o: number) => number,
  ) => {
    const from = slotsOf(loop);
    const init = loop === producer ? firstInit : firstInit + 1;
    return (slot: number): number => {
      if (slot < from.constants) return loop === folded ? to.accumulator : init;
      if (slot < from.operands) return slot - from.constants + constants;
      if (slot < from.outputIndices) return operandSlot(slot - from.operands);
      return slot - from.results + results;
    };
  };
  const producerSlot = slotMap(producer, to.results, to.constants, (o) => to.operands + o);
  const product = producerSlot(producer.post.result);
  const consumerSlot = (results: number) =>
    slotMap(consumer, results, to.constants + producer.constants.length, (o) =>
      consumer.operands[o]!.node === node ? product : to.operands + position[o]!,
    );
  const postSlot = consumerSlot(to.results + producer.post.code.length);
  const stepSlot = folded === producer ? producerSlot : consumerSlot(to.results);
  return {
    ...consumer,
    ...frame,
    init: folded.init,
    step: { code: withSlots(folded.step.code, stepSlot), result: stepSlot(folded.step.result) },
    post: {
      code: [...withSlots(producer.post.code, producerSlot), ...withSlots(consumer.post.code, postSlot)],
      result: postSlot(consumer.post.result),
    },
  };
}

/** Whether a producer can be computed inside its consumer, apart from their shapes. */
function canFuse(producer: LoopNode, consumer: LoopNode, node: number): boolean {
  if (hasFold(producer) && hasFold(consumer)) return false;
  if (!isPlain(producer) || !isPlain(consumer)) return false;
  // A byte is narrowed when it is stored, which a word that is passed on is not.
  if (producer.dtype === 'i8' || producer.dtype === 'u8') return false;
  if (sizeOf(producer.shape) === 0 || sizeOf(producer.shape) !== sizeOf(consumer.shape)) return false;
  if (producer.post.code.length + consumer.post.code.length > MAX_POST) return false;
  if (readsIndex(producer) || readsIndex(consumer)) return false;
  const uses = operandUses(consumer);
  const isElementwise = consumer.operands.every(
    (operand, o) => operand.node !== node || (!uses[o]!.step && isSameElement(operand, consumer.shape)),
  );
  const isGathered = consumer.operands.some(({ view }) =>
    view.some(
      ({ coordinate }) =>
        coordinate.kind === 'gathered' && consumer.operands[coordinate.operand]!.node === node,
    ),
  );
  return isElementwise && !isGathered;
}

/**
 * Each index of `coarse` as a sum of indices of `fine`, if `fine` is a finer shape of the same elements.
 *
 * @returns undefined otherwise
 */
function indicesIn(coarse: readonly number[], fine: readonly number[]): IndexSum[] | undefined {
  const sums: IndexSum[] = [];
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

/** Whether an operand reads, for each output element, the element with the same row-major position. */
function isSameElement({ view }: Operand, shape: readonly number[]): boolean {
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
  const strides = rowMajorStrides(shape, 1);
  return constant === 0 && sum.every((coefficient, i) => coefficient === strides[i] || shape[i] === 1);
}

const hasFold = ({ fold }: LoopNode): boolean => fold.length > 0;

/** Whether a loop has a fold or does without one: its step must then do nothing. */
const isPlain = (loop: LoopNode): boolean =>
  hasFold(loop) || (loop.step.code.length === 0 && loop.step.result === 0);

/** Whether a loop's code uses an index as a value. */
function readsIndex(loop: LoopNode): boolean {
  const { outputIndices, results } = slotsOf(loop);
  const isIndex = (slot: number) => slot >= outputIndices && slot < results;
  return [loop.step, loop.post].some(
    ({ code, result }) => isIndex(result) || code.some(({ a, b, c }) => [a, b, c].some(isIndex)),
  );
}

/**
 * An operand of a loop as one of the fused loop.
 *
 * @param indices the loop's output indices by those of `shape`; undefined if they are the same
 * @param position of an operand in the fused loop, by its position in the loop
 */
function moveOperand(
  operand: Operand,
  loop: LoopNode,
  shape: readonly number[],
  indices: readonly IndexSum[] | undefined,
  position: (operand: number) => number,
): Operand {
  const move = (coordinate: Coordinate): Coordinate => {
    if (coordinate.kind === 'gathered') return { kind: 'gathered', operand: position(coordinate.operand) };
    const terms = coordinate.terms.flatMap(({ index, coefficient }) => {
      if (index >= loop.shape.length)
        return [{ index: index - loop.shape.length + shape.length, coefficient }];
      if (!indices) return [{ index, coefficient }];
      return indices[index]!.map(([to, factor]) => ({ index: to, coefficient: coefficient * factor }));
    });
    return { ...coordinate, terms };
  };
  return {
    ...operand,
    view: operand.view.map(({ extent, coordinate }) => ({ extent, coordinate: move(coordinate) })),
  };
}
