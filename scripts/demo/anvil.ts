import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const STARTED = /Listening on (127\.0\.0\.1:\d+)/;

/**
 * Starts a development chain in a process of its own, with a block a second, on any free port.
 *
 * @throws Error with its own words if it ends before it listens
 */
export async function startAnvil(): Promise<{ readonly url: string; stop(): void }> {
  const manifest = createRequire(import.meta.url).resolve('@foundry-rs/anvil/package.json');
  const { bin } = createRequire(import.meta.url)(manifest) as { bin: Readonly<Record<string, string>> };
  const command = join(dirname(manifest), Object.values(bin)[0] as string);
  // In its own process group: the command is a script that starts the real one.
  const child = spawn(
    process.execPath,
    [command, '--port', '0', '--hardfork', 'osaka', '--block-time', '1'],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    },
  );
  let said = '';
  const address = await new Promise<string>((resolve, reject) => {
    const listen = (data: Buffer): void => {
      if (STARTED.test(said)) return;
      said += data.toString();
      const [, found] = STARTED.exec(said) ?? [];
      if (found !== undefined) resolve(found);
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    child.once('exit', () => reject(new Error(`anvil ended before it listened:\n${said}`)));
  });
  return {
    url: `http://${address}`,
    stop: () => {
      if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGTERM');
    },
  };
}
