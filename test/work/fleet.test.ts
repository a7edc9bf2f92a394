import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { bytesOfHex, hexOf } from '../../src/merkle/keccak.ts';
import { bundleServer } from '../../src/store/bundleServer.ts';
import { FolderBlobs } from '../../src/store/folder.ts';
import { saveModel } from '../../src/store/library.ts';
import type { Runner } from '../../src/store/runner.ts';
import { answerOf, createWorkerKey, outputIn, runKey, type WorkerKey } from '../../src/work/fleet/answers.ts';
import { FleetRunner, priorityOf, type Trust } from '../../src/work/fleet/fleetRunner.ts';
import { FleetWorker } from '../../src/work/fleet/fleetWorker.ts';
import { type Fleet, openFleet, QueueError, queueName } from '../../src/work/fleet/queue.ts';
import { announce, wantedModels } from '../../src/work/fleet/wanted.ts';
import { WorkRunner } from '../../src/work/runner.ts';
import { type CliProcess, killAll, startCli } from '../support/cliProcess.ts';
import { i32Bytes } from '../support/programs.ts';
import { type RedisProcess, redisOrSkip } from '../support/redis.ts';
import { slowModel } from '../support/slowModel.ts';

const one = (value: number): string => hexOf(i32Bytes([value]));
/** Some tenths of a second a run. */
const SLOW = slowModel(300_000_000, 1);
const QUICK = slowModel(10, 2);
const TRUSTING: Trust = { workers: [], agree: 1, agreeBonded: Number.POSITIVE_INFINITY, checkOneIn: 0 };

describe('what workers answer', () => {
  it('attack 61: counts only with the signature of its worker on just that', () => {
    const [key, other] = [createWorkerKey(), createWorkerKey()];
    const run = runKey('0x01', i32Bytes([1]));
    const answer = answerOf(run, i32Bytes([10]), key);
    expect(outputIn(run, answer, 4)).to.deep.equal(i32Bytes([10]));
    const forged = [
      { ...answer, output: Buffer.from(i32Bytes([11])).toString('base64') },
      { ...answer, worker: other.name },
      { ...answer, worker: 'A'.repeat(43) },
      { ...answer, worker: '../etc' },
      { ...answer, signature: '' },
      answerOf(runKey('0x01', i32Bytes([2])), i32Bytes([10]), key),
      answerOf(run, new Uint8Array(5), key),
      { output: answer.output },
      undefined,
      'x',
    ];
    for (const wrong of forged) expect(outputIn(run, wrong, 4)).to.equal(undefined);
  });

  it('is ordered by deadline', () => {
    const deadlines = [1_800_000_000, 1_800_000_100, 1_800_090_000, undefined];
    const priorities = deadlines.map(priorityOf);
    expect(priorities).to.deep.equal([...priorities].sort((a, b) => a - b));
    for (const priority of priorities) expect(priority).to.be.within(1, 2_097_151);
  });
});

