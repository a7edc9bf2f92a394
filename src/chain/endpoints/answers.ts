import type { JsonRpcPayload } from 'ethers';
import { oneLine } from '../messages/revert.ts';
import type { Head } from './heads.ts';

/** Checks what any node may answer to the requests whose numbers decide what a service does. */

/** A number of at most 256 bits, as JSON-RPC writes it. */
const QUANTITY = /^0x[0-9a-f]{1,64}$/i;

/** Answers that are counted with: no chain has more than 2^53 blocks, nor an account so many nonces. */
const COUNTS = new Set(['eth_blockNumber', 'eth_getTransactionCount']);
const QUANTITIES = new Set([
  ...['eth_gasPrice', 'eth_maxPriorityFeePerGas', 'eth_estimateGas', 'eth_getBalance', 'eth_chainId'],
]);

const isQuantity = (value: unknown): value is string => typeof value === 'string' && QUANTITY.test(value);

/** A block's number or time, or a count; undefined if the value is none. */
export function countIn(value: unknown): number | undefined {
  const count = isQuantity(value) ? Number(value) : undefined;
  return count !== undefined && Number.isSafeInteger(count) ? count : undefined;
}

/** The head that a block header tells of. */
export function headIn(header: unknown): Head | undefined {
  const { number, timestamp, hash } = (header ?? {}) as Record<string, unknown>;
  const [count, time] = [countIn(number), countIn(timestamp)];
  if (count === undefined || time === undefined || typeof hash !== 'string') return undefined;
  return { number: count, timestamp: time };
}

const isText = (value: unknown): boolean => typeof value === 'string';

/** Whether a log has all that is read of it. That of a pending block has neither number nor hash, and is left out later. */
function isLog(log: unknown): boolean {
  const { address, topics, data, blockNumber, blockHash, logIndex, transactionHash } = (log ?? {}) as Record<
    string,
    unknown
  >;
  const isPlaced = blockNumber === null || (countIn(blockNumber) !== undefined && isText(blockHash));
  const isIndexed = blockNumber === null || (countIn(logIndex) !== undefined && isText(transactionHash));
  return (
    isText(address) && isText(data) && Array.isArray(topics) && topics.every(isText) && isPlaced && isIndexed
  );
}

/** A value as JSON, cut to fit a message. */
export const shown = (value: unknown): string => {
  const text = oneLine(JSON.stringify(value) ?? 'nothing');
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
};

/**
 * Says why a result cannot be true, whatever the chain: no number where there has to be one, or one that no chain has.
 *
 * @returns undefined if there is nothing to object to
 */
export function objectionTo({ method, params }: JsonRpcPayload, result: unknown): string | undefined {
  const is = (what: string): string => `answers ${method} with ${shown(result)}, which is ${what}`;
  if (COUNTS.has(method)) return countIn(result) === undefined ? is('no count') : undefined;
  if (QUANTITIES.has(method)) return isQuantity(result) ? undefined : is('no number');
  if (method === 'eth_getBlockByNumber') {
    const isPending = (params as unknown[])[0] === 'pending';
    return result === null || isPending || headIn(result) ? undefined : is('no block');
  }
  if (method !== 'eth_getLogs') return undefined;
  if (!Array.isArray(result)) return is('no list of logs');
  const bad = result.findIndex((log) => !isLog(log));
  return bad < 0 ? undefined : `answers ${method} with ${shown(result[bad])} in its list, which is no log`;
}
