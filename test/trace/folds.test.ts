import { expect } from 'chai';
import { LoopRunner } from '../../src/engine/reference/loop.ts';
import { loadFrom } from '../../src/engine/reference/runLoop.ts';
import { wasmEngine } from '../../src/engine/wasm/wasm.ts';
import { type LoopNode, sizeOf } from '../../src/program/node.ts';
import { boxesOf } from '../../src/trace/foldBoxes.ts';
import { foldOn } from '../../src/trace/foldOn.ts';
import { type FoldPart, KnownFolds, stepsIn } from '../../src/trace/folds.ts';
import { honestTrace } from '../support/disputes.ts';
import { affine, i32Bytes, instruction, loop, ProgramBuilder } from '../support/programs.ts';
import { boundaryProgram, Random, randomProgram } from '../support/randomProgram.ts';

/** Folds over three dimensions, whose code reads every index. */
function indexed(): { loop: LoopNode; tensors: Uint8Array[] } {
  const read = loop({
    dtype: 'i32',
    shape: [2, 3],
    fold: [4, 5, 6],
    init: 7,
    operands: [
      {
        ...{ node: 0, dtype: 'i32', fill: 9 },
        view: [
          {
            extent: 11,
            coordinate: affine(
              [
                [0, 3],
                [2, 2],
                [3, -1],
                [4, 5],
              ],
              { offset: -4, divisor: 2 },
            ),
          },
        ],
      },
    ],
    step: (s) => [
      instruction('i32.mul', s.accumulator, s.foldIndices),
      instruction('i32.add', s.results, s.foldIndices + 1),
      instruction('i32.mul', s.results + 1, s.foldIndices + 2),
      instruction('i32.add', s.results + 2, s.outputIndices + 1),
      instruction('i32.add', s.results + 3, s.operands),
      instruction('i32.add', s.results + 4, s.accumulator),
    ],
  });
  return { loop: read, tensors: [i32Bytes([5, -3, 8, 1, 0, 2, 77, -6, 4, 9, 12])] };
}

async function expectTheSame(
  { loop, tensors }: { loop: LoopNode; tensors: readonly Uint8Array[] },
  element: number,
  random: Random,
): Promise<void> {
  const steps = sizeOf(loop.fold);
  const positions = random.times(4, () => random.between(0, steps)).sort((a, b) => a - b);
  const [start, ...rest] = positions as [number, ...number[]];
  const runner = new LoopRunner(loop, loadFrom(loop, tensors));
  const [word] = runner.accumulators(element, [start]) as [number];
  const part = { element, from: { position: start, word }, positions: rest };
  expect(await foldOn(wasmEngine, loop, tensors, part, 1)).to.deep.equal(runner.accumulators(element, rest));
}

describe('folds of a trace', () => {
  it('are cut into boxes that cover every step once, in order', () => {
    const fold = [3, 4, 5];
    for (let from = 0; from <= 60; from++) {
      for (let to = from; to <= 60; to++) {
        const steps = boxesOf(fold, from, to).flatMap(({ fixed, first, count }) => {
          const size = fold.slice(fixed.length + 1).reduce((a, b) => a * b, 1);
          const start = [...fixed, first].reduce((at, index, d) => at + index * sizeOf(fold.slice(d + 1)), 0);
          return Array.from({ length: count * size }, (_, i) => start + i);
        });
        expect(steps).to.deep.equal(Array.from({ length: to - from }, (_, i) => from + i));
      }
    }
  });

  it('have the same accumulators on an engine, whatever the code reads', async () => {
    const random = new Random(5);
    const folded = indexed();
    for (let i = 0; i < 12; i++) await expectTheSame(folded, random.below(6), random);
  });

  it('of random programs have the same accumulators on an engine', async () => {
    const random = new Random(8);
    for (let i = 0; i < 24; i++) {
      const { program, weights, inputs } = i % 2 ? boundaryProgram(random) : randomProgram(i, 12);
      const { tensors } = await honestTrace(program, weights, inputs);
      for (const node of program.nodes) {
        const elements = sizeOf(node.shape);
        if (node.kind === 'loop' && elements > 0)
          await expectTheSame({ loop: node, tensors }, random.below(elements), random);
      }
    }
  });

  it('are computed once in a dispute, however many rounds ask for parts of them', () => {
    const steps = 2 ** 20;
    const node = loop({ dtype: 'i32', shape: [4], fold: [steps] });
    const known = new KnownFolds();
    let computed = 0;
    const ask = (positions: readonly number[]): FoldPart | undefined => {
      const part = known.missing(0, node, 2, positions);
      if (part) computed += stepsIn(part);
      if (part) known.learn(0, part, part.positions);
      return part;
    };
    for (let stride = steps / 32; stride >= 1; stride /= 32) {
      const end = steps - stride;
      const positions = Array.from({ length: 31 }, (_, i) => end - (30 - i) * stride);
      ask(positions);
      expect(ask(positions), 'asked once more').to.equal(undefined);
    }
    expect(computed).to.equal(steps - 1);
  });

  it('are taken from a trace at once after they were prepared elsewhere', async () => {
    const build = new ProgramBuilder();
    const x = build.input('i32', [1]);
    build.node(
      loop({
        ...{ dtype: 'i32', shape: [1], fold: [1000] },
        operands: [{ node: x, dtype: 'i32', fill: 0, view: [] }],
        step: ({ accumulator, operands }) => [instruction('i32.add', accumulator, operands)],
      }),
    );
    const { program, weights } = build.finish();
    const trace = await honestTrace(program, weights, [i32Bytes([3])]);
    expect(trace.accumulators(1, 0, [10, 1000])).to.deep.equal([30, 3000]);
    expect(() => trace.accumulators(1, 0, [8, 7])).to.throw(RangeError, 'position 7 is not between');
    expect(() => trace.accumulators(1, 0, [1001])).to.throw(RangeError, 'position 1001');
  });
});
