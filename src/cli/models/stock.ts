import type { Contracts } from '../../chain/contracts/contracts.ts';
import type { RequestRecord, World } from '../../chain/contracts/world.ts';
import type { Report } from '../../chain/messages/report.ts';
import type { ChainClock } from '../../chain/service/chainClock.ts';
import type { ReadInput } from '../../chain/service/inputs.ts';
import { InputError } from '../../files/inputError.ts';
import type { Log } from '../../operator/log.ts';
import type { QueueStatus } from '../../operator/overview.ts';
import { publicationsOf } from '../../store/publications.ts';
import type { Runner } from '../../store/runner.ts';
import { WorkRunner, type WorkStatus } from '../../work/runner.ts';
import type { Console } from '../console.ts';
import type { LoadedText } from '../text/loadText.ts';
import { type EngineOptions, type WorkerArguments, workersOf } from './engines.ts';
import { checkQueue, type FleetOptions, joinFleet, trustOf } from './fleet.ts';
import { foundModels, type LimitOptions } from './found.ts';
import { holdNamed } from './holding.ts';
import { inputsFor } from './inputs.ts';
import type { ImportArguments } from './loadModel.ts';
import { type SourceOptions, sourcesOf } from './sources.ts';

/** Options for the models of a service and for their runs. */
export interface StockOptions
  extends EngineOptions,
    WorkerArguments,
    ImportArguments,
    SourceOptions,
    LimitOptions,
    FleetOptions {
  /** Take every model that claims name. */
  readonly all?: boolean;
}

/** Whose stock it is. */
interface Holder {
  readonly account: string;
  /** Names the account at an oracle, for folders that nobody else uses. */
  readonly owner: string;
}

/** The models and inputs of a service, and what runs them. */
export interface Stock {
  readonly runner: Runner;
  readonly readInput: ReadInput;
  /** Named models that write text, by their ids. */
  readonly texts: ReadonlyMap<string, LoadedText>;
  /** Runs models in this process, whoever else runs them. */
  readonly local: WorkRunner;
  /** Learns from the chain, in each pass, which models and inputs are needed. */
  look(world: World): void;
  /** Learns from a report which models and inputs are needed. */
  note(report: Report): void;
  /** Keeps the model and the input of a request, because a bond is about to depend on them. */
  pin(request: RequestRecord): void;
  status(): WorkStatus;
  /** State of the queue, if there is one. */
  queue(): QueueStatus | undefined;
  close(): Promise<void>;
}

/**
 * Checks what a service is told about its models, before anything is connected.
 *
 * @param bondsAlways whether every answer is for a bond, as a provider's are
 * @returns opens the stock; the models are compiled or fetched then
 * @throws InputError for what cannot be
 */
export function prepareStock(named: readonly string[], options: StockOptions, bondsAlways: boolean) {
  const trust = trustOf(options, bondsAlways);
  checkQueue(options);
  const work = workersOf(options);
  const sources = sourcesOf(options);
  if (named.length === 0 && !options.all) {
    throw new InputError('name a model, or add --all to take those that claims name', 2);
  }
  return async (
    contracts: Contracts,
    { account, owner }: Holder,
    fromBlock: number,
    clock: ChainClock,
    console: Console,
    log: Log,
  ): Promise<Stock> => {
    const local = new WorkRunner({ ...work, clock: () => clock.now() });
    const publication = publicationsOf(contracts, fromBlock);
    const fleet = await joinFleet(options, trust, local, publication, clock, log);
    const runner = fleet?.runner ?? local;
    const texts = new Map<string, LoadedText>();
    for (const [id, text] of await holdNamed(
      named,
      options,
      (model) => local.put(model),
      contracts,
      console,
      log,
    )) {
      // A text is found and checked by two programs of the same weights, which are held once.
      const weights = new Map(local.weights(id));
      texts.set(id, { ...text, model: { ...text.model, weights } });
    }
    const inputs = inputsFor(options, sources, runner, log, owner);
    const party = { role: bondsAlways ? 'claimant' : 'challenger', account } as const;
    const found = options.all
      ? foundModels(options, sources, local, publication, clock, log, owner)
      : undefined;
    await found?.start();
    return {
      runner,
      readInput: inputs.read,
      texts,
      local,
      look: (world) => {
        found?.look(world, account);
        inputs.look(world, party).catch((failure: Error) => log.warn(failure.message));
      },
      note: (report) => {
        inputs.note(report);
        found?.note(report);
      },
      pin: (request) => {
        inputs.pin(request);
        found?.pin(request.request.modelId);
      },
      status: () => local.status(),
      queue: () => fleet?.queue(),
      close: async () => {
        found?.end();
        sources.getter.close();
        await fleet?.close();
        await local.close();
      },
    };
  };
}
