import type { Contracts } from '../chain/contracts.ts';
import type { ReadInput } from '../chain/inputs.ts';
import { type Pass, repeat } from '../chain/loop.ts';
import type { Listener } from '../chain/report.ts';
import { ZERO_ADDRESS } from '../chain/types.ts';
import { currencyText, readUnit, type Unit } from '../chain/unit.ts';
import { durationText } from '../operator/duration.ts';
import { Failures } from '../operator/failures.ts';
import { createLog, type Log } from '../operator/log.ts';
import type { Runner } from '../store/shelf.ts';
import { WorkRunner } from '../work/runner.ts';
import { parseWhole } from './arguments.ts';
import { type Account, firstBlockOf, type OracleOptions, withContracts } from './connection.ts';
import type { Console } from './console.ts';
import { type EngineOptions, workersOf } from './engines.ts';
import { InputError } from './inputError.ts';
import type { ImportArguments } from './loadModel.ts';
import { type LogArguments, parseLogOptions } from './logOptions.ts';
import { foundModels, type LimitOptions } from './models/found.ts';
import { holdNamed } from './models/holding.ts';
import { inputsFor } from './models/inputs.ts';
import { type SourceOptions, sourcesOf } from './models/sources.ts';
import { reportFields, reportLine } from './reportLine.ts';

/** What provider and watcher have in common: programs that hold models and run until they are told to end. */
export interface ServiceOptions
  extends EngineOptions,
    OracleOptions,
    ImportArguments,
    LogArguments,
    SourceOptions,
    LimitOptions {
  readonly fromBlock?: string;
  readonly workers?: string;
  /** Watch every model that claims name. */
  readonly all?: boolean;
}

/** What a loop is made of. */
export interface Parts {
  readonly contracts: Contracts;
  readonly runner: Runner;
  readonly readInput: ReadInput;
  readonly listen: Listener;
  readonly fromBlock: number;
}

/** Between looks at the chain that found nothing to do, ms. A block takes longer on any chain with stakes. */
const PAUSE_MS = 1000;

/** @throws InputError for what is no number of a block */
export function parseBlock(text: string): number {
  const block = Number(parseWhole('--from-block', text));
  if (!Number.isSafeInteger(block)) throw new InputError(`--from-block ${text}: there is no such block`, 2);
  return block;
}

/** A pass that is still running so long after a signal is left as it is, ms. */
const ENDING_MS = 5000;

/** Aborts at the first SIGINT or SIGTERM; a second one ends the process at once, which loses nothing either. */
function untilSignal(log: Log): { readonly signal: AbortSignal; release(): void } {
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
      log.warn('the work in hand takes long: ended without it; the next start takes it up from the chain');
      process.exit(0);
    }, ENDING_MS);
    timer.unref();
  };
  process.on('SIGINT', end);
  process.on('SIGTERM', end);
  return { signal: ending.signal, release };
}

/** Repeats a pass until a signal. Failures are told when they begin, while they last, and when they end. */
async function run(pass: Pass, signal: AbortSignal, failures: Failures, log: Log): Promise<void> {
  const node = new Failures(
    (sentence) => log.error(`${sentence}; trying again`),
    (sentence) => log.info(sentence),
    Date.now,
  );
  let failing: { readonly since: number } | undefined;
  const told: Pass = async () => {
    const sent = await pass();
    failures.passed();
    if (failing) log.info(`it works again, after ${durationText(Date.now() - failing.since)}`);
    failing = undefined;
    node.clear();
    return sent;
  };
  const onFailure = (sentence: string): void => {
    failing ??= { since: Date.now() };
    node.met(sentence);
  };
  await repeat(told, { signal, pauseMs: PAUSE_MS, onFailure });
}

const warnWithoutEther = ({ wallet, chainId, balanceWei }: Account, log: Log): void => {
  if (balanceWei > 0n) return;
  log.error(`the account ${wallet.address} has no ether on chain ${chainId}; it can do nothing until it has`);
};

/** Says once what a token deployment takes besides gas. */
function sayCurrency({ currency }: Contracts, unit: Unit, log: Log): void {
  if (currency === ZERO_ADDRESS) return;
  log.info(
    `bonds and fees are in ${currencyText(unit, currency)}; before each payment the oracle is allowed exactly that much`,
  );
}

/**
 * Holds models and runs a loop over them until SIGINT or SIGTERM.
 *
 * @param doing what the program says it does, such as `providing`
 * @throws InputError if it cannot start; once it runs, it goes on through failures of node and chain
 */
export async function serve(
  doing: string,
  paths: readonly string[],
  options: ServiceOptions,
  console: Console,
  create: (parts: Parts) => Pass,
): Promise<void> {
  const work = workersOf(options);
  const sources = sourcesOf(options);
  if (paths.length === 0 && !options.all) {
    throw new InputError('name a model, or add --all to take those that claims name', 2);
  }
  const log = createLog({ ...parseLogOptions(options), sink: console });
  const given = options.fromBlock === undefined ? undefined : parseBlock(options.fromBlock);
  await withContracts(options, console, async (contracts, account) => {
    // Its disputes must be played to the end, whatever became of whoever reads its lines.
    console.outlive?.();
    warnWithoutEther(account, log);
    const fromBlock = given ?? (await firstBlockOf(contracts));
    const runner = new WorkRunner(work);
    await holdNamed(paths, options, (model) => runner.put(model), contracts, console, log);
    const inputs = inputsFor(options, sources, runner, log);
    const found = options.all ? foundModels(options, sources, runner, contracts, fromBlock, log) : undefined;
    await found?.start();
    const unit = await readUnit(contracts.currency, contracts.provider);
    const failures = new Failures(log.error, log.info, Date.now);
    const listen: Listener = (report) => {
      inputs.note(report);
      found?.note(report);
      if (report.kind === 'failed') failures.met(report.sentence);
      else log.info(reportLine(report, unit), reportFields(report));
    };
    const pass = create({ contracts, runner, readInput: inputs.read, listen, fromBlock });
    const { signal, release } = untilSignal(log);
    log.info(
      `${doing} as ${account.wallet.address} at oracle ${await contracts.oracle.getAddress()}, chain ${account.chainId}`,
    );
    sayCurrency(contracts, unit, log);
    try {
      await run(pass, signal, failures, log);
    } finally {
      release();
      found?.end();
      sources.getter.close();
      await runner.close();
    }
  });
}
