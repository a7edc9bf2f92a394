import { type LookupAddress, lookup as lookupName } from 'node:dns';
import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { connectionReason } from '../../chain/messages/connection.ts';
import { concat } from '../../merkle/tree.ts';
import { isPublicAddress } from './addresses.ts';
import { type LeastSpeed, TooSlow, watchSpeed } from './leastSpeed.ts';
import { RemoteError } from './remoteError.ts';

export { RemoteError };

/** Addresses of a host name; `node:dns` unless a test puts another in its place. */
export type Resolve = (
  hostname: string,
  answer: (error: Error | null, addresses: readonly LookupAddress[]) => void,
) => void;

export interface GetterOptions {
  /** Whether addresses that are not of the public internet may be asked: for networks of one's own. */
  readonly allowPrivate?: boolean;
  /**
   * Origins, such as `http://127.0.0.1:8080`, that may be private all the same, because the operator named them; for URLs
   * that were made from what was named, see {@link GetOptions.isOwn}.
   */
  readonly trustedOrigins?: readonly string[];
  /** A connection on which nothing arrives for so long is given up, ms. */
  readonly idleMs?: number;
  /** An answer that comes more slowly is given up. */
  readonly leastSpeed?: LeastSpeed;
  readonly resolve?: Resolve;
}

export interface GetOptions {
  /** More bytes are refused. */
  readonly maxBytes: number;
  /** First byte that is wanted; the answer may begin at 0 all the same. */
  readonly from?: number;
  /** Seconds for everything together. */
  readonly seconds: number;
  /** Whether the URL was made from a setting of the operator, and not by a stranger. */
  readonly isOwn?: boolean;
  readonly signal?: AbortSignal;
  /** Told of the bytes of each part that arrives. */
  readonly progress?: (bytes: number) => void;
}

/** A body that is on its way. */
export interface Body {
  /** Position of its first byte. */
  readonly start: number;
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** 64 kB a second, by the last half minute. */
const LEAST_SPEED: LeastSpeed = { bytesPerSecond: 2 ** 16, windowMs: 30_000 };
const MAX_REDIRECTS = 5;
const MAX_CONNECTIONS = 8;
const REDIRECTS = [301, 302, 303, 307, 308];
const ABSENT = [404, 410];

/** A URL to read, and whether its server may be in a private network. */
interface Target {
  readonly url: URL;
  readonly isTrusted: boolean;
}

const resolveName: Resolve = (hostname, answer) =>
  lookupName(hostname, { all: true, verbatim: true }, answer);

/**
 * Gets bytes from URIs that strangers chose. It speaks http and https only, to public addresses only (checked at the
 * very lookup that the connection is made from, so a name cannot mean another address a moment later), follows few
 * redirects, each checked alike, takes no compressed bodies, and stops at bounds of size and time.
 */
export class Getter {
  readonly #allowPrivate: boolean;
  readonly #trusted: ReadonlySet<string>;
  readonly #idleMs: number;
  readonly #leastSpeed: LeastSpeed;
  readonly #resolve: Resolve;
  readonly #agents;

