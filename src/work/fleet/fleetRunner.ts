import type * as BullMQ from 'bullmq';
import type { MalformedProgram } from '../../dispute/malformed.ts';
import { bytesOfHex, hexOf } from '../../merkle/keccak.ts';
import { type Model, totalBytes } from '../../merkle/model.ts';
import { Latest } from '../../store/latest.ts';
import { outputBytes, type PlayTime, type Runner, type RunOptions } from '../../store/runner.ts';
import type { Commitment, Trace } from '../../trace/trace.ts';
import { outputIn, type RunAnswer, type RunOrder, runKey } from './answers.ts';
import { type Fleet, PREFIX, queueName, type RunJob } from './queue.ts';
import { announce, wantedModels } from './wanted.ts';

/** Policy of trust in workers' answers. */
export interface Trust {
  /** Workers whose answers are used, by their keys; none: everybody's who can reach the queue. */
  readonly workers: readonly string[];
  /** Workers that must give the same answer before it is used without a run here. */
  readonly agree: number;
  /** The same where a bond will rest on the answer; infinite: only a run here will do. */
  readonly agreeBonded: number;
  /** One in this many answers is run here too; 0: none. */
  readonly checkOneIn: number;
}

export interface FleetRunnerOptions {
  readonly fleet: Fleet;
  /** Runs here what the fleet is not asked for, or not believed in. */
  readonly local: Runner;
  readonly trust: Trust;
  /** Where a model can be had, for workers that take all. */
  readonly urisOf?: (modelId: string) => Promise<readonly string[]>;
  readonly clock?: () => number;
  /** From 0 to 1, to draw answers that are checked. */
  readonly random?: () => number;
  readonly complain: (sentence: string) => void;
}

/** Larger inputs and outputs are run here: a queue is no place for them. */
const MAX_JOB_BYTES = 2 ** 23;
/** Greatest and least time that workers have before a run is made here, seconds. */
const MOST_WAIT_SECONDS = 3600;
const LEAST_WAIT_SECONDS = 30;
const ATTEMPTS = 3;
/** A server that is frozen takes no orders; a run is made here after this long, ms. */
const ANSWER_MS = 5000;
/** Results that stay in the queue for whoever asks for the same, seconds and number a model. */
const KEEP = { age: 3600, count: 1000 };
const OUTPUT_BYTES = 2 ** 24;
const WANTED_EVERY_MS = 60_000;
/** Interval at which old entries of what is wanted are removed: there may be no worker that does it, ms. */
const SWEEP_MS = 600_000;
/** Greatest priority that the queue knows; smaller ones come first. */
const MAX_PRIORITY = 2 ** 21 - 1;
const PRIORITY_SECONDS = 64;

/** Order of a run in its queue: by deadline; steps of 64 seconds begin anew after four years. */
export const priorityOf = (deadline: number | undefined): number =>
  deadline === undefined ? MAX_PRIORITY : 1 + (Math.floor(deadline / PRIORITY_SECONDS) % (MAX_PRIORITY - 1));

/** Lets a run that waits already come as early as one who joins needs it, and be of use as long as to the last of them. */
async function joinJob(queue: Lane['queue'], jobId: string, { deadline }: RunOrder): Promise<void> {
  const known: RunJob | undefined = await queue.getJob(jobId);
  if (!known || known.data.deadline === deadline) return;
  const { deadline: before, ...data } = known.data;
  const isEarlier = deadline !== undefined && (before === undefined || deadline < before);
  // One that is being made, or was just made, has no place in the queue any more.
  if (isEarlier) await known.changePriority({ priority: priorityOf(deadline) }).catch(() => undefined);
  else await known.updateData(deadline === undefined ? data : { ...data, deadline }).catch(() => undefined);
}

