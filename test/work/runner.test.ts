import { expect } from 'chai';
import { referenceEngine } from '../../src/engine/reference/reference.ts';
import { hexOf } from '../../src/merkle/keccak.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { concat } from '../../src/merkle/tree.ts';
import { RunDropped, RunTooLong } from '../../src/store/runner.ts';
import { Shelf } from '../../src/store/shelf.ts';
import { RunTrace } from '../../src/trace/run.ts';
import { type WorkOptions, WorkRunner } from '../../src/work/runner.ts';
import { layers, layersInput } from '../support/layers.ts';
import { i32Bytes, loop, ProgramBuilder } from '../support/programs.ts';
import { randomProgram } from '../support/randomProgram.ts';
import { slowModel } from '../support/slowModel.ts';

const ENGINE = { name: 'wasm', threads: 1 } as const;
const one = (value: number): string => hexOf(i32Bytes([value]));
/** Some tenths of a second on any machine. */
const SLOW = 200_000_000;
/** Half an hour. */
const endlessModel = () => slowModel(2 ** 31 - 1, 0, 4096);

/** A tensor of `elements` numbers, made from one. */
const filled = (node: number, elements: number) =>
  loop({ dtype: 'i32', shape: [elements], operands: [{ node, dtype: 'i32', fill: 0, view: [] }] });

async function outcome(run: Promise<unknown>): Promise<unknown> {
  return run.catch((error: Error) => error);
}

