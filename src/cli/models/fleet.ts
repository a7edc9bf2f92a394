import type { ChainClock } from '../../chain/service/chainClock.ts';
import { InputError } from '../../files/inputError.ts';
import { Failures } from '../../operator/failures.ts';
import type { Log } from '../../operator/log.ts';
import type { QueueStatus } from '../../operator/overview.ts';
import type { Publication } from '../../store/publications.ts';
import type { Runner } from '../../store/runner.ts';
import { isWorkerName } from '../../work/fleet/answers.ts';
import { FleetRunner, type Trust } from '../../work/fleet/fleetRunner.ts';
import { type Fleet, openFleet, QueueError, requireQueueUrl } from '../../work/fleet/queue.ts';
import type { WorkRunner } from '../../work/runner.ts';
import { parseWhole } from '../arguments.ts';

/** Options of a queue of runs, as commander collects them. */
export interface FleetOptions {
  readonly queue?: string;
  readonly workerKey?: readonly string[];
  readonly agree?: string;
  readonly checkOneIn?: string;
}

const CHECK_ONE_IN = '16';

/**
 * Decides how far a service trusts the answers of workers.
 *
 * @param bondsAlways whether every answer is for a bond: then several listed workers may vouch for one; a challenge, which
 *   is rare, always follows a run here
 * @throws InputError for what is no key or number, or more workers to agree than are listed
 */
export function trustOf(
  { workerKey = [], agree, checkOneIn = CHECK_ONE_IN }: FleetOptions,
  bondsAlways: boolean,
): Trust {
  for (const key of workerKey) {
    if (!isWorkerName(key)) {
      throw new InputError(
        `--worker-key ${key}: write the key that \`assay worker\` prints, 43 characters`,
        2,
      );
    }
  }
  const workers = [...new Set(workerKey)];
  const voices = agree === undefined ? 1 : Number(parseWhole('--agree', agree));
  if (!(voices >= 1)) throw new InputError(`--agree ${agree}: write a whole number from 1 on`, 2);
  if (voices > 1 && voices > workers.length) {
    throw new InputError(`--agree ${agree}: list at least as many workers with --worker-key`, 2);
  }
  const mayVouch = bondsAlways && voices > 1;
  return {
    workers,
    agree: voices,
    agreeBonded: mayVouch ? voices : Number.POSITIVE_INFINITY,
    checkOneIn: Number(parseWhole('--check-one-in', checkOneIn)),
  };
}

/** @throws InputError for a queue that is neither Redis nor Valkey */
export function checkQueue({ queue }: Pick<FleetOptions, 'queue'>): void {
  try {
    if (queue !== undefined) requireQueueUrl(queue);
  } catch (error) {
    throw new InputError((error as Error).message, 2);
  }
}

/** Tells what goes wrong with a queue at growing intervals while it lasts. */
export const queueTroubles = (log: Log): Failures => new Failures(log.warn, log.info);

/** @throws InputError if there is no queue at the URL */
export async function openQueue(url: string, log: Log, troubles: Failures): Promise<Fleet> {
  const recover = (sentence: string): void => {
    troubles.clear();
    log.info(sentence);
  };
  try {
    return await openFleet(url, (sentence) => troubles.met(sentence), recover);
  } catch (error) {
    if (error instanceof QueueError) throw new InputError(error.message);
    throw error;
  }
}

/** The fleet behind `--queue`, if there is one. */
export async function joinFleet(
  { queue }: FleetOptions,
  trust: Trust,
  local: WorkRunner,
  publication: (modelId: string) => Promise<Publication>,
  clock: ChainClock,
  log: Log,
): Promise<{ readonly runner: Runner; queue(): QueueStatus; close(): Promise<void> } | undefined> {
  if (queue === undefined) return undefined;
  const troubles = queueTroubles(log);
  const fleet = await openQueue(queue, log, troubles);
  const runner = new FleetRunner({
    fleet,
    local,
    trust,
    urisOf: async (modelId) => (await publication(modelId)).uris,
    clock: () => Number(clock.now()),
    complain: (sentence) => troubles.met(sentence),
  });
  log.info(`runs go to the workers at ${new URL(queue).host}; ${trustText(trust)}`);
  return {
    runner,
    queue: () => ({ queue: fleet.host, isUp: fleet.redis.status === 'ready' }),
    close: async () => {
      await runner.close();
      await fleet.close();
    },
  };
}

function trustText({ agree, agreeBonded, checkOneIn }: Trust): string {
  const word = agree === 1 ? 'the word of one is enough' : `${agree} must agree`;
  const bonds = Number.isFinite(agreeBonded) ? 'for bonds too' : 'bonds rest on runs here alone';
  return `${word}, ${bonds}${checkOneIn > 0 ? `; one answer in ${checkOneIn} is checked here` : ''}`;
}
