import { createServer, type ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';

/** The facts that the server reports. Lists hold reasons for "no"; an empty list means "yes". */
export interface Told {
  readonly registry: Registry;
  deaths(): readonly string[];
  obstacles(): readonly string[];
}

const TIMEOUT_MS = 10_000;
/** Connections at once; scrapers need one each. */
const MOST_CONNECTIONS = 64;

function answer(response: ServerResponse, reasons: readonly string[]): void {
  response.writeHead(reasons.length === 0 ? 200 : 503, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify({ ok: reasons.length === 0, reasons })}\n`);
}

/**
 * Serves `/metrics` for Prometheus, `/healthz` and `/readyz`, which answer 200 or 503 and give the reasons.
 *
 * @returns the port, and what stops it
 * @throws Error of the system if the port cannot be had
 */
export async function serveStatus(
  told: Told,
  port: number,
  host: string,
): Promise<{ readonly port: number; close(): void }> {
  const server = createServer(async (request, response) => {
    const path = (request.url ?? '').split('?')[0];
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' }).end();
    } else if (path === '/healthz') {
      answer(response, told.deaths());
    } else if (path === '/readyz') {
      answer(response, told.obstacles());
    } else if (path === '/metrics') {
      const text = await told.registry.metrics().catch((failure: unknown) => failure as Error);
      if (text instanceof Error) response.writeHead(500).end();
      else response.writeHead(200, { 'content-type': told.registry.contentType }).end(text);
    } else {
      response.writeHead(404).end('there is /metrics, /healthz and /readyz\n');
    }
  });
  server.requestTimeout = TIMEOUT_MS;
  server.maxConnections = MOST_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  // A scrape that fails later is no reason to end.
  server.on('error', () => undefined);
  const bound = server.address();
  return {
    port: bound !== null && typeof bound === 'object' ? bound.port : port,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
