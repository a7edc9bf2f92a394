import { expect } from 'chai';
import type { Session } from '../../src/engine/engine.ts';
import { referenceEngine } from '../../src/engine/reference/reference.ts';
import { hexOf } from '../../src/merkle/keccak.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { concat } from '../../src/merkle/tree.ts';
import { Shelf } from '../../src/store/shelf.ts';
import { commitmentOf } from '../../src/trace/commitment.ts';
import { RunTrace } from '../../src/trace/run.ts';
import { layers, layersInput } from '../support/layers.ts';
import { randomProgram } from '../support/randomProgram.ts';

type Made = Pick<ReturnType<typeof randomProgram>, 'program' | 'weights'>;

/** A shelf that holds one program, and what it had the engine do. */
async function holding({ program, weights }: Made) {
  const honest = await referenceEngine.load(program, weights);
  const runs: string[] = [];
  const noted = async <T>(what: string, run: () => Promise<T>): Promise<T> => {
    runs.push(`${what} begins`);
    const result = await run();
    runs.push(`${what} ends`);
    return result;
  };
  const session: Session = {
    program,
    run: (...args) => noted('run', () => honest.run(...args)),
    runAll: (...args) => noted('all', () => honest.runAll(...args)),
    runTrace: (...args) => honest.runTrace(...args),
    runCheckpoints: (...args) => noted('checkpoints', () => honest.runCheckpoints(...args)),
    runNode: (...args) => honest.runNode(...args),
    close: () => honest.close(),
  };
  const shelf = new Shelf((model, tensors) => new RunTrace(model, tensors));
  const model = modelOf(program);
  return { shelf, id: shelf.put({ model, session }), model, honest, runs };
}

const once = (what: string): string[] => [`${what} begins`, `${what} ends`];

describe('the shelf', () => {
  const input = hexOf(layersInput(1));

  it('has the commitment of a run without its trace, and asks the engine once', async () => {
    const runnable = randomProgram(2, 70);
    const { shelf, id, model, honest, runs } = await holding(runnable);
    const whole = hexOf(concat(runnable.inputs));
    const [commitment, again] = await Promise.all([shelf.commitment(id, whole), shelf.commitment(id, whole)]);
    const expected = commitmentOf(model, await honest.runCheckpoints(runnable.inputs));
    expect([hexOf(commitment.root), commitment.depth]).to.deep.equal([hexOf(expected.root), expected.depth]);
    expect(again).to.equal(commitment);
    expect(await shelf.commitment(id, whole)).to.equal(commitment);
    expect(runs).to.deep.equal(once('checkpoints'));
  });

  it('takes the trace for the commitment where that is there or on its way', async () => {
    const { shelf, id, runs } = await holding(layers());
    const [trace, commitment] = await Promise.all([shelf.trace(id, input), shelf.commitment(id, input)]);
    expect(commitment).to.equal(trace);
    expect(runs).to.deep.equal(once('all'));
  });

  it('has the same root in both, if the commitment came first', async () => {
    const { shelf, id, runs } = await holding(layers());
    const commitment = await shelf.commitment(id, input);
    const trace = await shelf.trace(id, input);
    expect(hexOf(commitment.root)).to.equal(hexOf(trace.root));
    expect(runs).to.deep.equal([...once('checkpoints'), ...once('all')]);
  });

  it('runs one thing at a time', async () => {
    const { shelf, id, runs } = await holding(layers());
    const other = hexOf(layersInput(2));
    await Promise.all([shelf.output(id, input), shelf.commitment(id, input), shelf.trace(id, other)]);
    expect(runs).to.deep.equal([...once('run'), ...once('checkpoints'), ...once('all')]);
  });

  it('tries again what has failed, and refuses models that it does not hold', async () => {
    const { shelf, id, runs } = await holding(layers());
    const messageOf = (promise: Promise<unknown>) => promise.then(String, (error: Error) => error.message);
    for (const short of ['0x', '0x', input.slice(0, -2)]) {
      expect(await messageOf(shelf.commitment(id, short))).to.match(/bytes/);
    }
    expect(await messageOf(shelf.commitment('0x00', input))).to.equal('model 0x00 is not held here');
    expect(runs).to.deep.equal([]);
    await shelf.commitment(id, input);
    expect(runs).to.deep.equal(once('checkpoints'));
  });
});
