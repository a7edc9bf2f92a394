import { expect } from 'chai';
import { explainMove, explainOutcome } from '../../src/dispute/explain.ts';
import { nextMove } from '../../src/dispute/nextMove.ts';
import { REASONS } from '../../src/dispute/rules.ts';
import { plantFaults } from '../../src/trace/fault.ts';
import { honestTrace, openGame } from '../support/disputes.ts';
import { affine, f32Bytes, instruction, loop, ProgramBuilder } from '../support/programs.ts';

describe('the story of a dispute', () => {
  it('names what every move shows and disputes', async () => {
    const build = new ProgramBuilder();
    const x = build.input('f32', [100]);
    build.node(
      loop({
        dtype: 'f32',
        shape: [300],
        fold: [100],
        grain: 2,
        operands: [{ node: x, dtype: 'f32', fill: 0, view: [{ extent: 100, coordinate: affine([[1, 1]]) }] }],
        step: (s) => [instruction('f32.add', s.accumulator, s.operands)],
      }),
    );
    const { program, weights } = build.finish();
    const honest = await honestTrace(program, weights, [f32Bytes(Array(100).fill(1))]);
    const liar = plantFaults(honest, [{ node: 1, element: 201, step: 37 }]);
    const game = openGame(liar, honest);
    const story: string[] = [];
    while (!game.outcome) {
      const move = nextMove(game.view, game.mover === 'claimant' ? liar : honest, game.mover)!;
      story.push(explainMove(move, game.view.position));
      game.play(move);
    }
    story.push(explainOutcome(game.outcome.winner, game.outcome.reason));
    expect(story).to.deep.equal([
      'The claimant commits to its trace and reveals 2 hashes of its top.',
      'The challenger picks node 1 as the first whose tensor is wrong.',
      'The claimant reveals 8 hashes of the tensor of node 1.',
      'The challenger finds the first difference in chunk 3 of node 1.',
      'The claimant reveals the 256 bytes of chunk 3 of node 1.',
      'The challenger names element 9 of the chunk as the first wrong one; its fold is too long for one leaf.',
      'The claimant posts 24 accumulators of element 201 between steps 0 and 100 of its fold.',
      'The challenger finds the first wrong accumulator after steps 36 to 40 of element 201.',
      'The claimant posts 1 accumulator of element 201 between steps 36 and 40 of its fold.',
      // One tensor (root, sibling) and one of its two chunks (bytes, sibling).
      `The challenger has the chain run steps 36 to 38 of element 201 of node 1, with ${64 + 256 + 32} bytes of openings.`,
      'The challenger wins: the chain computed another word.',
    ]);
  });

  it('gives every outcome a sentence of its own', () => {
    const sentences = REASONS.map((reason) => explainOutcome('challenger', reason));
    expect(new Set(sentences).size).to.equal(REASONS.length);
    expect(explainOutcome('challenger', 'ClaimAlreadyFalsified')).to.equal(
      'The challenger gets its bond back: another dispute had falsified the claim.',
    );
  });
});
