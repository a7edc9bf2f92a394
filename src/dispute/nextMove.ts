import { equalBytes, type Hash } from '../merkle/keccak.ts';
import { siblingsOf, TENSOR_TREE, TRACE_TREE, type TreeKind } from '../merkle/tree.ts';
import { blockLevels, isCheckpoint } from '../program/blocks.ts';
import type { TensorRef } from '../program/interface.ts';
import { CHUNK_BYTES } from '../program/limits.ts';
import { byteLengthOf, ELEMENT_BYTES, type LoopNode, sizeOf } from '../program/node.ts';
import { blockRoots } from '../trace/commitment.ts';
import type { Commitment, Trace } from '../trace/trace.ts';
import type { Move, Pick, Role } from './move.ts';
import { pickFrom } from './pick.ts';
import { MOVERS, type Position, topOfTrace } from './position.ts';
import { decodeWords, elementAt, encodeWords, intervalAt, levelsToReveal, postedPositions } from './rules.ts';
import { blockRootOf, claimedProof, type DisputeView, firstDifference } from './view.ts';

/**
 * Finds the move that follows from one's own trace: the claimant shows it, and the challenger goes to the first hash, byte or
 * word of the claimant's that differs from its own.
 *
 * @returns undefined if it is not `role`'s turn, or if one's own values leave nothing to say: a challenger that
 * agrees with all it is shown, a claimant whose trace root was fixed to another
 */
export function nextMove(view: DisputeView, trace: Trace, role: Role): Move | undefined {
  const { phase } = view.position;
  if (phase === 'None' || MOVERS[phase] !== role) return undefined;
  switch (phase) {
    case 'Root':
    case 'TraceReveal':
    case 'TracePick':
      return moveAboveBlocks(view, trace, role);
    case 'NodeReveal':
      return revealBlock(view, trace);
    case 'NodePick':
      return pickInBlock(view, trace);
    case 'TensorReveal':
      return { kind: 'reveal', hashes: hashesInTensor(view.position, trace) };
    case 'TensorPick':
      return pickInTensor(view, trace);
    case 'Chunk':
      return { kind: 'revealChunk', chunk: trace.chunk(view.position.nodeIndex, view.position.index) };
    case 'Element':
      return nameElement(view, trace);
    case 'Fold':
      return postAccumulators(view, trace);
    case 'Interval':
      return nameInterval(view, trace);
    case 'NodeDemand':
      return openNode(view, trace);
  }
}

/** Whether {@link moveAboveBlocks} is all that a dispute needs so far, so that nobody has to keep whole tensors for it. */
export const isAboveBlocks = ({ position: { phase } }: DisputeView): boolean =>
  phase === 'Root' || phase === 'TraceReveal' || phase === 'TracePick';

/** {@link nextMove} in the phases of {@link isAboveBlocks}, from what the root of one's own trace commits to. */
export function moveAboveBlocks(view: DisputeView, own: Commitment, role: Role): Move | undefined {
  const { phase } = view.position;
  if (phase === 'None' || MOVERS[phase] !== role) return undefined;
  if (phase === 'Root') return showTrace(view, own);
  if (phase === 'TraceReveal') return { kind: 'reveal', hashes: hashesAbove(view.position, own) };
  if (phase !== 'TracePick') return undefined;
  const picked = differing(TRACE_TREE, view.traceReveals.at(-1) ?? [], hashesAbove(view.position, own));
  return picked && { kind: 'pick', picked };
}

/** Accumulators of the disputed element that a move shows or compares. */
export interface FoldQuestion {
  readonly nodeIndex: number;
  readonly element: number;
  /** Fold steps, in ascending order. */
  readonly positions: readonly number[];
}

/**
 * The accumulators that {@link nextMove} asks the trace for: whoever prepares them first (see `prepare` of `Trace`) has the
 * move at once, however long the fold is.
 */
export function foldQuestion({ position }: DisputeView, { model }: Trace): FoldQuestion | undefined {
  const { phase, nodeIndex, index: element, hi } = position;
  if (phase !== 'Fold' && phase !== 'Interval') return undefined;
  const node = model.program.nodes[nodeIndex];
  const posted = postedPositions(position);
  // Behind the last fold step lies the post program, and then the element itself, which the trace has.
  const isWhole = node?.kind !== 'loop' || hi === sizeOf(node.fold);
  return { nodeIndex, element, positions: phase === 'Fold' || isWhole ? posted : [...posted, hi] };
}

