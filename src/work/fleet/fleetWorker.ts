import type * as BullMQ from 'bullmq';
import { bytesOfHex, hexOf } from '../../merkle/keccak.ts';
import type { Runner } from '../../store/runner.ts';
import { answerOf, type RunAnswer, type RunOrder, runKey, type WorkerKey } from './answers.ts';
import { type Fleet, PREFIX, queueName, type RunJob } from './queue.ts';
import { type WantedModel, wantedModels } from './wanted.ts';

export interface FleetWorkerOptions {
  readonly fleet: Fleet;
  readonly runner: Runner;
  readonly key: WorkerKey;
  readonly complain: (sentence: string) => void;
  /** Unix seconds. */
  readonly clock?: () => number;
}

/** A worker that says nothing for so long is dead, and its runs are given to others, ms. */
const LOCK_MS = 6000;
const STALLED_MS = 3000;
/** Workers that a run may take down with it. */
const MAX_STALLED = 3;
/** A run that another worker is wanted for, or whose model is not there yet, is put back for so long, ms. */
const BACK_MS = 200;
/** Message of a run that is of no use any more, which is no failure. */
const LATE = 'its deadline is over';

/** Takes runs out of the queue, makes them, and signs what comes of them. It may be killed at any moment. */
export class FleetWorker {
  readonly #options: FleetWorkerOptions;
  readonly #serving = new Map<string, BullMQ.Worker<RunOrder, RunAnswer>>();

  constructor(options: FleetWorkerOptions) {
    this.#options = options;
  }

  /** Models of which it takes runs. */
  get models(): number {
    return this.#serving.size;
  }

  /**
   * Begins to take runs of a model.
   *
   * @param concurrency runs that it takes at a time: no more than it can make, because others may have time for them
   */
  async serve(modelId: string, concurrency: number): Promise<void> {
    if (this.#serving.has(modelId)) return;
    const { fleet, complain } = this.#options;
    const worker = new fleet.bullmq.Worker<RunOrder, RunAnswer>(
      queueName(modelId),
      (job, token) => this.#make(modelId, job, token),
      {
        connection: fleet.redis,
        prefix: PREFIX,
        concurrency,
        lockDuration: LOCK_MS,
        stalledInterval: STALLED_MS,
        maxStalledCount: MAX_STALLED,
      },
    );
    this.#serving.set(modelId, worker);
    worker.on('error', ({ message }) => complain(`the queue at ${fleet.host}: ${message}`));
    worker.on('failed', (_, { message }) => {
      if (message !== LATE) complain(`a run of model ${modelId} failed: ${message}`);
    });
    await worker.waitUntilReady();
  }

  /** The models of which somebody had runs lately, the latest first. @param nowSeconds Unix seconds */
  wanted(nowSeconds: number): Promise<WantedModel[]> {
    return wantedModels(this.#options.fleet.redis, nowSeconds);
  }

  /** Takes no more runs of models that are not held any more: each takes a connection to the server. */
  async leave(): Promise<void> {
    const left = [...this.#serving].filter(([modelId]) => !this.#options.runner.model(modelId));
    for (const [modelId] of left) this.#serving.delete(modelId);
    await Promise.all(left.map(([, worker]) => worker.close(true)));
  }

  /** Takes no more runs. Those in hand go to other workers. */
  async close(): Promise<void> {
    await Promise.all([...this.#serving.values()].map((worker) => worker.close(true)));
    this.#serving.clear();
  }

  async #make(modelId: string, job: RunJob, token: string | undefined): Promise<RunAnswer> {
    const { runner, key, fleet, clock = () => Date.now() / 1000 } = this.#options;
    const { input, deadline, not } = job.data;
    // It may have waited in the queue for longer than whoever asked for it.
    if (deadline !== undefined && deadline < clock()) throw new fleet.bullmq.UnrecoverableError(LATE);
    if (not.includes(key.name) || !runner.model(modelId)) {
      await job.moveToDelayed(Date.now() + BACK_MS, token);
      throw new fleet.bullmq.DelayedError();
    }
    const bytes = Uint8Array.from(Buffer.from(input, 'base64'));
    const options = deadline === undefined ? {} : { deadline: BigInt(deadline) };
    const output = bytesOfHex(await runner.output(modelId, hexOf(bytes), options));
    return answerOf(runKey(modelId, bytes), output, key);
  }
}
