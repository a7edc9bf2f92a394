import { join } from 'node:path';
import type { Contracts } from '../../chain/contracts/contracts.ts';
import type { World } from '../../chain/contracts/world.ts';
import { ChainClock } from '../../chain/service/chainClock.ts';
import { ModelFiles } from '../../explorer/server/files.ts';
import { Follower } from '../../explorer/server/follower.ts';
import { KeptModels } from '../../explorer/server/keptModels.ts';
import { pageFolder, readPage } from '../../explorer/server/pageFiles.ts';
import { PageInputs } from '../../explorer/server/pageInputs.ts';
import { serveExplorer } from '../../explorer/server/server.ts';
import { writeSite } from '../../explorer/server/staticSite.ts';
import { InputError } from '../../files/inputError.ts';
import { reasonOf } from '../../files/reason.ts';
import { type VerdictListener, Verdicts } from '../../monitor/verdicts.ts';
import { Failures } from '../../operator/failures.ts';
import { createLog, type Log } from '../../operator/log.ts';
import { publicationsOf } from '../../store/publications.ts';
import { WorkRunner } from '../../work/runner.ts';
import { firstBlockOf, type ReaderOptions, withReader } from '../connection/connection.ts';
import type { Console } from '../console.ts';
import { workersOf } from '../models/engines.ts';
import { foundModels, type LimitOptions, limitsOf, noteUnknown } from '../models/found.ts';
import { modelsFolder } from '../models/holding.ts';
import { inputsFor, OBSERVER } from '../models/inputs.ts';
import {
  dataFolder,
  type ModelSources,
  requirePlace,
  type SourceOptions,
  sourcesOf,
} from '../models/sources.ts';
import { addressRefused, parsePort } from '../ports.ts';
import { type LogArguments, loggingConsole, parseLogOptions } from '../services/logOptions.ts';
import { parseBlock } from '../services/service.ts';
import { untilSignal } from '../services/serviceLoop.ts';

export interface ExplorerOptions extends ReaderOptions, SourceOptions, LimitOptions, LogArguments {
  readonly fromBlock?: string;
  readonly bundle?: readonly string[];
  readonly static?: string;
  readonly judge?: boolean;
  readonly port: string;
  readonly host: string;
}

/** Writes the page for hosts of static files. @throws InputError if it cannot be written */
async function writeStatic(
  folder: string,
  { oracle }: Contracts,
  fromBlock: number,
  gateways: readonly string[],
  { rpc, bundle }: ExplorerOptions,
): Promise<void> {
  const url = rpc[0] as string;
  if (!/^https?:/.test(url))
    throw new InputError(`--static: pages ask a node by http or https, not ${url}`, 2);
  const site = { rpc: url, oracle: await oracle.getAddress(), fromBlock, gateways };
  try {
    writeSite(folder, pageFolder(), site, bundle);
  } catch (failure) {
    throw new InputError(`--static ${folder}: ${reasonOf(failure)}`);
  }
}

/** Runs disputed claims again, on models that are fetched as `watch --all` fetches them. */
async function openJudging(
  options: ExplorerOptions,
  sources: ModelSources,
  contracts: Contracts,
  fromBlock: number,
  owner: string,
  log: Log,
) {
  const clock = new ChainClock();
  const runner = new WorkRunner({ ...workersOf({ engine: 'wasm' }), clock: () => clock.now() });
  const inputs = inputsFor(options, sources, runner, log, owner);
  const publication = publicationsOf(contracts, fromBlock);
  const found = foundModels(options, sources, runner, publication, clock, log, owner);
  await found.start();
  let verdicts: Verdicts | undefined;
  return {
    judge: ({ onVerdict, onFailure }: VerdictListener): Verdicts => {
      verdicts = new Verdicts(runner, inputs.read, {
        onFailure,
        onVerdict: (claim, verdict) => {
          if (verdict === 'unknown') noteUnknown(found, runner, claim);
          else inputs.judged(claim);
          onVerdict(claim, verdict);
        },
      });
      return verdicts;
    },
    observe: (world: World): void => {
      found.look(world, undefined);
      inputs.look(world, OBSERVER).catch((failure: Error) => log.warn(failure.message));
    },
    close: async (): Promise<void> => {
      verdicts?.end();
      found.end();
      await runner.close();
    },
  };
}

/** `assay explorer`: serves a page that shows a deployment and checks answers in the browser, until a signal. */
export async function explorer(options: ExplorerOptions, terminal: Console): Promise<void> {
  const port = parsePort('--port', options.port);
  requirePlace(options);
  const sources = sourcesOf(options);
  const limits = limitsOf(options);
  const asked = options.fromBlock === undefined ? undefined : parseBlock(options.fromBlock);
  const log = createLog({ ...parseLogOptions(options), sink: terminal });
  const console = loggingConsole(terminal, log);
  await withReader(options, console, async (contracts) => {
    console.outlive?.();
    const fromBlock = await firstBlockOf(contracts, asked);
    if (options.static !== undefined) {
      sources.getter.close();
      await writeStatic(options.static, contracts, fromBlock, sources.gateways, options);
      console.out(
        `${options.static}: the page is there; whoever opens it asks ${options.rpc[0]}, and can read that address`,
      );
      return;
    }
    const { chainId } = await contracts.provider.getNetwork();
    const oracle = await contracts.oracle.getAddress();
    const failures = new Failures(log.error, log.info);
    const deployment = `${chainId}-${oracle}`;
    const folder = join(dataFolder(options), 'explorer', deployment);
    const judging = options.judge
      ? await openJudging(options, sources, contracts, fromBlock, `explorer-${deployment}`, log)
      : undefined;
    const follower = new Follower(contracts, {
      ...{ judge: judging?.judge, observe: judging?.observe },
      ...{ fromBlock, folder },
      onNotice: log.warn,
      onFailure: (sentence) => failures.met(sentence),
    });
    const files = new ModelFiles({
      kept: await KeptModels.open(join(folder, 'models'), limits.maxTotalBytes),
      ...{ others: [modelsFolder(options), ...(options.bundle ?? [])], limits },
      ...{ getter: sources.getter, gateways: sources.gateways, mirrors: sources.mirrors },
    });
    const publication = publicationsOf(contracts, fromBlock);
    const inputs = new PageInputs({ getter: sources.getter, gateways: sources.gateways, publication });
    const { signal, release } = untilSignal(log);
    const server = await serveExplorer({
      ...{ contracts, follower, files, inputs, publication, port, host: options.host },
      page: readPage(pageFolder()),
    }).catch((failure: unknown) => {
      throw addressRefused({ port: '--port', host: '--host' }, port, options.host, failure);
    });
    log.info(`the explorer of oracle ${oracle}, chain ${chainId}, is at ${server.url}`);
    try {
      await follower.run(signal);
    } finally {
      server.close();
      release();
      follower.close();
      sources.getter.close();
      await judging?.close();
    }
  });
}
