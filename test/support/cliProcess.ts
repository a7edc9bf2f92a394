import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The `assay` command as a process of its own. */
export interface CliProcess {
  readonly pid: number;
  /** Its output so far. */
  readonly out: string;
  readonly err: string;
  /** Waits until it has written `text`; rejects if it ends before. */
  says(text: string): Promise<void>;
  /** Waits for its end: exit code, or the signal that ended it. */
  ended(): Promise<number | NodeJS.Signals>;
  kill(signal: NodeJS.Signals): void;
  /** Reads its stdout no more, as `head` does when it ends. */
  closeOutput(): void;
}

/** Exit code and output of a command. */
export interface Ended {
  readonly code: number | string;
  readonly out: string;
  readonly err: string;
}

const ENTRY = join(import.meta.dirname, '../../src/cli/assay.mjs');

const running = new Set<ChildProcess>();

/** Ends everything that was started, however a test went. */
export function killAll(): void {
  for (const child of running) child.kill('SIGKILL');
}

process.once('exit', killAll);

/** Records of deployments go here, unless a test names another folder: not into the project. */
const records = mkdtempSync(join(tmpdir(), 'assay-deployments-'));
process.once('exit', () => rmSync(records, { recursive: true, force: true }));

/** Starts the command of this tree. */
export const startCli = (...args: string[]): CliProcess => startCommand(ENTRY, args);

/** Runs the command of this tree to its end. */
export const runCli = (...args: string[]): Promise<Ended> => runCommand(ENTRY, args);

/** Starts a program of Node, such as the command of an installed package. @param env what it finds besides this one's */
export const startCommand = (
  entry: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): CliProcess => startProgram([process.execPath, entry, ...args], env);

/**
 * Starts the command of this tree on a disk of its own, a folder that nobody else sees.
 *
 * @param mount how: what `mount -t tmpfs` is told
 */
export const startOnDisk = (folder: string, mount: string, ...args: string[]): CliProcess =>
  startProgram([
    ...['unshare', '--user', '--map-root-user', '--mount', 'sh', '-c'],
    `mount -t tmpfs -o ${mount} tmpfs "$0" && exec "$@"`,
    ...[folder, process.execPath, ENTRY, ...args],
  ]);

/** Whether {@link startOnDisk} may be used here: not everywhere may users mount. */
export const hasDisks = (folder: string): boolean =>
  spawnSync('unshare', ['--user', '--map-root-user', '--mount', 'mount', '-t', 'tmpfs', 'tmpfs', folder])
    .status === 0;

function startProgram([program = '', ...args]: readonly string[], env: NodeJS.ProcessEnv = {}): CliProcess {
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ASSAY_DEPLOYMENTS: records, XDG_DATA_HOME: records, ...process.env, ...env },
  });
  running.add(child);
  const said = { out: '', err: '' };
  const waiting = new Set<() => void>();
  const collect = (stream: 'out' | 'err') => (data: Buffer) => {
    said[stream] += data.toString();
    for (const look of waiting) look();
  };
  child.stdout.on('data', collect('out'));
  child.stderr.on('data', collect('err'));
  const end = new Promise<number | NodeJS.Signals>((resolve) => {
    child.on('close', (code, signal) => {
      running.delete(child);
      resolve(code ?? (signal as NodeJS.Signals));
    });
  });
  const says = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (!said.out.includes(text) && !said.err.includes(text)) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
      void end.then((how) =>
        reject(new Error(`ended with ${how} before "${text}":\n${said.out}${said.err}`)),
      );
    });
  return {
    pid: child.pid as number,
    get out() {
      return said.out;
    },
    get err() {
      return said.err;
    },
    says,
    ended: () => end,
    kill: (signal) => void child.kill(signal),
    closeOutput: () => void child.stdout.destroy(),
  };
}

/** Runs a program of Node to its end. */
export async function runCommand(entry: string, args: readonly string[]): Promise<Ended> {
  const cli = startCommand(entry, args);
  const code = await cli.ended();
  return { code, out: cli.out, err: cli.err };
}
