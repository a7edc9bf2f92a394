import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../../files/inputError.ts';
import { makeFolder } from '../../files/makeFolder.ts';
import { reasonOf } from '../../files/reason.ts';
import { createLog } from '../../operator/log.ts';
import { WorkerStatus } from '../../operator/workerStatus.ts';
import { createWorkerKey, pemOf, type WorkerKey, workerKeyFrom } from '../../work/fleet/answers.ts';
import { FleetWorker } from '../../work/fleet/fleetWorker.ts';
import { FoundModels } from '../../work/foundModels.ts';
import { WorkRunner } from '../../work/runner.ts';
import type { Console } from '../console.ts';
import { type EngineOptions, type WorkerArguments, workersOf } from '../models/engines.ts';
import { checkQueue, openQueue, queueTroubles } from '../models/fleet.ts';
import { type LimitOptions, limitsOf, tellTo } from '../models/found.ts';
import { loadAny } from '../models/holding.ts';
import type { ImportArguments } from '../models/loadModel.ts';
import { dataFolder, type SourceOptions, sourcesOf } from '../models/sources.ts';
import { type LogArguments, parseLogOptions } from '../services/logOptions.ts';
import { untilSignal, VERSION } from '../services/serviceLoop.ts';
import {
  parseHeartbeat,
  parseMetricsPort,
  type StatusArguments,
  serveIfAsked,
} from '../services/statusOptions.ts';

export interface WorkerOptions
  extends EngineOptions,
    WorkerArguments,
    WorkerArguments,
    ImportArguments,
    LogArguments,
    StatusArguments,
    SourceOptions,
    LimitOptions {
  readonly queue: string;
  readonly all?: boolean;
}

/** Interval at which a worker of all models looks for wanted ones, ms. */
const LOOK_MS = 1000;
/** Time for which it keeps a model that is wanted, and after which it takes up again that it is, seconds. */
const KEPT_SECONDS = 900;
const TAKEN_UP_SECONDS = 60;

/** The key of a worker, made when it is first started. @throws InputError if it cannot be read or kept */
function readKey(options: SourceOptions): WorkerKey {
  const path = join(dataFolder(options), 'worker.key');
  try {
    if (existsSync(path)) return workerKeyFrom(readFileSync(path, 'utf8'));
    const key = createWorkerKey();
    makeFolder(dataFolder(options));
    try {
      writeFileSync(path, pemOf(key), { mode: 0o600, flag: 'wx', flush: true });
    } catch (failure) {
      // A full disk would leave a part of a key, which no later start could read.
      if ((failure as NodeJS.ErrnoException).code !== 'EEXIST') rmSync(path, { force: true });
      throw failure;
    }
    return key;
  } catch (error) {
    throw new InputError(`${path}: ${reasonOf(error)}`);
  }
}

/** `assay worker`: takes runs out of a queue and makes them, until SIGINT or SIGTERM. */
export async function worker(
  named: readonly string[],
  options: WorkerOptions,
  console: Console,
): Promise<void> {
  checkQueue(options);
  const work = workersOf(options);
  const log = createLog({ ...parseLogOptions(options), sink: console });
  const heartbeatSeconds = parseHeartbeat(options);
  parseMetricsPort(options);
  const sources = sourcesOf(options);
  const limits = limitsOf(options);
  if (named.length === 0 && !options.all) {
    throw new InputError('name a model, or add --all to take all that runs are queued for', 2);
  }
  const key = readKey(options);
  const runner = new WorkRunner(work);
  const troubles = queueTroubles(log);
  const fleet = await openQueue(options.queue, log, troubles);
  console.outlive?.();
  const complain = (sentence: string): void => troubles.met(sentence);
  const worker = new FleetWorker({ fleet, runner, key, complain });
  const serve = (id: string): Promise<void> => worker.serve(id, work.threads * runner.batch(id));
  const own = new Set<string>();
  for (const given of named) {
    const loaded = await loadAny(given, options, console);
    const id = runner.put(loaded);
    own.add(id);
    console.progress(undefined);
    log.info(`model ${id}: ${loaded.file}`, { model: id });
    await serve(id);
  }
  const wanted = new Map<string, { readonly uris: readonly string[]; readonly until: number }>();
  const tell = tellTo(log);
  const found = new FoundModels({
    runner,
    folder: join(dataFolder(options), 'found', 'worker'),
    ...sources,
    limits,
    publication: async (modelId) => ({
      published: undefined,
      uris: wanted.get(modelId)?.uris ?? [],
      publishers: [],
    }),
    clock: () => Math.floor(Date.now() / 1000),
    tell: (news) => {
      tell(news);
      if (news.kind === 'held') serve(news.modelId).catch(({ message }) => complain(message));
    },
  });
  const look = async (): Promise<void> => {
    const now = Math.floor(Date.now() / 1000);
    for (const { modelId, uris } of await worker.wanted(now)) {
      const until = now + KEPT_SECONDS;
      if (own.has(modelId) || until < (wanted.get(modelId)?.until ?? 0) + TAKEN_UP_SECONDS) continue;
      wanted.set(modelId, { uris, until });
      found.want(modelId, until, 0n);
    }
    for (const [modelId, { until }] of wanted) if (until < now) wanted.delete(modelId);
    await worker.leave();
  };
  if (options.all) await found.start();
  const looking = options.all
    ? setInterval(() => void look().catch(({ message }) => complain(message)), LOOK_MS)
    : undefined;
  const { host } = new URL(options.queue);
  const status = new WorkerStatus({
    ...{ version: VERSION, queue: host },
    isQueueUp: () => fleet.redis.status === 'ready',
    models: () => worker.models,
    work: () => runner.status(),
  });
  const stopServing = await serveIfAsked(options, status, log.info);
  const refresh = setInterval(() => status.look(), LOOK_MS);
  const beat =
    heartbeatSeconds > 0 && setInterval(() => log.info(status.heartbeat()), 1000 * heartbeatSeconds);
  log.info(`working as ${key.name} for the queue at ${host}`);
  const { signal, release } = untilSignal(log);
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  log.info('runs in hand go to other workers');
  for (const timer of [looking, refresh, beat]) if (timer) clearInterval(timer);
  stopServing();
  found.end();
  await worker.close();
  await fleet.close();
  await runner.close();
  sources.getter.close();
  release();
}
