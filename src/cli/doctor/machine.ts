import { accessSync, constants, existsSync, statfsSync } from 'node:fs';
import { freemem, totalmem } from 'node:os';
import { dirname, resolve } from 'node:path';
import { makeFolder } from '../../files/makeFolder.ts';
import { reasonOf } from '../../files/reason.ts';
import { type Finding, fail, ok, warn } from './finding.ts';

/** Checks of this machine, which ask nobody else. */

const GIB = 2 ** 30;
/** Below the first a service should not run, below the second it may stop before long, bytes. */
const FREE_DISK = { fail: 2 ** 27, warn: 2 ** 30 };
const LEAST_NODE = [22, 13] as const;

/** @param version as in `process.versions.node` */
export function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isEnough = major > LEAST_NODE[0] || (major === LEAST_NODE[0] && minor >= LEAST_NODE[1]);
  return isEnough
    ? ok('Node', version)
    : fail('Node', `${version}, ${LEAST_NODE.join('.')} is needed`, 'install a newer one');
}

/** The nearest folder above that is there. */
function existing(folder: string): string {
  let at = resolve(folder);
  while (!existsSync(at)) at = dirname(at);
  return at;
}

/** Whether models and inputs can be kept in the data folder, which is made if it is not there. */
export function checkData(folder: string): Finding[] {
  try {
    makeFolder(folder);
    accessSync(folder, constants.R_OK | constants.W_OK);
  } catch (failure) {
    return [fail('data', `${folder}: ${reasonOf(failure)}`, 'name another folder with --data')];
  }
  const { bavail, bsize } = statfsSync(existing(folder));
  const free = bavail * bsize;
  const detail = `${folder}: writable`;
  const space = `${(free / GIB).toFixed(1)} GiB free`;
  if (free < FREE_DISK.fail) return [ok('data', detail), fail('disk', space, 'free some')];
  return [
    ok('data', detail),
    free < FREE_DISK.warn ? warn('disk', space, 'free some before models are fetched') : ok('disk', space),
  ];
}

export const checkMemory = (): Finding =>
  ok('memory', `${(freemem() / GIB).toFixed(1)} of ${(totalmem() / GIB).toFixed(1)} GiB free`);
