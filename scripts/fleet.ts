// Measures what a fleet does with more workers: `npm run fleet`, on a Redis or Valkey server of its own.
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { hexOf } from '../src/merkle/keccak.ts';
import { FolderBlobs } from '../src/store/folder.ts';
import { saveModel } from '../src/store/library.ts';
import type { Runner } from '../src/store/runner.ts';
import { createWorkerKey } from '../src/work/fleet/answers.ts';
import { FleetRunner } from '../src/work/fleet/fleetRunner.ts';
import { FleetWorker } from '../src/work/fleet/fleetWorker.ts';
import { openFleet } from '../src/work/fleet/queue.ts';
import { WorkRunner } from '../src/work/runner.ts';
import { killAll, startCli } from '../test/support/cliProcess.ts';
import { i32Bytes } from '../test/support/programs.ts';
import { startRedis } from '../test/support/redis.ts';
import { slowModel } from '../test/support/slowModel.ts';

const WORKERS = [1, 2, 4];
/** Runs that are measured, of about half a second each; a few more before, to load the model everywhere. */
const RUNS = 16;
const WARM_UP = 8;
/** Each number of workers is measured so often, in turns, and its best time counts: other programs may be running. */
const ROUNDS = 4;
const STEPS = 500_000_000;
const PAUSE_MS = 500;
const TRUST = { workers: [], agree: 1, agreeBonded: Number.POSITIVE_INFINITY, checkOneIn: 0 };

const complain = (sentence: string): void => console.error(sentence);

const redis = await startRedis();
if (!redis) throw new Error('install redis-server or valkey-server first');
const folder = mkdtempSync(join(tmpdir(), 'assay-fleet-'));
const model = slowModel(STEPS);
const modelId = hexOf(model.model.id);
await saveModel(new FolderBlobs(join(folder, 'models')), model);
const queue = await openFleet(redis.url, complain);
const local = new WorkRunner({ threads: 1, engine: { name: 'wasm', threads: 1 } });
local.put(model);
let asked = 0;

/** Seconds that so many new runs take, all asked for at once. */
async function measure(runner: Pick<Runner, 'output'>, runs: number): Promise<number> {
  const startedAt = performance.now();
  const inputs = Array.from({ length: runs }, () => hexOf(i32Bytes([++asked])));
  await Promise.all(inputs.map((input) => runner.output(modelId, input)));
  return (performance.now() - startedAt) / 1000;
}

async function withWorkers(count: number): Promise<number> {
  const runner = new FleetRunner({ fleet: queue, local, trust: TRUST, complain });
  const workers = Array.from({ length: count }, () =>
    startCli('worker', modelId, '--queue', redis!.url, '--data', folder, '--workers', '1', '--threads', '1'),
  );
  await Promise.all(workers.map((worker) => worker.says('working as')));
  await measure(runner, WARM_UP);
  const seconds = await measure(runner, RUNS);
  for (const worker of workers) worker.kill('SIGTERM');
  await Promise.all(workers.map((worker) => worker.ended()));
  await runner.close();
  return RUNS / seconds;
}

/** The same runs in as many threads of one process, without a queue: what the machine can do at this time. */
async function withThreads(count: number): Promise<number> {
  const runner = new WorkRunner({ threads: count, engine: { name: 'wasm', threads: 1 } });
  runner.put(model);
  await measure(runner, WARM_UP);
  const seconds = await measure(runner, RUNS);
  await runner.close();
  return RUNS / seconds;
}

/** Runs a second through workers whose runs are pauses: what the queue alone allows, whatever the cores do. */
async function withPauses(count: number): Promise<number> {
  const pausing: Runner = {
    model: () => model.model,
    output: () => new Promise((resolve) => setTimeout(() => resolve('0x00000000'), PAUSE_MS)),
    commitment: () => Promise.reject(new Error('not asked for')),
    trace: () => Promise.reject(new Error('not asked for')),
  };
  const own = await Promise.all(Array.from({ length: count }, () => openFleet(redis!.url, complain)));
  const workers = own.map(
    (connection) => new FleetWorker({ fleet: connection, runner: pausing, key: createWorkerKey(), complain }),
  );
  await Promise.all(workers.map((worker) => worker.serve(modelId, 1)));
  const runner = new FleetRunner({ fleet: queue, local: pausing, trust: TRUST, complain });
  await measure(runner, WARM_UP);
  const seconds = await measure(runner, 2 * RUNS);
  await Promise.all(workers.map((worker) => worker.close()));
  await runner.close();
  await Promise.all(own.map((connection) => connection.close()));
  return (2 * RUNS) / seconds;
}

const cores = availableParallelism();
try {
  const pauses = new Map<number, number>();
  for (const count of [...WORKERS, 8]) {
    pauses.set(count, await withPauses(count));
    const linear = (pauses.get(count) as number) / ((pauses.get(1) as number) * count);
    console.log(`${count} that pause for ${PAUSE_MS} ms: ${linear.toFixed(2)} of linear`);
  }
  const fleet = new Map<number, number>();
  const bare = new Map<number, number>();
  const note = (best: Map<number, number>, count: number, rate: number): unknown =>
    best.set(count, Math.max(best.get(count) ?? 0, rate));
  for (let round = 0; round < ROUNDS; round++) {
    for (const count of WORKERS) {
      note(bare, count, await withThreads(count));
      note(fleet, count, await withWorkers(count));
    }
  }
  for (const [count, rate] of fleet) {
    const linear = rate / ((fleet.get(1) as number) * Math.min(count, cores));
    const threads = bare.get(count) as number;
    console.log(
      `${count} ${count === 1 ? 'worker' : 'workers'}: ${rate.toFixed(2)} runs a second, ${linear.toFixed(2)} of linear ` +
        `on ${cores} cores; ${(rate / threads).toFixed(2)} of ${count} threads without a queue`,
    );
  }
  if (local.status().done > 0) throw new Error(`${local.status().done} runs were made here`);
} finally {
  killAll();
  await local.close();
  await queue.close();
  await redis.stop();
  rmSync(folder, { recursive: true });
}
