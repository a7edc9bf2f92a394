import { existsSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

/** The headers that a folder's `_headers` names for all of its files. */
function headersIn(folder: string): Record<string, string> {
  const path = join(folder, '_headers');
  if (!existsSync(path)) return {};
  const lines = readFileSync(path, 'utf8').split('\n').slice(1);
  return Object.fromEntries(
    lines.flatMap((line) => {
      const [, name, value] = /^\s+([\w-]+): (.*)$/.exec(line) ?? [];
      return name === undefined ? [] : [[name, value as string]];
    }),
  );
}

/** A host of static files as there are many: a folder below a path, with the headers that its `_headers` names, or without. */
export async function hostFolder(folder: string, withHeaders = true) {
  const below = '/some/path';
  const headers = withHeaders ? headersIn(folder) : {};
  const server = createServer(({ url = '/' }, response) => {
    const { pathname } = new URL(url, 'http://host');
    const name = normalize(pathname.slice(below.length) || '/');
    const path = join(folder, name === '/' ? 'index.html' : name);
    const isThere = pathname.startsWith(below) && existsSync(path) && statSync(path).isFile();
    const type = TYPES[extname(path)] ?? 'application/octet-stream';
    response.writeHead(isThere ? 200 : 404, { ...headers, 'content-type': type });
    response.end(isThere ? readFileSync(path) : undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${below}/`,
    close: (): void => {
      server.closeAllConnections();
      server.close();
    },
  };
}
