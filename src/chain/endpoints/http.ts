import type { JsonRpcPayload } from 'ethers';
import { NodeFailure } from './failures.ts';
import { publicName, type Transport } from './transport.ts';

/** The innermost reason, such as ECONNREFUSED: fetch itself says "fetch failed" for everything. */
function reasonOf(failure: unknown): string {
  const { cause, code, message } = failure as { cause?: unknown; code?: unknown; message?: unknown };
  if (typeof code === 'string') return code;
  if (cause) return reasonOf(cause);
  return typeof message === 'string' ? message : String(failure);
}

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

/** JSON-RPC over HTTP POST. */
export function httpTransport(url: string): Transport {
  const name = publicName(url);
  const target = new URL(url);
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (target.username || target.password) {
    const credentials = `${decodeURIComponent(target.username)}:${decodeURIComponent(target.password)}`;
    headers['authorization'] = `Basic ${Buffer.from(credentials).toString('base64')}`;
    target.username = '';
    target.password = '';
  }
  const post = async (payloads: readonly JsonRpcPayload[], signal: AbortSignal) => {
    const body = JSON.stringify(payloads.length === 1 ? payloads[0] : payloads);
    try {
      const response = await fetch(target, { method: 'POST', headers, body, signal });
      return { response, text: await response.text() };
    } catch (failure) {
      if (signal.aborted)
        throw new NodeFailure('timeout', `${name} did not answer in time`, { cause: failure });
      throw new NodeFailure('unreachable', `no Ethereum node answers at ${name} (${reasonOf(failure)})`, {
        cause: failure,
      });
    }
  };
  return {
    batches: true,
    exchange: async (payloads, signal) => {
      const { response, text } = await post(payloads, signal);
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
      if (response.ok)
        throw new NodeFailure('malformed', `${name} answers with something that is no JSON-RPC`);
      const kind = payloads.length > 1 && /batch/i.test(text) ? 'batch' : 'server';
      throw new NodeFailure(kind, `${name} answers with status ${status} (${wordsIn(text, body)})`);
    },
    close: () => undefined,
  };
}
