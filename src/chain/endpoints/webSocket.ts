import type { JsonRpcPayload } from 'ethers';
import { connectionReason } from '../messages/connection.ts';
import { headIn } from './answers.ts';
import { NodeFailure } from './failures.ts';
import type { Head } from './heads.ts';
import { publicName, type Transport } from './transport.ts';

interface Message {
  readonly id?: unknown;
  readonly method?: unknown;
  readonly params?: { readonly result?: unknown } | null;
}

/** Id of the request that subscribes to new heads; those of other requests count from 1. */
const SUBSCRIPTION = 0;

/** Longest look for the reason that a websocket does not open, ms. */
const REASON_MS = 3_000;

interface Waiting {
  resolve(answer: unknown): void;
  reject(failure: NodeFailure): void;
}

/** Finds out why a websocket did not open. It says only that it closed, so the same server is asked for a page. */
async function whyClosed(url: string, name: string, ending: AbortSignal): Promise<NodeFailure> {
  const target = new URL(url.replace(/^ws/i, 'http'));
  target.username = '';
  target.password = '';
  try {
    const signal = AbortSignal.any([ending, AbortSignal.timeout(REASON_MS)]);
    const response = await fetch(target, { redirect: 'manual', signal });
    void response.body?.cancel();
    const said = `${response.status} ${response.statusText}`.trim();
    const sentence = `${name} opens no websocket (to a plain request it answers ${said}); check the address`;
    return new NodeFailure('server', sentence);
  } catch (failure) {
    const why = connectionReason(failure, new URL(url).protocol);
    return new NodeFailure('unreachable', `no Ethereum node answers at ${name}: ${why}`, { cause: failure });
  }
}

/**
 * JSON-RPC over a websocket, which is opened when it is first needed and again after it broke.
 *
 * @param onHead is told of each new block, of which the node gives the header
 */
export function webSocketTransport(url: string, onHead: (head: Head) => void): Transport {
  const name = publicName(url);
  const waiting = new Map<number, Waiting>();
  let socket: Promise<WebSocket> | undefined;
  const ending = new AbortController();

  const broke = (): void => {
    socket = undefined;
    const failure = new NodeFailure('unreachable', `the connection to ${name} broke`);
    for (const { reject } of waiting.values()) reject(failure);
    waiting.clear();
  };

  const receive = ({ data }: MessageEvent): void => {
    let message: Message;
    try {
      // A message may be any JSON; what is thrown here would end the process.
      message = (JSON.parse(`${data}`) ?? {}) as Message;
    } catch {
      return;
    }
    const head = message.method === 'eth_subscription' ? headIn(message.params?.result) : undefined;
    if (head) onHead(head);
    if (typeof message.id !== 'number') return;
    waiting.get(message.id)?.resolve(message);
    waiting.delete(message.id);
  };

  const open = (): Promise<WebSocket> => {
    socket ??= new Promise<WebSocket>((resolve, reject) => {
      const opening = new WebSocket(url);
      let isOpen = false;
      opening.addEventListener('open', () => {
        isOpen = true;
        const params = ['newHeads'];
        opening.send(JSON.stringify({ jsonrpc: '2.0', id: SUBSCRIPTION, method: 'eth_subscribe', params }));
        resolve(opening);
      });
      opening.addEventListener('message', receive);
      opening.addEventListener('close', () => {
        if (isOpen) return broke();
        // Requests wait for this promise until the reason is known.
        void whyClosed(url, name, ending.signal).then((failure) => {
          socket = undefined;
          reject(failure);
        });
      });
      // A close follows every error.
      opening.addEventListener('error', () => undefined);
    });
    return socket;
  };

  const ask = (connection: WebSocket, payload: JsonRpcPayload, signal: AbortSignal): Promise<unknown> =>
    new Promise((resolve, reject) => {
      waiting.set(payload.id, { resolve, reject });
      signal.addEventListener('abort', () => {
        waiting.delete(payload.id);
        reject(new NodeFailure('timeout', `${name} did not answer in time`));
      });
      connection.send(JSON.stringify(payload));
    });

  return {
    batches: false,
    exchange: async ([payload], signal) => {
      if (ending.signal.aborted) throw new NodeFailure('unreachable', `the connection to ${name} is closed`);
      const aborted = new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () =>
          reject(new NodeFailure('timeout', `${name} did not answer in time`)),
        );
      });
      aborted.catch(() => undefined);
      const connection = await Promise.race([open(), aborted]);
      return ask(connection, payload as JsonRpcPayload, signal);
    },
    close: () => {
      ending.abort();
      socket?.then((connection) => connection.close()).catch(() => undefined);
    },
  };
}
