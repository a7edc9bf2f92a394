import { createServer, type Server } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { getAddress, isAddress } from 'ethers';
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { HTTPException } from 'hono/http-exception';
import { streamSSE } from 'hono/streaming';
import type { Contracts } from '../../chain/contracts/contracts.ts';
import { claimNumber, requestOf } from '../../chain/contracts/types.ts';
import { oneLine } from '../../chain/messages/revert.ts';
import { bytesOfHex } from '../../merkle/keccak.ts';
import type { BlobName } from '../../store/blobs.ts';
import type { Publication } from '../../store/publications.ts';
import {
  type AccountPageJson,
  type LookNews,
  MOST_ROWS,
  type ModelPageJson,
  type PageJson,
  type RequestPageJson,
} from '../api.ts';
import { describe } from '../records/deployment.ts';
import { readWalk } from '../records/moves.ts';
import { claimRow, disputeRow } from '../records/rows.ts';
import { AnswerCache, Busy, Recent, Turns } from './bounded.ts';
import type { ModelFiles } from './files.ts';
import type { Follower } from './follower.ts';
import { DOCUMENT_POLICY, HEADERS, isOwnName } from './headers.ts';
import type { PageInputs } from './pageInputs.ts';
import { answerReady, etagOf, JSON_HEADERS } from './ready.ts';
import { MOST_RELAYED_BYTES, Relay } from './relay.ts';

export interface ServerOptions {
  readonly contracts: Contracts;
  readonly follower: Follower;
  readonly files: ModelFiles;
  readonly publication: (modelId: string) => Promise<Publication>;
  readonly inputs: PageInputs;
  /** The files of the page, by their paths. */
  readonly page: ReadonlyMap<string, PageFile>;
  readonly port: number;
  readonly host: string;
}

export interface PageFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly type: string;
}

/** Answers that are kept, until the chain has news. */
const MOST_ANSWERS = 1000;
/** Answers for which the node is asked at once. */
const MOST_READS = 32;
/** Time after which the record of a model in the registry is read again, ms. */
const PUBLICATION_MS = 60_000;
/** Open streams of news. */
const MOST_STREAMS = 256;
/** Time between signs of life in a stream, ms. */
const SIGN_MS = 15_000;
const MOST_CONNECTIONS = 1024;
const TIMEOUT_MS = 30_000;
const ID = /^[1-9][0-9]{0,28}$/;
const MODEL = /^0x[0-9a-f]{64}$/;
const BLOB = /^(program\/[0-9a-f]{64}|tensor\/[0-9a-f]{64}-[0-9]{1,10})$/;

const nothing = (context: Context, what: string) => context.json({ error: what }, 404);

