import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect } from 'chai';
import { models, programInputs } from '../../examples/models/index.ts';
import type { Engine, Session } from '../../src/engine/engine.ts';
import { referenceEngine } from '../../src/engine/reference/reference.ts';
import { buildSchedule } from '../../src/engine/threads/schedule.ts';
import { type Spawn, spawnHere } from '../../src/engine/threads/spawn.ts';
import { type Functions, takeTasks } from '../../src/engine/threads/tasks.ts';
import { wasmEngineWith } from '../../src/engine/wasm/wasm.ts';
import { importOnnx } from '../../src/onnx/index.ts';
import type { Program } from '../../src/program/node.ts';
import { engineErrorOf } from '../support/engineError.ts';
import { runInParts } from '../support/phases.ts';
import { f32Bytes, f32Values, matMul, ProgramBuilder } from '../support/programs.ts';
import { Random, randomProgram } from '../support/randomProgram.ts';
import { hashesOf } from '../support/treeHashes.ts';
import { wideProgram } from '../support/wideProgram.ts';

const PROGRAMS = process.env['ASSAY_LONG'] ? 400 : 25;

interface Runnable {
  readonly program: Program;
  readonly weights: ReadonlyMap<number, Uint8Array>;
  readonly inputs: readonly Uint8Array[];
}

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/** A product of two square matrices, again and again: work for every thread. */
function products(size: number, times: number): Runnable {
  const random = new Random(size);
  const values = () => f32Bytes(random.times(size * size, () => (random.below(2001) - 1000) / 1000));
  const build = new ProgramBuilder();
  let last = build.input('f32', [size, size]);
  const w = build.constant('f32', [size, size], values());
  for (let i = 0; i < times; i++) last = build.node(matMul(last, w, size, size, size));
  return { ...build.finish(), inputs: [values()] };
}

/** Shares the least work, so that small programs show what large ones would. */
const eager = (threads: number): Engine => wasmEngineWith({ threads, leastTask: 1 });

async function expectSameTensors(
  engines: readonly Engine[],
  runnable: Runnable,
  what: string,
): Promise<void> {
  const { program, weights, inputs } = runnable;
  const reference = await referenceEngine.load(program, weights);
  const { tensors: expected, trees: expectedTrees } = await reference.runTrace(inputs);
  for (const engine of engines) {
    const session = await engine.load(program, weights);
    const traced = await session.runTrace(inputs);
    for (const tensors of [await session.runAll(inputs), traced.tensors]) {
      const differing = expected.findIndex((tensor, i) => !same(tensor, tensors[i]!));
      expect(differing, `${what}: node that differs`).to.equal(-1);
    }
    expect([...traced.trees.keys()], what).to.deep.equal([...expectedTrees.keys()]);
    for (const [node, tree] of traced.trees) {
      const hashes = hashesOf(tree);
      expect(hashes, `${what}: tree of node ${node}`).to.deep.equal(hashesOf(expectedTrees.get(node)!));
    }
    const outputs = await session.run(inputs);
    program.outputs.forEach((node, i) => {
      expect(same(outputs[i]!.bytes, expected[node]!), `${what}: output ${i}`).to.equal(true);
    });
    await session.close();
  }
}

/** Ends what a test has loaded. */
const sessions: Session[] = [];
async function load(engine: Engine, { program, weights }: Runnable): Promise<Session> {
  const session = await engine.load(program, weights);
  sessions.push(session);
  return session;
}
afterEach(async () => {
  await Promise.all(sessions.splice(0).map((session) => session.close()));
});

