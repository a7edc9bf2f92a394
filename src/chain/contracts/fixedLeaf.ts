import { referenceEngine } from '../../engine/reference/reference.ts';
import { modelOf } from '../../merkle/model.ts';
import { combine, TRACE_TREE } from '../../merkle/tree.ts';
import type { LoopNode, Program } from '../../program/node.ts';
import { OPCODE } from '../../scalar/instructions.ts';
import { blockRoots } from '../../trace/commitment.ts';
import type { Commitments } from '../../trace/replay.ts';
import { RunTrace } from '../../trace/run.ts';

/** Arguments of {@link IReferee.run}, and the word that it must return. */
export interface FixedLeaf {
  readonly descriptor: Uint8Array;
  readonly element: number;
  readonly from: number;
  readonly to: number;
  readonly accumulator: number;
  readonly commitments: Commitments;
  readonly witness: Uint8Array;
  readonly word: number;
}

/** Elements of the tensor that the leaf reads: three chunks, the last one padded. */
const EXTENT = 130;
const STEPS = 20;

/** out = sqrt(sum over k of x[k] * x[129 - k]) in float32. */
function program(): Program {
  const read = (offset: number, coefficient: number) => ({
    node: 0,
    dtype: 'f32' as const,
    fill: 0,
    view: [
      {
        extent: EXTENT,
        coordinate: {
          kind: 'affine' as const,
          offset,
          divisor: 1,
          exact: false,
          terms: [{ index: 0, coefficient }],
        },
      },
    ],
  });
  // Slots: 0 the accumulator, 1 and 2 the operands, 3 the fold index, from 4 on results.
  const loop: LoopNode = {
    kind: 'loop',
    dtype: 'f32',
    shape: [],
    fold: [EXTENT],
    init: 0,
    constants: [],
    operands: [read(0, 1), read(EXTENT - 1, -1)],
    step: {
      code: [
        { opcode: OPCODE['f32.mul'], a: 1, b: 2, c: 0 },
        { opcode: OPCODE['f32.add'], a: 0, b: 4, c: 0 },
      ],
      result: 5,
    },
    post: { code: [{ opcode: OPCODE['f32.sqrt'], a: 0, b: 0, c: 0 }], result: 4 },
    grain: STEPS,
    checkpoint: false,
  };
  const input = { kind: 'input' as const, dtype: 'f32' as const, shape: [EXTENT], slot: 0 };
  return { nodes: [input, loop], inputs: [0], outputs: [1] };
}

/**
 * The last steps of a dot product and its square root: decoding, Merkle proofs, float addition, multiplication and
 * root. A referee for another instruction set, or on a chain without an opcode that it needs, does not get it right.
 */
export async function fixedLeaf(): Promise<FixedLeaf> {
  const model = modelOf(program());
  const session = await referenceEngine.load(model.program, new Map());
  const input = Float32Array.from({ length: EXTENT }, (_, k) => (k % 5 === 1 ? -k : k + 1) / 7);
  const trace = new RunTrace(model, await session.runAll([new Uint8Array(input.buffer)]));
  const leaf = { element: 0, from: EXTENT - STEPS, to: EXTENT };
  const [accumulator] = trace.accumulators(1, 0, [leaf.from]) as [number];
  return {
    ...leaf,
    descriptor: model.descriptors[1] as Uint8Array,
    accumulator,
    commitments: {
      traceRoot: trace.root,
      blockRoot: combine(TRACE_TREE, blockRoots(trace, 0)),
      nodeIndex: 1,
      traceDepth: trace.depth,
    },
    witness: trace.witness(1, 0, leaf.from, leaf.to),
    word: trace.word(1, 0),
  };
}
