import { accessSync, constants, type Stats, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { InputError } from '../../files/inputError.ts';
import { makeFolder } from '../../files/makeFolder.ts';
import { reasonOf } from '../../files/reason.ts';
import { Getter } from '../../store/remote/getter.ts';
import { IPFS_GATEWAYS, locationsOf } from '../../store/remote/locations.ts';

/** Where models and inputs come from, and where they are kept. */
export interface SourceOptions {
  readonly data?: string;
  readonly ipfsGateway?: readonly string[];
  readonly mirror?: readonly string[];
  readonly allowPrivate?: boolean;
}

export interface ModelSources {
  readonly getter: Getter;
  readonly gateways: readonly string[];
  readonly mirrors: readonly string[];
}

/** The folder for everything that is kept, unless another is named: as the XDG Base Directory Specification says. */
export const dataFolder = ({ data }: SourceOptions): string =>
  data ?? join(process.env['XDG_DATA_HOME'] ?? join(homedir(), '.local', 'share'), 'assay');

/** The folder for leases and journals of accounts that send. */
export const sentFolder = (options: SourceOptions): string => join(dataFolder(options), 'sent');

/** @throws InputError for what is no http or https URL */
function requireUrl(option: string, text: string): string {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) {
    throw new InputError(`${option}: write an http or https address`, 2);
  }
  return text;
}

/**
 * Checks a URI that goes on chain for others to follow.
 *
 * @throws InputError for one that nobody follows
 */
export function requireFollowed(option: string, uri: string): void {
  try {
    if (uri !== '') locationsOf(uri);
  } catch (error) {
    throw new InputError(`${option}: ${(error as Error).message}`, 2);
  }
}

/** @throws InputError for a path that names nothing that could be there */
function statOf(path: string, what: string): Stats | undefined {
  try {
    return statSync(path);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (['ENOENT', 'ENOTDIR'].includes(code)) return undefined;
    throw new InputError(`${what}: ${reasonOf(error)}`);
  }
}

/** Codes of the system for a place in which no folder can be, other than a disk that is full, read-only or broken. */
const NO_PLACE: Readonly<Record<string, string>> = {
  ENOENT: 'no folder can be made there',
  EACCES: 'no permission to write there',
  EPERM: 'no permission to write there',
};

/** @throws InputError for a file where the folder should be: a typing mistake, other than a disk that is full */
function requireFolder(options: SourceOptions): void {
  const folder = dataFolder(options);
  for (let at = resolve(folder); ; at = dirname(at)) {
    const found = statOf(at, `--data ${folder}`);
    if (found?.isDirectory() || at === dirname(at)) return;
    if (found) throw new InputError(`--data ${folder}: ${at} is a file, not a folder; name a folder`);
  }
}

/** Makes the folder that `--data` names, of a command that sends nothing. @throws InputError for a place that takes none */
export function requirePlace({ data }: SourceOptions): void {
  if (data === undefined) return;
  try {
    makeFolder(data);
  } catch (failure) {
    const why = NO_PLACE[(failure as NodeJS.ErrnoException).code ?? ''];
    if (why !== undefined) throw new InputError(`--data ${data}: ${why}; name another folder`);
  }
}

/**
 * Makes the folder for leases and journals, if `--data` names it. A service starts all the same on a disk that is full or
 * read-only, since it may have clocks to keep; a name that never can be a folder is a mistake, and without the lease a second
 * process with the same key goes unnoticed.
 *
 * @throws InputError for a folder that cannot be made or written to
 */
export function requireSentFolder(options: SourceOptions): void {
  if (options.data === undefined) return;
  requireFolder(options);
  const folder = sentFolder(options);
  try {
    makeFolder(folder);
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (failure) {
    const why = NO_PLACE[(failure as NodeJS.ErrnoException).code ?? ''];
    if (why === undefined) return;
    throw new InputError(
      `--data ${options.data}: ${why}; name another folder: without one, a second process with the same key is not noticed`,
    );
  }
}

/** @throws InputError for a gateway or mirror that is no URL, or a data folder that is a file */
export function sourcesOf(options: SourceOptions): ModelSources {
  const { ipfsGateway = [], mirror = [], allowPrivate = false } = options;
  requireFolder(options);
  const gateways = ipfsGateway.map((url) => requireUrl('--ipfs-gateway', url));
  for (const uri of mirror) requireFollowed('--mirror', uri);
  // The operator named these, so they may be machines of its own, for URLs that are made from them.
  const trustedOrigins = [...gateways, ...mirror.filter((uri) => /^https?:/.test(uri))];
  return {
    getter: new Getter({ allowPrivate, trustedOrigins }),
    gateways: gateways.length > 0 ? gateways : IPFS_GATEWAYS,
    mirrors: mirror,
  };
}
