import type { Contracts } from '../chain/contracts.ts';
import { type Pass, repeat } from '../chain/loop.ts';
import type { Listener } from '../chain/report.ts';
import { ZERO_ADDRESS } from '../chain/types.ts';
import { currencyText, readUnit, type Unit } from '../chain/unit.ts';
import type { Runner } from '../store/shelf.ts';
import { WorkRunner } from '../work/runner.ts';
import { parseWhole } from './arguments.ts';
import { type Account, firstBlockOf, type OracleOptions, withContracts } from './connection.ts';
import type { Console } from './console.ts';
import { type EngineOptions, workersOf } from './engines.ts';
import { InputError } from './inputError.ts';
import { type ImportArguments, loadModel } from './loadModel.ts';
import { reportLine } from './reportLine.ts';

/** What provider and watcher have in common: programs that hold models and run until they are told to end. */
export interface ServiceOptions extends EngineOptions, OracleOptions, ImportArguments {
  readonly fromBlock?: string;
  readonly workers?: string;
}

/** What a loop is made of. */
export interface Parts {
  readonly contracts: Contracts;
  readonly runner: Runner;
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

/** Compiles the models, says which they are, and holds them. */
async function hold(
  paths: readonly string[],
  given: ImportArguments,
  runner: WorkRunner,
  { registry }: Contracts,
  console: Console,
): Promise<void> {
  for (const path of paths) {
    const loaded = loadModel(path, given, console);
    const { file } = loaded;
    const id = runner.put(loaded);
    console.progress(undefined);
    console.out(`model ${id}: ${file}`);
    if (!(await registry.isPublished(id))) {
      console.err(`assay: ${file}: model ${id} is not published here, so nobody can ask for it yet`);
    }
  }
}

/** Aborts at the first SIGINT or SIGTERM; a second one ends the process at once, which loses nothing either. */
function untilSignal(console: Console): { readonly signal: AbortSignal; release(): void } {
  const ending = new AbortController();
  const release = (): void => {
    process.off('SIGINT', end);
    process.off('SIGTERM', end);
  };
  const end = (name: NodeJS.Signals): void => {
    release();
    console.err(`assay: ${name}: ending once the work in hand is done`);
    ending.abort();
  };
  process.on('SIGINT', end);
  process.on('SIGTERM', end);
  return { signal: ending.signal, release };
}

/** Repeats a pass until a signal. Failures of the node are told when they begin and when they end. */
async function run(pass: Pass, console: Console): Promise<void> {
  const { signal, release } = untilSignal(console);
  let failing: string | undefined;
  const told: Pass = async () => {
    const sent = await pass();
    if (failing !== undefined) console.err('assay: it works again');
    failing = undefined;
    return sent;
  };
  const onFailure = (sentence: string): void => {
    if (sentence !== failing) console.err(`assay: ${sentence}; trying again`);
    failing = sentence;
  };
  try {
    await repeat(told, { signal, pauseMs: PAUSE_MS, onFailure });
  } finally {
    release();
  }
}

const warnWithoutEther = ({ wallet, chainId, balanceWei }: Account, console: Console): void => {
  if (balanceWei > 0n) return;
  console.err(
    `assay: the account ${wallet.address} has no ether on chain ${chainId}; it can do nothing until it has`,
  );
};

/** Says once what a token deployment takes besides gas. */
function sayCurrency({ currency }: Contracts, unit: Unit, console: Console): void {
  if (currency === ZERO_ADDRESS) return;
  console.out(
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
  const given = options.fromBlock === undefined ? undefined : parseBlock(options.fromBlock);
  await withContracts(options, console, async (contracts, account) => {
    // Its disputes must be played to the end, whatever became of whoever reads its lines.
    console.outlive?.();
    warnWithoutEther(account, console);
    const fromBlock = given ?? (await firstBlockOf(contracts));
    const runner = new WorkRunner(work);
    await hold(paths, options, runner, contracts, console);
    const unit = await readUnit(contracts.currency, contracts.provider);
    const listen: Listener = (report) => {
      if (report.kind === 'failed') console.err(`assay: ${reportLine(report, unit)}`);
      else console.out(reportLine(report, unit));
    };
    const pass = create({ contracts, runner, listen, fromBlock });
    console.out(
      `${doing} as ${account.wallet.address} at oracle ${await contracts.oracle.getAddress()}, chain ${account.chainId}`,
    );
    sayCurrency(contracts, unit, console);
    try {
      await run(pass, console);
    } finally {
      await runner.close();
    }
  });
}
