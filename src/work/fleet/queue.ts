import type * as BullMQ from 'bullmq';
import type { Redis } from 'ioredis';
import { connectionReason } from '../../chain/messages/connection.ts';
import type { RunAnswer, RunOrder } from './answers.ts';

/** Why there is no queue, in one line. */
export class QueueError extends Error {
  override name = 'QueueError';
}

export type RunJob = BullMQ.Job<RunOrder, RunAnswer>;

/** A Redis or Valkey server, through which runs are spread over workers. */
export interface Fleet {
  /** Name and port of the server. */
  readonly host: string;
  readonly bullmq: typeof BullMQ;
  readonly redis: Redis;
  close(): Promise<void>;
}

/** Begins the names of all that is kept there. */
export const PREFIX = 'assay';

/** Runs of one model have a queue of their own, so that a worker takes none of a model that it does not hold. */
export const queueName = (modelId: string): string => `run-${modelId}`;

const CONNECT_MS = 5000;
const LONGEST_PAUSE_MS = 5000;

async function load() {
  try {
    const [bullmq, { Redis: Client }] = await Promise.all([import('bullmq'), import('ioredis')]);
    return { bullmq, Client };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new QueueError('--queue needs two more packages: run `npm install bullmq ioredis`');
  }
}

/** @throws QueueError for what is no address of a Redis or Valkey server */
export function requireQueueUrl(url: string): void {
  if (/^rediss?:\/\//.test(url) && URL.canParse(url)) return;
  throw new QueueError('--queue: write it as redis://HOST:PORT or rediss://HOST:PORT');
}

/**
 * Connects to a queue. Later failures of the server are waited out.
 *
 * @param url `redis://…` or `rediss://…`
 * @param complain told when the connection fails later, each time
 * @param recover told when there is a connection again
 * @throws QueueError if the packages for it are missing, or nobody answers
 */
export async function openFleet(
  url: string,
  complain: (sentence: string) => void,
  recover: (sentence: string) => void = () => undefined,
): Promise<Fleet> {
  requireQueueUrl(url);
  const { host, protocol } = new URL(url);
  const { bullmq, Client } = await load();
  let isOpen = false;
  let why = '';
  const redis = new Client(url, {
    lazyConnect: true,
    connectTimeout: CONNECT_MS,
    // BullMQ waits for a server that is away, and asks again itself.
    maxRetriesPerRequest: null,
    retryStrategy: (times) => (isOpen ? Math.min(100 * times, LONGEST_PAUSE_MS) : null),
  });
  // Each answer that is waited for listens. BullMQ adds its own to this number, so it cannot be 0.
  redis.setMaxListeners(Number.POSITIVE_INFINITY);
  redis.on('error', (failure) => {
    why ||= connectionReason(failure, protocol);
    if (isOpen) complain(`the queue at ${host}: ${connectionReason(failure)}`);
  });
  redis.on('ready', () => {
    if (isOpen) recover(`the queue at ${host} answers again`);
  });
  try {
    await redis.connect();
    await redis.ping();
  } catch (error) {
    redis.disconnect();
    // The client itself says only that the connection is closed.
    throw new QueueError(
      `no Redis or Valkey answers at ${host} (${why || connectionReason(error, protocol)}); check that it runs and that this machine may connect to it, or name another one with --queue`,
    );
  }
  isOpen = true;
  return {
    host,
    bullmq,
    redis,
    close: async () => {
      isOpen = false;
      redis.disconnect();
    },
  };
}
