import type { Weights } from '../../src/engine/engine.ts';
import { tensorRoot } from '../../src/merkle/tensor.ts';
import { withCheckpoints } from '../../src/program/blocks.ts';
import {
  type AffineCoordinate,
  type DType,
  type LoopNode,
  type Node,
  type Operand,
  type Program,
  slotsOf,
} from '../../src/program/node.ts';
import { type InstructionName, OPCODE } from '../../src/scalar/instructions.ts';
import type { Step } from '../../src/scalar/machine.ts';

/** `floor((offset + sum coefficient * index) / divisor)`; terms as [index, coefficient]. */
export const affine = (
  terms: readonly (readonly [index: number, coefficient: number])[],
  { offset = 0, divisor = 1, exact = false } = {},
): AffineCoordinate => ({
  kind: 'affine',
  offset,
  divisor,
  exact,
  terms: terms.map(([index, coefficient]) => ({ index, coefficient })),
});

/** A coordinate of the first two indices that comes to numbers that no 32 bits hold. */
export const FAR = affine(
  [
    [0, 2 ** 31 - 1],
    [1, -(2 ** 31)],
  ],
  { offset: -1, divisor: 3 },
);

/** Views a tensor by its own indices: dimension d is output index d. */
export const sameShape = (node: number, dtype: DType, shape: readonly number[]): Operand => ({
  node,
  dtype,
  fill: 0,
  view: shape.map((extent, d) => ({ extent, coordinate: affine([[d, 1]]) })),
});

export const instruction = (name: InstructionName, a: number, b = 0, c = 0): Step => ({
  opcode: OPCODE[name],
  a,
  b,
  c,
});

export type Operands = readonly Operand[];

type LoopParts = Pick<LoopNode, 'dtype' | 'shape'> &
  Partial<Omit<LoopNode, 'step' | 'post'>> & {
    /** Code over slots; the last instruction's result is the program's, or the accumulator without code. */
    readonly step?: (slots: ReturnType<typeof slotsOf>) => readonly Step[];
    readonly post?: (slots: ReturnType<typeof slotsOf>) => readonly Step[];
  };

export function loop({ step, post, ...parts }: LoopParts): LoopNode {
  const frame = { fold: [], init: 0, constants: [], operands: [], grain: 1, checkpoint: false, ...parts };
  const slots = slotsOf(frame);
  const program = (write?: (layout: typeof slots) => readonly Step[]) => {
    const code = write?.(slots) ?? [];
    return { code, result: code.length === 0 ? slots.accumulator : slots.results + code.length - 1 };
  };
  return { kind: 'loop', ...frame, step: program(step), post: program(post) };
}

/** out[m, n] = sum over k of a[m, k] * b[k, n], sequential f32. */
export const matMul = (a: number, b: number, m: number, k: number, n: number, grain = 8): LoopNode =>
  loop({
    dtype: 'f32',
    shape: [m, n],
    fold: [k],
    grain,
    operands: [
      { node: a, dtype: 'f32', fill: 0, view: [view(m, 0), view(k, 2)] },
      { node: b, dtype: 'f32', fill: 0, view: [view(k, 2), view(n, 1)] },
    ],
    step: (s) => [
      instruction('f32.mul', s.operands, s.operands + 1),
      instruction('f32.add', s.accumulator, s.results),
    ],
  });

/** A dimension of `extent` whose coordinate is one index. */
export const view = (extent: number, index: number) => ({ extent, coordinate: affine([[index, 1]]) });

export const f32Bytes = (values: readonly number[]): Uint8Array =>
  new Uint8Array(Float32Array.from(values).buffer);
export const i32Bytes = (values: readonly number[]): Uint8Array =>
  new Uint8Array(Int32Array.from(values).buffer);
export const f32Values = (bytes: Uint8Array): number[] => [...new Float32Array(bytes.slice().buffer)];
export const i32Values = (bytes: Uint8Array): number[] => [...new Int32Array(bytes.slice().buffer)];

/** The same program, with every loop marked a checkpoint. */
export const allCheckpoints = (program: Program): Program => ({
  ...program,
  nodes: program.nodes.map((node) => (node.kind === 'loop' ? { ...node, checkpoint: true } : node)),
});

/** A program under construction: each method adds a node and returns its index. */
export class ProgramBuilder {
  readonly nodes: Node[] = [];
  readonly inputs: number[] = [];
  readonly answers: number[] = [];
  readonly weights = new Map<number, Uint8Array>();

  input(dtype: DType, shape: readonly number[]): number {
    this.inputs.push(this.nodes.length);
    return this.node({ kind: 'input', dtype, shape, slot: this.inputs.length - 1 });
  }

  /** A tensor that the claim supplies; after all inputs. */
  answer(dtype: DType, shape: readonly number[]): number {
    this.answers.push(this.nodes.length);
    const slot = this.inputs.length + this.answers.length - 1;
    return this.node({ kind: 'input', dtype, shape, slot });
  }

  constant(dtype: DType, shape: readonly number[], bytes: Uint8Array): number {
    this.weights.set(this.nodes.length, bytes);
    return this.node({ kind: 'constant', dtype, shape, root: tensorRoot(bytes) });
  }

  node(node: Node): number {
    return this.nodes.push(node) - 1;
  }

  /** @param outputs the last node if left out */
  finish(outputs: readonly number[] = [this.nodes.length - 1]): { program: Program; weights: Weights } {
    const { nodes, inputs, answers } = this;
    const program = withCheckpoints({ nodes, inputs, outputs, ...(answers.length > 0 ? { answers } : {}) });
    return { program, weights: this.weights };
  }
}