describe('threads give the bits of the reference', () => {
  const engines = [1, 2, 3].map(eager);

  it('on random programs', async () => {
    for (const engine of engines) await load(engine, products(8, 1));
    for (let seed = 1; seed <= PROGRAMS; seed++) {
      await expectSameTensors(engines, randomProgram(seed, 8), `seed ${seed}`);
      await expectSameTensors(engines, wideProgram(new Random(seed)), `wide, seed ${seed}`);
    }
  });

  it('on products whose parts depend on each other, run after run', async () => {
    const runnable = products(24, 60);
    const [expected] = await (await load(referenceEngine, runnable)).run(runnable.inputs);
    for (const engine of engines) {
      const session = await load(engine, runnable);
      for (let run = 0; run < 50; run++) {
        const [output] = await session.run(runnable.inputs);
        expect(same(output!.bytes, expected!.bytes), `run ${run}`).to.equal(true);
      }
    }
  });

  it('on the angle classifier', async () => {
    const model = models.find(({ name }) => name === 'PP-OCR angle classifier')!;
    const compiled = importOnnx(model.bytes(), model.options);
    const inputs = programInputs(compiled, model.inputs());
    const many = [2, 3].map((threads) => wasmEngineWith({ threads }));
    await expectSameTensors([...many, ...engines], { ...compiled, inputs }, model.name);
  });

  it('in memory beyond 2^31, up to its last bytes', async () => {
    for (let seed = 1; seed <= PROGRAMS; seed++) {
      const runnable = randomProgram(seed, 6);
      const expected = await (await referenceEngine.load(runnable.program, runnable.weights)).runAll(
        runnable.inputs,
      );
      for (const start of [2 ** 31 - 4096, 2 ** 32 - 2 ** 17]) {
        const nothing = () => {};
        const tensors = await runInParts(runnable, runnable.inputs, new Random(seed), nothing, start);
        expect(
          tensors.every((tensor, i) => same(tensor, expected[i]!)),
          `seed ${seed}`,
        ).to.equal(true);
      }
    }
  });
});

