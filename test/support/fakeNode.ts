import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Call {
  readonly id: number;
  readonly method: string;
  readonly params: readonly unknown[];
}

/** A node of which a test says what it does; as it is, it answers with its head for everything. */
export class FakeNode {
  readonly calls: string[] = [];
  readonly batches: number[] = [];
  chainId = 7;
  head = 100;
  /** Unix seconds of its newest block. */
  timestamp = Math.floor(Date.now() / 1000);
  /** Time that it takes for an answer, ms. */
  delayMs = 0;
  /** Whether it has the headers of its blocks. */
  hasHeaders = true;
  /** What it answers to a call. */
  result = ({ method }: Call): unknown => {
    const number = `0x${this.head.toString(16)}`;
    if (method === 'eth_chainId') return `0x${this.chainId.toString(16)}`;
    if (method !== 'eth_getBlockByNumber') return number;
    return this.hasHeaders ? { number, hash: number, timestamp: `0x${this.timestamp.toString(16)}` } : null;
  };
  /** Answers a whole HTTP request in another way. @returns whether it did */
  instead: (calls: readonly Call[], response: ServerResponse) => boolean = () => false;
  readonly #server = createServer((request, response) => this.#serve(request, response));

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request) text += chunk;
    const body = JSON.parse(text) as Call | Call[];
    const calls = [body].flat();
    this.calls.push(...calls.map(({ method }) => method));
    this.batches.push(calls.length);
    if (this.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.delayMs));
    if (this.instead(calls, response)) return;
    const answers = calls.map((call) => ({ jsonrpc: '2.0', id: call.id, result: this.result(call) }));
    response.end(JSON.stringify(Array.isArray(body) ? answers : answers[0]));
  }
}