/** @throws Error if the server does not answer in time, or goes away */
async function answered<T>(redis: Fleet['redis'], work: Promise<T>, ms = ANSWER_MS): Promise<T> {
  if (redis.status !== 'ready') throw new Error('it is away');
  let [timer, onClose]: [NodeJS.Timeout | undefined, () => void] = [undefined, () => undefined];
  const failed = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${Math.round(ms / 1000)} s`)), ms);
    onClose = () => reject(new Error('it went away'));
    redis.once('close', onClose);
  });
  try {
    return await Promise.race([work, failed]);
  } finally {
    clearTimeout(timer);
    redis.off('close', onClose);
  }
}

interface Lane {
  readonly queue: BullMQ.Queue<RunOrder, RunAnswer>;
  readonly events: BullMQ.QueueEvents;
  wantedAt: number;
  /** Runs that are waited for. */
  users: number;
}

/**
 * Has outputs computed by workers that may be anywhere; traces and commitments, which moves are made of, always here.
 * Answers of workers are believed as far as {@link Trust} allows: no bond ever rests on the word of one of them. Where
 * the fleet does not answer in time, or its answers differ, the run is made here.
 */
export class FleetRunner implements Runner {
  readonly #options: Required<FleetRunnerOptions>;
  readonly #lanes = new Map<string, Lane>();
  readonly #outputs = new Latest<string>(OUTPUT_BYTES, ({ length }) => length);
  readonly #liars = new Set<string>();
  #isTrusted = true;
  /** Of `performance.now()`. */
  #sweptAt = Number.NEGATIVE_INFINITY;

  constructor(options: FleetRunnerOptions) {
    this.#options = {
      urisOf: async () => [],
      clock: () => Date.now() / 1000,
      random: Math.random,
      ...options,
    };
  }

  model(modelId: string): Model | undefined {
    return this.#options.local.model(modelId);
  }

  malformed(modelId: string): MalformedProgram | undefined {
    return this.#options.local.malformed?.(modelId);
  }

  share(modelId: string): string | undefined {
    return this.#options.local.share?.(modelId);
  }

  commitment(modelId: string, input: string, options?: RunOptions): Promise<Commitment> {
    return this.#options.local.commitment(modelId, input, options);
  }

  trace(modelId: string, input: string, options?: RunOptions): Promise<Trace> {
    return this.#options.local.trace(modelId, input, options);
  }

  async outputBytes(modelId: string, input: string, options: RunOptions = {}): Promise<Uint8Array> {
    const { local } = this.#options;
    const model = local.model(modelId);
    if (!model || totalBytes(model.outputs) > MAX_JOB_BYTES)
      return outputBytes(local, modelId, input, options);
    return bytesOfHex(await this.output(modelId, input, options));
  }

  async playTime(modelId: string, input: string, options?: RunOptions): Promise<PlayTime | undefined> {
    return this.#options.local.playTime?.(modelId, input, options);
  }

  async output(modelId: string, input: string, options: RunOptions = {}): Promise<string> {
    const { local, trust } = this.#options;
    const model = local.model(modelId);
    const voices = options.isBonded ? trust.agreeBonded : trust.agree;
    if (!model || !this.#isTrusted || !Number.isFinite(voices)) return local.output(modelId, input, options);
    const bytes = bytesOfHex(input);
    const size = totalBytes(model.outputs);
    if (bytes.length > MAX_JOB_BYTES || size > MAX_JOB_BYTES) return local.output(modelId, input, options);
    const key = runKey(modelId, bytes);
    return this.#outputs.get(`${key} ${voices}`, async () => {
      const answer = await this.#agreed(modelId, bytes, key, size, voices, options);
      if (answer === undefined) return local.output(modelId, input, options);
      return this.#isDrawn() ? this.#checked(modelId, input, answer, options) : answer.output;
    });
  }

  /** Lets the queue go; runs that wait in it stay there. */
  async close(): Promise<void> {
    const closing = [...this.#lanes.values()].flatMap(({ queue, events }) => [queue.close(), events.close()]);
    this.#lanes.clear();
    // A server that is away is not waited for.
    await answered(this.#options.fleet.redis, Promise.all(closing)).catch(() => undefined);
  }

  #isDrawn(): boolean {
    const { trust, random } = this.#options;
    return trust.checkOneIn > 0 && random() < 1 / trust.checkOneIn;
  }

  /** The answer that enough different workers give; undefined if they do not, or not in time. */
  async #agreed(
    modelId: string,
    input: Uint8Array,
    key: string,
    size: number,
    voices: number,
    options: RunOptions,
  ): Promise<{ readonly output: string; readonly workers: readonly string[] } | undefined> {
    const { deadline = Number.POSITIVE_INFINITY } = options;
    const left = Number(deadline) - this.#options.clock();
    // Half of the time that is left belongs to a run here.
    const waitSeconds = Math.min(MOST_WAIT_SECONDS, Math.max(LEAST_WAIT_SECONDS, left / 2));
    const untilMs = performance.now() + 1000 * waitSeconds;
    const workers: string[] = [];
    let output: string | undefined;
    try {
      const { redis } = this.#options.fleet;
      const lane = await answered(redis, this.#lane(modelId));
      if ((await answered(redis, lane.queue.getWorkersCount())) < voices) return undefined;
      while (workers.length < voices) {
        lane.users++;
        const answer = await this.#ask(lane, key, input, workers, untilMs, options).finally(
          () => lane.users--,
        );
        const bytes = answer && outputIn(key, answer, size);
        if (!answer || !bytes || !this.#isBelieved(answer.worker) || workers.includes(answer.worker))
          return undefined;
        if (output !== undefined && output !== hexOf(bytes)) return undefined;
        output = hexOf(bytes);
        workers.push(answer.worker);
      }
    } catch (error) {
      if (options.signal?.aborted) throw error;
      this.#options.complain(`the queue: ${(error as Error).message}; running here`);
      return undefined;
    }
    return output === undefined ? undefined : { output, workers };
  }

  #isBelieved = (worker: string): boolean =>
    !this.#liars.has(worker) &&
    (this.#options.trust.workers.length === 0 || this.#options.trust.workers.includes(worker));

  async #ask(
    { queue, events }: Lane,
    key: string,
    input: Uint8Array,
    not: readonly string[],
    untilMs: number,
    { deadline, signal }: RunOptions,
  ): Promise<RunAnswer | undefined> {
    const order: RunOrder = {
      input: Buffer.from(input).toString('base64'),
      ...(deadline === undefined ? {} : { deadline: Number(deadline) }),
      not,
    };
    // The same run, asked for by anybody, is one job.
    const jobId = `${key}-${not.length}`;
    const { redis } = this.#options.fleet;
    await answered(redis, joinJob(queue, jobId, order));
    const job: RunJob = await answered(
      redis,
      queue.add('run', order, {
        jobId,
        priority: priorityOf(order.deadline),
        attempts: ATTEMPTS,
        removeOnComplete: KEEP,
        removeOnFail: true,
      }),
    );
    const leave = (): void => void job.remove().catch(() => undefined);
    signal?.addEventListener('abort', leave, { once: true });
    try {
      const waitMs = Math.max(1, untilMs - performance.now());
      return await answered(redis, job.waitUntilFinished(events, waitMs), waitMs + ANSWER_MS);
    } catch {
      leave();
      return undefined;
    } finally {
      signal?.removeEventListener('abort', leave);
    }
  }

  /** Runs here what workers have answered. The answer of a run here is the truth. */
  async #checked(
    modelId: string,
    input: string,
    answer: { readonly output: string; readonly workers: readonly string[] },
    options: RunOptions,
  ): Promise<string> {
    const { local, complain, trust } = this.#options;
    const own = await local.output(modelId, input, options);
    if (own === answer.output) return own;
    for (const worker of answer.workers) {
      this.#liars.add(worker);
      complain(
        `worker ${worker} gave another output of model ${modelId} than a run here: it is not asked any more`,
      );
    }
    if (trust.workers.length === 0) {
      // Without a list a liar may come back under another name.
      this.#isTrusted = false;
      complain(
        'the queue is not used any more until the next start; name the workers that you trust with --worker-key',
      );
    }
    return own;
  }

  async #lane(modelId: string): Promise<Lane> {
    const { fleet, urisOf } = this.#options;
    const { bullmq, redis } = fleet;
    let lane = this.#lanes.get(modelId);
    if (!lane) {
      this.#closeUnheld();
      const settings = { connection: redis, prefix: PREFIX };
      lane = {
        queue: new bullmq.Queue<RunOrder, RunAnswer>(queueName(modelId), settings),
        events: new bullmq.QueueEvents(queueName(modelId), settings),
        wantedAt: Number.NEGATIVE_INFINITY,
        users: 0,
      };
      // Told by the connection already.
      lane.queue.on('error', () => undefined);
      // Each run that is waited for listens to both.
      lane.queue.setMaxListeners(0);
      lane.events.setMaxListeners(0);
      lane.events.on('error', () => undefined);
      this.#lanes.set(modelId, lane);
      await lane.events.waitUntilReady();
    }
    if (performance.now() - lane.wantedAt > WANTED_EVERY_MS) {
      lane.wantedAt = performance.now();
      await announce(redis, modelId, await urisOf(modelId), Date.now() / 1000);
      if (lane.wantedAt - this.#sweptAt > SWEEP_MS) {
        this.#sweptAt = lane.wantedAt;
        await wantedModels(redis, Date.now() / 1000);
      }
    }
    return lane;
  }

  /** Closes what belongs to models that are not held any more: each takes a connection to the server. */
  #closeUnheld(): void {
    for (const [modelId, { queue, events, users }] of this.#lanes) {
      if (users > 0 || this.#options.local.model(modelId)) continue;
      this.#lanes.delete(modelId);
      for (const one of [queue, events]) one.close().catch(() => undefined);
    }
  }
}
