import { expect } from 'chai';
import { referenceEngine } from '../../src/engine/reference/reference.ts';
import { wasmEngine } from '../../src/engine/wasm/wasm.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { type Node, sizeOf } from '../../src/program/node.ts';
import { validate } from '../../src/program/validate.ts';
import { type Fault, plantFaults } from '../../src/trace/fault.ts';
import type { Trace } from '../../src/trace/trace.ts';
import { type Checked, checkedPrograms } from '../support/checkedPrograms.ts';
import { honestTrace, openGame, play } from '../support/disputes.ts';
import { Revert } from '../support/gameSimulation.ts';

const traceOf = ({ program, weights, input }: Checked, answer: Uint8Array): Promise<Trace> =>
  honestTrace(program, weights, [input, answer]);

const acceptOf = ({ program }: Checked): number => program.outputs[0]!;

const isAccepted = (checked: Checked, { tensors }: Trace): boolean =>
  tensors[acceptOf(checked)]!.every((byte, i) => byte === (i === 0 ? 1 : 0));

/** One fault in each node, at its last element, in the last step of its fold or behind it. */
const faultsOf = (nodes: readonly Node[]): Fault[] =>
  nodes.flatMap((node, i) => {
    const fault = { node: i, element: sizeOf(node.shape) - 1 };
    const steps = node.kind === 'loop' ? sizeOf(node.fold) : 0;
    return steps > 1 ? [fault, { ...fault, step: steps - 1 }] : [fault];
  });

describe('attack 57: a dispute on a checked answer', () => {
  for (const checked of checkedPrograms()) {
    describe(checked.name, () => {
      const { program, weights, input, right, wrong } = checked;

      it('is well-formed, and another program than the same without answers', () => {
        expect(validate(program)).to.deep.equal([]);
        const { answers, ...without } = program;
        expect(answers).to.have.length(1);
        expect(modelOf(program).id).to.not.deep.equal(modelOf(without).id);
      });

      it('is accepted if it is right, and only then, by either engine', async () => {
        for (const engine of [referenceEngine, wasmEngine]) {
          const session = await engine.load(program, weights);
          for (const [answers, expected] of [
            [right, 1],
            [wrong.map(([, answer]) => answer), 0],
          ] as const) {
            for (const answer of answers) {
              const [accept] = await session.run([input, answer]);
              expect([...accept!.bytes]).to.deep.equal([expected, ...accept!.bytes.slice(1).fill(0)]);
            }
          }
        }
      });

      it('cannot be defended by a trace in which it is not accepted', async () => {
        for (const [what, answer] of wrong) {
          const honest = await traceOf(checked, answer);
          expect(() => play(openGame(honest, honest), honest, honest), what)
            .to.throw(Revert)
            .with.property('message', 'NotAccepted');
        }
      });

      it('loses where the trace lies so that it is accepted', async () => {
        const last = acceptOf(checked);
        for (const [what, answer] of wrong) {
          const honest = await traceOf(checked, answer);
          for (const fault of faultsOf(program.nodes.slice(0, last + 1))) {
            const lied = plantFaults(honest, [fault]);
            // The consequences of the lie may be accepted; if not, accept is a lie too.
            const liar = isAccepted(checked, lied)
              ? lied
              : plantFaults(honest, [fault, { node: last, element: 0 }]);
            if (!isAccepted(checked, liar)) continue;
            const game = openGame(liar, honest, honest);
            expect(play(game, liar, honest), `${what}, a lie at node ${fault.node}`).to.equal('challenger');
          }
        }
      });

      it('loses where the trace is that of another answer, which is right', async () => {
        for (const answer of [...wrong.map(([, bytes]) => bytes), right[1]!]) {
          const other = await traceOf(checked, right[0]!);
          const honest = await traceOf(checked, answer);
          const game = openGame(other, honest, honest);
          expect(play(game, other, honest)).to.equal('challenger');
          expect(game.outcome).to.deep.include({ reason: 'WrongAnswer', nodeIndex: program.answers![0] });
        }
      });

      it('survives every false challenge if it is right', async () => {
        let challenges = 0;
        for (const answer of right) {
          const honest = await traceOf(checked, answer);
          for (const fault of faultsOf(program.nodes)) {
            const mistaken = plantFaults(honest, [fault]);
            const game = openGame(honest, honest);
            let winner: string;
            try {
              winner = play(game, honest, mistaken);
            } catch (error) {
              if (!(error instanceof Revert)) throw error;
              // A move that cannot be made leaves the challenger's clock to run out.
              expect(game.mover).to.equal('challenger');
              winner = 'claimant';
            }
            expect(winner, `node ${fault.node}`).to.equal('claimant');
            challenges++;
          }
        }
        expect(challenges).to.be.above(10);
      });
    });
  }
});