// ---- claimant ----

function showTrace({ traceRoot }: DisputeView, own: Commitment): Move | undefined {
  const { model, root } = own;
  const levels = levelsToReveal(topOfTrace(model.program.nodes.length).depthLeft);
  const hashes = Array.from({ length: 2 ** levels }, (_, i) => own.node(own.depth - levels, i));
  if (traceRoot) return equalBytes(traceRoot, root) ? { kind: 'reveal', hashes } : undefined;
  const outputs = model.outputs.map(({ node }) => node);
  return {
    kind: 'commitTrace',
    outputRoots: outputs.map((node) => own.node(0, node)),
    proofs: outputs.flatMap((output) =>
      siblingsOf(own.depth, output, (level, index) => own.node(level, index)),
    ),
    hashes,
  };
}

function revealBlock({ position }: DisputeView, trace: Trace): Move {
  return {
    kind: 'revealBlock',
    hashes: blockRoots(trace, position.index),
    checkpoints: checkpointsOf(position, trace),
  };
}

function openNode(view: DisputeView, { model }: Trace): Move {
  const { nodeIndex } = view.position;
  const node = { descriptor: model.descriptors[nodeIndex]!, siblings: model.tree.proof(nodeIndex) };
  return { kind: 'openNode', blockRoot: blockRootOf(view), node };
}

function postAccumulators(view: DisputeView, trace: Trace): Move {
  const { nodeIndex, element, positions } = foldQuestion(view, trace)!;
  const words = trace.accumulators(nodeIndex, element, positions);
  return { kind: 'postAccumulators', words: encodeWords(words) };
}

// ---- both: one's own hashes, where the claimant's are revealed now ----

/** Hashes above the blocks. */
function hashesAbove({ depthLeft, index, traceDepth }: Position, own: Commitment): Hash[] {
  const levels = levelsToReveal(depthLeft);
  const level = blockLevels(traceDepth) + depthLeft - levels;
  return Array.from({ length: 2 ** levels }, (_, i) => own.node(level, index * 2 ** levels + i));
}

/** Hashes of the disputed tensor's tree. */
function hashesInTensor({ depthLeft, index, nodeIndex }: Position, trace: Trace): Hash[] {
  const levels = levelsToReveal(depthLeft);
  return Array.from({ length: 2 ** levels }, (_, i) =>
    trace.tensorNode(nodeIndex, depthLeft - levels, index * 2 ** levels + i),
  );
}

/** Bit mask of the checkpoints in a block; the lowest bit is the first node's. */
function checkpointsOf({ depthLeft, index, hi: nodes }: Position, { model }: Trace): number {
  let marks = 0;
  for (let i = 0; i < 2 ** depthLeft; i++) {
    const node = index * 2 ** depthLeft + i;
    if (node < nodes && isCheckpoint(model.program, node)) marks |= 1 << i;
  }
  return marks >>> 0;
}

// ---- challenger ----

/** The first of the revealed hashes that differs, opened; undefined if there is none. */
function differing(kind: TreeKind, claimed: readonly Hash[], own: readonly Hash[]): Pick | undefined {
  const child = firstDifference(claimed, (i) => own[i]!);
  if (child < 0) return undefined;
  return pickFrom(kind, claimed, child);
}

