import { type Pass, repeat } from '../../chain/service/loop.ts';
import { createLog, type Log } from '../../operator/log.ts';
import { withReader } from '../connection/connection.ts';
import type { Console } from '../console.ts';
import { Exit } from '../exit.ts';
import { limitsOf } from '../models/found.ts';
import { forecastLines, jsonText } from '../monitor/forecastLines.ts';
import { type Lookout, openLookout } from '../monitor/lookout.ts';
import { type MonitorOptions, parseMonitor } from '../monitor/monitorOptions.ts';
import { loggingConsole } from '../services/logOptions.ts';
import { repeatTelling, type ServiceLoop, untilSignal } from '../services/serviceLoop.ts';
import { serveIfAsked } from '../services/statusOptions.ts';

/** Exit code of `--once` with alarms. */
const ALARMED = 3;
/** Exit code of `--once` without alarms, if time was over before every claim was tried. */
const UNCHECKED = 4;
/** Time without a look that ended well after which that is an alarm itself, ms. */
const BLIND_MS = 60_000;

/**
 * Looks until every claim was tried, and prints everything.
 *
 * @throws Exit if there are alarms, or if time was over before every claim was tried
 */
async function lookOnce(lookout: Lookout, options: MonitorOptions, console: Console): Promise<void> {
  const { unit, desk } = lookout;
  const { maxFetchSeconds } = limitsOf(options);
  const until = performance.now() + 1000 * maxFetchSeconds;
  console.progress('checking claims');
  let seen = await lookout.look();
  const isChecking = (): boolean => lookout.pending().claims + lookout.pending().models > 0;
  while (isChecking() && performance.now() < until) {
    await lookout.settled(until - performance.now());
    seen = await lookout.look();
  }
  console.progress(undefined);
  const { forecast, alarms } = seen;
  if (options.json) console.out(jsonText({ ...forecast, alarms }));
  else for (const line of forecastLines(forecast, alarms, unit)) console.out(line);
  desk.show(alarms);
  const isIncomplete = isChecking();
  if (isIncomplete) {
    const { claims, models } = lookout.pending();
    console.err(
      `assay: ${claims} claims were not checked and ${models} models not fetched after ${maxFetchSeconds} s; give more time with --fetch-seconds`,
    );
  }
  if (alarms.length > 0) throw new Exit(ALARMED);
  if (isIncomplete) throw new Exit(UNCHECKED);
}

/** Looks until a signal. */
async function lookOn(
  lookout: Lookout,
  options: MonitorOptions,
  { heartbeatSeconds, pauseMs }: ReturnType<typeof parseMonitor>,
  log: Log,
  console: Console,
): Promise<void> {
  const { overview, failures, desk, oracle, chainId, provider } = lookout;
  console.outlive?.();
  const { signal, release } = untilSignal(log);
  const stopServing = await serveIfAsked(options, overview, log.info);
  const beat =
    heartbeatSeconds > 0 && setInterval(() => log.info(overview.heartbeat()), 1000 * heartbeatSeconds);
  let sawAt = performance.now();
  const pass: Pass = async () => {
    const seen = await lookout.look().catch((failure: unknown) => {
      if (performance.now() > sawAt + BLIND_MS) desk.showBlind(performance.now() - sawAt);
      throw failure;
    });
    sawAt = performance.now();
    desk.show(seen.alarms);
    if (options.json) console.out(jsonText({ ...seen.forecast, alarms: seen.alarms }));
    return 0;
  };
  log.info(`monitoring oracle ${oracle}, chain ${chainId}`);
  try {
    const loop: ServiceLoop = (told, loopOptions) => repeat(told, { ...loopOptions, pauseMs });
    await repeatTelling(pass, loop, { signal, lasting: [failures], overview, log, provider });
  } finally {
    if (beat) clearInterval(beat);
    stopServing();
    release();
  }
}

/**
 * `assay monitor`: forecasts how everything that is open will end, and raises alarms before it is too late. It checks
 * claims on the models that it is given, and judges others by the clock alone.
 *
 * @throws Exit with code 3 if it looks once and there are alarms, 4 if there are none but claims that were not tried in time
 * @throws InputError if it cannot start, or looks once and cannot
 */
export async function monitor(
  paths: readonly string[],
  options: MonitorOptions,
  terminal: Console,
): Promise<void> {
  const parsed = parseMonitor(options);
  const isQuiet = options.once || options.json;
  // Output for programs goes to stdout, so messages for people must not.
  const sink = isQuiet ? { out: options.once ? () => undefined : terminal.err, err: terminal.err } : terminal;
  const log = createLog({ ...parsed.log, sink });
  const console = loggingConsole(terminal, log);
  await withReader(options, console, async (contracts) => {
    const lookout = await openLookout(paths, options, parsed, contracts, log, console);
    try {
      if (options.once) await lookOnce(lookout, options, console);
      else await lookOn(lookout, options, parsed, log, console);
    } finally {
      await lookout.close();
    }
  });
}
