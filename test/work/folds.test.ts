import { expect } from 'chai';
import { Background } from '../../src/chain/service/background.ts';
import { dueIn, type Player } from '../../src/chain/service/play.ts';
import { encodeClock, startClock } from '../../src/dispute/clock.ts';
import { nextMove } from '../../src/dispute/nextMove.ts';
import type { DisputeView } from '../../src/dispute/view.ts';
import { hexOf } from '../../src/merkle/keccak.ts';
import { plantFaults } from '../../src/trace/fault.ts';
import type { FoldPart } from '../../src/trace/folds.ts';
import type { Trace } from '../../src/trace/trace.ts';
import { WorkRunner } from '../../src/work/runner.ts';
import { slices } from '../../src/work/traces.ts';
import { honestTrace, openGame, withChanges } from '../support/disputes.ts';
import { i32Bytes } from '../support/programs.ts';
import { slowModel } from '../support/slowModel.ts';

/** A minute by the letter, some tenths of a second on an engine. */
const LONG = 300_000_000;
const one = (value: number): string => hexOf(i32Bytes([value]));

/** An open dispute in which the claimant has to post accumulators. */
async function inFold(): Promise<{ view: DisputeView; trace: Trace }> {
  const { model, weights } = slowModel(100);
  const honest = await honestTrace(model.program, weights, [i32Bytes([3])]);
  const liar = plantFaults(honest, [{ node: 1, element: 0, step: 50 }]);
  const game = openGame(liar, honest);
  while (game.view.position.phase !== 'Fold')
    game.play(nextMove(game.view, game.mover === 'claimant' ? liar : honest, game.mover)!);
  return { view: game.view, trace: liar };
}

describe('a long fold', () => {
  it('is computed in a worker thread, and this one stays free', async () => {
    const runner = new WorkRunner({ threads: 1, engine: { name: 'wasm', threads: 1 } });
    try {
      const id = runner.put(slowModel(LONG, 5));
      const trace = await runner.trace(id, one(3));
      const positions = [LONG / 2, LONG - 1];
      let turns = 0;
      const turning = setInterval(() => turns++, 2);
      await trace.prepare!(1, 0, positions);
      clearInterval(turning);
      expect(turns, 'turns of this thread meanwhile').to.be.greaterThan(5);
      const { done } = runner.status();
      expect(trace.accumulators(1, 0, positions)).to.deep.equal(positions.map((steps) => 5 + 3 * steps));
      // What is known is not asked for again.
      await Promise.all([trace.prepare!(1, 0, positions), trace.prepare!(1, 0, positions)]);
      expect(runner.status().done).to.equal(done);
    } finally {
      await runner.close();
    }
  });

  it('lets other disputes have their moves until it is computed', async () => {
    const { view, trace } = await inFold();
    let release = (): void => undefined;
    const waits = new Promise<void>((resolve) => {
      release = resolve;
    });
    const long = withChanges(trace, { prepare: () => waits });
    const background = new Background(2);
    const clock = encodeClock(startClock(1000, 1000, 0n));
    const dueOf = (disputeId: bigint, own: Trace) => {
      const claim = { request: { request: { terms: { claimBondWei: 1n, challengeBondWei: 1n } } } };
      const record = { disputeId, dispute: { clock, position: 0n }, subject: '', claim, view };
      const player = {
        ...{ contracts: {}, role: 'claimant', times: { earliest: 1001n, latest: 1001n }, background },
        ...{ trace: async () => own, listen: () => undefined, gas: 0n, disputes: 1 },
      };
      return dueIn(record as never, player as unknown as Player)?.what;
    };
    const look = async (): Promise<(string | undefined)[]> => {
      const dues = [dueOf(1n, long), dueOf(2n, trace)];
      background.turn();
      await background.next(100);
      return dues;
    };
    await look();
    expect(await look()).to.deep.equal([undefined, 'moving (postAccumulators) in dispute 2']);
    release();
    await look();
    expect((await look())[0]).to.equal('moving (postAccumulators) in dispute 1');
  });

  it('is cut into slices, between which others have their turn', () => {
    const part: FoldPart = { element: 0, from: { position: 10, word: 1 }, positions: [15, 16, 40] };
    const asked: string[] = [];
    const asking = slices(part, 10);
    let slice = asking.next();
    while (!slice.done) {
      const { from, positions } = slice.value;
      asked.push(`${from.position}:${from.word} ${positions}`);
      slice = asking.next(positions.map((position) => 100 + position));
    }
    expect(asked).to.deep.equal(['10:1 15,16', '16:116 26', '26:126 36', '36:136 40']);
  });
});
