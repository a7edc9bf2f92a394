import { concat } from '../../../merkle/tree.ts';
import type { Call } from './chain.ts';
import { Unavailable } from './unavailable.ts';

/** Reads bytes and the chain from elsewhere. */

/** Reads a body up to a greatest length; undefined if there is none. */
export async function bytesAt(url: string, maxBytes: number): Promise<Uint8Array | undefined> {
  const response = await fetch(url, { credentials: 'same-origin' }).catch(() => undefined);
  if (!response?.ok || !response.body) return undefined;
  const parts: Uint8Array[] = [];
  let length = 0;
  const reader = response.body.getReader();
  for (;;) {
    const next = await reader.read().catch(() => undefined);
    if (!next) return undefined;
    if (next.done) break;
    length += next.value.length;
    if (length > maxBytes) {
      await reader.cancel();
      return undefined;
    }
    parts.push(next.value);
  }
  return concat(parts);
}

/** Calls contracts through a node, or what passes calls on to one. The call throws Unavailable if that does not answer. */
export const callThrough =
  (url: string): Call =>
  async (to, data) => {
    const params = [{ to, data }, 'latest'];
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_call', params });
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(url, { method: 'POST', headers, body }).catch(() => undefined);
    const answer = response?.ok
      ? ((await response.json().catch(() => undefined)) as { result?: unknown } | undefined)
      : undefined;
    if (typeof answer?.result !== 'string')
      throw new Unavailable('the chain cannot be asked: the node does not answer');
    return answer.result;
  };

/** A file of a model from the first of several folders that has it. Which one that was is tried first the next time. */
export function fileReader(
  folders: readonly string[],
): (name: string, maxBytes: number) => Promise<Uint8Array | undefined> {
  let order = folders;
  return async (name, maxBytes) => {
    for (const folder of order) {
      const bytes = await bytesAt(fileIn(folder, name), maxBytes);
      if (!bytes) continue;
      order = [folder, ...order.filter((one) => one !== folder)];
      return bytes;
    }
    return undefined;
  };
}

/** Where a file of a folder lies, whose URL may have a query. @param name of safe characters only */
function fileIn(folder: string, name: string): string {
  const url = new URL(folder);
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/${name}`;
  return url.href;
}