describe('runs in worker threads', () => {
  const runners: WorkRunner[] = [];
  const working = (options: Partial<WorkOptions> = {}): WorkRunner => {
    const runner = new WorkRunner({ threads: 2, engine: ENGINE, ...options });
    runners.push(runner);
    return runner;
  };
  afterEach(async () => {
    for (const runner of runners.splice(0)) await runner.close();
  });

  it('read the weights of two programs from one place', async () => {
    const { program, weights } = layers();
    const runner = working();
    const id = runner.put({ model: modelOf(program), weights });
    const held = runner.weights(id)!;
    expect([...held.keys()]).to.deep.equal([...weights.keys()]);
    // The same layers up to their product.
    const part = { ...program, nodes: program.nodes.slice(0, 3), outputs: [2] };
    const other = runner.put({ model: modelOf(part), weights: held });
    for (const [node, bytes] of runner.weights(other)!) expect(bytes.buffer).to.equal(held.get(node)!.buffer);
    expect(await runner.output(other, hexOf(layersInput(1)))).to.match(/^0x/);
    expect(runner.weights(one(1))).to.equal(undefined);
  });

  it('have the bits of a run here, of outputs, commitments and traces', async () => {
    for (const runnable of [{ ...layers(), inputs: [layersInput(1)] }, randomProgram(2, 70)]) {
      const model = modelOf(runnable.program);
      const shelf = new Shelf((model, tensors) => new RunTrace(model, tensors));
      const id = shelf.put({
        model,
        session: await referenceEngine.load(runnable.program, runnable.weights),
      });
      const runner = working();
      expect(runner.put({ model, weights: runnable.weights })).to.equal(id);
      const input = hexOf(concat(runnable.inputs));
      expect(await runner.output(id, input)).to.equal(await shelf.output(id, input));
      const [commitment, trace, expected] = await Promise.all([
        runner.commitment(id, input),
        runner.trace(id, input),
        shelf.trace(id, input),
      ]);
      expect([hexOf(commitment.root), commitment.depth]).to.deep.equal([
        hexOf(expected.root),
        expected.depth,
      ]);
      expect(trace.tensors).to.deep.equal(expected.tensors);
      for (const [node] of runnable.program.nodes.entries()) {
        expect(hexOf(trace.tensorRoot(node))).to.equal(hexOf(expected.tensorRoot(node)));
        expect(hexOf(trace.chunk(node, 0))).to.equal(hexOf(expected.chunk(node, 0)));
      }
      for (let leaf = 0; leaf < runnable.program.nodes.length; leaf++) {
        expect(hexOf(commitment.node(0, leaf))).to.equal(hexOf(expected.node(0, leaf)));
      }
    }
  });

  it('leave this thread free, and are made once however often they are asked for', async () => {
    const runner = working({ threads: 1 });
    const id = runner.put(slowModel(SLOW));
    let turns = 0;
    const turning = setInterval(() => turns++, 5);
    const results = await Promise.all([1, 2, 3].map(() => runner.output(id, one(3))));
    clearInterval(turning);
    expect(new Set(results).size).to.equal(1);
    expect(runner.status().done).to.equal(1);
    expect(turns, 'turns of this thread meanwhile').to.be.greaterThan(5);
  });

  it('are ended when nobody waits any more, and when their deadline is over', async () => {
    let now = 1000n;
    const runner = working({ clock: () => now });
    const id = runner.put(endlessModel());
    const leaving = new AbortController();
    const left = outcome(runner.output(id, one(1), { signal: leaving.signal }));
    const late = outcome(runner.output(id, one(2), { deadline: 2000n }));
    const queued = outcome(runner.output(id, one(3), { deadline: 2000n }));
    leaving.abort();
    now = 2001n;
    for (const dropped of [left, late, queued]) expect(await dropped).to.be.instanceOf(RunDropped);
    expect(runner.status()).to.include({ waiting: 0, dropped: 3 });
    const quick = runner.put(slowModel(10));
    expect(await runner.output(quick, one(4))).to.equal(one(40));
  });

  it('come by the earliest deadline, and those whose window is over never begin', async () => {
    let now = 1000n;
    const runner = working({ threads: 1, clock: () => now });
    const [slow, quick] = [runner.put(slowModel(SLOW)), runner.put(slowModel(10))];
    const first = runner.output(slow, one(1));
    const ended: string[] = [];
    const ask = async (value: number, deadline: bigint): Promise<void> => {
      const result = await outcome(runner.output(quick, one(value), { deadline }));
      ended.push(result instanceof RunDropped ? `${value} dropped` : `${value}`);
    };
    const asked = [ask(1, 4000n), ask(2, 2000n), ask(3, 3000n), ask(4, 1500n), ask(5, 1500n)];
    // Others need the same sooner, or for longer.
    asked.push(ask(1, 1800n), ask(5, 5000n));
    now = 1600n;
    await first;
    await Promise.all(asked);
    expect(ended).to.deep.equal(['4 dropped', '5', '5', '1', '1', '2', '3']);
    expect(runner.status()).to.include({ done: 5, failed: 0, dropped: 1 });
    await ask(6, 1599n);
    // A reorganisation takes the time of the chain back.
    now = 1500n;
    await ask(6, 1599n);
    expect(ended.slice(7)).to.deep.equal(['6 dropped', '6']);
    expect(runner.status()).to.include({ done: 6, failed: 0, dropped: 2 });
  });

  it('of one waiter that leaves go on for the others', async () => {
    const runner = working();
    const id = runner.put(slowModel(SLOW));
    const leaving = new AbortController();
    const first = runner.output(id, one(1), { signal: leaving.signal });
    const second = runner.output(id, one(1));
    leaving.abort();
    expect(await second).to.equal(await first);
  });

  it('attack 48: endless runs of a model keep no dispute and no other model waiting', async () => {
    const runner = working({ threads: 1 });
    const endless = runner.put(endlessModel(), { maxRunSeconds: 0.5 });
    const quick = runner.put(slowModel(10));
    const flood = [1, 2, 3, 4].map((value) =>
      outcome(runner.output(endless, one(value), { deadline: 9_999_999_998n })),
    );
    const served = runner.output(quick, one(2), { deadline: 9_999_999_999n });
    const first = await Promise.race([served, ...flood.slice(1)]);
    expect(first, 'only the run before it had to end').to.equal(one(20));
    expect(await outcome(runner.output(endless, one(9)))).to.be.instanceOf(RunDropped);
  });

  it('of a dispute take a thread from one that is not urgent, which is made again', async () => {
    const runner = working({ threads: 1, patienceSeconds: 0 });
    const slow = runner.put(slowModel(5 * SLOW));
    const quick = runner.put(slowModel(10));
    const late = runner.output(slow, one(1));
    const urgent = runner.commitment(quick, one(2));
    expect(await Promise.race([late, urgent])).to.equal(await urgent);
    expect(await late).to.equal(one(5 * SLOW));
  });

  it('of a dispute may take any time, whatever an output of the model may take', async () => {
    const runner = working({ threads: 1 });
    const id = runner.put(slowModel(10 * SLOW), { maxRunSeconds: 0.1 });
    expect(await outcome(runner.output(id, one(1)))).to.be.instanceOf(RunTooLong);
    const trace = await runner.trace(id, one(1));
    expect(trace.word(1, 0)).to.equal((10 * SLOW) >>> 0);
  });

  it('before a dispute are measured within a limit, unless a dispute needs the same', async () => {
    const runner = working({ threads: 1 });
    const own = runner.put(slowModel(SLOW));
    expect(await runner.playTime(own, one(1)), 'a model of the operator').to.equal(undefined);
    const found = runner.put(slowModel(SLOW, 1), { maxRunSeconds: 1000 });
    const time = await runner.playTime(found, one(1), { limitSeconds: 1000 });
    for (const seconds of Object.values(time!)) expect(seconds).to.be.greaterThan(0);
    // The runs are those of the dispute that may follow.
    const { done } = runner.status();
    await Promise.all([runner.commitment(found, one(1)), runner.trace(found, one(1))]);
    expect(runner.status().done).to.equal(done);
    const slow = runner.put(slowModel(10 * SLOW, 2), { maxRunSeconds: 1000 });
    const limited = () => outcome(runner.playTime(slow, one(1), { limitSeconds: 0.1 }));
    expect(await limited()).to.be.instanceOf(RunTooLong);
    const [measured] = await Promise.all([limited(), runner.commitment(slow, one(1))]);
    // Its commitment was made, because the dispute waits for it; its trace was not.
    expect(measured).to.be.instanceOf(RunTooLong);
    expect(runner.status().done).to.equal(done + 1);
  });

  it('that cannot be made say why, and hold up nothing', async () => {
    const runner = working({ threads: 1 });
    const id = runner.put(slowModel(10));
    expect(await outcome(runner.output(id, '0x00'))).to.match(/expected 4 bytes/);
    expect(await outcome(runner.output('0x00', one(1)))).to.match(/model 0x00 is not held here/);
    const build = new ProgramBuilder();
    const x = build.input('i32', [1]);
    for (let i = 0; i < 5; i++) build.node(filled(x, 2 ** 28));
    const { program, weights } = build.finish();
    const huge = runner.put({ model: modelOf(program), weights });
    expect(await outcome(runner.trace(huge, one(1)))).to.match(/tensors/);
    expect(await runner.output(id, one(1))).to.equal(one(10));
  });

  it('of one model that wait are made together, with the same outputs', async () => {
    const { program, weights } = layers();
    const model = modelOf(program);
    const [alone, together] = [working({ threads: 1 }), working({ threads: 1, batch: 4 })];
    const id = alone.put({ model, weights });
    together.put({ model, weights });
    const inputs = Array.from({ length: 14 }, (_, seed) => hexOf(layersInput(seed)));
    const all = (runner: WorkRunner) => Promise.all(inputs.map((input) => runner.output(id, input)));
    expect(await all(together)).to.deep.equal(await all(alone));
    expect(together.status().done).to.equal(14);
  });

  it('keep the traces of latest disputes within their bytes', async () => {
    const { program, weights } = layers();
    const model = modelOf(program);
    const runner = working({ traceBytes: 20_000 });
    const id = runner.put({ model, weights });
    for (let seed = 0; seed < 8; seed++) await runner.trace(id, hexOf(layersInput(seed)));
    expect(runner.status().keptBytes).to.be.within(1, 20_000);
  });
});