/** The application without its port; see README.md for what it answers. */
export function application(
  options: Omit<ServerOptions, 'port'>,
  answers: AnswerCache = new AnswerCache(MOST_ANSWERS),
): Hono {
  const { contracts, follower, files, page } = options;
  const { history } = follower;
  const app = new Hono();
  const relay = new Relay(contracts.provider);
  const turns = new Turns(MOST_READS);
  const publications = new Recent(options.publication, PUBLICATION_MS, MOST_ANSWERS);

  app.use(async (context, next) => {
    if (!isOwnName(options.host, context.req.header('host')))
      return context.json({ error: 'this server has another name' }, 421);
    // Before the answer is made, which is faster than changing it.
    for (const [name, value] of Object.entries(HEADERS)) context.header(name, value);
    await next();
    return undefined;
  });
  app.onError((failure, context) => {
    if (failure instanceof HTTPException) return failure.getResponse();
    if (failure instanceof Busy) return context.json({ error: failure.message }, 503);
    const isOurs = failure instanceof TypeError || failure instanceof RangeError;
    return context.json(
      { error: isOurs ? 'the server failed' : 'the node did not answer' },
      isOurs ? 500 : 502,
    );
  });
  app.notFound((context) => nothing(context, 'there is nothing here'));

  /** An answer that is the same until the chain has news. */
  const answer = async (context: Context, make: () => unknown) => {
    const { version } = follower;
    const etag = etagOf(version);
    if (context.req.header('if-none-match') === etag) return context.body(null, 304);
    const { pathname, search } = new URL(context.req.url);
    const text = await answers.get(pathname + search, version, make);
    if (text === undefined) return nothing(context, 'it is not known here');
    return context.body(text, 200, { ...JSON_HEADERS, etag });
  };

  /** The same, of which the node is asked. */
  const read = (context: Context, make: () => Promise<unknown>) => answer(context, () => turns.take(make));

  const idIn = (context: Context): bigint | undefined => {
    const id = context.req.param('id') ?? '';
    return ID.test(id) ? BigInt(id) : undefined;
  };

  const pageOf = <Row extends { readonly id: string }>(
    context: Context,
    read: (most: number, before?: number) => Row[],
  ) =>
    answer(context, (): PageJson<Row> => {
      const before = context.req.query('before') ?? '';
      const rows = ID.test(before) ? read(MOST_ROWS, Number(before)) : read(MOST_ROWS);
      const next = rows.length === MOST_ROWS ? (rows.at(-1)?.id ?? null) : null;
      return { block: follower.block, rows, next };
    });

  const deployment = describe(contracts);
  app.get('/api/deployment', async (context) => context.json(await deployment()));
  app.get('/api/overview', (context) => answer(context, () => follower.overview()));
  app.get('/api/requests', (context) => pageOf(context, (most, before) => history.requests(most, before)));
  app.get('/api/disputes', (context) => pageOf(context, (most, before) => history.disputes(most, before)));
  app.get('/api/models', (context) =>
    answer(context, () => ({ block: follower.block, rows: history.models(MOST_ROWS), next: null })),
  );

  app.get('/api/requests/:id', (context) => {
    const id = Number(idIn(context) ?? 0n);
    return answer(context, async (): Promise<RequestPageJson | undefined> => {
      const request = history.request(id);
      if (!request) return undefined;
      const isText = await files.hasText(request.model);
      const hasProgram = (await files.state(request.model)).state === 'here';
      const claims = history.claimsOn(id, MOST_ROWS);
      const disputes = history.disputesOn(id, MOST_ROWS);
      return { block: follower.block, request, claims, disputes, isText, hasProgram };
    });
  });

  app.get('/api/disputes/:id', (context) => {
    const id = idIn(context) ?? 0n;
    return read(context, async () => {
      const row = history.dispute(Number(id));
      const found = row && (await follower.case(BigInt(row.request)));
      const record = found?.disputes.get(id);
      if (!record) return undefined;
      const walk = await readWalk(contracts, record);
      const [dispute, forecast] = [disputeRow(record), follower.forecast(`${id}`)];
      return { block: follower.block, dispute, forecast, claim: claimRow(record.claim), ...walk };
    });
  });

  app.get('/api/models/:id', async (context) => {
    const id = context.req.param('id');
    if (!MODEL.test(id)) return nothing(context, 'that is no id of a model');
    return read(context, async (): Promise<ModelPageJson | undefined> => {
      if (!(await contracts.registry.isPublished(id))) return undefined;
      const { published, uris, publishers } = await publications.get(id);
      if (!published) return undefined;
      const tensors = (refs: readonly { node: number; byteLength: number }[]) =>
        refs.map(({ node, byteLength }) => ({ node, bytes: byteLength }));
      return {
        block: follower.block,
        id,
        programRoot: `0x${Buffer.from(published.programRoot).toString('hex')}`,
        nodes: published.nodeCount,
        inputs: tensors(published.inputs),
        outputs: tensors(published.outputs),
        answers: tensors(published.answers),
        publishers,
        uris,
        files: await files.state(id),
        requests: history.requestsOnCount(id),
        latest: history.requestsOn(id, MOST_ROWS),
      };
    });
  });

  app.get('/api/models/:id/files', async (context) => {
    const id = context.req.param('id');
    if (!MODEL.test(id)) return nothing(context, 'that is no id of a model');
    return context.json(await files.state(id), 200, { 'cache-control': 'no-store' });
  });

  app.post('/api/models/:id/files', async (context) => {
    const id = context.req.param('id');
    if (!MODEL.test(id)) return nothing(context, 'that is no id of a model');
    if (!isOwnPage(context)) return context.json({ error: 'only pages of this server may ask that' }, 403);
    return context.json(await files.fetch(id, () => publications.get(id)));
  });

  app.get('/api/accounts/:address', async (context) => {
    const given = context.req.param('address');
    if (!isAddress(given)) return nothing(context, 'that is no address');
    const address = getAddress(given);
    return read(context, async (): Promise<AccountPageJson> => {
      const { won, lost } = history.record(address);
      return {
        block: follower.block,
        address,
        owedWei: `${await contracts.oracle.owed(address)}`,
        bondsWei: `${follower.bondsWei(address)}`,
        disputesWon: won,
        disputesLost: lost,
        claims: history.claimsBy(address, MOST_ROWS),
        disputes: history.disputesOf(address, MOST_ROWS),
        requests: history.requestsBy(address, MOST_ROWS),
      };
    });
  });

  app.get('/api/requests/:id/input', async (context) => {
    const found = await turns.take(async () => follower.case(idIn(context) ?? 0n));
    if (!found) return nothing(context, 'there is no such request');
    const { input } = found.request;
    if (input.kind === 'bytes') return raw(context, input.bytes);
    const got = await options.inputs.read(found.request).catch((failure: Error) => failure);
    if (got instanceof Uint8Array) return raw(context, got);
    if (got instanceof Busy) throw got;
    return nothing(context, `its input is by root and cannot be had: ${oneLine(got.message)}`);
  });

  app.get('/api/claims/:id/answer', async (context) => {
    const id = idIn(context) ?? 0n;
    const found = await turns.take(async () => follower.case(requestOf(id)));
    const claim = found?.claims.get(id);
    if (!claim) return nothing(context, 'there is no such claim');
    const { answer } = claim;
    return answer.kind === 'bytes'
      ? raw(context, answer.bytes)
      : context.json({ error: 'the answer is given by root' }, 404);
  });

  app.get('/api/claims/:id', (context) => {
    const id = idIn(context) ?? 0n;
    return answer(context, () => history.claim(Number(requestOf(id)), claimNumber(id)));
  });

  app.get('/files/:kind/:name', async (context) => {
    const name = `${context.req.param('kind')}/${context.req.param('name')}`;
    const bytes = BLOB.test(name) ? await files.read(name as BlobName) : undefined;
    if (!bytes) return nothing(context, 'this server does not have it');
    // Bytes by their hash never change.
    return raw(context, bytes, 'public, max-age=31536000, immutable');
  });

  app.get('/api/models/:id/text', async (context) => {
    const id = context.req.param('id');
    const bytes = MODEL.test(id) ? await files.text(id) : undefined;
    return bytes ? raw(context, bytes) : nothing(context, 'nobody here knows what its tokens mean');
  });

  app.post('/rpc', bodyLimit({ maxSize: MOST_RELAYED_BYTES }), async (context) => {
    if (!isOwnPage(context)) return context.json({ error: 'only pages of this server may ask that' }, 403);
    const { status, body } = await relay.answer(await context.req.text());
    return context.json(body as object, status);
  });

  app.get('/api/news', (context) => {
    if (follower.listeners >= MOST_STREAMS) return context.json({ error: 'too many are listening' }, 503);
    return streamSSE(context, async (stream) => {
      let isBehind = false;
      const send = async (news: LookNews): Promise<void> => {
        // A slow reader skips news; each one says enough to ask for the newest state.
        if (isBehind) return;
        isBehind = true;
        await stream.writeSSE({ event: 'look', data: JSON.stringify(news) }).finally(() => {
          isBehind = false;
        });
      };
      const stop = follower.listen((news) => void send(news).catch(() => stream.abort()));
      stream.onAbort(stop);
      await send({ look: follower.version, block: follower.block, requests: [] });
      while (!stream.aborted && !stream.closed) {
        await stream.sleep(SIGN_MS);
        if (!isBehind) await stream.writeSSE({ event: 'alive', data: `${follower.lookedAt}` });
      }
      stop();
    });
  });

  app.get('*', (context) => {
    const file = page.get(context.req.path);
    if (!file) return nothing(context, 'there is nothing here');
    if (file.type.startsWith('text/html')) context.header('content-security-policy', DOCUMENT_POLICY);
    return context.body(file.bytes, 200, { 'content-type': file.type, 'cache-control': 'no-cache' });
  });
  return app;
}

