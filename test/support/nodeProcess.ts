import { type ChildProcess, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';

/** A development node in a process of its own, listening on localhost. */
export interface NodeProcess {
  readonly url: string;
  stop(): Promise<void>;
}

const require = createRequire(import.meta.url);

/** The JavaScript file of a package's command. */
function commandOf(name: string): string {
  const manifest = require.resolve(`${name}/package.json`);
  const { bin } = require(manifest) as { bin: string | Record<string, string> };
  const file = typeof bin === 'string' ? bin : Object.values(bin)[0];
  return join(dirname(manifest), file as string);
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(address !== null && typeof address === 'object' ? address.port : 0));
    });
  });

export type Hardfork = 'osaka' | 'prague';

const CONFIGS = { osaka: 'hardhat.config.ts', prague: 'hardhat.withoutClz.config.ts' };

const ARGUMENTS = {
  hardhat: (port: number, hardfork: Hardfork) => [
    commandOf('hardhat'),
    ...['--config', CONFIGS[hardfork], 'node', '--port', `${port}`, '--hostname', '127.0.0.1'],
  ],
  anvil: (port: number, hardfork: Hardfork) => [
    commandOf('@foundry-rs/anvil'),
    ...['--port', `${port}`, '--hardfork', hardfork],
  ],
};

const STARTED = /Listening on|Started HTTP/;

const ended = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else child.once('exit', () => resolve());
  });

/** @param extra arguments of its own; @throws Error with the node's own output if it ends before it listens */
export async function startNode(
  kind: keyof typeof ARGUMENTS,
  hardfork: Hardfork = 'osaka',
  extra: readonly string[] = [],
): Promise<NodeProcess> {
  const port = await freePort();
  // In its own process group: anvil's command is a script that starts the real one.
  const child = spawn(process.execPath, [...ARGUMENTS[kind](port, hardfork), ...extra], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null && child.pid !== undefined)
      process.kill(-child.pid, 'SIGTERM');
    await ended(child);
  };
  let said = '';
  await new Promise<void>((resolve, reject) => {
    const listen = (data: Buffer) => {
      // Both print every request they answer; only the start matters.
      if (STARTED.test(said)) return;
      said += data.toString();
      if (STARTED.test(said)) resolve();
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    child.on('exit', () => reject(new Error(`${kind} ended before it listened:\n${said}`)));
  });
  return { url: `http://127.0.0.1:${port}`, stop };
}
