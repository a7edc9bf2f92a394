// A model about which a dispute goes through every phase, several times through some.
import { wasmEngine } from '../../../src/engine/wasm/wasm.ts';
import { modelOf } from '../../../src/merkle/model.ts';
import type { LoopNode, Operand } from '../../../src/program/node.ts';
import { Shelf } from '../../../src/store/shelf.ts';
import type { Fault } from '../../../src/trace/fault.ts';
import { RunTrace } from '../../../src/trace/run.ts';
import { affine, i32Bytes, instruction, loop, ProgramBuilder, sameShape } from '../programs.ts';
import type { RigModel } from './rig.ts';

/** 36 chunks, more than one reveal opens. */
const ELEMENTS = 2304;
/** More blocks than one reveal opens. */
const SMALL_NODES = 1090;
/** Steps of a fold that one answer does not divide to its leaves. */
const FOLD = 40;
const QUARTER = ELEMENTS / 4;

/** A lie at the end of the longest way: in the middle of a fold, of a tensor, of the last block. */
export const DEEP_FAULT: Fault = { node: SMALL_NODES + 1, element: 1234, step: 17, xor: 4 };

export const deepInput = (seed: number): Uint8Array =>
  i32Bytes(Array.from({ length: ELEMENTS }, (_, i) => Math.imul(i + 1, 2654435761 + 97 * seed)));

const whole = (node: number): Operand => sameShape(node, 'i32', [ELEMENTS]);
/** The first four elements of a tensor. */
const beginning = (node: number, elements: number): Operand => ({
  node,
  dtype: 'i32',
  fill: 0,
  view: [{ extent: elements, coordinate: affine([[0, 1]]) }],
});

/** Multiplies its operand by an odd number, and adds what it has folded. */
const mixed = (
  operand: Operand,
  shape: readonly number[],
  fold: readonly number[],
  factor: number,
): LoopNode =>
  loop({
    dtype: 'i32',
    ...{ shape, fold },
    constants: [factor],
    operands: [operand],
    step: (s) => [instruction('i32.add', s.accumulator, s.operands)],
    post: (s) => [
      instruction('i32.mul', s.operands, s.constants),
      instruction('i32.add', s.results, s.accumulator),
    ],
  });

export async function deepModel(): Promise<RigModel> {
  const build = new ProgramBuilder();
  const input = build.input('i32', [ELEMENTS]);
  let small = build.node(mixed(beginning(input, ELEMENTS), [4], [], 3));
  while (small < SMALL_NODES) small = build.node(mixed(beginning(small, 4), [4], [], 2 * small + 3));
  const folding = build.node(mixed(whole(input), [ELEMENTS], [FOLD], 5));
  const last = build.node(mixed(whole(folding), [ELEMENTS], [], 7));
  const quarters = {
    extent: ELEMENTS,
    coordinate: affine([
      [0, QUARTER],
      [1, 1],
    ]),
  };
  // Its output is short: the sums of four quarters.
  build.node(
    loop({
      dtype: 'i32',
      shape: [4],
      fold: [QUARTER],
      grain: 8,
      operands: [{ node: last, dtype: 'i32', fill: 0, view: [quarters] }, beginning(small, 4)],
      step: (s) => [
        instruction('i32.add', s.accumulator, s.operands),
        instruction('i32.xor', s.results, s.operands + 1),
      ],
    }),
  );
  const { program, weights } = build.finish();
  const model = modelOf(program);
  const shelf = new Shelf((held, tensors) => new RunTrace(held, tensors));
  shelf.put({ model, session: await wasmEngine.load(program, weights) });
  return { model, shelf, input: deepInput };
}
