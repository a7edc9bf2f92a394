import { join } from 'node:path';
import type { ClaimRecord } from '../../chain/contracts/world.ts';
import type { ChainClock } from '../../chain/service/chainClock.ts';
import { InputError } from '../../files/inputError.ts';
import type { Log } from '../../operator/log.ts';
import type { Publication } from '../../store/publications.ts';
import { type FoundLimits, FoundModels } from '../../work/foundModels.ts';
import type { WorkRunner } from '../../work/runner.ts';
import type { FoundNews } from '../../work/wishes.ts';
import { parseWhole } from '../arguments.ts';
import { dataFolder, type ModelSources, type SourceOptions } from './sources.ts';

/** Bounds on models that strangers name, as text. */
export interface LimitOptions {
  readonly maxModels?: string;
  readonly maxModelBytes?: string;
  readonly maxModelNodes?: string;
  readonly maxModelsBytes?: string;
  readonly maxRunBytes?: string;
  readonly maxRunSteps?: string;
  readonly maxRunSeconds?: string;
  readonly fetchSeconds?: string;
}

/** Default of each bound. */
export const LIMIT_DEFAULTS = {
  maxModels: 64,
  maxModelBytes: 2 ** 30,
  maxModelNodes: 2 ** 14,
  maxModelsBytes: 2 ** 32,
  maxRunBytes: 2 ** 31,
  maxRunSteps: 200_000_000_000,
  maxRunSeconds: 600,
  fetchSeconds: 3600,
} as const;

const optionName = (name: string): string =>
  `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** @throws InputError naming the option that is no number above 0 */
export function limitsOf(options: LimitOptions): FoundLimits {
  const read = (name: keyof LimitOptions): number => {
    const text = options[name];
    if (text === undefined) return LIMIT_DEFAULTS[name];
    const value = Number(parseWhole(optionName(name), text));
    if (value >= 1 && Number.isSafeInteger(value)) return value;
    throw new InputError(`${optionName(name)} ${text}: write a whole number above 0`, 2);
  };
  return {
    maxModels: read('maxModels'),
    maxBytes: read('maxModelBytes'),
    maxNodes: read('maxModelNodes'),
    maxTotalBytes: read('maxModelsBytes'),
    maxRunBytes: read('maxRunBytes'),
    maxSteps: read('maxRunSteps'),
    maxRunSeconds: read('maxRunSeconds'),
    maxFetchSeconds: read('fetchSeconds'),
  };
}

/** Writes what becomes of models that claims or runs name. */
export function tellTo(log: Log): (news: FoundNews) => void {
  return (news) => {
    const { kind, modelId } = news;
    const fields = { model: modelId };
    switch (kind) {
      case 'fetching':
        return log.info(`model ${modelId}: fetching, because a claim names it`, fields);
      case 'held':
        return log.info(`model ${modelId}: fetched, ${news.bytes} bytes; claims on it are checked`, fields);
      case 'malformed':
        return log.info(`model ${modelId}: malformed, so every claim on it is false: ${news.rule}`, fields);
      case 'failed':
        return log.warn(
          `model ${modelId}: cannot be had: ${news.sentence}; trying again in ${news.retrySeconds} s`,
          fields,
        );
    }
  };
}

/** Asks for the model of a claim that nobody could judge, unless it is held and the input is missing. */
export function noteUnknown(
  found: Pick<FoundModels, 'note'> | undefined,
  runner: Pick<WorkRunner, 'model'>,
  claim: ClaimRecord,
): void {
  const missing = runner.model(claim.request.request.modelId) ? 'input' : 'model';
  found?.note({ kind: 'unverified', claim, missing });
}

/**
 * The models that claims name, for `assay watch --all`.
 *
 * @param owner names a folder that no other process uses whose bonds depend on it
 */
export function foundModels(
  options: SourceOptions & LimitOptions,
  { getter, gateways, mirrors }: ModelSources,
  runner: WorkRunner,
  publication: (modelId: string) => Promise<Publication>,
  clock: ChainClock,
  log: Log,
  owner = 'observer',
): FoundModels {
  return new FoundModels({
    runner,
    folder: join(dataFolder(options), 'found', owner),
    getter,
    gateways,
    mirrors,
    limits: limitsOf(options),
    publication,
    clock: () => Number(clock.now()),
    tell: tellTo(log),
  });
}
