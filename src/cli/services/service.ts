import { join } from 'node:path';
import type { Contracts } from '../../chain/contracts/contracts.ts';
import { ZERO_ADDRESS } from '../../chain/contracts/types.ts';
import { currencyText, readUnit, type Unit } from '../../chain/contracts/unit.ts';
import type { RequestRecord, World } from '../../chain/contracts/world.ts';
import type { Listener } from '../../chain/messages/report.ts';
import type { Limits } from '../../chain/money/purse.ts';
import { ChainClock } from '../../chain/service/chainClock.ts';
import type { ReadInput } from '../../chain/service/inputs.ts';
import { type Pass, repeatService } from '../../chain/service/loop.ts';
import type { ChainService } from '../../chain/service/service.ts';
import { LeaseTaken } from '../../chain/transactions/lease.ts';
import type { OpenOptions } from '../../chain/transactions/open.ts';
import { InputError } from '../../files/inputError.ts';
import { Failures } from '../../operator/failures.ts';
import { createLog, type Log } from '../../operator/log.ts';
import { Overview } from '../../operator/overview.ts';
import { RemoteSigner, SignerAway } from '../../operator/remoteSigner.ts';
import { keepHeapSmall } from '../../operator/smallHeap.ts';
import type { Runner } from '../../store/runner.ts';
import { parseWhole } from '../arguments.ts';
import { type Account, firstBlockOf, type OracleOptions, withContracts } from '../connection/connection.ts';
import type { Console } from '../console.ts';
import { dataFolder, requireSentFolder } from '../models/sources.ts';
import { prepareStock, type Stock, type StockOptions } from '../models/stock.ts';
import { type LogArguments, loggingConsole, parseLogOptions } from './logOptions.ts';
import { reportFields, reportLine } from './reportLine.ts';
import { parseSending, type SendingArguments } from './sending.ts';
import {
  AccountBalance,
  DEVELOPMENT_CHAINS,
  endpointsStatus,
  repeatTelling,
  type ServiceLoop,
  untilSignal,
  VERSION,
  workStatus,
} from './serviceLoop.ts';
import { parseHeartbeat, parseMetricsPort, type StatusArguments, serveIfAsked } from './statusOptions.ts';

/** Options that provider and watcher share: programs that hold models and run until they are told to end. */
export interface ServiceArguments
  extends OracleOptions,
    LogArguments,
    StatusArguments,
    SendingArguments,
    StockOptions {
  readonly fromBlock?: string;
}

/** The parts of a loop. */
export interface Parts {
  readonly contracts: Contracts;
  readonly runner: Runner;
  /** The models that write text, and what runs them here. */
  readonly writing: Pick<Stock, 'texts' | 'local'>;
  readonly readInput: ReadInput;
  readonly listen: Listener;
  readonly observe: (world: World) => void;
  readonly onBond: (request: RequestRecord) => void;
  readonly fromBlock: number;
  readonly indexFolder: string;
  readonly sending: OpenOptions;
  readonly limits: Limits;
  readonly runsAtOnce: number;
  readonly clock: ChainClock;
}

/** A service, and what it was started with. */
export interface Serving {
  /** The command's name. */
  readonly command: string;
  /** What the program says it does, such as `providing`. */
  readonly doing: string;
  /** The models that are named. */
  readonly paths: readonly string[];
  readonly options: ServiceArguments;
  readonly terminal: Console;
  /** Whether every answer is for a bond, as a provider's are. */
  readonly bondsAlways: boolean;
  readonly create: (parts: Parts) => ChainService;
}

/** Runs asked for at once: the queue of the worker threads orders them, and joins those of one model. */
const RUNS_AT_ONCE = 256;

/** @throws InputError for what is no number of a block */
export function parseBlock(text: string): number {
  const block = Number(parseWhole('--from-block', text));
  if (!Number.isSafeInteger(block)) throw new InputError(`--from-block ${text}: there is no such block`, 2);
  return block;
}

const warnWithoutEther = ({ wallet, chainId, balanceWei }: Account, log: Log): void => {
  if (balanceWei > 0n) return;
  log.error(`the account ${wallet.address} has no ether on chain ${chainId}; it can do nothing until it has`);
};

/** Tells of a signer that is away, or holds another key, before a clock depends on it. */
async function warnOfSigner({ wallet }: Account, log: Log): Promise<void> {
  if (!(wallet instanceof RemoteSigner)) return;
  try {
    if ((await wallet.accounts()).includes(wallet.address)) return;
    log.error(
      `the signer does not hold the key of ${wallet.address}; check --signer-address: nothing can be sent`,
    );
  } catch (failure) {
    // One that answers, and lists nothing, may sign all the same.
    if (failure instanceof SignerAway) log.error(`${failure.message}: nothing can be sent until it does`);
  }
}

