import type { JsonRpcPayload } from 'ethers';
import { connectionReason } from '../messages/connection.ts';
import { NodeFailure } from './failures.ts';
import { publicName, type Transport } from './transport.ts';

/** RFC 9110, section 10.2.3: whole seconds, or a date. */
export function retryAfterMs(header: string | null, now: number): number | undefined {
  if (header === null) return undefined;
  const ms = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isFinite(ms) && ms >= 0 ? ms : undefined;
}

const isAnswer = (body: unknown): boolean =>
  Array.isArray(body) ||
  (typeof body === 'object' && body !== null && 'jsonrpc' in body && ('result' in body || 'error' in body));

/** Takes the message out of the body of an HTTP error, in one line. */
function wordsIn(text: string, body: unknown): string {
  const { message, error } = (body ?? {}) as { message?: unknown; error?: unknown };
  const nested = (error as { message?: unknown } | undefined)?.message;
  const found = [nested, message, error].find((one) => typeof one === 'string') ?? text;
  return `${found}`.split('\n')[0]?.slice(0, 200) ?? '';
}

/** Longest answer that is read, bytes: several times what a piece of logs has that a reader asks for. */
const MOST_BYTES = 128 * 2 ** 20;

/** Reads the body of an answer. @returns undefined if it is too long; then the rest is not read */
async function textOf({ body }: Response, mostBytes: number): Promise<string | undefined> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  // To leave the loop early closes the connection.
  for await (const piece of body ?? []) {
    bytes += piece.length;
    if (bytes > mostBytes) return undefined;
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

/** Advice for a status, where it has one. */
const ADVICE: Readonly<Record<number, string>> = {
  401: '; check its key',
  403: '; check its key',
  404: '; check the address',
  405: '; check the address',
};

/** Said in the body of an error by servers that speak TLS only. */
const TLS_ONLY = /\bHTTPS (server|port)\b/i;

/**
 * JSON-RPC over HTTP POST.
 *
 * @param mostBytes longest answer that is read
 */
export function httpTransport(url: string, mostBytes = MOST_BYTES): Transport {
  const name = publicName(url);
  const target = new URL(url);
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (target.username || target.password) {
    const credentials = `${decodeURIComponent(target.username)}:${decodeURIComponent(target.password)}`;
    headers['authorization'] = `Basic ${Buffer.from(credentials).toString('base64')}`;
    target.username = '';
    target.password = '';
  }
  let hasAnswered = false;
  const post = async (payloads: readonly JsonRpcPayload[], signal: AbortSignal) => {
    const body = JSON.stringify(payloads.length === 1 ? payloads[0] : payloads);
    try {
      const response = await fetch(target, { method: 'POST', headers, body, signal });
      hasAnswered = true;
      return { response, text: await textOf(response, mostBytes) };
    } catch (failure) {
      if (signal.aborted)
        throw new NodeFailure('timeout', `${name} did not answer in time`, { cause: failure });
      // Another protocol is proposed only where this one never worked.
      const why = connectionReason(failure, hasAnswered ? undefined : target.protocol);
      throw new NodeFailure('unreachable', `no Ethereum node answers at ${name}: ${why}`, { cause: failure });
    }
  };
  return {
    batches: true,
    exchange: async (payloads, signal) => {
      const { response, text } = await post(payloads, signal);
      if (text === undefined) {
        const kind = payloads.length > 1 ? 'batch' : 'size';
        throw new NodeFailure(kind, `${name} answers with more than ${mostBytes} bytes`);
      }
      const body = (() => {
        try {
          return JSON.parse(text) as unknown;
        } catch {
          return undefined;
        }
      })();
      const { status } = response;
      if (status === 429 || status === 503) {
        const rest = retryAfterMs(response.headers.get('retry-after'), Date.now());
        if (status === 429 || rest !== undefined) {
          throw new NodeFailure('rate', `${name} takes no more requests for now (${wordsIn(text, body)})`, {
            retryAfterMs: rest,
          });
        }
      }
      // Some nodes answer what they refuse with a status of its own and an ordinary body.
      if (isAnswer(body)) return body;
      // Keys may stand in that address, so only its host is shown.
      const target = response.redirected ? `; it redirects to ${publicName(response.url)}` : '';
      if (response.ok) {
        const isPage = /^\s*</.test(text);
        const what = isPage ? 'a web page; check the address' : 'something that is no JSON-RPC';
        throw new NodeFailure('malformed', `${name} answers with ${what}${target}`);
      }
      const kind = payloads.length > 1 && /batch/i.test(text) ? 'batch' : 'server';
      const words = wordsIn(text, body);
      const isPlain = words !== '' && !words.trimStart().startsWith('<');
      const said = `${status} ${response.statusText}`.trim();
      const advice = TLS_ONLY.test(text) ? '; it speaks TLS only; try https://' : (ADVICE[status] ?? '');
      throw new NodeFailure(
        kind,
        `the node at ${name} answered ${said}${isPlain ? ` (${words})` : ''}${advice}${target}`,
      );
    },
    close: () => undefined,
  };
}
