import { instructionOf } from '../scalar/instructions.ts';
import type { Step } from '../scalar/machine.ts';
import { depthOf } from './blocks.ts';
import { CHUNK_BYTES, LEAF_GAS } from './limits.ts';
import { ELEMENT_BYTES, type LoopNode, type Operand, operandUses, sizeOf } from './node.ts';

/**
 * The static cost rule: what the worst leaf of a loop needs at most, seen from its descriptor alone. The compiler
 * picks `grain` by it, and a node over the limits is malformed. Twin: `contracts/libraries/program/CostLib.sol`.
 */

/** The greatest cost of one leaf. */
export interface LeafCost {
  /** Openings. */
  readonly witnessBytes: number;
  /** Decoding, addresses and arithmetic. The hashing of the openings is bounded by their size. */
  readonly computeGas: number;
}

const HASH_BYTES = 32;

/** Levels of the trace's tree that the static rule assumes: those of the largest program. */
export const MAX_TRACE_DEPTH = 20;

/** Dependence of an operand's address on the fold indices. */
interface Movement {
  /** A fold index matters. */
  readonly folds: boolean;
  /** The address is an affine function of the fold indices. */
  readonly affine: boolean;
  /** The chain adds a constant to one coordinate from step to step; otherwise it computes all of them. */
  readonly advances: boolean;
  /** The last fold index matters. */
  readonly moves: boolean;
  /** Bytes by which the address grows with each fold index, if it is affine. */
  readonly strides: readonly bigint[];
}

function movementOf({ view, dtype }: Operand, rank: number, foldRank: number): Movement {
  const strides = new Array<bigint>(foldRank).fill(0n);
  const last = rank + foldRank - 1;
  let folds = false;
  let affine = true;
  let advances = true;
  let moving = 0;
  let stride = BigInt(ELEMENT_BYTES[dtype]);
  for (const { extent, coordinate } of [...view].reverse()) {
    if (coordinate.kind === 'gathered') {
      folds = true;
      affine = false;
      advances = false;
      moving++;
    } else {
      const terms = coordinate.terms.filter(({ index }) => index >= rank);
      const divided = coordinate.divisor !== 1;
      if (terms.length > 0) folds = true;
      if (terms.length > 0 && divided) affine = false;
      for (const { index, coefficient } of terms) strides[index - rank]! += BigInt(coefficient) * stride;
      if (terms.some(({ index }) => index === last)) {
        moving++;
        if (divided || moving > 1) advances = false;
      }
    }
    stride *= BigInt(extent);
  }
  return { folds, affine, advances, moves: moving > 0, strides };
}

const ceilDiv = (a: number, b: number): number => Math.ceil(a / b);

/** Runs of `length` steps, out of `steps`, that `reads` consecutive steps touch at most. */
const runsTouched = (reads: number, length: number, steps: number): number =>
  reads === 0 ? 0 : length >= steps ? 1 : 1 + ceilDiv(reads - 1, length);

/** Chunks that `reads` consecutive steps touch at most. */
function chunksTouched(movement: Movement, fold: readonly number[], reads: number): number {
  if (reads === 0) return 0;
  if (!movement.folds) return 1;
  if (!movement.affine) return reads;
  // Fold dimensions across which the address goes on as along the last one form one run.
  let d = fold.length - 1;
  const stride = movement.strides[d]!;
  let length = fold[d]!;
  while (d > 0 && movement.strides[d - 1] === stride * BigInt(length)) {
    d--;
    length *= fold[d]!;
  }
  const run = Math.min(reads, length);
  const span = BigInt(run - 1) * (stride < 0n ? -stride : stride);
  const perRun = span === 0n ? 1n : span / BigInt(CHUNK_BYTES) + 2n;
  const runs = runsTouched(reads, length, sizeOf(fold));
  return Math.min(reads, runs * (perRun < BigInt(run) ? Number(perRun) : run));
}

const codeGas = (code: readonly Step[]): number =>
  code.reduce((sum, { opcode }) => sum + (instructionOf(opcode)?.gas ?? 0), 0);

/** Gas of computing an operand's address from all indices and reading it. */
const readGas = ({ view }: Operand): number =>
  LEAF_GAS.READ +
  view.reduce(
    (sum, { coordinate }) =>
      sum + LEAF_GAS.DIMENSION + LEAF_GAS.TERM * (coordinate.kind === 'affine' ? coordinate.terms.length : 1),
    0,
  );

/**
 * The cost of a loop's worst leaf. Every number of the loop must be within the other static limits.
 *
 * @param descriptorBytes length of its encoding
 * @param traceDepth levels of the trace's tree; the static rule takes {@link MAX_TRACE_DEPTH}
 */
export function leafCost(loop: LoopNode, descriptorBytes: number, traceDepth = MAX_TRACE_DEPTH): LeafCost {
  const steps = sizeOf(loop.fold);
  const reads = Math.min(loop.grain, steps);
  const runs = runsTouched(reads, loop.fold.at(-1) ?? 1, steps);
  let witnessBytes = 0;
  let computeGas =
    LEAF_GAS.BASE +
    LEAF_GAS.DESCRIPTOR_BYTE * descriptorBytes +
    LEAF_GAS.RUN * runs +
    (LEAF_GAS.STEP + codeGas(loop.step.code)) * reads +
    codeGas(loop.post.code);
  operandUses(loop).forEach((use, i) => {
    const operand = loop.operands[i]!;
    let chunks = use.post ? 1 : 0;
    if (use.post) computeGas += readGas(operand);
    if (use.step) {
      const movement = movementOf(operand, loop.shape.length, loop.fold.length);
      const anew = movement.moves && !movement.advances ? reads : runs;
      computeGas += anew * readGas(operand);
      if (movement.moves && movement.advances) computeGas += reads * LEAF_GAS.NEXT_READ;
      chunks = Math.max(chunks, chunksTouched(movement, loop.fold, reads));
    }
    const bytes = sizeOf(operand.view.map(({ extent }) => extent)) * ELEMENT_BYTES[operand.dtype];
    const tensorChunks = ceilDiv(bytes, CHUNK_BYTES);
    chunks = Math.min(chunks, tensorChunks);
    if (chunks > 0) {
      witnessBytes += HASH_BYTES * (1 + traceDepth);
      witnessBytes += chunks * (CHUNK_BYTES + HASH_BYTES * depthOf(tensorChunks));
    }
  });
  return { witnessBytes, computeGas };
}
