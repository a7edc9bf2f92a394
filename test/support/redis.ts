import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createServer } from 'node:net';

/** A Redis or Valkey server of a test's own. */
export interface RedisProcess {
  readonly url: string;
  /** Has it answer nothing, as if its machine were frozen, until it is woken. */
  freeze(): void;
  wake(): void;
  stop(): Promise<void>;
}

const COMMANDS = ['redis-server', 'valkey-server'];

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(address !== null && typeof address === 'object' ? address.port : 0));
    });
  });

/** @returns undefined where there is no such server */
export async function startRedis(): Promise<RedisProcess | undefined> {
  const command = COMMANDS.find((name) => spawnSync(name, ['--version']).status === 0);
  if (!command) return undefined;
  const port = await freePort();
  const child: ChildProcess = spawn(
    command,
    ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  process.once('exit', () => child.kill('SIGKILL'));
  await new Promise<void>((resolve, reject) => {
    child.stdout?.on('data', (data: Buffer) => {
      if (data.toString().includes('Ready to accept connections')) resolve();
    });
    void ended.then(() => reject(new Error(`${command} ended before it listened`)));
  });
  return {
    url: `redis://127.0.0.1:${port}`,
    freeze: () => void child.kill('SIGSTOP'),
    wake: () => void child.kill('SIGCONT'),
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** Starts one, or skips the test, saying why. */
export async function redisOrSkip(context: Mocha.Context): Promise<RedisProcess> {
  const redis = await startRedis();
  if (redis) return redis;
  console.error('      neither redis-server nor valkey-server is installed');
  return context.skip();
}
