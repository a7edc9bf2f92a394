// The next move of either side of a toy dispute: written from the contract's table, apart from src/dispute, so that the
// contracts are not tested with the code that is tested with them.
import { equalBytes, type Hash } from '../../../src/merkle/keccak.ts';
import { chunksOf } from '../../../src/merkle/tensor.ts';
import { concat, MerkleTree, TENSOR_TREE, TRACE_TREE, type TreeKind } from '../../../src/merkle/tree.ts';
import { CHUNK_BYTES, MAX_INTERVALS, MAX_REVEAL_LEVELS } from '../../../src/program/limits.ts';
import { byteLengthOf, isCommitted } from './model.ts';
import type { Values } from './values.ts';

export const PHASE = {
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

export const claimantMoves = (phase: number): boolean =>
  (
    [
      PHASE.Root,
      PHASE.TraceReveal,
      PHASE.NodeReveal,
      PHASE.TensorReveal,
      PHASE.Chunk,
      PHASE.Fold,
      PHASE.NodeDemand,
    ] as number[]
  ).includes(phase);

/** Fields of a packed position; see contracts/types/Position.sol. */
export function unpack(position: bigint) {
  const field = (shift: number, bits: number): number =>
    Number((position >> BigInt(shift)) & ((1n << BigInt(bits)) - 1n));
  return {
    phase: field(240, 8),
    depthLeft: field(232, 8),
    traceDepth: field(224, 8),
    nodeIndex: field(192, 32),
    index: field(160, 32),
    lo: field(128, 32),
    hi: field(96, 32),
    grain: field(64, 32),
    accumulator: field(32, 32),
    word: field(0, 32),
  };
}

export type Place = ReturnType<typeof unpack>;

/** The claimant's last answer. */
export interface Table {
  readonly hashes: readonly Hash[];
  readonly chunk: Uint8Array;
  readonly words: Uint8Array;
  /** Root of the tree over the disputed block. */
  readonly blockRoot: Hash;
}

export const EMPTY_TABLE: Table = {
  hashes: [],
  chunk: new Uint8Array(),
  words: new Uint8Array(),
  blockRoot: new Uint8Array(32),
};

/** A function of the game and its arguments after dispute id and state; `request` stands for the claim's request. */
export interface Call {
  readonly name: string;
  readonly args: readonly unknown[];
}

export const REQUEST = Symbol('the request');

export function levelsToReveal(depthLeft: number): number {
  if (depthLeft === 0) return 0;
  return Math.ceil(depthLeft / Math.ceil(depthLeft / MAX_REVEAL_LEVELS));
}

/** Fold positions at which accumulators are posted. */
export function positionsIn({ lo, hi, grain }: Pick<Place, 'lo' | 'hi' | 'grain'>): number[] {
  const stride = Math.max(grain, Math.ceil((hi - lo) / MAX_INTERVALS));
  const positions = [];
  for (let at = lo + stride; at < hi; at += stride) positions.push(at);
  return positions;
}

export function packWords(words: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * words.length);
  words.forEach((word, i) => {
    new DataView(bytes.buffer).setUint32(4 * i, word);
  });
  return bytes;
}

const unpackWords = (bytes: Uint8Array): number[] =>
  Array.from({ length: bytes.length / 4 }, (_, i) =>
    new DataView(bytes.buffer, bytes.byteOffset).getUint32(4 * i),
  );

const isInTensor = ({ phase }: Place): boolean => phase === PHASE.TensorReveal || phase === PHASE.TensorPick;

/** Levels of a block. */
const blockLevels = (traceDepth: number): number => (traceDepth <= 5 ? traceDepth : traceDepth <= 8 ? 4 : 5);

/** The subtree of a position in one of the trees' phases, seen with one's own values. */
function ownHashes(place: Place, values: Values): Hash[] {
  const { depthLeft, index, nodeIndex, phase, traceDepth } = place;
  const levels = levelsToReveal(depthLeft);
  if (isInTensor(place)) return values.tensor(nodeIndex).below(depthLeft, index, levels);
  if (phase === PHASE.TraceReveal || phase === PHASE.TracePick) {
    return values.trace.below(blockLevels(traceDepth) + depthLeft, index, levels);
  }
  return values.roots.slice(index << levels, (index + 1) << levels);
}

/** The top of a trace: its levels above the blocks, all of it if there is only one. */
const topOf = ({ trace, model: { depth } }: Values): Hash[] => {
  const above = depth - blockLevels(depth);
  return trace.below(depth, 0, above === 0 ? depth : levelsToReveal(above));
};

/** A node of the program, opened. */
export const nodeProof = ({ model }: Values, index: number) => ({
  descriptor: model.descriptors[index],
  siblings: model.tree.proof(index),
});

/** The first answer, which fixes the trace root. */
export function commitTrace(values: Values): Call {
  const { trace, model } = values;
  const roots = model.outputs.map(({ node }) => values.tensor(node).root);
  const proofs = model.outputs.flatMap(({ node }) => trace.proof(node));
  return { name: 'commitTrace', args: [roots, proofs, topOf(values)] };
}

