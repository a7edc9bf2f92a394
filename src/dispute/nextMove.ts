import { equalBytes, type Hash } from '../merkle/keccak.ts';
import { concat, MerkleTree, siblingsOf, TENSOR_TREE, TRACE_TREE, type TreeKind } from '../merkle/tree.ts';
import { CHUNK_BYTES } from '../program/limits.ts';
import { byteLengthOf, ELEMENT_BYTES, type LoopNode, sizeOf } from '../program/node.ts';
import type { Trace } from '../trace/trace.ts';
import type { Move, Pick, Role } from './move.ts';
import { MOVERS } from './position.ts';
import { decodeWords, elementAt, encodeWords, intervalAt, levelsToReveal, postedPositions } from './rules.ts';
import { claimedProof, type DisputeView, firstDifference } from './view.ts';

/**
 * The move that follows from one's own trace: the claimant shows it, the challenger goes to the first place
 * where the claimant's differs from it.
 *
 * @returns undefined if it is not `role`'s turn, or if one's own values leave nothing to say: a challenger that
 * agrees with all it is shown, a claimant whose trace root was fixed to another
 */
export function nextMove(view: DisputeView, trace: Trace, role: Role): Move | undefined {
  const { phase } = view.position;
  if (phase === 'None' || MOVERS[phase] !== role) return undefined;
  switch (phase) {
    case 'Root':
      return showTrace(view, trace);
    case 'NodeReveal':
    case 'TensorReveal':
      return { kind: 'reveal', hashes: ownHashes(view, trace) };
    case 'NodePick':
      return pickInTrace(view, trace);
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
  }
}

// ---- claimant ----

function showTrace({ traceRoot }: DisputeView, trace: Trace): Move | undefined {
  const levels = levelsToReveal(trace.depth);
  const hashes = Array.from({ length: 2 ** levels }, (_, i) => trace.node(trace.depth - levels, i));
  if (traceRoot) return equalBytes(traceRoot, trace.root) ? { kind: 'reveal', hashes } : undefined;
  const outputs = trace.model.outputs.map(({ node }) => node);
  return {
    kind: 'commitTrace',
    outputRoots: outputs.map((node) => trace.node(0, node)),
    proofs: outputs.flatMap((output) =>
      siblingsOf(trace.depth, output, (level, index) => trace.node(level, index)),
    ),
    hashes,
  };
}

function postAccumulators({ position }: DisputeView, trace: Trace): Move {
  const words = trace.accumulators(position.nodeIndex, position.index, postedPositions(position));
  return { kind: 'postAccumulators', words: encodeWords(words) };
}

// ---- both: one's own hashes at the place of the current reveal ----

function ownHashes({ position }: DisputeView, trace: Trace): Hash[] {
  const { depthLeft, index, nodeIndex, phase } = position;
  const levels = levelsToReveal(depthLeft);
  const inTensor = phase === 'TensorReveal' || phase === 'TensorPick';
  return Array.from({ length: 2 ** levels }, (_, i) => {
    const at = index * 2 ** levels + i;
    return inTensor
      ? trace.tensorNode(nodeIndex, depthLeft - levels, at)
      : trace.node(depthLeft - levels, at);
  });
}

// ---- challenger ----

/** The first of the revealed hashes that differs, opened; undefined if there is none. */
function differing(kind: TreeKind, claimed: readonly Hash[], own: readonly Hash[]): Pick | undefined {
  const child = firstDifference(claimed, (i) => own[i]!);
  if (child < 0) return undefined;
  return { child, hash: claimed[child]!, siblings: new MerkleTree(kind, concat(claimed)).proof(child) };
}

function pickInTrace(view: DisputeView, trace: Trace): Move | undefined {
  const { depthLeft, index, hi: leaves } = view.position;
  const picked = differing(TRACE_TREE, view.traceReveals.at(-1) ?? [], ownHashes(view, trace));
  if (!picked) return undefined;
  const levels = levelsToReveal(depthLeft);
  if (depthLeft > levels) return { kind: 'pick', picked };
  const nodeIndex = index * 2 ** levels + picked.child;
  if (nodeIndex >= leaves) return { kind: 'provePadding', picked };
  const { model } = trace;
  const node = { descriptor: model.descriptors[nodeIndex]!, siblings: model.tree.proof(nodeIndex) };
  switch (model.program.nodes[nodeIndex]!.kind) {
    case 'constant':
      return { kind: 'proveConstant', picked, node };
    case 'input':
      return {
        kind: 'proveInput',
        picked,
        node,
        inputRoots: model.inputs.map((input) => trace.node(0, input.node)),
      };
    case 'loop':
      return { kind: 'pickNode', picked, node };
  }
}

function pickInTensor(view: DisputeView, trace: Trace): Move | undefined {
  const { depthLeft, index, hi: leaves } = view.position;
  const picked = differing(TENSOR_TREE, view.tensorReveal, ownHashes(view, trace));
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

/** What [from, to) of the disputed element reads, opened against the claimant's trace. */
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
  return { kind: 'proveElement', chunk, offset, descriptor, witness };
}

function nameInterval(view: DisputeView, trace: Trace): Move | undefined {
  const { position, words } = view;
  const { nodeIndex, index: element } = position;
  const { loop, descriptor } = disputedLoop(view, trace);
  const claimed = [...decodeWords(words), position.word];
  const ends = [...postedPositions(position), position.hi];
  const own = trace.accumulators(nodeIndex, element, ends);
  // Behind the last fold step lies the post program, and then the element itself.
  if (position.hi === sizeOf(loop.fold)) own[own.length - 1] = trace.word(nodeIndex, element);
  const interval = claimed.findIndex((word, i) => word !== own[i]);
  if (interval < 0) return undefined;
  const { lo, hi } = intervalAt(position, words, interval);
  if (hi - lo > position.grain) return { kind: 'pickInterval', words, interval };
  const witness = witnessOf(view, trace, element, lo, hi);
  return { kind: 'proveInterval', words, interval, descriptor, witness };
}