/** Whether a costly request comes from a page of this server, or from a program that is no page. */
function isOwnPage(context: Context): boolean {
  const site = context.req.header('sec-fetch-site');
  return site === undefined || site === 'same-origin';
}

function raw(context: Context, bytes: Uint8Array | string, caching = 'no-cache') {
  const body = typeof bytes === 'string' ? bytesOfHex(bytes) : bytes;
  return context.body(body as Uint8Array<ArrayBuffer>, 200, {
    'content-type': 'application/octet-stream',
    'cache-control': caching,
  });
}

/**
 * Serves the page and its API.
 *
 * @returns where, and what ends it
 * @throws Error of the system if the port cannot be had
 */
export async function serveExplorer(
  options: ServerOptions,
): Promise<{ readonly url: string; close(): void }> {
  const { host, port } = options;
  const answers = new AnswerCache(MOST_ANSWERS);
  const answer = getRequestListener(application(options, answers).fetch);
  const server: Server = createServer((request, response) => {
    if (!answerReady(request, response, answers, options)) void answer(request, response);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  server.maxConnections = MOST_CONNECTIONS;
  server.headersTimeout = TIMEOUT_MS;
  server.on('error', () => undefined);
  const bound = server.address();
  const at = bound !== null && typeof bound === 'object' ? bound.port : port;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${at}/`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
