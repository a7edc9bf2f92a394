import { statSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { InputError } from '../../files/inputError.ts';
import { modelsIn } from '../../store/bundle.ts';
import { bundleServer } from '../../store/bundleServer.ts';
import type { Console } from '../console.ts';
import { addressRefused, parsePort } from '../ports.ts';

export interface ServeOptions {
  readonly port: string;
  readonly host: string;
}

/** `assay serve`: serves a bundle over HTTP until SIGINT or SIGTERM. */
export async function serveBundle(folder: string, options: ServeOptions, console: Console): Promise<void> {
  const port = parsePort('--port', options.port);
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw new InputError(
      `${folder}: there is no such folder; \`assay publish … --bundle DIR\` writes a bundle, and \`assay provide … --answers-uri URI/\` makes the folder answers of its --data when it starts`,
    );
  }
  const models = await modelsIn(folder).catch(() => []);
  const hasTensors = statSync(join(folder, 'tensor'), { throwIfNoEntry: false })?.isDirectory() ?? false;
  if (models.length === 0 && !hasTensors)
    throw new InputError(`${folder}: is no bundle; it has no manifest, and no answers`);
  const server = bundleServer(folder);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (failure) =>
      reject(addressRefused({ port: '--port', host: '--host' }, port, options.host, failure)),
    );
    server.listen(port, options.host, resolve);
  });
  const { port: bound } = server.address() as AddressInfo;
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  for (const model of models) console.out(`model ${model}`);
  console.out(`serving at http://${host}:${bound}/`);
  await new Promise<void>((resolve) => {
    const end = (): void => {
      process.off('SIGINT', end);
      process.off('SIGTERM', end);
      server.close(() => resolve());
      server.closeAllConnections();
    };
    process.on('SIGINT', end);
    process.on('SIGTERM', end);
  });
}