describe('a session with threads', () => {
  const runnable = products(64, 6);
  let expected: number[];
  before(async () => {
    const session = await referenceEngine.load(runnable.program, runnable.weights);
    expected = f32Values((await session.run(runnable.inputs))[0]!.bytes);
  });
  const outputOf = async (session: Session): Promise<number[]> =>
    f32Values((await session.run(runnable.inputs))[0]!.bytes);

  it('runs what is asked for at the same time one after the other', async () => {
    const engine = eager(2);
    const [one, two] = [await load(engine, runnable), await load(engine, runnable)];
    const doubled = runnable.inputs.map((bytes) => f32Bytes(f32Values(bytes).map((x) => 2 * x)));
    const turns = () => undefined;
    const [first, second, third] = await Promise.all([
      one.run(runnable.inputs, turns),
      one.run(doubled, turns),
      two.run(runnable.inputs, turns),
    ]);
    expect(f32Values(first[0]!.bytes)).to.deep.equal(expected);
    expect(f32Values(second[0]!.bytes)).to.deep.equal(expected.map((x) => 2 * x));
    expect(f32Values(third[0]!.bytes)).to.deep.equal(expected);
  });

  it('goes on after another of the same engine is closed, and again after all are', async () => {
    const engine = eager(2);
    const [one, two] = [await load(engine, runnable), await load(engine, runnable)];
    expect(await outputOf(one)).to.deep.equal(expected);
    await one.close();
    await one.close();
    expect(await engineErrorOf(one.run(runnable.inputs))).to.equal('the session is closed');
    expect(await outputOf(two)).to.deep.equal(expected);
    await two.close();
    expect(await outputOf(await load(engine, runnable))).to.deep.equal(expected);
  });

  it('reports every node once and in order, and others have a turn in between', async () => {
    const large = products(300, 8);
    const session = await load(wasmEngineWith({ threads: 2 }), large);
    const done: number[] = [];
    let othersRan = 0;
    const timer = setInterval(() => othersRan++, 1);
    await session.run(large.inputs, (count) => {
      done.push(count);
      const until = performance.now() + 30;
      while (performance.now() < until);
    });
    clearInterval(timer);
    expect(done).to.deep.equal(large.program.nodes.map((_, i) => i + 1));
    expect(othersRan).to.be.greaterThan(0);
  });

  it('runs on after a progress callback has thrown', async () => {
    const session = await load(eager(2), runnable);
    const attempt = session.run(runnable.inputs, (count) => {
      if (count === 3) throw new Error('enough');
    });
    expect(await attempt.catch((error: Error) => error.message)).to.equal('enough');
    for (let i = 0; i < 5; i++) expect(await outputOf(session)).to.deep.equal(expected);
  });

  it('runs on after inputs that do not fit', async () => {
    const session = await load(eager(2), runnable);
    expect(await engineErrorOf(session.run([]))).to.equal('the program has 1 inputs, 0 were given');
    expect(await outputOf(session)).to.deep.equal(expected);
  });

  it('runs on one thread where none can be started', async () => {
    const session = await load(wasmEngineWith({ threads: 4, leastTask: 1, spawn: null }), runnable);
    expect(await outputOf(session)).to.deep.equal(expected);
  });

  it('ends with a thread that ends at work, and says so; the engine loads again', async () => {
    const spawn = spawnHere()!;
    let broken = true;
    const frail: Spawn = (source, failed) =>
      spawn(broken ? source.replace('functions[', 'functions.gone[') : source, failed);
    const large = products(300, 30);
    const engine = wasmEngineWith({ threads: 2, spawn: frail });
    const session = await load(engine, large);
    const other = await load(engine, runnable);
    // The thread takes part once it has started; until then the run does without it.
    let said = 'no error';
    for (let run = 0; run < 1000 && said === 'no error'; run++) {
      said = await session.run(large.inputs).then(
        () => 'no error',
        (error: Error) => error.message,
      );
    }
    const message = /^a thread of the engine has ended: .*; load the program again, or with one thread$/;
    expect(said).to.match(message);
    expect(await engineErrorOf(session.run(large.inputs))).to.equal(said);
    expect(await engineErrorOf(other.run(runnable.inputs))).to.match(message);
    broken = false;
    expect(await outputOf(await load(engine, runnable))).to.deep.equal(expected);
    const again = await load(engine, large);
    const [output] = await again.run(large.inputs);
    const [alone] = await (await load(eager(1), large)).run(large.inputs);
    expect(same(output!.bytes, alone!.bytes)).to.equal(true);
  });

  it('says that a thread could not start', async () => {
    let end = (): void => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const never: Spawn = (_source, failed) =>
      spawnHere()!('throw new Error("no room")', (why) => {
        failed(why);
        end();
      });
    const session = await load(wasmEngineWith({ threads: 2, leastTask: 1, spawn: never }), runnable);
    await ended;
    expect(await engineErrorOf(session.run(runnable.inputs))).to.match(
      /^a thread of the engine has ended: no room;/,
    );
  });

  it('does not keep a process that forgets to close it', () => {
    const script = `
      import { wasmEngineWith } from './src/engine/wasm/wasm.ts';
      import { f32Bytes, matMul, ProgramBuilder } from './test/support/programs.ts';
      const build = new ProgramBuilder();
      build.node(matMul(build.input('f32', [64, 64]), build.input('f32', [64, 64]), 64, 64, 64));
      const { program, weights } = build.finish();
      const session = await wasmEngineWith({ threads: 3, leastTask: 1 }).load(program, weights);
      const ones = f32Bytes(new Array(64 * 64).fill(1));
      const [output] = await session.run([ones, ones]);
      console.log(new Float32Array(output.bytes.buffer)[0]);
    `;
    const args = ['--import', 'tsx', '--input-type=module', '--eval', script];
    const cwd = join(import.meta.dirname, '../..');
    const { stdout, status, signal, stderr } = spawnSync(process.execPath, args, { cwd, timeout: 20_000 });
    expect([String(stdout).trim(), status, signal], String(stderr)).to.deep.equal(['64', 0, null]);
  });
});

describe('the memory of a run', () => {
  it('is refused before it starts, with the figures of its kind of run', async () => {
    const runnable = products(64, 6);
    const tight = wasmEngineWith({ maxMemoryBytes: 60_000 });
    const session = await load(tight, runnable);
    await session.run(runnable.inputs);
    expect(await engineErrorOf(session.runAll(runnable.inputs))).to.equal(
      "the program's 8 tensors, 8 of them kept, take 0.1 MB at a time, 0.0 MB of it weights; the engine has 0.1 MB",
    );
    await session.run(runnable.inputs);
    const none = wasmEngineWith({ maxMemoryBytes: 40_000 });
    expect(await engineErrorOf(none.load(runnable.program, runnable.weights))).to.match(
      /8 tensors, 1 of them kept, take 0\.0 MB at a time/,
    );
  });

  it('needs at least one thread', () => {
    for (const threads of [0, -1, 1.5, Number.NaN]) {
      expect(() => wasmEngineWith({ threads }), `${threads}`).to.throw(RangeError);
    }
  });
});

