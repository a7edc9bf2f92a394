import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { modelsIn } from './bundle.ts';

/** All that a bundle has: a path outside of these is never looked for. */
const PATH =
  /^\/((?:program\/[0-9a-f]{64})|(?:tensor\/[0-9a-f]{64}-[0-9]{1,10})|(?:(?:manifest|text)\/[0-9a-f]{64}\.json))$/;

const MAX_CONNECTIONS = 256;
const HEADERS_MS = 10_000;
/** Bytes by their hash never change. */
const IMMUTABLE = 'public, max-age=31536000, immutable';

interface Range {
  readonly start: number;
  readonly end: number;
}

/**
 * The part of a file that a header asks for.
 *
 * @param size of the whole file
 * @returns undefined for the whole file, as for a header that is not understood (RFC 9110, section 14.2); 'none' if the
 *   file has no such part
 */
export function rangeIn(header: string | undefined, size: number): Range | undefined | 'none' {
  const [, first, last] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '') ?? [];
  if (first === undefined || last === undefined || (first === '' && last === '')) return undefined;
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (first !== '' && last !== '' && Number(last) < start) return undefined;
  return start > end ? 'none' : { start, end };
}

/** Serves a bundle over HTTP to anybody: GET and HEAD, ranges, and nothing but what {@link PATH} names. */
export function bundleServer(folder: string): Server {
  const server = createServer(
    { headersTimeout: HEADERS_MS, requestTimeout: HEADERS_MS },
    (request, response) => {
      answer(folder, request, response).catch(() => {
        if (!response.headersSent) response.writeHead(500);
        response.destroy();
      });
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
  return server;
}

async function answer(folder: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.setHeader('access-control-allow-origin', '*');
  response.setHeader('x-content-type-options', 'nosniff');
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { allow: 'GET, HEAD' }).end();
    return;
  }
  const [url = ''] = (request.url ?? '').split('?', 1);
  if (url === '/') {
    const body = `${JSON.stringify({ models: await modelsIn(folder).catch(() => []) })}\n`;
    response.writeHead(200, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    });
    response.end(request.method === 'HEAD' ? undefined : body);
    return;
  }
  const [, path] = PATH.exec(url) ?? [];
  const file = path === undefined ? undefined : await openFile(join(folder, path));
  if (!file) {
    response.writeHead(404).end();
    return;
  }
  await send(file, path as string, request, response);
}

async function openFile(path: string): Promise<FileHandle | undefined> {
  try {
    // A link could lead out of the folder.
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    if ((await file.stat()).isFile()) return file;
    await file.close();
  } catch {
    // Missing, a link, or not to be read: all the same to whoever asks.
  }
  return undefined;
}

async function send(
  file: FileHandle,
  path: string,
  { method, headers }: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const isManifest = path.startsWith('manifest/');
  const { size } = await file.stat();
  const range = rangeIn(headers.range, size);
  response.setHeader('accept-ranges', 'bytes');
  response.setHeader('content-type', isManifest ? 'application/json' : 'application/octet-stream');
  response.setHeader('cache-control', isManifest ? 'no-cache' : IMMUTABLE);
  if (range === 'none') {
    response.writeHead(416, { 'content-range': `bytes */${size}` }).end();
    await file.close();
    return;
  }
  const { start, end } = range ?? { start: 0, end: size - 1 };
  response.writeHead(range ? 206 : 200, {
    'content-length': end - start + 1,
    ...(range ? { 'content-range': `bytes ${start}-${end}/${size}` } : {}),
  });
  if (method === 'HEAD' || size === 0) {
    response.end();
    await file.close();
    return;
  }
  const stream = file.createReadStream({ start, end });
  stream.on('error', () => response.destroy());
  response.on('close', () => stream.destroy());
  stream.pipe(response);
}
