import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Transaction, Wallet } from 'ethers';

type Reply = { readonly result: unknown } | { readonly error: { code: number; message: string } };

/** The signer's answer to a call. */
export type Behaviour = (method: string, params: readonly unknown[]) => Reply;

interface Call {
  readonly from: string;
  readonly to?: string;
  readonly gas: string;
  readonly gasPrice?: string;
  readonly maxFeePerGas?: string;
  readonly maxPriorityFeePerGas?: string;
  readonly nonce: string;
  readonly value: string;
  readonly data: string;
  readonly chainId: string;
}

/** The transaction that the fields of a call describe, signed with a key. */
export function signedBy(key: string, params: readonly unknown[], changes: Partial<Call> = {}): string {
  const call = { ...(params[0] as Call), ...changes };
  const transaction = Transaction.from({
    ...{ to: call.to ?? null, data: call.data, value: BigInt(call.value), nonce: Number(call.nonce) },
    ...{ gasLimit: BigInt(call.gas), chainId: BigInt(call.chainId) },
    ...(call.maxFeePerGas === undefined
      ? { type: 0, gasPrice: BigInt(call.gasPrice!) }
      : {
          type: 2,
          maxFeePerGas: BigInt(call.maxFeePerGas),
          maxPriorityFeePerGas: BigInt(call.maxPriorityFeePerGas!),
        }),
  });
  transaction.signature = new Wallet(key).signingKey.sign(transaction.unsignedHash);
  return transaction.serialized;
}

const NO_SUCH_METHOD: Reply = { error: { code: -32601, message: 'Method not found' } };

/** Signs with `eth_signTransaction`, as web3signer does. */
export const web3signer =
  (key: string, changes: Partial<Call> = {}): Behaviour =>
  (method, params) =>
    method === 'eth_signTransaction' ? { result: signedBy(key, params, changes) } : NO_SUCH_METHOD;

/** Signs with `account_signTransaction`, as clef does. */
export const clef =
  (key: string): Behaviour =>
  (method, params) =>
    method === 'account_signTransaction'
      ? { result: { raw: signedBy(key, params), tx: {} } }
      : NO_SUCH_METHOD;

/** A signer on a port of its own that counts its calls. */
export interface FakeSigner {
  readonly url: string;
  behaviour: Behaviour;
  readonly methods: string[];
  stop(): Promise<void>;
}

export async function startSigner(first: Behaviour): Promise<FakeSigner> {
  const methods: string[] = [];
  const signer = { behaviour: first };
  const server: Server = createServer((request, response) => {
    let body = '';
    request.on('data', (part: Buffer) => {
      body += part.toString();
    });
    request.on('end', () => {
      const { id, method, params } = JSON.parse(body);
      methods.push(method);
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ jsonrpc: '2.0', id, ...signer.behaviour(method, params) }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(signer, {
    url: `http://127.0.0.1:${port}`,
    methods,
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}
