import { Unavailable } from './model.ts';

/** Reads bytes and the chain through the server of the page. */

/** Reads a body up to a greatest length. */
export async function bytesAt(path: string, maxBytes: number): Promise<Uint8Array | undefined> {
  const response = await fetch(path).catch(() => undefined);
  if (!response?.ok || !response.body) return undefined;
  const parts: Uint8Array[] = [];
  let length = 0;
  const reader = response.body.getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    length += value.length;
    if (length > maxBytes) {
      await reader.cancel();
      return undefined;
    }
    parts.push(value);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Calls a contract through the server's node. @throws Unavailable if that does not answer */
export async function call(to: string, data: string): Promise<string> {
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'eth_call',
    params: [{ to, data }, 'latest'],
  });
  const response = await fetch('/rpc', { method: 'POST', body }).catch(() => undefined);
  const answer = response?.ok ? ((await response.json()) as { result?: unknown }) : undefined;
  if (typeof answer?.result !== 'string')
    throw new Unavailable('the chain cannot be asked: the node does not answer');
  return answer.result;
}
