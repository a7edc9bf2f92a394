import { expect } from 'chai';
import { nextMove } from '../../src/dispute/nextMove.ts';
import { type Node, sizeOf } from '../../src/program/node.ts';
import { validate } from '../../src/program/validate.ts';
import { type Fault, keepFrom, plantFaults } from '../../src/trace/fault.ts';
import type { Trace } from '../../src/trace/trace.ts';
import { honestTrace, openGame, play } from '../support/disputes.ts';
import type { Outcome } from '../support/gameSimulation.ts';
import { type GameSimulation, Revert } from '../support/gameSimulation.ts';
import {
  affine,
  allCheckpoints,
  f32Bytes,
  instruction,
  loop,
  ProgramBuilder,
  sameShape,
} from '../support/programs.ts';
import { boundaryProgram, Random } from '../support/randomProgram.ts';

/** Tensors around the size of a chunk, folds around the size of a grain and of two rounds of accumulators. */
async function boundaries(): Promise<Trace> {
  const build = new ProgramBuilder();
  const random = new Random(24);
  const x = build.input('f32', [64]);
  const flag = build.input('u8', []);
  const table = build.constant('i8', [257], random.bytes(257));
  const copy = (node: number, dtype: Node['dtype'], shape: readonly number[]) =>
    build.node(
      loop({
        dtype,
        shape,
        operands: [sameShape(node, dtype, shape)],
        post: (s) => [instruction('i32.add', s.operands, s.accumulator)],
      }),
    );
  copy(flag, 'u8', []);
  copy(x, 'f32', [64]);
  copy(table, 'i8', [257]);
  const empty = build.node(loop({ dtype: 'f32', shape: [3, 0] }));
  copy(empty, 'f32', [3, 0]);
  const sum = (steps: number, grain: number, dtype: 'f32' | 'u8' = 'f32') =>
    build.node(
      loop({
        dtype,
        shape: [2],
        fold: [steps],
        grain,
        operands: [
          {
            node: x,
            dtype: 'f32',
            fill: 0,
            view: [{ extent: 64, coordinate: affine([[1, 1]], { divisor: 40 }) }],
          },
        ],
        step: (s) => [instruction('f32.add', s.accumulator, s.operands)],
        post: (s) => [instruction('i32.xor', s.accumulator, s.foldIndices - 1)],
      }),
    );
  // Folds of: no step, one grain, a grain and one step, one round, one round and one step, two rounds.
  for (const [steps, grain] of [
    [0, 1],
    [8, 8],
    [9, 8],
    [64, 2],
    [65, 2],
    [2000, 2],
  ] as const) {
    sum(steps, grain);
  }
  sum(70, 2, 'u8');
  const wide = build.node(
    loop({
      dtype: 'f32',
      shape: [65, 40],
      operands: [{ node: x, dtype: 'f32', fill: 0, view: [{ extent: 64, coordinate: affine([[1, 1]]) }] }],
      post: (s) => [instruction('f32.mul', s.operands, s.operands)],
    }),
  );
  const row = (offset: number) => [
    { extent: 65, coordinate: affine([], { offset }) },
    { extent: 40, coordinate: affine([[2, 1]]) },
  ];
  const product = build.node(
    loop({
      dtype: 'f32',
      shape: [1, 1],
      fold: [40],
      grain: 4,
      operands: [0, 64].map((offset) => ({ node: wide, dtype: 'f32', fill: 0, view: row(offset) })),
      step: (s) => [
        instruction('f32.mul', s.operands, s.operands + 1),
        instruction('f32.add', s.accumulator, s.results),
      ],
    }),
  );
  // Enough nodes for two reveals of the trace's tree.
  for (let i = 0; i < 30; i++) copy(product, 'f32', [1, 1]);
  const { program, weights } = build.finish([product, build.nodes.length - 1]);
  // So that a lie anywhere changes the root, whatever follows from it.
  return honestTrace(allCheckpoints(program), weights, [
    f32Bytes(Array.from({ length: 64 }, (_, i) => i / 3 - 7)),
    Uint8Array.of(1),
  ]);
}

