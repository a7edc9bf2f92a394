import type { Weights } from '../../src/engine/engine.ts';
import type { DType, Program } from '../../src/program/node.ts';
import { i32Bytes, instruction, loop, type Operands, ProgramBuilder, sameShape, view } from './programs.ts';

/** A program that is easier to check than to run, with a question, right answers to it and wrong ones. */
export interface Checked {
  readonly name: string;
  readonly program: Program;
  readonly weights: Weights;
  readonly input: Uint8Array;
  readonly right: readonly Uint8Array[];
  readonly wrong: readonly (readonly [what: string, answer: Uint8Array])[];
}

/** `accept`: whether all of some scalars are 1. */
function accept(builder: ProgramBuilder, dtype: DType, scalars: readonly number[]): number {
  return builder.node(
    loop({
      dtype,
      shape: [],
      constants: [1],
      operands: scalars.map((node) => sameShape(node, 'i32', [])),
      post: (s) =>
        scalars.map((_, i) =>
          instruction('i32.and', s.operands + i, i === 0 ? s.constants : s.results + i - 1),
        ),
    }),
  );
}

/** Copies of a node, so that the program has several blocks. */
function fill(builder: ProgramBuilder, node: number, nodes: number): void {
  while (builder.nodes.length < nodes) {
    builder.node(
      loop({
        dtype: 'i32',
        shape: [],
        operands: [sameShape(node, 'i32', [])],
        post: (s) => [instruction('i32.add', s.operands, s.accumulator)],
      }),
    );
  }
}

/** A number as the sum of two squares of numbers below 2^15, so that nothing wraps. `accept` has four bytes. */
export function twoSquares(): Checked {
  const b = new ProgramBuilder();
  const number = b.input('i32', []);
  const roots = b.answer('i32', [2]);
  const each: Operands = [{ node: roots, dtype: 'i32', fill: 0, view: [view(2, 0)] }];
  const sum = b.node(
    loop({
      dtype: 'i32',
      shape: [],
      fold: [2],
      operands: each,
      step: (s) => [
        instruction('i32.mul', s.operands, s.operands),
        instruction('i32.add', s.accumulator, s.results),
      ],
    }),
  );
  const small = b.node(
    loop({
      dtype: 'i32',
      shape: [],
      fold: [2],
      init: 1,
      constants: [2 ** 15],
      operands: each,
      step: (s) => [
        instruction('i32.lt_u', s.operands, s.constants),
        instruction('i32.and', s.accumulator, s.results),
      ],
    }),
  );
  const equal = b.node(
    loop({
      dtype: 'i32',
      shape: [],
      operands: [sameShape(sum, 'i32', []), sameShape(number, 'i32', [])],
      post: (s) => [instruction('i32.eq', s.operands, s.operands + 1)],
    }),
  );
  accept(b, 'i32', [small, equal]);
  return {
    name: 'a sum of two squares',
    ...b.finish(),
    input: i32Bytes([50]),
    right: [i32Bytes([1, 7]), i32Bytes([7, 1]), i32Bytes([5, 5])],
    wrong: [
      ['another sum', i32Bytes([1, 6])],
      ['a root out of bounds', i32Bytes([-1, 7])],
      // Modulo 2^32 its square is 1.
      ['a root whose square wraps', i32Bytes([2 ** 31 + 1, 7])],
    ],
  };
}

/** A list in ascending order, as the places from which its elements come. In several blocks; `accept` has one byte. */
export function sortedList(): Checked {
  const b = new ProgramBuilder();
  const count = 8;
  const list = b.input('i32', [count]);
  const places = b.answer('i32', [count]);
  const sorted = b.node(
    loop({
      dtype: 'i32',
      shape: [count],
      operands: [
        sameShape(places, 'i32', [count]),
        {
          node: list,
          dtype: 'i32',
          fill: 0,
          view: [{ extent: count, coordinate: { kind: 'gathered', operand: 0 } }],
        },
      ],
      post: (s) => [instruction('i32.add', s.operands + 1, s.accumulator)],
    }),
  );
  fill(b, b.node(loop({ dtype: 'i32', shape: [] })), 40);
  const all = (fold: readonly number[], operands: Operands, step: Parameters<typeof loop>[0]['step']) =>
    b.node(
      loop({
        dtype: 'i32',
        shape: [],
        fold,
        init: 1,
        grain: 4,
        constants: [count, 0],
        operands,
        ...(step && { step }),
      }),
    );
  const at = (node: number, index: number, offset = 0) => ({
    node,
    dtype: 'i32' as const,
    fill: 0,
    view: [
      {
        extent: count,
        coordinate: {
          kind: 'affine' as const,
          offset,
          divisor: 1,
          exact: false,
          terms: [{ index, coefficient: 1 }],
        },
      },
    ],
  });
  const inBounds = all([count], [at(places, 0)], (s) => [
    instruction('i32.lt_u', s.operands, s.constants),
    instruction('i32.and', s.accumulator, s.results),
  ]);
  // Two places are equal if and only if they are the same one.
  const distinct = all([count, count], [at(places, 0), at(places, 1)], (s) => [
    instruction('i32.eq', s.operands, s.operands + 1),
    instruction('i32.eq', s.foldIndices, s.foldIndices + 1),
    instruction('i32.eq', s.results, s.results + 1),
    instruction('i32.and', s.accumulator, s.results + 2),
  ]);
  const ascending = all([count - 1], [at(sorted, 0), at(sorted, 0, 1)], (s) => [
    instruction('i32.lt_s', s.operands + 1, s.operands),
    instruction('i32.eq', s.results, s.constants + 1),
    instruction('i32.and', s.accumulator, s.results + 1),
  ]);
  accept(b, 'u8', [inBounds, distinct, ascending]);
  return {
    name: 'a sorted list',
    ...b.finish(),
    input: i32Bytes([5, -3, 9, 5, 0, 2 ** 31, 7, 1]),
    // The two fives may come in either order.
    right: [i32Bytes([5, 1, 4, 7, 0, 3, 6, 2]), i32Bytes([5, 1, 4, 7, 3, 0, 6, 2])],
    wrong: [
      ['a descending pair', i32Bytes([1, 5, 4, 7, 0, 3, 6, 2])],
      ['a place named twice', i32Bytes([5, 1, 4, 7, 0, 0, 6, 2])],
      // Beyond the list a gather reads 0, which fits between -3 and 0.
      ['a place out of bounds', i32Bytes([5, 1, 8, 7, 0, 3, 6, 2])],
      ['a negative place', i32Bytes([5, 1, -1, 7, 0, 3, 6, 2])],
    ],
  };
}

export const checkedPrograms = (): Checked[] => [twoSquares(), sortedList()];
