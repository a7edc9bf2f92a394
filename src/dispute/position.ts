import { chunksOf } from '../merkle/tensor.ts';
import { blockLevels, depthOf } from '../program/blocks.ts';
import { byteLengthOf, ELEMENT_BYTES, type LoopNode, sizeOf } from '../program/node.ts';
import type { Role } from './move.ts';

/** Phases of a dispute by the move that it waits for; the codes are those of `Phase` in `types/Position.sol`. */
export const PHASES = {
  None: 0,
  Root: 1,
  TraceReveal: 2,
  TracePick: 3,
  NodeReveal: 4,
  NodePick: 5,
  TensorReveal: 6,
  TensorPick: 7,
  Chunk: 8,
  Element: 9,
  Fold: 10,
  Interval: 11,
  NodeDemand: 12,
} as const;

export type Phase = keyof typeof PHASES;

/** Whose move each phase waits for. */
export const MOVERS: Readonly<Record<Exclude<Phase, 'None'>, Role>> = {
  Root: 'claimant',
  TraceReveal: 'claimant',
  TracePick: 'challenger',
  NodeReveal: 'claimant',
  NodePick: 'challenger',
  TensorReveal: 'claimant',
  TensorPick: 'challenger',
  Chunk: 'claimant',
  Element: 'challenger',
  Fold: 'claimant',
  Interval: 'challenger',
  NodeDemand: 'claimant',
};

/** Where in the computation a dispute stands. Twin of `types/Position.sol`, which draws its bits. */
export interface Position {
  /** Bytes of an element, plus {@link SIGNED}, in a tensor's phases (TensorReveal to Element). */
  readonly format: number;
  readonly phase: Phase;
  /** Levels of the current tree below the subject; of a trace's, as far as the blocks. */
  readonly depthLeft: number;
  /** Levels of the trace's tree. */
  readonly traceDepth: number;
  /** The disputed node, once known; in NodeDemand the demanded one. */
  readonly nodeIndex: number;
  /** Path so far in the current tree; chunk; from Fold on the element. */
  readonly index: number;
  /** Fold step at which the disputed stretch starts; in a tensor's phases its bytes; in NodePick 1 once a node was demanded. */
  readonly lo: number;
  /** Fold step before which it ends; in a tree's phases the number of its leaves. */
  readonly hi: number;
  /** Fold steps that one leaf runs at most. */
  readonly grain: number;
  /** Word before step lo, agreed. */
  readonly accumulator: number;
  /**
   * Claimed word after step hi - 1; of the element as loaded if hi is the end; in a tensor's phases the fold
   * steps of one element; in NodePick, if there are several blocks, a bit for each tensor of this one, the first one's
   * the lowest: 1 for a checkpoint.
   */
  readonly word: number;
}

/** Added to a format whose elements are sign-extended when they are loaded. */
export const SIGNED = 128;

const ORIGIN: Position = {
  format: 0,
  phase: 'None',
  depthLeft: 0,
  traceDepth: 0,
  nodeIndex: 0,
  index: 0,
  lo: 0,
  hi: 0,
  grain: 0,
  accumulator: 0,
  word: 0,
};

/** The position of a dispute just opened, without the claim hash that it is packed with. */
export const START: Position = { ...ORIGIN, phase: 'Root' };

/**
 * The packed position of a dispute just opened.
 *
 * @param claimHash keccak256(hash of the request ‖ commitment to the outputs), of which it keeps the first 240 bits
 */
export const encodeStart = (claimHash: bigint): bigint => encodePosition(START) | (claimHash >> 16n);

/** Number fields from the highest bits to the lowest, with their widths; phase and format are above them. */
const FIELDS = [
  ['depthLeft', 8],
  ['traceDepth', 8],
  ['nodeIndex', 32],
  ['index', 32],
  ['lo', 32],
  ['hi', 32],
  ['grain', 32],
  ['accumulator', 32],
  ['word', 32],
] as const;

export const encodePosition = (position: Position): bigint =>
  FIELDS.reduce(
    (packed, [name, bits]) => (packed << BigInt(bits)) | BigInt(position[name]),
    BigInt(position.format * 256 + PHASES[position.phase]),
  );

