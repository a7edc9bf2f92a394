import { join } from 'node:path';
import type { Log } from '../../operator/log.ts';
import { FolderBlobs } from '../../store/folder.ts';
import type { Party } from '../../store/inputNeeds.ts';
import { Inputs } from '../../store/inputs.ts';
import type { Runner } from '../../store/runner.ts';
import { dataFolder, type ModelSources, type SourceOptions } from './sources.ts';

/** Longest input that is fetched, and of all that are kept, bytes. */
const MAX_INPUT_BYTES = 2 ** 26;
const MAX_INPUTS_BYTES = 2 ** 32;

/** A party without bonds. */
export const OBSERVER: Party = { role: 'challenger', account: undefined };

/**
 * Inputs that requests give by root.
 *
 * @param owner names a folder that no other process uses whose bonds depend on it
 * @param waitMs longest wait of a reader; the default is a service's, which asks again
 */
export const inputsFor = (
  options: SourceOptions,
  { getter, gateways }: ModelSources,
  runner: Runner,
  log: Log,
  owner = 'observer',
  waitMs?: number,
): Inputs =>
  new Inputs({
    model: (modelId) => runner.model(modelId),
    folder: new FolderBlobs(join(dataFolder(options), 'inputs', owner)),
    getter,
    gateways,
    maxBytes: MAX_INPUT_BYTES,
    maxTotalBytes: MAX_INPUTS_BYTES,
    complain: (sentence) => log.warn(sentence),
    ...(waitMs !== undefined && { waitMs }),
  });