  constructor(options: GetterOptions = {}) {
    this.#allowPrivate = options.allowPrivate ?? false;
    this.#trusted = new Set(options.trustedOrigins?.map((origin) => new URL(origin).origin));
    this.#idleMs = options.idleMs ?? 10_000;
    this.#leastSpeed = options.leastSpeed ?? LEAST_SPEED;
    this.#resolve = options.resolve ?? resolveName;
    // Connections are kept for one getter, because others may be allowed less. A trusted origin has its own.
    const settings = { keepAlive: true, maxSockets: MAX_CONNECTIONS };
    const guarded = { ...settings, lookup: this.#lookup(false) };
    const trusted = { ...settings, lookup: this.#lookup(true) };
    this.#agents = {
      guarded: { 'http:': new HttpAgent(guarded), 'https:': new HttpsAgent(guarded) },
      trusted: { 'http:': new HttpAgent(trusted), 'https:': new HttpsAgent(trusted) },
    };
  }

  /**
   * Opens what a URL leads to.
   *
   * @returns undefined if the server says that there is nothing
   * @throws RemoteError for everything else that is no body within the bounds
   */
  async open(url: string, options: GetOptions): Promise<Body | undefined> {
    const timeout = AbortSignal.timeout(Math.ceil(1000 * options.seconds));
    const speed = watchSpeed(this.#leastSpeed);
    const signal = AbortSignal.any([timeout, speed.signal, ...(options.signal ? [options.signal] : [])]);
    try {
      const found = await this.#follow(url, options, signal);
      if (!found) speed.end();
      return found && { ...found, chunks: speed.counted(found.chunks, options.progress) };
    } catch (error) {
      speed.end();
      throw error;
    }
  }

  async #follow(url: string, options: GetOptions, signal: AbortSignal): Promise<Body | undefined> {
    let at = this.#parse(url, options.isOwn ?? false);
    for (let redirects = 0; ; redirects++) {
      const answer = await this.#ask(at, options.from ?? 0, signal);
      const { statusCode = 0, headers } = answer;
      if (REDIRECTS.includes(statusCode) && headers.location !== undefined) {
        answer.destroy();
        if (redirects === MAX_REDIRECTS)
          throw new RemoteError(`${url} redirects more than ${MAX_REDIRECTS} times`);
        at = this.#parse(headers.location, false, at);
        continue;
      }
      if (ABSENT.includes(statusCode)) {
        answer.destroy();
        return undefined;
      }
      return this.#body(at.url, answer, options, signal);
    }
  }

  /** All bytes of what a URL leads to, as {@link open}. */
  async read(url: string, options: GetOptions): Promise<Uint8Array | undefined> {
    const body = await this.open(url, options);
    if (!body) return undefined;
    const chunks: Uint8Array[] = [];
    for await (const chunk of body.chunks) chunks.push(chunk);
    return concat(chunks);
  }

  /** Closes connections that are kept. */
  close(): void {
    for (const agents of Object.values(this.#agents))
      for (const agent of Object.values(agents)) agent.destroy();
  }

  #parse(text: string, isOwn: boolean, from?: Target): Target {
    let url: URL;
    try {
      url = new URL(text, from?.url);
    } catch {
      throw new RemoteError(`${JSON.stringify(text.slice(0, 200))} is no URL`);
    }
    if (url.protocol !== 'http:' && url.protocol !== 'https:') {
      throw new RemoteError(
        `${told(url)}: only http and https are followed, not ${url.protocol.slice(0, 20)}`,
      );
    }
    if (url.username !== '' || url.password !== '') {
      throw new RemoteError(`${url.host}: a URL with a name or password is not followed`);
    }
    // RULE: an origin that the operator named may be private for URLs made from that setting, and where it leads to itself.
    const isNamed = isOwn || (from?.isTrusted === true && from.url.origin === url.origin);
    const isTrusted = isNamed && this.#trusted.has(url.origin);
    // A literal address is connected to without a lookup. The parser has read 127.1 and 0x7f000001 as 127.0.0.1.
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
    if (isIP(host) !== 0 && !isTrusted && !this.#allowPrivate && !isPublicAddress(host))
      throw new RemoteError(innerAddress(told(url), host));
    return { url, isTrusted };
  }

  #lookup =
    (isTrusted: boolean): LookupFunction =>
    (hostname, options, answer) => {
      this.#resolve(hostname, (error, addresses) => {
        const [first] = addresses ?? [];
        if (error || !first) return answer(error ?? new RemoteError(`${hostname} has no address`), []);
        const inner = addresses.find(({ address }) => !isPublicAddress(address));
        if (inner && !isTrusted && !this.#allowPrivate) {
          return answer(new RemoteError(innerAddress(hostname, inner.address)), []);
        }
        return options.all ? answer(null, [...addresses]) : answer(null, first.address, first.family);
      });
    };

  #ask({ url, isTrusted }: Target, from: number, signal: AbortSignal): Promise<IncomingMessage> {
    const isSecure = url.protocol === 'https:';
    const agents = isTrusted ? this.#agents.trusted : this.#agents.guarded;
    const headers = {
      'user-agent': 'assay',
      // No compression, so that few bytes never become many.
      'accept-encoding': 'identity',
      ...(from > 0 ? { range: `bytes=${from}-` } : {}),
    };
    return new Promise((resolve, reject) => {
      const fail = (error: Error): void => reject(inWords(url, error, signal));
      if (signal.aborted) return fail(new Error('aborted'));
      let arriving: IncomingMessage | undefined;
      const asked = (isSecure ? requestHttps : requestHttp)(
        url,
        { agent: agents[url.protocol as 'http:' | 'https:'], headers, signal, timeout: this.#idleMs },
        (answer) => {
          arriving = answer;
          resolve(answer);
        },
      );
      asked.on('timeout', () => {
        const idle = new RemoteError(`${told(url)} sends nothing for ${this.#idleMs / 1000} seconds`);
        (arriving ?? asked).destroy(idle);
      });
      asked.on('error', fail);
      asked.end();
    });
  }

  #body(url: URL, answer: IncomingMessage, { maxBytes, from = 0 }: GetOptions, signal: AbortSignal): Body {
    const { statusCode, headers } = answer;
    const refuse = (why: string): never => {
      answer.destroy();
      throw new RemoteError(`${told(url)} ${why}`);
    };
    if (statusCode !== 200 && statusCode !== 206) refuse(`answers with status ${statusCode}`);
    if ((headers['content-encoding'] ?? 'identity') !== 'identity') {
      refuse(`sends a compressed body, which was not asked for`);
    }
    const start =
      statusCode === 206 ? Number(/^bytes (\d{1,15})-/.exec(headers['content-range'] ?? '')?.[1]) : 0;
    if (start !== 0 && start !== from) refuse('sends another part than the one asked for');
    const length = Number(headers['content-length'] ?? 0);
    if (start + length > maxBytes) {
      refuse(`has ${start + length} bytes, and at most ${maxBytes} are expected`);
    }
    return { start, chunks: bounded(url, answer, maxBytes - start, signal) };
  }
}

async function* bounded(
  url: URL,
  answer: IncomingMessage,
  mostBytes: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let total = 0;
  try {
    for await (const chunk of answer as AsyncIterable<Uint8Array>) {
      total += chunk.length;
      if (total > mostBytes)
        throw new RemoteError(`${told(url)} sends more than the ${mostBytes} bytes expected`);
      yield chunk;
    }
  } catch (error) {
    throw error instanceof RemoteError ? error : inWords(url, error as Error, signal);
  } finally {
    answer.destroy();
  }
}

const MOST_TOLD = 200;

/** A URL as it is told to people: not at any length, without its query. */
const told = ({ protocol, host, pathname }: URL): string => {
  const text = `${protocol}//${host}${pathname}`;
  return text.length > MOST_TOLD ? `${text.slice(0, MOST_TOLD)}…` : text;
};

const innerAddress = (host: string, address: string): string =>
  `${host} leads to ${address}, which is no address of the public internet; add --allow-private if it is your own network`;

function inWords(url: URL, error: Error, signal: AbortSignal): RemoteError {
  if (error instanceof RemoteError) return error;
  if (signal.aborted) {
    if (signal.reason instanceof TooSlow) return new RemoteError(`${told(url)} ${signal.reason.message}`);
    const isLate = (signal.reason as Error).name === 'TimeoutError';
    return new RemoteError(`${told(url)} ${isLate ? 'takes too long' : 'was given up'}`);
  }
  return new RemoteError(`${told(url)} cannot be read: ${connectionReason(error, url.protocol)}`);
}