/** @throws RangeError if no position packs to `packed` */
export function decodePosition(packed: bigint): Position {
  const position: { -readonly [Name in keyof Position]: Position[Name] } = { ...ORIGIN };
  let rest = packed;
  for (const [name, bits] of FIELDS.toReversed()) {
    position[name] = Number(BigInt.asUintN(bits, rest));
    rest >>= BigInt(bits);
  }
  const code = Number(BigInt.asUintN(8, rest));
  const phase = (Object.keys(PHASES) as Phase[])[code];
  if (!phase) throw new RangeError(`no phase has code ${code}`);
  position.phase = phase;
  position.format = Number(rest >> 8n);
  if (position.format > 255)
    throw new RangeError(`a position has 256 bits, not ${packed.toString(2).length}`);
  // The other bits of a Root are the claim hash.
  return phase === 'Root' ? START : position;
}

/** A position inside the trace's tree. */
const inTrace = (
  phase: Phase,
  depthLeft: number,
  traceDepth: number,
  index: number,
  leaves: number,
): Position => ({
  ...ORIGIN,
  phase,
  depthLeft,
  traceDepth,
  index,
  hi: leaves,
});

/** The top of a trace's tree, waiting for the claimant to reveal it: above the blocks, or all of the only one. */
export function topOfTrace(nodes: number): Position {
  const depth = depthOf(nodes);
  const above = depth - blockLevels(depth);
  return above === 0
    ? inTrace('NodePick', depth, depth, 0, nodes)
    : inTrace('TracePick', above, depth, 0, nodes);
}

/** A block of the trace, in phase NodeReveal. */
export const atBlock = ({ traceDepth, hi: leaves }: Position, block: number): Position =>
  inTrace('NodeReveal', blockLevels(traceDepth), traceDepth, block, leaves);

/** The tensors of a block, revealed: in phase NodePick. */
export const intoBlock = (position: Position, checkpoints: number): Position => ({
  ...position,
  phase: 'NodePick',
  word: checkpoints,
});

/** A demanded node of the disputed block, in phase NodeDemand. */
export const intoDemand = (position: Position, nodeIndex: number): Position => ({
  ...position,
  phase: 'NodeDemand',
  nodeIndex,
});

/** The same block after its claimant has opened the demanded node, in phase NodePick. */
export const afterDemand = (position: Position): Position => ({
  ...position,
  phase: 'NodePick',
  nodeIndex: 0,
  lo: 1,
});

/** The same place, waiting for the other side. */
export const withPhase = (position: Position, phase: Phase): Position => ({ ...position, phase });

/** One reveal further down the same tree. */
export const down = (position: Position, phase: Phase, levels: number, child: number): Position => ({
  ...position,
  phase,
  depthLeft: position.depthLeft - levels,
  index: position.index * 2 ** levels + child,
});

/**
 * The root of the disputed node's tensor, in phase TensorReveal, or Chunk if there is only one. What it keeps of the node
 * is there so that the descriptor need not be handed over again before the leaf.
 */
export function intoTensor({ traceDepth }: Position, nodeIndex: number, loop: LoopNode): Position {
  const bytes = byteLengthOf(loop);
  const chunks = chunksOf(bytes);
  const depth = depthOf(chunks);
  return {
    format: ELEMENT_BYTES[loop.dtype] + (loop.dtype === 'i8' ? SIGNED : 0),
    phase: depth === 0 ? 'Chunk' : 'TensorReveal',
    depthLeft: depth,
    traceDepth,
    nodeIndex,
    index: 0,
    lo: bytes,
    hi: chunks,
    grain: loop.grain,
    accumulator: loop.init,
    word: sizeOf(loop.fold),
  };
}

/** The whole fold of one element, in phase Interval. */
export const inFold = (
  { traceDepth, nodeIndex, grain, accumulator, word: steps }: Position,
  element: number,
  word: number,
): Position => ({
  ...ORIGIN,
  phase: 'Interval',
  traceDepth,
  nodeIndex,
  index: element,
  hi: steps,
  grain,
  accumulator,
  word,
});

/** A part of a stretch of the fold. */
export const narrowed = (
  position: Position,
  lo: number,
  hi: number,
  accumulator: number,
  word: number,
): Position => ({ ...position, lo, hi, accumulator, word });
