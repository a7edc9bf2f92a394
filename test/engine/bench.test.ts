import { expect } from 'chai';
import type { TensorData } from '../../src/engine/engine.ts';
import { referenceEngine } from '../../src/engine/reference/reference.ts';
import type { LoopNode } from '../../src/program/node.ts';
import type { WeightForm } from '../../src/text/options.ts';
import { difference, TOLERANCE } from '../support/bench/compare.ts';
import type { Result } from '../support/bench/measure.ts';
import { bytesOf, isMatrixLike, largestBlock, leastMemory, macsOf } from '../support/bench/program.ts';
import { sampleReference, stepsIn } from '../support/bench/sample.ts';
import { meanSpeedUp, targets, textTargets } from '../support/bench/targets.ts';
import type { FormResult, TextResult } from '../support/bench/text.ts';
import { race, ratioOf, timingOf } from '../support/bench/timing.ts';
import { expectNear } from '../support/near.ts';
import {
  f32Bytes,
  i32Bytes,
  instruction,
  loop,
  matMul,
  ProgramBuilder,
  sameShape,
  view,
} from '../support/programs.ts';

const shape = [256, 64];

/** x → max(x, 0), element by element. */
const rectified = (node: number): LoopNode =>
  loop({
    dtype: 'f32',
    shape,
    operands: [sameShape(node, 'f32', shape)],
    post: (s) => [instruction('f32.max', s.operands, s.accumulator)],
  });

