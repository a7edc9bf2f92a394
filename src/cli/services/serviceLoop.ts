import { Endpoints } from '../../chain/endpoints/endpoints.ts';
import { explain } from '../../chain/messages/explain.ts';
import type { LoopOptions, Pass } from '../../chain/service/loop.ts';
import { durationText } from '../../operator/duration.ts';
import { Failures } from '../../operator/failures.ts';
import type { Log } from '../../operator/log.ts';
import type { Overview, Status } from '../../operator/overview.ts';
import type { WorkRunner } from '../../work/runner.ts';
import type { Account } from '../connection/connection.ts';
import { started } from './starting.ts';

/** The main loop of a service: passes until a signal, with reports on its health. */

/** Pause between two looks at the account's balance, ms. */
const FUNDS_MS = 15_000;

/** Pause after a look at the chain that found nothing to do, ms. A block takes longer on any chain with stakes. */
const PAUSE_MS = 1000;

/** Chains on which blocks come only when somebody sends something. */
export const DEVELOPMENT_CHAINS = [31337n, 1337n];

export const VERSION = '0.1.0';

/** A pass that is still running so long after a signal is left as it is, ms. */
const ENDING_MS = 5000;

/** Aborts at the first SIGINT or SIGTERM; a second one ends the process at once, which loses nothing either. */
export function untilSignal(log: Log): { readonly signal: AbortSignal; release(): void } {
  const ending = new AbortController();
  const release = (): void => {
    process.off('SIGINT', end);
    process.off('SIGTERM', end);
  };
  const end = (name: NodeJS.Signals): void => {
    release();
    log.info(`${name}: ending once the work in hand is done`);
    ending.abort();
    const timer = setTimeout(() => {
      log.warn('ended before the work in hand was done; the next start takes it up again from the chain');
      process.exit(0);
    }, ENDING_MS);
    timer.unref();
  };
  started();
  process.on('SIGINT', end);
  process.on('SIGTERM', end);
  return { signal: ending.signal, release };
}

/** Repeats a pass until it is told to end, with rests as it sees fit. */
export type ServiceLoop = (pass: Pass, options: LoopOptions) => Promise<void>;

/** The listeners of a loop, and the signal that ends it. */
export interface Telling {
  readonly signal: AbortSignal;
  /** Failures that single passes meet, beside those that end a pass. */
  readonly lasting: readonly Failures[];
  readonly overview: Overview;
  readonly log: Log;
  /** Tells of new blocks, where it can. */
  readonly provider: unknown;
}

/** Runs a loop of passes. Failures are told when they begin, while they last, and when they end. */
export async function repeatTelling(
  pass: Pass,
  loop: ServiceLoop,
  { signal, lasting, overview, log, provider }: Telling,
): Promise<void> {
  const node = new Failures(
    (sentence) => log.error(`${sentence}; trying again`),
    (sentence) => log.info(sentence),
  );
  let failing: { readonly since: number } | undefined;
  const timed: Pass = async () => {
    const startedAt = performance.now();
    const turned = (failure?: string): void => overview.turned(performance.now() - startedAt, failure);
    try {
      const sent = await pass();
      turned();
      return sent;
    } catch (failure) {
      turned(explain(failure));
      throw failure;
    }
  };
  const told: Pass = async () => {
    const sent = await timed();
    for (const failures of lasting) failures.passed();
    if (failing) log.info(`it works again, after ${durationText(performance.now() - failing.since)}`);
    failing = undefined;
    node.clear();
    return sent;
  };
  const onFailure = (sentence: string): void => {
    failing ??= { since: performance.now() };
    node.met(sentence);
  };
  const onHead = provider instanceof Endpoints ? (wake: () => void) => provider.onHead(wake) : undefined;
  await loop(told, { signal, pauseMs: PAUSE_MS, onFailure, onHead });
}

/** The ether of an account, read now and then. */
export class AccountBalance {
  readonly #account: Account;
  #readAt = performance.now();
  status: Pick<Status, 'balanceWei'>;

  constructor(account: Account) {
    this.#account = account;
    this.status = { balanceWei: account.balanceWei };
  }

  async look(): Promise<void> {
    if (performance.now() < this.#readAt + FUNDS_MS) return;
    const { wallet } = this.#account;
    this.status = { balanceWei: await wallet.provider!.getBalance(wallet.address) };
    this.#readAt = performance.now();
  }
}

export function workStatus(runner: Pick<WorkRunner, 'status'>): Status {
  const { waiting, running, done, failed, dropped } = runner.status();
  return { runsQueued: waiting + running, runs: { done, failed, dropped } };
}

/** State of the nodes through which a deployment is read. */
export function endpointsStatus(provider: unknown): Status {
  if (!(provider instanceof Endpoints)) return {};
  const endpoints = provider.status().map(({ url, state, lag, failures }) => ({
    ...{ endpoint: url, isUsed: state === 'up', lagBlocks: lag, failures },
  }));
  return { endpoints };
}
