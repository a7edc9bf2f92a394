import { randomUUID } from 'node:crypto';
import {
  closeSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { makeFolder } from '../../files/makeFolder.ts';

/** Another process sends with the same key. */
export class LeaseTaken extends Error {
  override name = 'LeaseTaken';
}

export interface Lease {
  /** Shows others that this process still lives. @throws LeaseTaken if another one has taken it over */
  renew(): void;
  release(): void;
}

/** A holder on another machine is taken for dead after this long without a sign of life, ms. */
const SILENT_MS = 120_000;
/** A lease without a holder is being written for at most this long, ms, and is looked at again after a rest. */
const UNFILLED_MS = 1000;
const REST_MS = 20;

interface Holder {
  readonly token: string;
  readonly pid: number;
  readonly host: string;
  /** When the process started, as its machine counts; tells it from a later one with the same number. */
  readonly started: string;
}

/** Field 22 of /proc/PID/stat (proc(5)); empty where there is no such file. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

function isAlive({ pid, started }: Holder): boolean {
  try {
    process.kill(pid, 0);
  } catch (failure) {
    return (failure as NodeJS.ErrnoException).code === 'EPERM';
  }
  return startOf(pid) === started;
}

function holderIn(path: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Holder;
  } catch {
    return undefined;
  }
}

/** Where nobody else has it: takes a file for this process. @throws LeaseTaken if a living process has it */
function take(path: string, account: string, holder: Holder): void {
  makeFolder(dirname(path));
  // The time of a file may lie in the future, so what counts is how long was waited here.
  for (let sleptMs = 0; ; ) {
    try {
      writeNew(path, JSON.stringify(holder));
      return;
    } catch (failure) {
      if ((failure as NodeJS.ErrnoException).code !== 'EEXIST') throw failure;
    }
    const other = holderIn(path);
    const isHere = other?.host === holder.host;
    const found = statSync(path, { throwIfNoEntry: false });
    // Its holder has just removed it, so creating it is tried again.
    if (!found) continue;
    const age = Date.now() - found.mtimeMs;
    if (other && (isHere ? isAlive(other) : age < SILENT_MS)) {
      throw new LeaseTaken(
        `process ${other.pid} on ${other.host} sends as ${account} already; end it first, or use another key (its lease: ${path})`,
      );
    }
    // Without links it may be written but not filled yet: its process is between two system calls.
    if (!other && age < UNFILLED_MS && sleptMs < UNFILLED_MS) {
      sleep(REST_MS);
      sleptMs += REST_MS;
    } else if (takeOver(path, account, holder, other)) return;
  }
}

/** Nothing else of this process may run before it has the lease. */
const sleep = (ms: number): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

/**
 * Takes the lease of a dead process. Whoever wants to needs a lease on that first, so only one of several can.
 *
 * @returns whether this process has it now
 */
function takeOver(path: string, account: string, holder: Holder, dead: Holder | undefined): boolean {
  const right = `${path}.${nameOf(dead)}`;
  try {
    take(right, account, holder);
  } catch (failure) {
    if (!(failure instanceof LeaseTaken)) throw failure;
    sleep(REST_MS);
    return false;
  }
  const isStillDead = nameOf(holderIn(path)) === nameOf(dead);
  if (isStillDead) renameSync(right, path);
  else rmSync(right, { force: true });
  return isStillDead;
}

/** A name for files about a holder; a file that was damaged has none that could be used. */
const nameOf = (holder: Holder | undefined): string =>
  /^[\w-]{1,64}$/.test(`${holder?.token}`) ? holder!.token : 'unknown';

/** Of filesystems that have no links. */
const WITHOUT_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'];

/** Writes a file that is not there yet, in one step: others see all of it or nothing, however long this process is held up. */
function writeNew(path: string, text: string): void {
  const draft = `${path}.${randomUUID()}`;
  try {
    writeFileSync(draft, text, { flag: 'wx', mode: 0o600 });
    linkSync(draft, path);
  } catch (failure) {
    if (!WITHOUT_LINKS.includes(`${(failure as NodeJS.ErrnoException).code}`)) throw failure;
    writeInPlace(path, text);
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Writes a file that is not there yet; of one that cannot be written whole nothing is left. */
function writeInPlace(path: string, text: string): void {
  const file = openSync(path, 'wx', 0o600);
  try {
    writeSync(file, text);
  } catch (failure) {
    rmSync(path, { force: true });
    throw failure;
  } finally {
    closeSync(file);
  }
}

/**
 * Takes the right to send with a key. A process that was killed holds it no longer. A disk that takes no file is no reason to
 * miss a clock: the lease is tried for again at each sign of life.
 *
 * @param path of the lease's file
 * @param account for the message
 * @param onTrouble told why there is no file
 * @throws LeaseTaken if a living process holds it
 */
export function takeLease(
  path: string,
  account: string,
  onTrouble: (failure: Error) => void = () => undefined,
): Lease {
  const holder: Holder = {
    token: randomUUID(),
    pid: process.pid,
    host: hostname(),
    started: startOf(process.pid),
  };
  const tryTo = (work: () => void): void => {
    try {
      work();
    } catch (failure) {
      if (failure instanceof LeaseTaken) throw failure;
      onTrouble(failure as Error);
    }
  };
  tryTo(() => take(path, account, holder));
  return {
    renew: () => {
      const token = holderIn(path)?.token;
      if (token !== undefined && token !== holder.token)
        throw new LeaseTaken(`another process has taken over sending as ${account}; this one ends`);
      const now = new Date();
      // Without a file, or with half of one, the folder was taken away or the disk was full.
      tryTo(() => (token === undefined ? take(path, account, holder) : utimesSync(path, now, now)));
    },
    release: () => {
      if (holderIn(path)?.token === holder.token) tryTo(() => rmSync(path, { force: true }));
    },
  };
}
