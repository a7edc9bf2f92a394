import { expect } from 'chai';
import type { Trace } from '../../src/trace/trace.ts';
import { honestTrace, openGame, play } from '../support/disputes.ts';
import { Revert } from '../support/gameSimulation.ts';
import { type PaddingLie, paddingLiar } from '../support/paddingLiar.ts';
import { instruction, loop, ProgramBuilder, sameShape } from '../support/programs.ts';

/** Copies of a one-byte, an empty, a three-chunk and a 257-byte tensor; five nodes more make 9 of 16 leaves. */
async function program(): Promise<Trace> {
  const build = new ProgramBuilder();
  const x = build.input('u8', [700]);
  const copy = (shape: readonly number[], view = [700]) =>
    build.node(
      loop({
        dtype: 'u8',
        shape,
        operands: shape.includes(0) ? [] : [sameShape(x, 'u8', view)],
        post: (s) => (shape.includes(0) ? [] : [instruction('i32.add', s.operands, s.accumulator)]),
      }),
    );
  copy([1]);
  copy([0]);
  copy([700]);
  copy([257]);
  for (let i = 0; i < 4; i++) copy([256]);
  const { program, weights } = build.finish();
  return honestTrace(program, weights, [Uint8Array.from({ length: 700 }, (_, i) => i % 251)]);
}

describe('padding that is not the fixed one', () => {
  let honest: Trace;
  before(async () => {
    honest = await program();
  });

  const lies: [string, PaddingLie][] = [
    ['the byte after a tensor of one byte', { kind: 'byte', node: 1, byte: 1 }],
    ['the first byte of an empty tensor', { kind: 'byte', node: 2, byte: 0 }],
    ['the last byte of an empty tensor', { kind: 'byte', node: 2, byte: 255 }],
    ['the byte after a chunk and one byte', { kind: 'byte', node: 4, byte: 257 }],
    ['the last byte of the last chunk', { kind: 'byte', node: 3, byte: 767 }],
    ['the chunk after the last', { kind: 'chunk', node: 3, chunk: 3 }],
    ['the node after the last', { kind: 'node', index: 9 }],
    ['the last leaf of the trace', { kind: 'node', index: 15 }],
  ];
  for (const [what, lie] of lies) {
    it(`attack 24: a lie in ${what} loses at once`, () => {
      const liar = paddingLiar(honest, lie);
      const game = openGame(liar, honest);
      expect(play(game, liar, honest)).to.equal('challenger');
      expect(game.outcome?.reason).to.equal('WrongPadding');
      expect(game.moves.some(({ kind }) => kind === 'postAccumulators')).to.equal(false);
    });

    it(`an honest claimant is not accused of a lie in ${what}`, () => {
      const game = openGame(honest, honest);
      expect(() => play(game, honest, paddingLiar(honest, lie))).to.throw(Revert);
      expect(game.outcome).to.equal(undefined);
    });
  }

  it('a wrong input tensor is shown by its root, padding or not', () => {
    const liar = paddingLiar(honest, { kind: 'byte', node: 0, byte: 700 });
    const game = openGame(liar, honest);
    expect(play(game, liar, honest)).to.equal('challenger');
    expect(game.outcome?.reason).to.equal('WrongInput');
  });
});
