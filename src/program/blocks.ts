import { MAX_REVEAL_LEVELS } from './limits.ts';
import type { LoopNode, Node, Program } from './node.ts';

/**
 * Checkpoints: the tensors that the root of a trace commits to. Nodes lie in aligned blocks. What is read outside its
 * block, or is an output, is a checkpoint: the root commits to checkpoints only. All tensors of a block are committed
 * to when a dispute reaches it, so a claimant that is challenged hashes little of what it computed.
 * Twin: `contracts/libraries/program/Blocks.sol`.
 */

/** Levels of edges in a binary tree of `leaves` leaves: ceil(log2 leaves). */
export const depthOf = (leaves: number): number => (leaves <= 1 ? 0 : 32 - Math.clz32(leaves - 1));

/** Number of reveals that open a tree of so many levels. */
export const countReveals = (depth: number): number => Math.ceil(depth / MAX_REVEAL_LEVELS);

/** Levels of the trees up to which a program of more than one block has blocks of 16 nodes, not 32. */
const SMALL_TRACE_DEPTH = 8;

/**
 * Levels of a block: how deep a trace's tree is from the node of a block to its tensors. A program of at most 32
 * nodes is one block.
 *
 * @param traceDepth levels of the trace's tree
 */
export function blockLevels(traceDepth: number): number {
  if (traceDepth <= MAX_REVEAL_LEVELS) return traceDepth;
  return traceDepth <= SMALL_TRACE_DEPTH ? MAX_REVEAL_LEVELS - 1 : MAX_REVEAL_LEVELS;
}

/** Index of the block that a node is in. */
export const blockOf = (node: number, traceDepth: number): number =>
  Math.floor(node / 2 ** blockLevels(traceDepth));

/**
 * Whether the root of a trace leaves a node's tensor open until its block is disputed. That of a single block leaves
 * none.
 *
 * @param nodeCount of the program
 */
export function isOpen(node: Node, nodeCount: number): boolean {
  const traceDepth = depthOf(nodeCount);
  return node.kind === 'loop' && !node.checkpoint && blockLevels(traceDepth) < traceDepth;
}

/** Whether the root of a trace commits to a node's tensor. */
export const isCheckpoint = ({ nodes }: Pick<Program, 'nodes'>, node: number): boolean =>
  !isOpen(nodes[node]!, nodes.length);

/** The same program with the least checkpoints that its blocks allow; none in a single block, which needs no marks. */
export function withCheckpoints(program: Program): Program {
  const { nodes, outputs } = program;
  const traceDepth = depthOf(nodes.length);
  const needed = new Set<number>();
  if (blockLevels(traceDepth) < traceDepth) {
    for (const output of outputs) needed.add(output);
    for (const [i, node] of nodes.entries()) {
      if (node.kind !== 'loop') continue;
      for (const operand of node.operands) {
        if (blockOf(operand.node, traceDepth) !== blockOf(i, traceDepth)) needed.add(operand.node);
      }
    }
  }
  const mark = (loop: LoopNode, i: number): LoopNode => ({ ...loop, checkpoint: needed.has(i) });
  return { ...program, nodes: nodes.map((node, i) => (node.kind === 'loop' ? mark(node, i) : node)) };
}
