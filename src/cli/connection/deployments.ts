import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isAddress } from 'ethers';
import type { Address } from '../../chain/contracts/types.ts';
import { readBytes, replaceFile, requireReplaceable } from '../../files/bytes.ts';
import { InputError } from '../../files/inputError.ts';
import { packageRoot } from '../../files/packageRoot.ts';

/** The record of a deployment: deployments/<chainId>.json. */
export interface Deployment {
  readonly chainId: number;
  /** Name of its set of bounds. */
  readonly bounds: string;
  /** Whether its contracts use the opcode CLZ. */
  readonly clz: boolean;
  /** Address of the token that fees and bonds are in; ether if left out. */
  readonly currency?: Address;
  /** Everything that the contracts ever say is said after this block. */
  readonly fromBlock: number;
  readonly oracle: Address;
  readonly game: Address;
  readonly registry: Address;
  readonly referee: Address;
}

/** Names the folder of the records, if it is not `deployments` in the working folder. */
const FOLDER_VARIABLE = 'ASSAY_DEPLOYMENTS';

/** A record has about 400 bytes. */
const MAX_RECORD_BYTES = 65_536;

/** Where a deployment is recorded. @throws InputError if the variable that names the folder is empty */
export function recordPath(chainId: bigint): string {
  const folder = process.env[FOLDER_VARIABLE] ?? 'deployments';
  if (folder === '') throw new InputError(`${FOLDER_VARIABLE} is empty; name a folder, or unset it`, 2);
  return join(folder, `${chainId}.json`);
}

const ADDRESSES = ['oracle', 'game', 'registry', 'referee'] as const;

const USUAL_REMEDY = 'repair it, remove it, or give --oracle ADDRESS';

/** @throws InputError naming the file if it is no record of a deployment on this chain */
function parse(file: string, chainId: bigint, remedy = USUAL_REMEDY): Deployment {
  const wrong = (why: string): InputError => new InputError(`${file}: ${why}; ${remedy}`);
  const text = new TextDecoder().decode(readBytes(file, MAX_RECORD_BYTES));
  let record: Partial<Deployment>;
  try {
    record = JSON.parse(text) as Partial<Deployment>;
  } catch {
    throw wrong('it is no JSON');
  }
  if (record === null || typeof record !== 'object') throw wrong('it is no record of a deployment');
  if (record.chainId !== Number(chainId)) throw wrong(`it is not about chain ${chainId}`);
  const bad = ADDRESSES.find((name) => typeof record[name] !== 'string' || !isAddress(record[name]));
  if (bad) throw wrong(`its "${bad}" is no address`);
  if (record.currency !== undefined && !isAddress(record.currency))
    throw wrong('its "currency" is no address');
  if (!Number.isSafeInteger(record.fromBlock) || (record.fromBlock as number) < 0) {
    throw wrong('its "fromBlock" is no number of a block');
  }
  return record as Deployment;
}

/**
 * The deployment on a chain: as recorded in the folder of records, or else in this package.
 *
 * @throws InputError if the record cannot be used
 */
export function readDeployment(chainId: bigint): Deployment | undefined {
  const shipped = join(packageRoot, 'deployments', `${chainId}.json`);
  const file = [recordPath(chainId), shipped].find((path) => existsSync(path));
  return file === undefined ? undefined : parse(file, chainId);
}

/**
 * Makes sure that a deployment can be recorded, before anything is paid for it.
 *
 * @returns the record that a new one would replace
 * @throws InputError if the file cannot be written, or holds something else than a record of this chain
 */
export function requireRecordable(chainId: bigint): Deployment | undefined {
  const file = recordPath(chainId);
  requireReplaceable(file, MAX_RECORD_BYTES);
  return existsSync(file) ? parse(file, chainId, 'repair it or remove it') : undefined;
}

/** Records a deployment. @returns the file @throws InputError if it cannot be written */
export function writeDeployment(deployment: Deployment): string {
  const file = recordPath(BigInt(deployment.chainId));
  replaceFile(file, `${JSON.stringify(deployment, null, 2)}\n`);
  return file;
}