/** Expects that a dispute ended at a fault and nowhere else. */
function expectIsolated(
  outcome: Outcome | undefined,
  trace: Trace,
  { node: index, element, step }: Fault,
): void {
  const node = trace.model.program.nodes[index]!;
  expect(outcome?.nodeIndex).to.equal(index);
  if (node.kind !== 'loop') {
    expect(outcome?.reason).to.equal(node.kind === 'input' ? 'WrongInput' : 'WrongConstant');
    return;
  }
  expect(outcome?.reason).to.equal('WrongWord');
  const { from, to, element: found } = outcome!.stretch!;
  const steps = sizeOf(node.fold);
  expect(found).to.equal(element);
  expect(to - from).to.be.at.most(node.grain);
  if (step === undefined) expect(to).to.equal(steps);
  else expect(step).to.be.within(from, to - 1);
}

/** Plants a fault, plays a dispute and expects it to end there. */
function isolate(honest: Trace, fault: Fault): GameSimulation {
  const liar = plantFaults(honest, [fault]);
  const game = openGame(liar, honest);
  expect(play(game, liar, honest)).to.equal('challenger');
  expectIsolated(game.outcome, honest, fault);
  return game;
}

/** First, last and a middle one of `count`; none of none. */
const ends = (count: number): number[] =>
  [...new Set([0, count >> 1, count - 1])].filter((i) => i >= 0 && i < count);

/** Faults at the first, a middle and the last element and fold step of a node. */
const faultsOf = (trace: Trace, node: number): Fault[] => {
  const { kind, shape, ...rest } = trace.model.program.nodes[node]!;
  const fold = kind === 'loop' && 'fold' in rest ? sizeOf(rest.fold) : 0;
  return ends(sizeOf(shape)).flatMap((element) => [
    { node, element },
    { node, element, xor: 0x80 },
    ...ends(fold).map((step) => ({ node, element, step, xor: 0x40 })),
  ]);
};

