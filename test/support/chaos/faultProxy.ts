import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One call of a JSON-RPC request. */
export interface Call {
  readonly id: number;
  readonly method: string;
  readonly params: readonly unknown[];
}

/** The fault of a call; undefined if it goes through. */
export type Fault =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  | { readonly hangs: true }
  /** The connection is broken off. */
  | { readonly resets: true }
  /** The answer comes so much later, ms. */
  | { readonly delayMs: number }
  /** Another call goes through in its place. */
  | { readonly instead: Omit<Call, 'id'> }
  | { readonly result: unknown }
  | { readonly error: string }
  /** It goes through, and this is what is said of it. */
  | { readonly afterwards: string }
  /** Changes the node's answer. */
  | { readonly after: (result: unknown) => unknown }
  | undefined;

export interface FaultProxy {
  readonly url: string;
  /** Raw transactions that came this way. */
  readonly sent: string[];
  fault: (call: Call) => Fault;
  close(): Promise<void>;
}

const JSON_TYPE = { 'content-type': 'application/json' };

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

const post = async (url: string, body: string): Promise<unknown> =>
  (await fetch(url, { method: 'POST', headers: JSON_TYPE, body })).json();

/** Stands before a node and injects faults into what goes through. */
export async function startFaultProxy(upstream: string): Promise<FaultProxy> {
  const sent: string[] = [];
  const answer = async (call: Call, fault: Fault): Promise<object> => {
    const head = { jsonrpc: '2.0', id: call.id };
    if (fault && 'result' in fault) return { ...head, result: fault.result };
    if (fault && 'error' in fault) return { ...head, error: { code: -32000, message: fault.error } };
    if (fault && 'delayMs' in fault) await new Promise((resolve) => setTimeout(resolve, fault.delayMs));
    const passed = fault && 'instead' in fault ? { ...call, ...fault.instead } : call;
    const answer = (await post(upstream, JSON.stringify(passed))) as { result?: unknown };
    if (fault && 'afterwards' in fault)
      return { ...head, error: { code: -32000, message: fault.afterwards } };
    return fault && 'after' in fault && 'result' in answer
      ? { ...answer, result: fault.after(answer.result) }
      : answer;
  };
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = JSON.parse(await bodyOf(request)) as Call | Call[];
    const calls = Array.isArray(body) ? body : [body];
    for (const { method, params } of calls) {
      if (method === 'eth_sendRawTransaction') sent.push(params[0] as string);
    }
    const faults = calls.map((call) => proxy.fault(call));
    // A request fails as a whole, whatever number of calls is in it, so its first call decides.
    const [refusal] = faults;
    // Left unanswered: whoever waits has to have a timeout.
    if (refusal && 'hangs' in refusal) return;
    if (refusal && 'resets' in refusal) {
      // The request has been read to its end: only its socket is left to be cut.
      request.socket.destroy();
      return;
    }
    if (refusal && 'status' in refusal) {
      response.writeHead(refusal.status, { ...JSON_TYPE, ...refusal.headers });
      response.end('{}');
      return;
    }
    const answers = faults.some((fault) => fault !== undefined)
      ? await Promise.all(calls.map((call, i) => answer(call, faults[i])))
      : ((await post(upstream, JSON.stringify(calls))) as object[]);
    response.writeHead(200, JSON_TYPE);
    response.end(JSON.stringify(Array.isArray(body) ? answers : answers[0]));
  };
  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy: FaultProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sent,
    fault: () => undefined,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return proxy;
}