/** The answer of a claimant who holds `values`. */
export function claimantMove(place: Place, values: Values, traceCommitted: boolean): Call {
  if (place.phase === PHASE.Root) {
    return traceCommitted ? { name: 'reveal', args: [topOf(values)] } : commitTrace(values);
  }
  if (place.phase === PHASE.TraceReveal || place.phase === PHASE.TensorReveal) {
    return { name: 'reveal', args: [ownHashes(place, values)] };
  }
  if (place.phase === PHASE.NodeReveal) {
    const hashes = ownHashes(place, values);
    const marks = hashes.reduce(
      (bits, _, i) =>
        place.index * hashes.length + i < place.hi &&
        isCommitted(values.model, place.index * hashes.length + i)
          ? bits + 2 ** i
          : bits,
      0,
    );
    return { name: 'revealBlock', args: [hashes, marks] };
  }
  if (place.phase === PHASE.NodeDemand) {
    const blockRoot = new MerkleTree(TRACE_TREE, concat(ownHashes(place, values))).root;
    return { name: 'openNode', args: [blockRoot, nodeProof(values, place.nodeIndex)] };
  }
  if (place.phase === PHASE.Chunk) {
    const at = place.index * CHUNK_BYTES;
    return { name: 'revealChunk', args: [values.bytes(place.nodeIndex).slice(at, at + CHUNK_BYTES)] };
  }
  const words = values.accumulators(place.nodeIndex, place.index, positionsIn(place));
  return { name: 'postAccumulators', args: [packWords(words)] };
}

/** A revealed hash and its siblings up to the subject. */
export const pickOf = (hashes: readonly Hash[], child: number, kind: TreeKind): unknown => ({
  child,
  hash: hashes[child],
  siblings: new MerkleTree(kind, concat(hashes)).proof(child),
});

export interface Choice {
  /** The child, element or interval to name; the first that differs if left out. */
  readonly at?: number;
}

/**
 * The answer of a challenger who holds `values`.
 *
 * @returns undefined if it sees nothing wrong
 */
export function challengerMove(
  place: Place,
  table: Table,
  values: Values,
  { at }: Choice = {},
): Call | undefined {
  if (place.phase === PHASE.TracePick || place.phase === PHASE.NodePick || place.phase === PHASE.TensorPick) {
    const hashes = ownHashes(place, values);
    const child = at ?? table.hashes.findIndex((hash, i) => !equalBytes(hash, hashes[i]!));
    if (child < 0) return undefined;
    const picked = pickOf(table.hashes, child, isInTensor(place) ? TENSOR_TREE : TRACE_TREE);
    const levels = levelsToReveal(place.depthLeft);
    const index = place.index * 2 ** levels + child;
    const atBottom = levels === place.depthLeft && place.phase !== PHASE.TracePick;
    if (atBottom && index >= place.hi) return { name: 'provePadding', args: [picked] };
    if (place.phase !== PHASE.NodePick) return { name: 'pick', args: [picked] };
    const node = nodeProof(values, index);
    const { kind, slot } = values.model.nodes[index]!;
    if (kind === 'loop') return { name: 'pickNode', args: [picked, node] };
    if (kind === 'constant') return { name: 'proveConstant', args: [picked, node] };
    const { inputs, answers } = values.model;
    const isInput = slot < inputs.length;
    const roots = (isInput ? inputs : answers).map((ref) => values.tensor(ref.node).root);
    return { name: isInput ? 'proveInput' : 'proveAnswer', args: [picked, node, REQUEST, roots] };
  }
  const node = values.model.nodes[place.nodeIndex]!;
  const descriptor = values.model.descriptors[place.nodeIndex];
  if (place.phase === PHASE.Element) {
    const start = place.index * CHUNK_BYTES;
    const chunk = values.bytes(place.nodeIndex).subarray(start, start + CHUNK_BYTES);
    const byte = at === undefined ? table.chunk.findIndex((b, i) => b !== chunk[i]) : at * node.elementBytes;
    if (byte < 0) return undefined;
    if (start + byte >= byteLengthOf(node)) return { name: 'provePaddingByte', args: [table.chunk] };
    const offset = Math.floor(byte / node.elementBytes);
    return node.foldSteps <= node.grain
      ? { name: 'proveElement', args: [table.chunk, offset, descriptor, table.blockRoot, '0x'] }
      : { name: 'nameElement', args: [table.chunk, offset] };
  }
  const positions = positionsIn(place);
  const words = values.accumulators(place.nodeIndex, place.index, positions);
  const differing = unpackWords(table.words).findIndex((word, i) => word !== words[i]);
  const interval = at ?? (differing < 0 ? positions.length : differing);
  const from = interval === 0 ? place.lo : positions[interval - 1]!;
  const steps = (positions[interval] ?? place.hi) - from;
  return steps <= place.grain
    ? { name: 'proveInterval', args: [table.words, interval, descriptor, table.blockRoot, '0x'] }
    : { name: 'pickInterval', args: [table.words, interval] };
}

/** Chunks of a toy node's tensor. */
export const chunkCount = (values: Values, node: number): number =>
  chunksOf(byteLengthOf(values.model.nodes[node]!));
