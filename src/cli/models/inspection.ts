import { claimantMovesOf, type LeafBound, leafBound } from '../../dispute/gas.ts';
import { realNodes } from '../../onnx/index.ts';
import { depthOf, isCheckpoint } from '../../program/blocks.ts';
import { byteLengthOf, type Node, nodesRead, type Program } from '../../program/node.ts';

/** Facts about a program, found without running it. */

export interface NodeReport {
  readonly node: number;
  readonly kind: Node['kind'];
  readonly label: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Nodes that it reads. */
  readonly reads: readonly number[];
  readonly fold: readonly number[];
  /** `null` unless it is a loop. */
  readonly grain: number | null;
  /** Bytes of its tensor. */
  readonly bytes: number;
  /** Whether the root of a trace commits to its tensor. */
  readonly checkpoint: boolean;
  readonly descriptorBytes: number;
  /** `null` unless it is a loop: a constant or input is settled by its root alone. */
  readonly leaf: LeafBound | null;
  /** Answers that a claimant gives at most in a dispute about it. */
  readonly claimantMoves: number;
}

/** @returns a report on each node, except for those that only fill a block up */
export function inspectProgram(
  program: Program,
  descriptors: readonly Uint8Array[],
  labels: readonly string[],
): NodeReport[] {
  const traceDepth = depthOf(program.nodes.length);
  return realNodes(program).map((i) => {
    const node = program.nodes[i] as Node;
    const descriptorBytes = (descriptors[i] as Uint8Array).length;
    const loop = node.kind === 'loop' ? node : undefined;
    return {
      node: i,
      kind: node.kind,
      label: labels[i] ?? '',
      dtype: node.dtype,
      shape: node.shape,
      reads: loop ? nodesRead(loop) : [],
      fold: loop?.fold ?? [],
      grain: loop?.grain ?? null,
      bytes: byteLengthOf(node),
      checkpoint: isCheckpoint(program, i),
      descriptorBytes,
      leaf: loop ? leafBound(loop, descriptorBytes, traceDepth) : null,
      claimantMoves: claimantMovesOf(node, traceDepth),
    };
  });
}