/** A checkpoint that is none or the other way round; else the first tensor that differs. */
function pickInBlock(view: DisputeView, trace: Trace): Move | undefined {
  const { position } = view;
  const { depthLeft, traceDepth, index, hi: nodes, word } = position;
  const { model } = trace;
  const first = index * 2 ** depthLeft;
  const nodeAt = (child: number) => ({
    descriptor: model.descriptors[first + child]!,
    siblings: model.tree.proof(first + child),
  });
  const inBlock = Math.min(2 ** depthLeft, nodes - first);
  const wrong = (word ^ checkpointsOf(position, trace)) & (2 ** Math.max(0, inBlock) - 1);
  if (depthLeft < traceDepth && wrong !== 0) {
    const child = 31 - Math.clz32(wrong);
    return { kind: 'proveCheckpoint', blockRoot: blockRootOf(view), child, node: nodeAt(child) };
  }
  const picked = differing(TRACE_TREE, view.blockReveal, blockRoots(trace, index));
  if (!picked) return undefined;
  if (picked.child >= inBlock) return { kind: 'provePadding', picked };
  const node = nodeAt(picked.child);
  const disputed = model.program.nodes[first + picked.child]!;
  const rootsOf = (refs: readonly TensorRef[]) => refs.map(({ node }) => trace.node(0, node));
  switch (disputed.kind) {
    case 'constant':
      return { kind: 'proveConstant', picked, node };
    case 'input':
      return disputed.slot < model.inputs.length
        ? { kind: 'proveInput', picked, node, inputRoots: rootsOf(model.inputs) }
        : { kind: 'proveAnswer', picked, node, answerRoots: rootsOf(model.answers) };
    case 'loop':
      return { kind: 'pickNode', picked, node };
  }
}

function pickInTensor(view: DisputeView, trace: Trace): Move | undefined {
  const { depthLeft, index, hi: leaves } = view.position;
  const picked = differing(TENSOR_TREE, view.tensorReveal, hashesInTensor(view.position, trace));
  if (!picked) return undefined;
  const levels = levelsToReveal(depthLeft);
  const isPadding = depthLeft === levels && index * 2 ** levels + picked.child >= leaves;
  return { kind: isPadding ? 'provePadding' : 'pick', picked };
}

/** The disputed node, which is a loop from phase TensorReveal on. */
function disputedLoop({ position }: DisputeView, trace: Trace): { loop: LoopNode; descriptor: Uint8Array } {
  const loop = trace.model.program.nodes[position.nodeIndex];
  if (loop?.kind !== 'loop') throw new RangeError(`the disputed node ${position.nodeIndex} is no loop`);
  return { loop, descriptor: trace.model.descriptors[position.nodeIndex]! };
}

/** Openings of all that steps [from, to) of the disputed element read, against the claimant's commitments. */
const witnessOf = (view: DisputeView, trace: Trace, element: number, from: number, to: number): Uint8Array =>
  trace.witness(view.position.nodeIndex, element, from, to, (node) =>
    claimedProof(view, node, (level, index) => trace.node(level, index)),
  );

function nameElement(view: DisputeView, trace: Trace): Move | undefined {
  const { chunk, position } = view;
  const own = trace.chunk(position.nodeIndex, position.index);
  const byte = own.findIndex((value, i) => value !== chunk[i]);
  if (byte < 0) return undefined;
  const { loop, descriptor } = disputedLoop(view, trace);
  if (position.index * CHUNK_BYTES + byte >= byteLengthOf(loop)) {
    return { kind: 'provePaddingByte', chunk };
  }
  const offset = Math.floor(byte / ELEMENT_BYTES[loop.dtype]);
  const { index: element, hi: steps, grain } = elementAt(position, chunk, offset);
  if (steps > grain) return { kind: 'nameElement', chunk, offset };
  const witness = witnessOf(view, trace, element, 0, steps);
  return { kind: 'proveElement', chunk, offset, descriptor, blockRoot: blockRootOf(view), witness };
}

function nameInterval(view: DisputeView, trace: Trace): Move | undefined {
  const { position, words } = view;
  const { nodeIndex, element, positions } = foldQuestion(view, trace)!;
  const { loop, descriptor } = disputedLoop(view, trace);
  const claimed = [...decodeWords(words), position.word];
  const own = trace.accumulators(nodeIndex, element, positions);
  if (position.hi === sizeOf(loop.fold)) own.push(trace.word(nodeIndex, element));
  const interval = claimed.findIndex((word, i) => word !== own[i]);
  if (interval < 0) return undefined;
  const { lo, hi } = intervalAt(position, words, interval);
  if (hi - lo > position.grain) return { kind: 'pickInterval', words, interval };
  const witness = witnessOf(view, trace, element, lo, hi);
  return { kind: 'proveInterval', words, interval, descriptor, blockRoot: blockRootOf(view), witness };
}
