import { expect } from 'chai';
import { type LoopNode, type Node, sizeOf } from '../../src/program/node.ts';
import { replayWitness, WitnessError } from '../../src/trace/replay.ts';
import type { Trace } from '../../src/trace/trace.ts';
import { commitmentsOf, honestTrace } from '../support/disputes.ts';
import {
  affine,
  f32Bytes,
  i32Bytes,
  instruction,
  loop,
  ProgramBuilder,
  sameShape,
} from '../support/programs.ts';
import { boundaryProgram, Random } from '../support/randomProgram.ts';

const loopsOf = (trace: Trace): [number, LoopNode][] =>
  [...trace.model.program.nodes.entries()].filter(
    (entry): entry is [number, LoopNode & Node] => entry[1].kind === 'loop',
  );

/** Runs [from, to) of an element from its witness alone. */
function replay(
  trace: Trace,
  index: number,
  element: number,
  from: number,
  to: number,
  witness: Uint8Array,
): number {
  const node = trace.model.program.nodes[index] as LoopNode;
  const [accumulator] = trace.accumulators(index, element, [from]);
  const stretch = { element, from, to, accumulator: accumulator! };
  return replayWitness(node, stretch, commitmentsOf(trace, index), witness);
}

describe('witness', () => {
  it('is enough to run every stretch of a grain of every element, to the same word', async () => {
    const random = new Random(3);
    let stretches = 0;
    for (let i = 0; i < 12; i++) {
      const { program, weights, inputs } = boundaryProgram(random);
      const trace = await honestTrace(program, weights, inputs);
      for (const [index, node] of loopsOf(trace)) {
        const steps = sizeOf(node.fold);
        const elements = sizeOf(node.shape);
        for (let element = 0; element < elements; element += 1 + random.below(30)) {
          for (let from = 0; from === 0 || from < steps; from += node.grain) {
            const to = Math.min(steps, from + node.grain);
            const expected =
              to === steps ? trace.word(index, element) : trace.accumulators(index, element, [to])[0];
            const witness = trace.witness(index, element, from, to);
            expect(replay(trace, index, element, from, to, witness)).to.equal(expected);
            stretches++;
          }
        }
      }
    }
    expect(stretches).to.be.above(1000);
  });

  describe('of a sum over a gather', () => {
    let trace: Trace;
    let witness: Uint8Array;
    before(async () => {
      const build = new ProgramBuilder();
      const table = build.input('f32', [200]);
      const indices = build.input('i32', [4]);
      build.node(
        loop({
          dtype: 'f32',
          shape: [1],
          fold: [4],
          grain: 4,
          operands: [
            { node: indices, dtype: 'i32', fill: 0, view: [{ extent: 4, coordinate: affine([[1, 1]]) }] },
            {
              node: table,
              dtype: 'f32',
              fill: 0,
              view: [{ extent: 200, coordinate: { kind: 'gathered', operand: 0 } }],
            },
          ],
          step: (s) => [instruction('f32.add', s.accumulator, s.operands + 1)],
        }),
      );
      const { program, weights } = build.finish();
      const values = Array.from({ length: 200 }, (_, i) => i + 0.5);
      // The first and the last read the same chunk, the third none at all.
      trace = await honestTrace(program, weights, [f32Bytes(values), i32Bytes([0, 130, -5, 3])]);
      witness = trace.witness(2, 0, 0, 4);
    });

    it('opens each tensor and chunk once, in the order in which they are first read', () => {
      const tensor = (node: number) => [trace.node(0, node), trace.node(0, node ^ 1), trace.node(1, 1)];
      const tableProof = (chunk: number) => [
        trace.tensorNode(0, 0, chunk ^ 1),
        trace.tensorNode(0, 1, (chunk >> 1) ^ 1),
      ];
      const expected = [
        ...tensor(1),
        trace.chunk(1, 0),
        ...tensor(0),
        trace.chunk(0, 0),
        ...tableProof(0),
        trace.chunk(0, 2),
        ...tableProof(2),
      ];
      expect([...witness]).to.deep.equal(expected.flatMap((part) => [...part]));
    });

    it('attack 19: with any byte changed does not open', () => {
      for (let i = 0; i < witness.length; i++) {
        const tampered = witness.slice();
        tampered[i]! ^= 1;
        expect(() => replay(trace, 2, 0, 0, 4, tampered), `byte ${i}`).to.throw(WitnessError);
      }
    });

    it('attack 19: short, long, with an opening twice or a foreign one does not open', () => {
      const end = witness.length;
      const join = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));
      const opening = 256 + 2 * 32;
      for (const wrong of [
        new Uint8Array(0),
        witness.subarray(0, end - 1),
        witness.subarray(0, end - opening),
        join(witness, Uint8Array.of(0)),
        join(witness, witness.subarray(end - opening)),
        join(
          witness.subarray(0, end - 2 * opening),
          witness.subarray(end - opening),
          witness.subarray(end - 2 * opening, end - opening),
        ),
        join(witness.subarray(96 + 256), witness.subarray(0, 96 + 256)),
      ]) {
        expect(() => replay(trace, 2, 0, 0, 4, wrong)).to.throw(WitnessError);
      }
    });

    it('of fewer steps opens less', () => {
      expect(trace.witness(2, 0, 0, 1).length).to.equal(witness.length - 256 - 2 * 32);
      // Only the third step: its gather reads nothing.
      expect(trace.witness(2, 0, 2, 3).length).to.equal(96 + 256);
      expect(trace.witness(2, 0, 4, 4).length).to.equal(0);
    });
  });

  it('of a node that reads nothing is empty', async () => {
    const build = new ProgramBuilder();
    build.node(loop({ dtype: 'i32', shape: [2], post: (s) => [instruction('i32.add', 0, s.outputIndices)] }));
    const { program, weights } = build.finish();
    const trace = await honestTrace(program, weights, []);
    expect(trace.witness(0, 1, 0, 1).length).to.equal(0);
    expect(replay(trace, 0, 1, 0, 1, new Uint8Array(0))).to.equal(1);
  });

  it('is asked of loops only', async () => {
    const build = new ProgramBuilder();
    const x = build.input('u8', [3]);
    build.node(loop({ dtype: 'u8', shape: [3], operands: [sameShape(x, 'u8', [3])] }));
    const { program, weights } = build.finish();
    const trace = await honestTrace(program, weights, [Uint8Array.of(1, 2, 3)]);
    expect(() => trace.witness(0, 0, 0, 1)).to.throw(RangeError, 'node 0 is no loop');
    expect(() => trace.accumulators(7, 0, [1])).to.throw(RangeError, 'node 7 is no loop');
  });
});
