import type { Contracts } from '../../chain/contracts/contracts.ts';
import { readUnit, type Unit } from '../../chain/contracts/unit.ts';
import { EventIndex } from '../../chain/index/eventIndex.ts';
import { explain } from '../../chain/messages/explain.ts';
import { ChainClock } from '../../chain/service/chainClock.ts';
import { rest } from '../../chain/service/loop.ts';
import type { Alarm } from '../../monitor/alarms.ts';
import { type Forecast, isAtRisk } from '../../monitor/forecast.ts';
import { Monitor } from '../../monitor/monitor.ts';
import { type VerdictListener, Verdicts } from '../../monitor/verdicts.ts';
import { Failures } from '../../operator/failures.ts';
import type { Log } from '../../operator/log.ts';
import { Overview } from '../../operator/overview.ts';
import { Webhook } from '../../operator/webhook.ts';
import { MOST_TIMER_MS } from '../../store/arrival.ts';
import { publicationsOf } from '../../store/publications.ts';
import { WorkRunner } from '../../work/runner.ts';
import { firstBlockOf } from '../connection/connection.ts';
import type { Console } from '../console.ts';
import { workersOf } from '../models/engines.ts';
import { foundModels, noteUnknown } from '../models/found.ts';
import { holdNamed } from '../models/holding.ts';
import { inputsFor, OBSERVER } from '../models/inputs.ts';
import { requirePlace, sourcesOf } from '../models/sources.ts';
import { DEVELOPMENT_CHAINS, endpointsStatus, VERSION, workStatus } from '../services/serviceLoop.ts';
import { AlarmDesk } from './alarmDesk.ts';
import type { MonitorOptions, parseMonitor } from './monitorOptions.ts';

/** Interval at which it is looked whether models have arrived, ms. */
const MODELS_MS = 500;

/** The result of one look at the chain. */
export interface Seen {
  readonly forecast: Forecast;
  readonly alarms: readonly Alarm[];
}

/** Everything that a monitor is made of. */
export interface Lookout {
  readonly unit: Unit;
  readonly oracle: string;
  readonly chainId: bigint;
  readonly provider: Contracts['provider'];
  readonly overview: Overview;
  readonly failures: Failures;
  readonly desk: AlarmDesk;
  look(): Promise<Seen>;
  /** Claims that are being checked, and models that are on their way for claims. */
  pending(): { readonly claims: number; readonly models: number };
  /** Waits until some of that has come to an end, or time is over. */
  settled(mostMs: number): Promise<void>;
  /** Waits until all messages are sent, and lets go of everything. */
  close(): Promise<void>;
}

/** Opens what a monitor needs, and holds the models that are named. */
export async function openLookout(
  paths: readonly string[],
  options: MonitorOptions,
  parsed: ReturnType<typeof parseMonitor>,
  contracts: Contracts,
  log: Log,
  console: Console,
): Promise<Lookout> {
  const work = workersOf(options);
  requirePlace(options);
  const sources = sourcesOf(options);
  const fromBlock = await firstBlockOf(contracts, parsed.fromBlock);
  const { chainId } = await contracts.provider.getNetwork();
  const oracle = await contracts.oracle.getAddress();
  const unit = await readUnit(contracts.currency, contracts.provider);
  const history = new EventIndex(contracts, { fromBlock, onNotice: log.warn });
  const clock = new ChainClock();
  const runner = new WorkRunner({ ...work, clock: () => clock.now() });
  const failures = new Failures(log.error, log.info);
  // One that looks once has no later look in which an input may be there; it bounds the time of all.
  const waitMs = options.once ? Number.POSITIVE_INFINITY : undefined;
  const inputs = inputsFor(options, sources, runner, log, 'observer', waitMs);
  const found = options.all
    ? foundModels(options, sources, runner, publicationsOf(contracts, fromBlock), clock, log)
    : undefined;
  const overview = new Overview({
    ...{ account: undefined, decimals: unit.decimals, clock, holds: () => true },
    hasSteadyBlocks: !DEVELOPMENT_CHAINS.includes(chainId),
    failures: () => failures.count,
    status: () => ({ ...workStatus(runner), ...endpointsStatus(contracts.provider) }),
  });
  const { metrics } = overview;
  metrics.info.set({ command: 'monitor', version: VERSION, chain: `${chainId}`, oracle, account: '' }, 1);
  const webhook =
    options.webhook === undefined
      ? undefined
      : new Webhook(options.webhook, {
          onFailure: (sentence) => {
            metrics.webhookFailures.inc();
            log.error(sentence);
          },
        });
  const listener: VerdictListener = {
    onFailure: (claim, failure) => failures.met(`claim ${claim.claimId}: ${explain(failure)}`),
    onVerdict: (claim, verdict) => {
      overview.judged(claim.claimId, verdict);
      if (verdict === 'unknown') return noteUnknown(found, runner, claim);
      inputs.judged(claim);
      log.info(`claim ${claim.claimId}: ${verdict}`, { kind: 'verdict', claim: `${claim.claimId}`, verdict });
    },
  };
  const againMs = options.once ? Number.POSITIVE_INFINITY : undefined;
  const verdicts = new Verdicts(runner, inputs.read, listener, () => performance.now(), againMs);
  const monitor = new Monitor(verdicts, parsed.thresholds);
  const close = async (): Promise<void> => {
    verdicts.end();
    await webhook?.settled();
    found?.end();
    sources.getter.close();
    await runner.close();
  };
  try {
    await found?.start();
    await holdNamed(paths, options, (model) => runner.put(model), contracts, console, log);
  } catch (failure) {
    await close();
    throw failure;
  }
  return {
    ...{ unit, oracle, chainId, overview, failures, close, provider: contracts.provider },
    desk: new AlarmDesk(log, webhook, metrics, { chainId: `${chainId}`, oracle }),
    pending: () => ({ claims: verdicts.pending, models: found?.coming ?? 0 }),
    settled: async (mostMs) => {
      const ending = new AbortController();
      const pause = (ms: number): Promise<void> => rest(Math.min(ms, MOST_TIMER_MS), ending.signal);
      await Promise.race([verdicts.pending > 0 ? verdicts.settled() : pause(MODELS_MS), pause(mostMs)]);
      ending.abort();
    },
    look: async () => {
      const world = await history.update();
      const now = Number(clock.see(world.block).latest);
      found?.look(world, undefined);
      await inputs.look(world, OBSERVER).catch((failure: unknown) => failures.met(explain(failure)));
      overview.observe(world, (id) => world.dispute(id));
      const seen = monitor.look(world, (id) => world.claim(id), now);
      overview.showClock(seen.forecast.disputes.find(isAtRisk));
      return seen;
    },
  };
}