/** Says once what a token deployment takes besides gas. */
function sayCurrency({ currency }: Contracts, unit: Unit, log: Log): void {
  if (currency === ZERO_ADDRESS) return;
  log.info(
    `bonds and fees are in ${currencyText(unit, currency)}; before each payment the oracle is allowed exactly what the bonds that are due take`,
  );
}

/**
 * Holds models and runs a loop over them until SIGINT or SIGTERM.
 *
 * @throws InputError if it cannot start; once it runs, it goes on through failures of node and chain
 */
export async function serve(serving: Serving): Promise<void> {
  const { command, doing, paths, options, terminal, bondsAlways, create } = serving;
  const openStock = prepareStock(paths, options, bondsAlways);
  const log = createLog({ ...parseLogOptions(options), sink: terminal });
  const console = loggingConsole(terminal, log);
  const heartbeatSeconds = parseHeartbeat(options);
  parseMetricsPort(options);
  const risk = parseSending(options);
  requireSentFolder(options);
  const given = options.fromBlock === undefined ? undefined : parseBlock(options.fromBlock);
  await withContracts(options, console, async (contracts, account) => {
    // Its disputes must be played to the end, whatever became of whoever reads its lines.
    console.outlive?.();
    warnWithoutEther(account, log);
    void warnOfSigner(account, log);
    const fromBlock = await firstBlockOf(contracts, given);
    const clock = new ChainClock();
    const oracle = await contracts.oracle.getAddress();
    const holder = {
      account: account.wallet.address,
      owner: `${account.chainId}-${oracle}-${account.wallet.address}`,
    };
    const stock = await openStock(contracts, holder, fromBlock, clock, console, log);
    keepHeapSmall();
    const { runner, readInput } = stock;
    const unit = await readUnit(contracts.currency, contracts.provider);
    const failures = new Failures(log.error, log.info);
    const warnings = new Failures(log.warn, log.info);
    const funds = new AccountBalance(account);
    let service: ChainService | undefined;
    const overview = new Overview({
      ...{ account: account.wallet.address, decimals: unit.decimals, clock },
      hasSteadyBlocks: !DEVELOPMENT_CHAINS.includes(account.chainId),
      holds: (modelId) => runner.model(modelId) !== undefined,
      failures: () => failures.count,
      status: () => ({
        ...service?.status(),
        ...funds.status,
        ...workStatus(stock),
        queue: stock.queue(),
        ...endpointsStatus(contracts.provider),
      }),
    });
    overview.metrics.info.set(
      {
        command,
        version: VERSION,
        chain: `${account.chainId}`,
        oracle,
        account: account.wallet.address,
      },
      1,
    );
    const listen: Listener = (report) => {
      overview.report(report);
      stock.note(report);
      if (report.kind === 'failed') failures.met(report.sentence);
      else if (report.kind === 'warned') warnings.met(report.sentence);
      else log.info(reportLine(report, unit), reportFields(report));
    };
    const observe = (world: World): void => {
      overview.observe(world, (id) => world.dispute(id));
      stock.look(world);
    };
    service = create({
      ...{ contracts, runner, writing: stock, readInput, listen, observe, fromBlock, clock },
      indexFolder: join(dataFolder(options), 'index', holder.owner),
      onBond: (request) => stock.pin(request),
      ...{ ...risk, runsAtOnce: RUNS_AT_ONCE },
    });
    const looking: Pass = async () => {
      const looked = funds.look();
      // A pass that has begun ends before the next one does, also where this fails.
      looked.catch(() => undefined);
      const sent = await service.pass();
      await looked;
      return sent;
    };
    const { signal, release } = untilSignal(log);
    let stopServing = (): void => undefined;
    let beat: NodeJS.Timeout | undefined;
    try {
      stopServing = await serveIfAsked(options, overview, log.info);
      log.info(`${doing} as ${account.wallet.address} at oracle ${oracle}, chain ${account.chainId}`);
      sayCurrency(contracts, unit, log);
      if (heartbeatSeconds > 0) {
        beat = setInterval(() => log.info(overview.heartbeat()), 1000 * heartbeatSeconds);
      }
      const loop: ServiceLoop = (pass, loopOptions) => repeatService({ ...service, pass }, loopOptions);
      await repeatTelling(looking, loop, {
        ...{ signal, lasting: [failures, warnings], overview, log },
        provider: contracts.provider,
      });
    } catch (failure) {
      throw failure instanceof LeaseTaken ? new InputError(failure.message) : failure;
    } finally {
      clearInterval(beat);
      stopServing();
      release();
      service.close();
      await stock.close();
    }
  });
}