describe('the benchmark', () => {
  it('counts products of folds, and no others', () => {
    const build = new ProgramBuilder();
    const x = build.input('f32', [8, 16]);
    const w = build.constant('f32', [16, 4], new Uint8Array(256));
    build.node(matMul(x, w, 8, 16, 4));
    build.node(loop({ dtype: 'f32', shape: [9], post: (s) => [instruction('f32.mul', s.accumulator, 0)] }));
    expect(macsOf(build.finish().program)).to.equal(8 * 16 * 4);
  });

  it('takes products of matrices for matrix-like, not by a vector or channel', () => {
    expect(isMatrixLike(matMul(0, 1, 128, 128, 128))).to.equal(true);
    expect(isMatrixLike(matMul(0, 1, 1, 2048, 2048)), 'a vector').to.equal(false);
    const byChannel = loop({
      ...matMul(0, 1, 128, 128, 128),
      operands: [
        { node: 0, dtype: 'f32', fill: 0, view: [view(128, 0), view(128, 1), view(128, 2)] },
        { node: 1, dtype: 'f32', fill: 0, view: [view(128, 1), view(128, 2)] },
      ],
      step: (s) => [
        instruction('f32.mul', s.operands, s.operands + 1),
        instruction('f32.add', s.accumulator, s.results),
      ],
      post: () => [],
    });
    expect(isMatrixLike(byChannel), 'a filter for each channel').to.equal(false);
  });

  it('finds wrong elements by a sample of the reference, and where they are', async () => {
    const build = new ProgramBuilder();
    const x = build.input('f32', [32, 16]);
    const w = build.constant('f32', [16, 24], f32Bytes(Array.from({ length: 16 * 24 }, (_, i) => i % 7)));
    const product = build.node(matMul(x, w, 32, 16, 24));
    const last = build.node(
      loop({
        dtype: 'f32',
        shape: [32, 24],
        operands: [sameShape(product, 'f32', [32, 24])],
        post: (s) => [instruction('f32.max', s.operands, s.accumulator)],
      }),
    );
    const { program, weights } = build.finish();
    const inputs = [f32Bytes(Array.from({ length: 32 * 16 }, (_, i) => (i % 5) - 2))];
    const tensors = await (await referenceEngine.load(program, weights)).runAll(inputs);
    const all = stepsIn(program);
    expect(all).to.equal(32 * 24 * (16 + 1) + 32 * 24 * 2);
    expect(sampleReference(program, inputs, tensors, all)).to.deep.include({
      share: 1,
      difference: undefined,
    });
    const { share, difference } = sampleReference(program, inputs, tensors, all / 10);
    expect(share).to.be.within(0.1, 0.15);
    expect(difference).to.equal(undefined);
    /** A sample of the tensors with some bytes of one of them changed. */
    const changed = (node: number, from: number, steps: number): string | undefined => {
      const wrong = tensors.map((bytes, i) =>
        i === node ? bytes.map((b, at) => (at >= from ? b ^ 1 : b)) : bytes,
      );
      return sampleReference(program, inputs, wrong, steps).difference;
    };
    expect(changed(product, 0, all / 10)).to.match(new RegExp(`^element 0 of node ${product} is not`));
    expect(changed(product, 4 * (32 * 24 - 1), 1)).to.match(
      new RegExp(`^element 767 of node ${product} is not`),
    );
    expect(changed(last, 4 * 700, all)).to.match(new RegExp(`^element 700 of node ${last} is not`));
    expect(changed(x, 8, 1)).to.match(new RegExp(`^the tensor of node ${x} is not the input$`));
  });

  it('knows the least memory of a chain: constants and two live tensors', () => {
    const build = new ProgramBuilder();
    const x = build.input('f32', shape);
    build.constant('f32', [3], f32Bytes([1, 2, 3]));
    build.node(rectified(build.node(rectified(build.node(rectified(x))))));
    expect(leastMemory(build.finish().program)).to.deep.equal({ weights: 12, live: 2 * 256 * 64 * 4 });
  });

  it('counts a tensor that is read late as alive in between', () => {
    const build = new ProgramBuilder();
    const x = build.input('f32', shape);
    const kept = build.node(rectified(x));
    const last = build.node(rectified(build.node(rectified(kept))));
    build.node(
      loop({
        dtype: 'f32',
        shape,
        operands: [sameShape(last, 'f32', shape), sameShape(kept, 'f32', shape)],
        post: (s) => [instruction('f32.add', s.operands, s.operands + 1)],
      }),
    );
    expect(leastMemory(build.finish().program).live).to.equal(3 * 256 * 64 * 4);
  });

  it('knows the block whose tensors have the most bytes, constants left out', () => {
    const build = new ProgramBuilder();
    const x = build.input('f32', [4]);
    const sized = (extent: number): number =>
      build.node(loop({ dtype: 'f32', shape: [extent], operands: [], post: () => [] }));
    while (build.nodes.length < 20) sized(1);
    build.constant('f32', [1000], new Uint8Array(4000));
    const [large, larger] = [sized(90), sized(91)];
    while (build.nodes.length < 40) sized(1);
    sized(100);
    const { program } = build.finish();
    const block = largestBlock(program);
    expect(block).to.include.members([16, large, larger, 31]);
    expect(block).to.have.length(15);
    expect(bytesOf(program, block)).to.equal(4 * (13 + 90 + 91));
    expect(bytesOf(program, [x, 20])).to.equal(4 * 4 + 4000);
  });

  const output = { name: 'y', dtype: 'f32', onnxType: 'float', shape: [2], node: 1 } as const;
  const floats = (...values: number[]): TensorData[] => [
    { dtype: 'f32', shape: [values.length], bytes: f32Bytes(values) },
  ];
  const integers = (...values: number[]): TensorData[] => [
    { dtype: 'i32', shape: [values.length], bytes: i32Bytes(values) },
  ];

  it('measures differences of floats against the greatest of the tensor', () => {
    expectNear(difference([output], floats(1, 100), { y: [2, 100] }), 0.01, 1e-9);
    expect(difference([output], floats(0.5, 0.25), { y: [0.5, 0.125] }), 'of 1 if that is less').to.equal(
      0.125,
    );
    expect(difference([output], floats(Number.NaN, 1), { y: [Number.NaN, 1] })).to.equal(0);
  });

  it('tolerates no other integer, NaN, length or missing output', () => {
    for (const [mine, theirs] of [
      [integers(1, 1_000_000), { y: [1n, 1_000_001n] }],
      [floats(1, Number.NaN), { y: [1, 1] }],
      [floats(1, 1), { y: [1, Number.NaN] }],
      [floats(1, 1), { y: [1] }],
      [floats(1, 1), {}],
    ] as const) {
      expect(difference([output], mine, theirs) > TOLERANCE).to.equal(true);
    }
    expect(difference([output], integers(7, -7), { y: [7n, -7n] })).to.equal(0);
  });

  it('gives median and half the distance of the quartiles', () => {
    const all = { median: 3, spread: 1, best: 1, runs: 5 };
    expect(timingOf([[5, 1, 4, 2, 3]])).to.deep.equal({ ...all, rounds: [3], threadRounds: [3] });
    expect(
      timingOf([
        [5, 1],
        [4, 2, 3],
      ]),
    ).to.deep.equal({
      ...all,
      rounds: [1, 3],
      threadRounds: [1, 3],
    });
  });

  it('takes ratios by the round, so that a slow spell of the machine is no difference', () => {
    // Twice as slow in rounds 3 to 5, in which the second happens to have more runs.
    const first = timingOf([[4], [4, 4], [8], [8], [8], [4], [4, 4]]);
    const second = timingOf([[2], [2], [4, 4, 4], [4, 4, 4], [4, 4, 4], [2], [2]]);
    expect(first.median / second.median).to.equal(1);
    expect(ratioOf(first, second)).to.equal(2);
  });

  it('times each contestant, several times', async () => {
    const runs = { a: 0, b: 0 };
    const contestant = (name: 'a' | 'b') => ({
      name,
      run: async () => {
        runs[name]++;
      },
    });
    const times = await race([contestant('a'), contestant('b')]);
    for (const name of ['a', 'b'] as const) {
      expect(times.get(name)!.runs).to.be.greaterThan(10);
      expect(runs[name]).to.be.greaterThan(times.get(name)!.runs);
    }
  });

  const result = (model: string, macs: number, times: Record<string, number>): Result => ({
    model,
    weights: 'seeded',
    nodes: 1,
    macs,
    times: new Map(Object.entries(times).map(([name, median]) => [name, timingOf([[median]])])),
    reference: undefined,
    importMs: 0,
    loadMs: 0,
    firstMs: 0,
    firstRun: { firstMs: 3, laterMs: 2 },
    memoryBytes: 3 * 65_536,
    leastMemory: { weights: 2 * 65_536, live: 4 },
    hashed: { committed: 1, all: 3, block: 2 },
    matrixSpeed: undefined,
    peak: 1,
    differences: new Map(),
    problems: [],
  });

  it('says which targets are met and which models miss them', () => {
    const results = [
      result('quick', 1e6, { assay1: 1, ortWeb1: 4, ortNode1: 0.5, trace1: 1.5 }),
      result('slow', 200e6, { assay1: 2, assay2: 1.6, ortWeb1: 1, ortNode1: 0.25, trace1: 3 }),
    ];
    expectNear(meanSpeedUp(results) as number, Math.sqrt(2), 1e-9);
    const met = targets(results, { ms: 1, speed: 1e9, share: 0.81, isExact: true });
    expect(met.map(({ isMet }) => isMet)).to.deep.equal([false, false, false, false, true, true, true, true]);
    expect(met[0]!.text).to.equal('assay1 / ortWeb1 at most 1; missed on slow (2.00)');
    expect(met[4]!.text).to.equal(
      'first run of a process / later ones, over 100 million products, at most 2; worst is slow (1.50)',
    );
    expect(met[5]!.text).to.equal('trace1 / assay1 at most 2; worst is quick (1.50)');
  });

  it('says which forms of the weights miss the targets of texts', () => {
    const timing = timingOf([[1]]);
    const form = (name: WeightForm, asFormBefore: number | undefined, asCheck: number): FormResult => ({
      form: name,
      token: timing,
      check: [timing, timing],
      asFormBefore,
      asCheck: [asCheck, 4],
      firstCheck: { firstMs: 1, laterMs: 1 },
      firstText: { firstMs: 5, laterMs: 2 },
    });
    const text: TextResult = {
      model: 'words',
      tokens: 4,
      forms: [form('float32', undefined, 3), form('int8', 1.8, 2.5), form('int4', 0.7, 3)],
      ortWeb: timing,
      asOrt: 1.1,
      problems: [],
    };
    const said = textTargets([text]);
    expect(said.map(({ isMet }) => isMet)).to.deep.equal([true, true, false, false, true, true, false]);
    expect(said[2]!.text).to.equal('tokens a second / int8 at least 0.8; missed on words in int4 (0.70)');
    expect(said[3]!.text).to.match(/at least 3; missed on words in int8 \(2.50\)$/);
  });
});
