import { expect } from 'chai';
import { RunTrace } from '../../src/trace/run.ts';
import type { Trace } from '../../src/trace/trace.ts';
import { honestTrace, openGame, play } from '../support/disputes.ts';
import { boundaryProgram, Random } from '../support/randomProgram.ts';

/** Somebody whose tensors and accumulators follow from nothing, from some node on. */
class Garbage extends RunTrace {
  readonly #random: Random;

  constructor(honest: Trace, from: number, random: Random) {
    const { nodes } = honest.model.program;
    super(
      honest.model,
      honest.tensors.map((bytes, i) =>
        i < from || nodes[i]!.kind !== 'loop' ? bytes : random.bytes(bytes.length),
      ),
    );
    this.#random = random;
  }

  override accumulators(nodeIndex: number, element: number, positions: readonly number[]): number[] {
    const words = super.accumulators(nodeIndex, element, positions);
    return words.map((word) => (this.#random.chance(50) ? word : this.#random.word()));
  }
}

describe('a party whose values follow from nothing', () => {
  const programs = process.env['ASSAY_LONG'] ? 2000 : 80;

  it('loses as claimant, at its first wrong node', async () => {
    const random = new Random(11);
    let disputes = 0;
    for (let i = 0; i < programs; i++) {
      const { program, weights, inputs } = boundaryProgram(random);
      const honest = await honestTrace(program, weights, inputs);
      const liar = new Garbage(honest, random.below(program.nodes.length), random);
      const firstWrong = liar.tensors.findIndex((bytes, node) =>
        bytes.some((byte, at) => byte !== honest.tensors[node]![at]),
      );
      if (firstWrong < 0) continue;
      const game = openGame(liar, honest);
      expect(play(game, liar, honest)).to.equal('challenger');
      expect(game.outcome).to.deep.include({ reason: 'WrongWord', nodeIndex: firstWrong });
      disputes++;
    }
    expect(disputes).to.be.above(programs / 2);
  });

  it('never wins as challenger of an honest claim', async () => {
    const random = new Random(12);
    let refused = 0;
    for (let i = 0; i < programs; i++) {
      const { program, weights, inputs } = boundaryProgram(random);
      const honest = await honestTrace(program, weights, inputs);
      const game = openGame(honest, honest);
      try {
        const winner = play(game, honest, new Garbage(honest, random.below(program.nodes.length), random));
        expect(winner).to.equal('claimant');
      } catch (error) {
        expect((error as Error).name).to.be.oneOf(['Revert', 'WitnessError']);
        refused++;
      }
      expect(game.outcome).to.equal(undefined);
    }
    expect(refused).to.be.above(programs / 4);
  });
});