describe('a dispute about a planted fault', () => {
  let honest: Trace;
  let nodes: readonly Node[];
  before(async () => {
    honest = await boundaries();
    expect(validate(honest.model.program)).to.deep.equal([]);
    nodes = honest.model.program.nodes;
  });

  it('attack 24, 25: ends exactly there, in tensors and folds of every size', () => {
    let disputes = 0;
    for (const node of nodes.keys()) {
      for (const fault of faultsOf(honest, node)) {
        isolate(honest, fault);
        disputes++;
      }
    }
    expect(disputes).to.be.above(200);
  });

  it('takes two rounds of accumulators for a long fold, none for one grain', () => {
    const rounds = (steps: number) => {
      const node = nodes.findIndex((one) => one.kind === 'loop' && one.fold[0] === steps);
      const { moves } = isolate(honest, { node, element: 1, step: steps - 1 });
      return moves.filter(({ kind }) => kind === 'postAccumulators').length;
    };
    expect([8, 9, 64, 65, 2000].map(rounds)).to.deep.equal([0, 1, 1, 1, 2]);
  });

  it('attack 26: isolates the leftmost of two faults', () => {
    const pairs: [Fault, Fault][] = [
      [
        { node: 5, element: 3 },
        { node: 5, element: 256 },
      ],
      [
        { node: 4, element: 63 },
        { node: 5, element: 0 },
      ],
      [
        { node: 2, element: 256 },
        { node: 5, element: 0 },
      ],
      [
        { node: 11, element: 0, step: 40 },
        { node: 11, element: 1, step: 3 },
      ],
      [
        { node: 0, element: 7 },
        { node: 2, element: 7 },
      ],
    ];
    for (const [first, second] of pairs) {
      for (const faults of [
        [first, second],
        [second, first],
      ]) {
        const liar = plantFaults(honest, faults);
        const game = openGame(liar, honest);
        expect(play(game, liar, honest)).to.equal('challenger');
        expectIsolated(game.outcome, honest, first);
      }
    }
  });

  it('isolates the first lie of somebody who did not go on computing from it', () => {
    for (const node of nodes.keys()) {
      const [fault] = faultsOf(honest, node);
      if (!fault || node === nodes.length - 1) continue;
      const liar = plantFaults(honest, [fault, { node: nodes.length - 1, element: 0 }], keepFrom(honest));
      const game = openGame(liar, honest);
      expect(play(game, liar, honest)).to.equal('challenger');
      expectIsolated(game.outcome, honest, fault);
    }
  });

  it('an honest claimant wins against a challenger who sees a fault anywhere', () => {
    for (const node of nodes.keys()) {
      for (const fault of faultsOf(honest, node).slice(0, 3)) {
        const game = openGame(honest, honest);
        expect(() => play(game, honest, plantFaults(honest, [fault]))).to.throw(
          Revert,
          /NothingWrong|InputsMismatch/,
        );
        expect(game.outcome).to.equal(undefined);
      }
    }
  });

  it('attack 16: a challenger who picks a child that does not differ proves nothing', () => {
    const lie: Fault = { node: 5, element: 100 };
    const liar = plantFaults(honest, [lie]);
    for (const elsewhere of [
      { node: 0, element: 0 },
      { node: 2, element: 0 },
      { node: 3, element: 0 },
      { node: 5, element: 99 },
      { node: 5, element: 256 },
      { node: 11, element: 1, step: 5 },
      { node: nodes.length - 1, element: 0 },
    ]) {
      const game = openGame(liar, honest);
      const friend = plantFaults(liar, [elsewhere]);
      expect(() => play(game, liar, friend)).to.throw(Revert, /NothingWrong|InputsMismatch/);
      expect(game.outcome).to.equal(undefined);
    }
  });

  it('attack 13, 14, 15: a claimant whose trace is not what it stands by has no move', () => {
    const liar = plantFaults(honest, [{ node: nodes.length - 1, element: 0 }]);
    const otherOutput = openGame(liar, honest);
    expect(() => play(otherOutput, honest, honest)).to.throw(Revert, 'OutputNotClaimed');
    const committed = openGame(liar, honest);
    committed.play(nextMove(committed.view, liar, 'claimant')!);
    const fixed = openGame(liar, honest);
    fixed.view = { ...fixed.view, traceRoot: committed.view.traceRoot };
    expect(nextMove(fixed.view, honest, 'claimant')).to.equal(undefined);
    expect(nextMove(fixed.view, liar, 'claimant')?.kind).to.equal('reveal');
    expect(play(fixed, honest, honest)).to.equal('challenger');
    expect(play(fixed, liar, honest)).to.equal('challenger');
  });

  it('says nothing out of turn', () => {
    const game = openGame(honest, honest);
    expect(nextMove(game.view, honest, 'challenger')).to.equal(undefined);
    game.play(nextMove(game.view, honest, 'claimant')!);
    expect(nextMove(game.view, honest, 'claimant')).to.equal(undefined);
    expect(nextMove(game.view, honest, 'challenger')).to.equal(undefined);
  });

  it('works on a program of one node', async () => {
    const build = new ProgramBuilder();
    build.node(
      loop({
        dtype: 'i32',
        shape: [],
        fold: [3],
        constants: [5],
        step: (s) => [instruction('i32.add', 0, s.constants)],
      }),
    );
    const { program, weights } = build.finish();
    const single = await honestTrace(program, weights, []);
    expect(single.depth).to.equal(0);
    for (const step of [0, 1, 2]) isolate(single, { node: 0, element: 0, step });
  });

  it('isolates random faults in random programs', async function () {
    this.timeout(600_000);
    const random = new Random(7);
    const programs = process.env['ASSAY_LONG'] ? 5000 : 100;
    let disputes = 0;
    for (let i = 0; i < programs; i++) {
      const { program, weights, inputs } = boundaryProgram(random);
      expect(validate(program)).to.deep.equal([]);
      const trace = await honestTrace(program, weights, inputs);
      const candidates = program.nodes.flatMap((_, node) => faultsOf(trace, node));
      for (let j = 0; j < Math.min(8, candidates.length); j++) {
        isolate(trace, random.pick(candidates));
        disputes++;
      }
    }
    expect(disputes).to.be.above(programs * 4);
  });
});
