import { CHUNK_BYTES, LIMITS, MAX_INTERVALS } from '../program/limits.ts';
import {
  ELEMENT_BYTES,
  type LoopNode,
  type Operand,
  operandUses,
  type ScalarProgram,
  sizeOf,
} from '../program/node.ts';
import { instructionOf } from '../scalar/instructions.ts';

/**
 * Chooses how many fold steps one leaf check executes: the fewest gas for the worst dispute, counting the moves
 * that bring an interval down to a grain and the leaf's openings and arithmetic.
 */

/** Gas of one more round inside an element: the claimant posts accumulators, the challenger picks. */
const ROUND_GAS = 75_000;
/** Gas of one byte of calldata (EIP-7623 floor, no zero byte). */
const BYTE_GAS = 40;
/** Gas of reading one operand at one address, openings apart. */
const READ_GAS = 600;
const HASH_BYTES = 32;
/** Levels of the trace tree that an opening is charged with; the static rule takes more. */
const TRACE_DEPTH = 8;

export interface LeafEstimate {
  readonly witnessBytes: number;
  readonly computeGas: number;
}

const gasOf = ({ code }: ScalarProgram): number =>
  code.reduce((sum, { opcode }) => sum + (instructionOf(opcode)?.gas ?? 0), 0);

const depthOf = (byteLength: number): number =>
  Math.ceil(Math.log2(Math.max(1, Math.ceil(byteLength / CHUNK_BYTES))));

/** Bytes that an operand moves by for one step of the innermost fold index; `undefined` if it jumps about. */
function innermostStride(
  { view, dtype }: Operand,
  innermost: number,
  fold: ReadonlySet<number>,
): number | undefined {
  let stride = 0;
  let size: number = ELEMENT_BYTES[dtype];
  for (const { extent, coordinate } of [...view].reverse()) {
    if (coordinate.kind === 'gathered') return undefined;
    if (coordinate.divisor !== 1 && coordinate.terms.some(({ index }) => fold.has(index))) return undefined;
    stride += size * (coordinate.terms.find(({ index }) => index === innermost)?.coefficient ?? 0);
    size *= extent;
  }
  return Math.abs(stride);
}

const dependsOn = ({ view }: Operand, indices: ReadonlySet<number>): boolean =>
  view.some(
    ({ coordinate }) =>
      coordinate.kind === 'gathered' ||
      coordinate.terms.some(({ index, coefficient }) => coefficient !== 0 && indices.has(index)),
  );

/** What the worst leaf of a node with this grain opens and computes at most. */
export function estimateLeaf(node: LoopNode, grain: number, traceDepth = TRACE_DEPTH): LeafEstimate {
  const steps = sizeOf(node.fold);
  const last = node.fold.at(-1) ?? 1;
  const innermost = node.shape.length + node.fold.length - 1;
  const fold = new Set(node.fold.map((_, i) => node.shape.length + i));
  const reads = Math.min(grain, steps);
  let bytes = 0;
  let gas = reads * gasOf(node.step) + gasOf(node.post);
  const opened = new Set<number>();
  operandUses(node).forEach((use, i) => {
    const operand = node.operands[i] as Operand;
    const { view, dtype } = operand;
    if (!opened.has(operand.node)) bytes += HASH_BYTES * (1 + traceDepth);
    opened.add(operand.node);
    const elements = sizeOf(view.map(({ extent }) => extent));
    const size = elements * ELEMENT_BYTES[dtype];
    let chunks = use.post ? 1 : 0;
    gas += use.post ? READ_GAS : 0;
    if (use.step) {
      gas += reads * READ_GAS;
      chunks = Math.max(chunks, chunksTouched());
    }
    chunks = Math.min(chunks, Math.max(1, Math.ceil(size / CHUNK_BYTES)));
    bytes += chunks * (CHUNK_BYTES + HASH_BYTES * depthOf(size));

    function chunksTouched(): number {
      if (node.fold.length === 0 || !dependsOn(operand, fold)) return 1;
      const stride = innermostStride(operand, innermost, fold);
      if (stride === undefined) return reads;
      const run = Math.min(reads, last);
      const runs = Math.ceil(reads / last) + (reads > 1 && last < steps ? 1 : 0);
      const perRun = stride === 0 ? 1 : Math.min(run, Math.floor(((run - 1) * stride) / CHUNK_BYTES) + 2);
      return Math.min(reads, runs * perRun);
    }
  });
  return { witnessBytes: bytes, computeGas: gas };
}

/** @returns the node with the grain that makes its worst dispute cheapest within the limits of a leaf */
export function withGrain(node: LoopNode): LoopNode {
  const steps = Math.max(1, sizeOf(node.fold));
  let best: { grain: number; gas: number } | undefined;
  for (
    let rounds = 0, grain = steps;
    ;
    rounds++, grain = Math.max(1, Math.ceil(steps / MAX_INTERVALS ** rounds))
  ) {
    const { witnessBytes, computeGas } = estimateLeaf(node, grain, 20);
    const fits = witnessBytes <= LIMITS.MAX_LEAF_WITNESS_BYTES && computeGas <= LIMITS.MAX_LEAF_COMPUTE_GAS;
    const gas = rounds * ROUND_GAS + computeGas + BYTE_GAS * witnessBytes;
    if (fits && (!best || gas < best.gas)) best = { grain, gas };
    if (grain === 1) break;
  }
  return { ...node, grain: best?.grain ?? 1 };
}