describe('the schedule of a run', () => {
  const work = (name: string, items: number, cost: number) => ({ name, items, cost });

  it('does every turn once, and nothing before what it follows', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = new Random(seed);
      const units = random.times(random.below(12), (unit) =>
        random.times(random.below(4), (i) => work(`${unit} ${i}`, random.between(1, 40), random.below(2000))),
      );
      const threads = random.between(1, 5);
      const { functions, calls, callWords, tasks, stages, phasesDone } = buildSchedule(units, threads, 100);
      const itemsLeft = new Map(units.flat().map(({ name, items }) => [name, items]));
      const order = units.flat().map(({ name }) => name);
      let begun = 0;
      for (let stage = 0; stage + 1 < stages.length; stage++) {
        const isShared = stages[stage + 1]! - stages[stage]! > 1;
        for (let task = stages[stage]!; task < stages[stage + 1]!; task++) {
          for (let call = tasks[task]!; call < tasks[task + 1]!; call++) {
            const [index, from, to] = calls.subarray(callWords * call, callWords * (call + 1));
            const name = functions[index!]!;
            expect(from).to.be.below(to!);
            itemsLeft.set(name, itemsLeft.get(name)! - (to! - from!));
            const at = order.indexOf(name);
            expect(at, `seed ${seed}: ${name} in its place`).to.be.within(begun - (isShared ? 1 : 0), begun);
            begun = at + 1;
          }
        }
        const done = units.slice(0, phasesDone[stage]).flat();
        for (const { name } of done) expect(itemsLeft.get(name), `seed ${seed}: ${name}`).to.equal(0);
      }
      expect(begun).to.equal(order.length);
      expect([...itemsLeft.values()].every((left) => left === 0)).to.equal(true);
    }
  });

  it('is done turn by turn once, in few calls, whoever comes in between', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = new Random(seed);
      const threads = random.between(2, 5);
      const works = random.times(random.between(1, 3), (i) => work(`${i}`, random.between(1, 200), 40_000));
      const schedule = buildSchedule([works], threads, 100);
      const counters = new Int32Array(schedule.stages.length * (threads + 1));
      const job = { modules: [], memories: {}, schedule, threads, counters };
      const times = works.map(({ items }) => new Array<number>(items).fill(0));
      let calls = 0;
      const functions: Functions = schedule.functions.map((_, i) => (from, to) => {
        calls++;
        for (let item = from!; item < to!; item++) times[i]![item]!++;
        if (random.below(3) === 0) takeTasks(job, functions, random.below(threads), 0);
      });
      takeTasks(job, functions, 0, 0);
      expect(
        times.flat().every((count) => count === 1),
        `seed ${seed}`,
      ).to.equal(true);
      expect(counters[0], `seed ${seed}`).to.equal(schedule.tasks.length - 1);
      const ofEachShare = 2 + Math.log2(works.length * 16);
      expect(calls, `seed ${seed}`).to.be.below(threads * ofEachShare + works.length);
    }
  });

  it('shares what is large and has turns, and does what is small in one go', () => {
    const stagesOf = (threads: number) => {
      const units = [[work('a', 8, 10)], [work('b', 8, 10)], [work('c', 8, 4000)], [work('d', 1, 4000)], []];
      const { tasks, stages, phasesDone } = buildSchedule(units, threads, 100);
      return { tasks: tasks.length - 1, stages: [...stages], phasesDone };
    };
    expect(stagesOf(2)).to.deep.equal({ tasks: 10, stages: [0, 1, 9, 10], phasesDone: [2, 3, 5] });
    expect(stagesOf(1)).to.deep.equal({ tasks: 3, stages: [0, 1, 2, 3], phasesDone: [2, 3, 5] });
  });
});
