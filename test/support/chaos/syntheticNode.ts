import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { id as hashOfText, Interface, toBeHex, toQuantity } from 'ethers';
import { IDisputeGame__factory, IInferenceOracle__factory } from '#typechain';
import { PLAIN_TERMS, type Request } from '../../../src/chain/contracts/types.ts';
import { requestHash } from '../../../src/chain/index/facts.ts';
import { viewCalls } from './viewCalls.ts';

/**
 * A node over HTTP whose chain is computed as it is asked for: `node --import tsx syntheticNode.ts REQUESTS BLOCKS DELAY_MS
 * RANGE`. Every request is answered after a day of 12 s blocks; those of the last day are open. Prints its port.
 */

const [requests = 100_000, blocks = 10_000_000, delayMs = 50, range = 2000] = process.argv
  .slice(2)
  .map(Number);

const ORACLE = '0x9fe46736679d2d9a65f0992f2272de9f3c7fa6e0';
const PROVIDER = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8';
const DAY_BLOCKS = 7200;
const every = Math.floor(blocks / requests);

const oracle = new Interface(IInferenceOracle__factory.abi);
const game = new Interface(IDisputeGame__factory.abi);
const readOracleCall = viewCalls(oracle);
const readGameCall = viewCalls(game);
const MODEL = hashOfText('model');
const OUTPUTS = hashOfText('outputs');
const INPUT = `0x${'ab'.repeat(784)}`;
const request: Request = {
  requester: PROVIDER,
  feeWei: 1000n,
  modelId: MODEL,
  inputs: hashOfText('inputs'),
  requestedAt: 1_700_000_000n,
  terms: {
    ...PLAIN_TERMS,
    ...{ claimBondWei: 10n ** 18n, challengeBondWei: 10n ** 17n, windowSeconds: 86_400n },
    ...{ clockSeconds: 86_400n, patienceSeconds: 3600n, callbackGas: 0n },
  },
};

const timeOf = (block: number): bigint => 1_600_000_000n + 12n * BigInt(block);
const hashOf = (block: number): string => toBeHex(BigInt(block) + (1n << 200n), 32);

/** Everything but the ids of an event is the same for all requests. */
function template(
  name: string,
  args: (id: bigint) => unknown[],
): (id: bigint, block: number, index: number) => object {
  const { topics, data } = oracle.encodeEventLog(name, args(1n));
  return (id, block, index) => {
    const [first, ...rest] = args(id).slice(0, topics.length - 1) as bigint[];
    return {
      address: ORACLE,
      topics: [
        topics[0],
        toBeHex(first as bigint, 32),
        ...rest.map((_, i) =>
          name === 'Answered' && i === 0 ? toBeHex((id << 32n) | 1n, 32) : topics[i + 2],
        ),
      ],
      data,
      blockNumber: toQuantity(block),
      blockHash: hashOf(block),
      blockTimestamp: toQuantity(timeOf(block)),
      transactionHash: toBeHex(id * 8n + BigInt(index), 32),
      logIndex: toQuantity(index),
    };
  };
}

const claimIn = (id: bigint): bigint => (id << 32n) | 1n;
const asked = template('Requested', (id) => [id, MODEL, PROVIDER, request, INPUT]);
const claimed = template('Claimed', (id) => [claimIn(id), PROVIDER, OUTPUTS, '0x0707070707070707']);
const final = template('ClaimFinalized', (id) => [claimIn(id)]);
const answered = template('Answered', (id) => [id, claimIn(id), OUTPUTS]);

/** Block of a request; it is claimed three blocks later. */
const blockOf = (id: number): number => id * every;
const isFinal = (id: number, head: number): boolean => blockOf(id) + 3 + DAY_BLOCKS <= head;
const firstFrom = (block: number): number => Math.max(1, Math.ceil(block / every));

function logsIn(from: number, to: number): object[] {
  const logs: { at: number; log: object }[] = [];
  const add = (offset: number, make: (id: bigint, block: number) => object[]): void => {
    for (let id = firstFrom(from - offset); id <= requests && blockOf(id) + offset <= to; id++) {
      const at = blockOf(id) + offset;
      for (const log of make(BigInt(id), at)) logs.push({ at, log });
    }
  };
  add(0, (id, at) => [asked(id, at, 0)]);
  add(3, (id, at) => [claimed(id, at, 1)]);
  add(3 + DAY_BLOCKS, (id, at) => [final(id, at, 2), answered(id, at, 3)]);
  return logs.sort((a, b) => a.at - b.at).map(({ log }) => log);
}

function call(to: string, data: string): string {
  const read = (to.toLowerCase() === ORACLE ? readOracleCall : readGameCall)(data);
  if (!read) return '0x';
  const { name, id, encode } = read;
  switch (name) {
    case 'requestCount':
      return encode(BigInt(requests));
    case 'disputeCount':
      return encode(0n);
    case 'requestHash':
      return encode(requestHash(request));
    case 'progress':
      return isFinal(Number(id), blocks)
        ? encode([1, 0, 1, 2, false, 0, false, 0])
        : encode([1, 1, 0, 1, false, 0, false, 0]);
    case 'claims':
      return encode([PROVIDER, timeOf(blockOf(Number(id >> 32n)) + 3), 0, 1]);
    default:
      return encode(`0x${'00'.repeat(32)}`);
  }
}

function header(number: number): object | null {
  if (number > blocks) return null;
  return {
    number: toQuantity(number),
    hash: hashOf(number),
    parentHash: hashOf(number - 1),
    timestamp: toQuantity(timeOf(number)),
    logsBloom: `0x${'ff'.repeat(256)}`,
  };
}

interface Call {
  readonly id: number;
  readonly method: string;
  // biome-ignore lint/suspicious/noExplicitAny: parameters of any method
  readonly params: any[];
}

function answer({ id, method, params }: Call): object {
  const result = (value: unknown): object => ({ jsonrpc: '2.0', id, result: value });
  const error = (code: number, message: string): object => ({ jsonrpc: '2.0', id, error: { code, message } });
  switch (method) {
    case 'eth_chainId':
      return result('0x539');
    case 'eth_blockNumber':
      return result(toQuantity(blocks));
    case 'eth_getBlockByNumber':
      return result(header(params[0] === 'latest' ? blocks : Number(params[0])));
    case 'eth_call':
      return result(call(params[0].to, params[0].data));
    case 'eth_getLogs': {
      const { blockHash, fromBlock, toBlock } = params[0];
      if (blockHash !== undefined) {
        const block = Number(BigInt(blockHash) - (1n << 200n));
        return result(logsIn(block, block));
      }
      if (Number(toBlock) - Number(fromBlock) >= range) {
        return error(-32602, `eth_getLogs is limited to a ${range} blocks range`);
      }
      return result(logsIn(Number(fromBlock), Number(toBlock)));
    }
    default:
      return error(-32601, `the method ${method} does not exist`);
  }
}

const server = createServer((incoming, outgoing) => {
  const chunks: Buffer[] = [];
  incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
  incoming.on('end', () => {
    const body = JSON.parse(Buffer.concat(chunks).toString()) as Call | Call[];
    const text = JSON.stringify(Array.isArray(body) ? body.map(answer) : answer(body));
    setTimeout(() => {
      outgoing.writeHead(200, { 'content-type': 'application/json' });
      outgoing.end(text);
    }, delayMs);
  });
});
// Test runners import every file here; only as a program of its own does it listen.
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  server.listen(0, '127.0.0.1', () => console.log((server.address() as { port: number }).port));
}