describe('a fleet of workers on a queue', function () {
  this.timeout(120_000);
  let redis: RedisProcess;
  let folder: string;
  let fleet: Fleet;
  const closing: (() => Promise<void>)[] = [];
  const told: string[] = [];
  const complain = (sentence: string): number => told.push(sentence);

  before(async function () {
    redis = await redisOrSkip(this);
    folder = mkdtempSync(join(tmpdir(), 'assay-fleet-'));
    await saveModel(new FolderBlobs(join(folder, 'models')), SLOW);
  });
  beforeEach(async () => {
    told.length = 0;
    fleet = await openFleet(redis.url, complain);
    await fleet.redis.flushall();
  });
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
    await fleet?.close();
  });
  after(async () => {
    killAll();
    await redis?.stop();
    if (folder) rmSync(folder, { recursive: true });
  });

  /** Counts what is run here, and runs it. */
  function asking(
    trust: Partial<Trust> = {},
    random = () => 1,
    clock = () => Date.now() / 1000,
    queue = fleet,
  ) {
    const work = new WorkRunner({
      ...{ threads: 1, engine: { name: 'wasm', threads: 1 } },
      clock: () => BigInt(Math.floor(clock())),
    });
    for (const model of [SLOW, QUICK]) work.put(model);
    const runner = new FleetRunner({
      fleet: queue,
      local: work,
      trust: { ...TRUSTING, ...trust },
      random,
      clock,
      complain,
    });
    closing.push(
      () => work.close(),
      () => runner.close(),
    );
    return { runner, here: () => work.status().done };
  }

  /** A worker in this process, that may be given something else than an honest runner. */
  async function working(lie: (output: string) => string = (output) => output): Promise<WorkerKey> {
    const honest = new WorkRunner({ threads: 1, engine: { name: 'wasm', threads: 1 } });
    const id = honest.put(QUICK);
    const runner: Runner = {
      model: (modelId) => honest.model(modelId),
      output: async (modelId, input) => lie(await honest.output(modelId, input)),
      commitment: honest.commitment.bind(honest),
      trace: honest.trace.bind(honest),
    };
    const fleet = await openFleet(redis.url, complain);
    const key = createWorkerKey();
    const worker = new FleetWorker({ fleet, runner, key, complain });
    await worker.serve(id, 2);
    closing.push(
      () => honest.close(),
      () => fleet.close(),
      () => worker.close(),
    );
    return key;
  }

  const quickId = hexOf(QUICK.model.id);
  const slowId = hexOf(SLOW.model.id);
  const wrong = (output: string): string => hexOf(bytesOfHex(output).map((byte) => byte ^ 1));
  const right = async (value: number): Promise<string> => one(10 * value + 2);

  it('computes outputs elsewhere, each once however many ask', async () => {
    await working();
    const [first, second] = [asking(), asking()];
    const [a, b] = await Promise.all([
      first.runner.output(quickId, one(3)),
      second.runner.output(quickId, one(3)),
    ]);
    expect([a, b]).to.deep.equal([await right(3), await right(3)]);
    expect([first.here(), second.here()]).to.deep.equal([0, 0]);
    expect(
      await new fleet.bullmq.Queue(queueName(quickId), {
        connection: fleet.redis,
        prefix: 'assay',
      }).getCompletedCount(),
    ).to.equal(1);
  });

  it('attack 61: no bond rests on the word of a worker that lies', async () => {
    await working(wrong);
    const { runner, here } = asking();
    expect(await runner.output(quickId, one(1), { isBonded: true })).to.equal(await right(1));
    expect(here()).to.equal(1);
  });

  it('attack 61: workers that do not agree are overruled by a run here', async () => {
    const keys = [await working(), await working(wrong)];
    const workers = keys.map(({ name }) => name);
    const { runner, here } = asking({ workers, agree: 2, agreeBonded: 2 });
    for (const value of [1, 2, 3]) {
      expect(await runner.output(quickId, one(value), { isBonded: true })).to.equal(await right(value));
    }
    expect(here()).to.equal(3);
  });

  it('attack 61: workers that agree are believed for a bond if both are listed', async () => {
    const keys = [await working(), await working()];
    const listed = asking({ workers: keys.map(({ name }) => name), agree: 2, agreeBonded: 2 });
    expect(await listed.runner.output(quickId, one(5), { isBonded: true })).to.equal(await right(5));
    expect(listed.here()).to.equal(0);
    const strangers = asking({
      workers: [createWorkerKey().name, createWorkerKey().name],
      agree: 2,
      agreeBonded: 2,
    });
    expect(await strangers.runner.output(quickId, one(6), { isBonded: true })).to.equal(await right(6));
    expect(strangers.here()).to.equal(1);
  });

  it('attack 61: a worker that lies is found by samples, and not asked any more', async () => {
    const { name } = await working(wrong);
    const { runner, here } = asking({ checkOneIn: 2 }, () => 0);
    expect(await runner.output(quickId, one(7))).to.equal(await right(7));
    expect(told.join('\n')).to.match(new RegExp(`worker ${name} gave another output`));
    expect(await runner.output(quickId, one(8))).to.equal(await right(8));
    expect(here()).to.equal(2);
  });

  it('attack 61: results that somebody wrote into the queue are no answers', async () => {
    await working();
    const { runner, here } = asking();
    const queue = new fleet.bullmq.Queue(queueName(quickId), { connection: fleet.redis, prefix: 'assay' });
    const events = new fleet.bullmq.QueueEvents(queueName(quickId), {
      connection: fleet.redis,
      prefix: 'assay',
    });
    closing.push(
      () => queue.close(),
      () => events.close(),
    );
    const jobId = `${runKey(quickId, i32Bytes([9]))}-0`;
    const job = await queue.add(
      'run',
      { input: Buffer.from(i32Bytes([9])).toString('base64'), not: [] },
      { jobId },
    );
    await job.waitUntilFinished(events);
    const forged = JSON.stringify({ output: 'AAAAAA==', worker: 'A'.repeat(43), signature: 'AA==' });
    await fleet.redis.hset(`assay:${queueName(quickId)}:${jobId}`, 'returnvalue', forged);
    expect(await runner.output(quickId, one(9))).to.equal(await right(9));
    expect(here()).to.equal(1);
  });

  it('makes runs by deadline, also if others join them, and none whose window is over', async () => {
    let now = 1000;
    const made: number[] = [];
    let release: () => void = () => undefined;
    const isReleased = new Promise<void>((resolve) => {
      release = resolve;
    });
    const honest = new WorkRunner({
      threads: 1,
      engine: { name: 'wasm', threads: 1 },
      clock: () => BigInt(now),
    });
    honest.put(QUICK);
    const runner: Runner = {
      model: (modelId) => honest.model(modelId),
      output: async (modelId, input, options) => {
        made.push(bytesOfHex(input)[0]!);
        if (made.length === 1) await isReleased;
        return honest.output(modelId, input, options);
      },
      commitment: honest.commitment.bind(honest),
      trace: honest.trace.bind(honest),
    };
    const fleet = await openFleet(redis.url, complain);
    const worker = new FleetWorker({
      ...{ fleet, runner, complain },
      key: createWorkerKey(),
      clock: () => now,
    });
    await worker.serve(quickId, 1);
    closing.push(
      () => honest.close(),
      () => fleet.close(),
      () => worker.close(),
    );
    const [a, b] = [asking({}, undefined, () => now).runner, asking({}, undefined, () => now).runner];
    const first = a.output(quickId, one(0));
    while (made.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    const ask = (who: Runner, value: number, deadline: bigint) => async (): Promise<string> =>
      who.output(quickId, one(value), { deadline }).catch((failure: Error) => failure.name);
    const asked: Promise<string>[] = [];
    for (const one of [
      ...[ask(a, 1, 9000n), ask(a, 2, 6000n), ask(a, 3, 2000n), ask(a, 4, 2000n)],
      // Others need the same sooner, or for longer.
      ...[ask(b, 1, 4000n), ask(b, 4, 9000n)],
    ]) {
      asked.push(one());
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    now = 3000;
    release();
    const expected = [
      await right(1),
      await right(2),
      'RunDropped',
      await right(4),
      await right(1),
      await right(4),
    ];
    expect(await Promise.all([first, ...asked])).to.deep.equal([await right(0), ...expected]);
    expect(made).to.deep.equal([0, 4, 1, 2]);
    expect(told).to.deep.equal([]);
  });

  it('runs here what no worker is there for, and when the queue is gone', async () => {
    const { runner, here } = asking();
    expect(await runner.output(quickId, one(4))).to.equal(await right(4));
    fleet.redis.disconnect();
    expect(await runner.output(quickId, one(5))).to.equal(await right(5));
    expect(here()).to.equal(2);
  });

  it('runs here at once while the server of the queue is frozen or gone', async function () {
    const server = await redisOrSkip(this);
    const own = await openFleet(server.url, complain);
    closing.push(() => own.close());
    const { runner, here } = asking({}, undefined, undefined, own);
    expect(await runner.output(quickId, one(4))).to.equal(await right(4));
    server.freeze();
    expect(await runner.output(quickId, one(5))).to.equal(await right(5));
    server.wake();
    await server.stop();
    const outputs = [6, 7].map((value) => runner.output(quickId, one(value)));
    expect(await Promise.all(outputs)).to.deep.equal([await right(6), await right(7)]);
    expect(here()).to.equal(4);
    expect(told.join())
      .to.contain('no answer in 5 s; running here')
      .and.to.match(/it (is|went) away; running here/);
  });

  it('loses nothing when a worker is killed in the middle of a run', async () => {
    const start = (): CliProcess =>
      startCli(
        ...['worker', slowId, '--queue', redis.url, '--data', folder, '--workers', '1', '--threads', '1'],
      );
    const [doomed, other] = [start(), start()];
    await Promise.all([doomed, other].map((worker) => worker.says('working as')));
    const { runner, here } = asking();
    const values = [1, 2, 3, 4, 5, 6, 7, 8];
    const outputs = values.map((value) => runner.output(slowId, one(value)));
    await Promise.race(outputs);
    doomed.kill('SIGKILL');
    expect(await doomed.ended()).to.equal('SIGKILL');
    expect(await Promise.all(outputs)).to.deep.equal(
      values.map((value) => one((300_000_000 * value + 1) | 0)),
    );
    expect(here(), 'runs here').to.equal(0);
    other.kill('SIGTERM');
    expect(await other.ended()).to.equal(0);
  });

  it('has workers that show how they are, and that end although their queue is away', async function () {
    const server = await redisOrSkip(this);
    const worker = startCli(
      ...['worker', slowId, '--queue', server.url, '--data', folder],
      ...['--metrics-port', '0', '--heartbeat-seconds', '1'],
    );
    await worker.says('idle: 1 models, 0 runs made, 0 failed, 0 going on, 0 waiting');
    const base = /http:\/\/127\.0\.0\.1:\d+/.exec(worker.out)![0];
    const ask = async (path: string): Promise<string> => (await fetch(`${base}${path}`)).text();
    const metrics = await ask('/metrics');
    expect(metrics)
      .to.match(/^assay_runs\{outcome="done"\} 0$/m)
      .and.match(/^assay_info\{command="worker",/m)
      .and.match(/^assay_queue_up\{queue="127\.0\.0\.1:\d+"\} 1$/m);
    expect(metrics).not.to.contain('assay_open_claims');
    expect(JSON.parse(await ask('/readyz'))).to.deep.equal({ ok: true, reasons: [] });
    await server.stop();
    while (JSON.parse(await ask('/readyz')).ok) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await ask('/readyz')).to.match(/the queue at 127\.0\.0\.1:\d+ does not answer/);
    expect(JSON.parse(await ask('/healthz')).ok).to.equal(true);
    worker.kill('SIGTERM');
    expect(await worker.ended()).to.equal(0);
  });

  const idOf = (number: number): string => `0x${number.toString(16).padStart(64, '0')}`;
  const HOUR = 3600;

  it('forgets models that nobody wants any more, and tells of the latest first', async () => {
    const { redis } = fleet;
    const now = 1_800_000_000;
    const entry = (at: number): string => JSON.stringify({ at, uris: [] });
    const old = Array.from({ length: 1500 }, (_, i) => [idOf(i), entry(now - HOUR - i)]).flat();
    const recent = Array.from({ length: 1100 }, (_, i) => [idOf(5000 + i), entry(now - 500 + (i % 400))]);
    await redis.hset('assay:wanted', ...old, ...recent.flat(), 'nonsense', 'x', idOf(3000), 'null');
    await redis.hset('assay:wanted', idOf(4000), entry(now - HOUR + 1));
    await announce(redis, idOf(9999), ['https://files.example/'], now);
    const wanted = await wantedModels(redis, now);
    expect(wanted).to.have.length(1000);
    expect(wanted[0]).to.deep.equal({ modelId: idOf(9999), uris: ['https://files.example/'] });
    expect(await redis.hlen('assay:wanted')).to.equal(1102);
    expect(await redis.ttl('assay:wanted')).to.be.within(1, HOUR);
  });

  it('attack 60: keeps no URI in the queue that nobody follows', async () => {
    const [longest, longer] = ['x'.repeat(2048), 'x'.repeat(2049)];
    await announce(fleet.redis, quickId, [longer, longest], 1000);
    expect(await fleet.redis.hget('assay:wanted', quickId)).not.to.contain(longer);
    await fleet.redis.hset('assay:wanted', slowId, JSON.stringify({ at: 1001, uris: [longer, 7, longest] }));
    const uris = [longest];
    expect(await wantedModels(fleet.redis, 1000)).to.deep.equal([
      { modelId: slowId, uris },
      { modelId: quickId, uris },
    ]);
    await announce(
      fleet.redis,
      quickId,
      Array.from({ length: 1000 }, (_, i) => `${i}`),
      1000,
    );
    expect((await wantedModels(fleet.redis, 1000))[1]?.uris).to.have.length(16);
  });

  it('has workers that fetch a wanted model, however many were wanted before', async () => {
    const now = Math.floor(Date.now() / 1000);
    const old = Array.from({ length: 1500 }, (_, i) => [
      ...[idOf(i), JSON.stringify({ at: now - HOUR / 2, uris: [] })],
    ]);
    await fleet.redis.hset('assay:wanted', ...old.flat());
    const server = bundleServer(join(folder, 'models')).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    closing.push(async () => void server.close());
    const { port } = server.address() as AddressInfo;
    await announce(fleet.redis, slowId, [`http://127.0.0.1:${port}/`], now);
    const worker = startCli(
      ...['worker', '--all', '--queue', redis.url, '--data', join(folder, 'all'), '--allow-private'],
      ...['--workers', '1', '--threads', '1'],
    );
    await worker.says(`model ${slowId}: fetched`);
    worker.kill('SIGTERM');
    expect(await worker.ended()).to.equal(0);
  });

  it('closes the queue of a model that is held no more', async () => {
    const local = new WorkRunner({ threads: 1, engine: { name: 'wasm', threads: 1 } });
    const runner = new FleetRunner({ fleet, local, trust: TRUSTING, complain });
    closing.push(
      () => local.close(),
      () => runner.close(),
    );
    const connections = async (): Promise<number> =>
      String(await fleet.redis.call('CLIENT', 'LIST', 'TYPE', 'normal'))
        .trim()
        .split('\n').length;
    local.put(QUICK);
    await runner.output(quickId, one(1));
    const most = await connections();
    local.drop(quickId);
    local.put(SLOW);
    await runner.output(slowId, one(1));
    while ((await connections()) > most) await new Promise((resolve) => setTimeout(resolve, 50));
  });

  it('takes no more runs of a model that it holds no more', async () => {
    const held = new WorkRunner({ threads: 1, engine: { name: 'wasm', threads: 1 } });
    const own = await openFleet(redis.url, complain);
    const worker = new FleetWorker({ fleet: own, runner: held, key: createWorkerKey(), complain });
    closing.push(
      () => held.close(),
      () => own.close(),
      () => worker.close(),
    );
    for (const model of [QUICK, SLOW]) await worker.serve(held.put(model), 1);
    await worker.leave();
    expect(worker.models).to.equal(2);
    held.drop(slowId);
    await worker.leave();
    expect(worker.models).to.equal(1);
  });

  it('says in one line that a queue cannot be reached', async () => {
    for (const url of ['redis://127.0.0.1:1', 'http://127.0.0.1', 'redis']) {
      const failure = await openFleet(url, complain).then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(failure).to.be.instanceOf(QueueError);
      expect((failure as Error).message).not.to.contain('\n');
      if (url.endsWith(':1'))
        expect((failure as Error).message).to.equal(
          'no Redis or Valkey answers at 127.0.0.1:1 (the connection is refused); check that it runs and that this machine may connect to it, or name another one with --queue',
        );
    }
  });
});
