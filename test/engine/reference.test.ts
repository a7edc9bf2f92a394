import { expect } from 'chai';
import { LoopRunner } from '../../src/engine/reference/loop.ts';
import { referenceEngine } from '../../src/engine/reference/reference.ts';
import { loadFrom, runLoop } from '../../src/engine/reference/runLoop.ts';
import type { LoopNode, Operand } from '../../src/program/node.ts';
import { engineErrorOf } from '../support/engineError.ts';
import {
  affine,
  f32Bytes,
  f32Values,
  i32Bytes,
  i32Values,
  instruction,
  loop,
  matMul,
  ProgramBuilder,
  sameShape,
  view,
} from '../support/programs.ts';

/** Copies what one operand reads, element by element. */
const copy = (shape: readonly number[], operand: Operand): LoopNode =>
  loop({
    dtype: operand.dtype,
    shape,
    operands: [operand],
    post: (s) => [instruction('i32.add', s.operands, s.accumulator)],
  });

const i32 = (values: readonly number[]) => [i32Bytes(values)];

describe('reference engine', () => {
  it('multiplies matrices in sequential order, rounding after every operation', () => {
    const a = [1e8, 1, -1e8, 3];
    const b = [1, 0.1, 1, 0.1, 1, 0.1, 1, 0.1];
    const expected = [0, 1].map((n) =>
      a.reduce((sum, x, k) => Math.fround(sum + Math.fround(x * Math.fround(b[2 * k + n]!))), 0),
    );
    // The order matters here: summed exactly, the first would be 4.
    expect(expected[0]).to.equal(3);
    expect(f32Values(runLoop(matMul(0, 1, 1, 4, 2), [f32Bytes(a), f32Bytes(b)]))).to.deep.equal(expected);
  });

  it('reads transposed, broadcast, reversed and strided', () => {
    const data = i32([0, 1, 2, 3, 4, 5]);
    const read = (shape: number[], dims: Operand['view']) =>
      i32Values(runLoop(copy(shape, { node: 0, dtype: 'i32', fill: -9, view: dims }), data));
    expect(read([3, 2], [view(2, 1), view(3, 0)])).to.deep.equal([0, 3, 1, 4, 2, 5]);
    expect(read([2, 3], [{ extent: 2, coordinate: affine([], { offset: 1 }) }, view(3, 1)])).to.deep.equal([
      3, 4, 5, 3, 4, 5,
    ]);
    expect(read([6], [{ extent: 6, coordinate: affine([[0, -1]], { offset: 5 }) }])).to.deep.equal([
      5, 4, 3, 2, 1, 0,
    ]);
    expect(read([3], [{ extent: 6, coordinate: affine([[0, 2]], { offset: 1 }) }])).to.deep.equal([1, 3, 5]);
  });

  it('fills what lies outside the view, on both sides', () => {
    const pad: Operand = {
      node: 0,
      dtype: 'i32',
      fill: 7,
      view: [{ extent: 2, coordinate: affine([[0, 1]], { offset: -2 }) }],
    };
    expect(i32Values(runLoop(copy([6], pad), i32([1, 2])))).to.deep.equal([7, 7, 1, 2, 7, 7]);
  });

  it('divides coordinates towards minus infinity, and exactly where asked', () => {
    const resize = (exact: boolean, offset: number): Operand => ({
      node: 0,
      dtype: 'i32',
      fill: 9,
      view: [{ extent: 2, coordinate: affine([[0, 1]], { divisor: 2, exact, offset }) }],
    });
    expect(i32Values(runLoop(copy([5], resize(false, -1)), i32([4, 5])))).to.deep.equal([9, 4, 4, 5, 5]);
    expect(i32Values(runLoop(copy([5], resize(true, -1)), i32([4, 5])))).to.deep.equal([9, 4, 9, 5, 9]);
    expect(i32Values(runLoop(copy([5], resize(true, 0)), i32([4, 5])))).to.deep.equal([4, 9, 5, 9, 9]);
  });

  it('attack 21: gathers, with indices outside the operand giving its fill', () => {
    const table = i32Bytes([10, 20, 30]);
    const indices = i32Bytes([2, 0, -1, 3, -(2 ** 31), 2 ** 31 - 1]);
    const node = loop({
      dtype: 'i32',
      shape: [6],
      operands: [
        sameShape(1, 'i32', [6]),
        {
          node: 0,
          dtype: 'i32',
          fill: 77,
          view: [{ extent: 3, coordinate: { kind: 'gathered', operand: 0 } }],
        },
      ],
      post: (s) => [instruction('i32.add', s.operands + 1, s.accumulator)],
    });
    expect(i32Values(runLoop(node, [table, indices]))).to.deep.equal([30, 10, 77, 77, 77, 77]);
  });

  it('attack 22: copies keep every bit of a word, NaN payloads and -0 included', () => {
    const words = Uint32Array.of(0x7fa00001, 0xffc12345, 0x80000000, 0x00000001, 0x7f800000);
    const bytes = new Uint8Array(words.buffer);
    const copied = loop({
      dtype: 'f32',
      shape: [5],
      operands: [sameShape(0, 'f32', [5])],
      post: (s) => [instruction('select', s.operands, s.operands, s.operands)],
    });
    expect([...runLoop(copied, [bytes])]).to.deep.equal([...bytes]);
  });

  it('extends bytes by their sign or by zeros, and stores the low byte', () => {
    const bytes = Uint8Array.of(0, 127, 128, 255);
    const widen = (dtype: 'i8' | 'u8') =>
      loop({
        dtype: 'i32',
        shape: [4],
        operands: [sameShape(0, dtype, [4])],
        post: (s) => [instruction('i32.add', s.operands, s.accumulator)],
      });
    expect(i32Values(runLoop(widen('i8'), [bytes]))).to.deep.equal([0, 127, -128, -1]);
    expect(i32Values(runLoop(widen('u8'), [bytes]))).to.deep.equal([0, 127, 128, 255]);
    const narrow = loop({
      dtype: 'i8',
      shape: [3],
      operands: [sameShape(0, 'i32', [3])],
      post: (s) => [instruction('i32.add', s.operands, s.accumulator)],
    });
    expect([...runLoop(narrow, i32([256, -1, 0x17f]))]).to.deep.equal([0, 255, 127]);
    expect(new LoopRunner(narrow, loadFrom(narrow, i32([256, -1, 0x180]))).element(2)).to.equal(0xffffff80);
  });

  it('runs no step of an empty fold, and one without fold dimensions', () => {
    const count = (fold: readonly number[]) =>
      loop({
        dtype: 'i32',
        shape: [],
        fold,
        init: 40,
        constants: [1],
        step: (s) => [instruction('i32.add', s.accumulator, s.constants)],
        post: (s) => [instruction('i32.add', s.accumulator, s.constants)],
      });
    expect(i32Values(runLoop(count([0]), []))).to.deep.equal([41]);
    expect(i32Values(runLoop(count([3, 0]), []))).to.deep.equal([41]);
    expect(i32Values(runLoop(count([]), []))).to.deep.equal([42]);
    expect(i32Values(runLoop(count([2, 3]), []))).to.deep.equal([47]);
  });

  it('counts fold indices lexicographically, the last fastest, from any position', () => {
    const digits = loop({
      dtype: 'i32',
      shape: [2],
      fold: [2, 3],
      constants: [10],
      step: (s) => [
        instruction('i32.mul', s.accumulator, s.constants),
        instruction('i32.add', s.results, s.foldIndices),
        instruction('i32.mul', s.results + 1, s.constants),
        instruction('i32.add', s.results + 2, s.foldIndices + 1),
      ],
    });
    expect(i32Values(runLoop(digits, []))[0]).to.equal(102101112);
    const runner = new LoopRunner(digits, () => 0);
    for (let cut = 0; cut <= 6; cut++) {
      expect(runner.fold(1, cut, 6, runner.fold(1, 0, cut, 0))).to.equal(runner.element(1));
    }
    expect(runner.accumulators(0, [0, 1, 2, 3])).to.deep.equal([0, 0, 1, 102]);
    expect(() => runner.accumulators(0, [2, 1])).to.throw(RangeError, 'position 1 is not between 2 and 6');
    expect(() => runner.accumulators(0, [7])).to.throw(RangeError, 'position 7');
  });

  it('gives a node without elements no bytes', () => {
    expect(runLoop(copy([0, 3], sameShape(0, 'i32', [0, 3])), [new Uint8Array(0)]).length).to.equal(0);
  });

  it('runs a program and keeps every tensor', async () => {
    const build = new ProgramBuilder();
    const x = build.input('f32', [1, 2]);
    const w = build.constant('f32', [2, 2], f32Bytes([1, 2, 3, 4]));
    const y = build.node(matMul(x, w, 1, 2, 2));
    const { program, weights } = build.finish([y]);
    const session = await referenceEngine.load(program, weights);
    const done: number[] = [];
    const [output] = await session.run([f32Bytes([1, 10])], (count) => done.push(count));
    expect(done).to.deep.equal([1, 2, 3]);
    expect(f32Values(output!.bytes)).to.deep.equal([31, 42]);
    const input = f32Bytes([1, 10]);
    const tensors = await session.runAll([input]);
    input.fill(0);
    expect(tensors.map(f32Values)).to.deep.equal([
      [1, 10],
      [1, 2, 3, 4],
      [31, 42],
    ]);
  });

  it('refuses inputs and weights that do not fit', async () => {
    const build = new ProgramBuilder();
    build.input('f32', [2]);
    build.constant('f32', [1], f32Bytes([1]));
    const { program } = build.finish();
    const load = (weights: [number, Uint8Array][]) => referenceEngine.load(program, new Map(weights));
    expect(await engineErrorOf(load([]))).to.equal('constant 1 is missing');
    expect(await engineErrorOf(load([[1, f32Bytes([1, 2])]]))).to.match(
      /constant 1 has 8 bytes, the program says 4/,
    );
    const session = await load([[1, f32Bytes([1])]]);
    expect(await engineErrorOf(session.runAll([]))).to.match(/1 inputs, 0 were given/);
    expect(await engineErrorOf(session.runAll([f32Bytes([1])]))).to.match(
      /input 0 has 4 bytes, the program says 8/,
    );
  });
});
