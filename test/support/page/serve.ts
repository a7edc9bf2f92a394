import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Without these, a page has no memory that threads share (HTML Standard, "cross-origin isolation"). */
const ISOLATION = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

const typeOf = (path: string): string =>
  path === '/' ? 'text/html' : path.endsWith('.js') ? 'text/javascript' : 'application/octet-stream';

/**
 * Serves files on this machine only, to pages that are isolated or not.
 *
 * @param files by their paths; looked up at each request
 */
export async function serve(files: ReadonlyMap<string, Uint8Array>, isolated: boolean) {
  const server = createServer(({ url = '/' }, response) => {
    const bytes = files.get(url);
    const headers = { 'Content-Type': typeOf(url), ...(isolated ? ISOLATION : {}) };
    response.writeHead(bytes ? 200 : 404, headers).end(bytes);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    close: (): void => {
      server.closeAllConnections();
      server.close();
    },
  };
}
