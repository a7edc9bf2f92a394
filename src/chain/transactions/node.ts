import {
  type ContractTransaction,
  type Provider,
  type Signer,
  TransactionReceipt,
  type TransactionRequest,
} from 'ethers';
import { smaller } from '../bigints.ts';
import { type Audience, Endpoints } from '../endpoints/endpoints.ts';
import { NodeFailure } from '../endpoints/failures.ts';
import { opinionsOf } from '../endpoints/opinions.ts';
import type { Fees, Market } from './fees.ts';
import type { TransactionContent } from './slot.ts';

/** The account and the market as a node sees them at one moment. */
export interface Look {
  readonly block: number;
  /** Unix seconds of that block. */
  readonly timestamp: bigint;
  /** Nonces that mined transactions have used up: 0 to this one, exclusive. */
  readonly used: number;
  /** The same, with those in the node's pool. */
  readonly pending: number;
  readonly market: Market;
  /** Whether transactions are priced as in EIP-1559. */
  readonly isDynamic: boolean;
}

/** A signed transaction. */
export interface Signed {
  readonly hash: string;
  readonly raw: string;
}

/** All that the sender asks of node and key. */
export interface SendingNode {
  readonly address: string;
  look(): Promise<Look>;
  /** The same as each of several nodes sees it that answer; nothing where there is one. */
  looks?(): Promise<readonly Look[]>;
  /** Ether of the account. */
  balance(): Promise<bigint>;
  receipt(hash: string): Promise<TransactionReceipt | null>;
  /** Whether the node has the transaction, mined or in its pool. */
  knows(hash: string): Promise<boolean>;
  /** @throws whatever the node says if the call would revert */
  estimate(call: ContractTransaction): Promise<bigint>;
  sign(nonce: number, content: TransactionContent, fees: Fees, isDynamic: boolean): Promise<Signed>;
  /** Whether there is a relay that shows transactions to nobody before they are mined. */
  readonly hasRelay?: boolean;
  /**
   * @param audience `private`: the relay alone
   * @throws whatever the node says if it does not take it
   */
  broadcast(raw: string, audience: Audience): Promise<void>;
}

/**
 * Makes the receipt of a transaction whose block and logs a node has, but not the receipt itself: some index receipts last.
 *
 * @returns it with no gas, which only a receipt tells; null if it is not mined, or has no logs, as if it reverted
 */
async function receiptFromLogs(provider: Provider, hash: string): Promise<TransactionReceipt | null> {
  const mined = await provider.getTransaction(hash);
  if (!mined?.blockHash || mined.blockNumber === null) return null;
  const { blockHash, blockNumber, to, from, index, type } = mined;
  // A node that gives no logs by a block's hash gives the receipt itself, later.
  const all = await provider.getLogs({ blockHash }).catch(() => []);
  const logs = all.filter(({ transactionHash }) => transactionHash === hash);
  if (logs.length === 0) return null;
  const unknown = { gasUsed: 0n, cumulativeGasUsed: 0n, logsBloom: '0x', root: null };
  return new TransactionReceipt(
    {
      ...{ hash, blockHash, blockNumber, to, from, index, type, logs },
      ...{ ...unknown, status: 1, contractAddress: null, effectiveGasPrice: mined.gasPrice },
    },
    provider,
  );
}

/** The gas of a transaction that does nothing; what one may take with its margin, by EIP-7825; more than any block has. */
const [LEAST_GAS, USUAL_GAS, MOST_GAS] = [21_000n, 14_000_000n, 2n ** 32n];

/**
 * Chooses among estimates of several nodes: the middle one of the usual, so that no node alone makes an account seem too poor;
 * of two the higher, because one that is too low has the transaction fail and be paid for; of unusual ones the lowest.
 *
 * @throws NodeFailure if none may be true
 */
export function likelyGas(estimates: readonly bigint[]): bigint {
  const likely = estimates.filter((gas) => gas >= LEAST_GAS && gas <= MOST_GAS);
  const usual = likely.filter((gas) => gas <= USUAL_GAS);
  const sorted = usual.toSorted((a, b) => (a < b ? -1 : 1));
  if (sorted.length > 0) return sorted[sorted.length >> 1] as bigint;
  if (likely.length > 0) return likely.reduce(smaller);
  throw new NodeFailure(
    'malformed',
    `the Ethereum node estimates ${estimates[0]} gas, which no transaction takes`,
  );
}

async function lookAt(provider: Provider, address: string): Promise<Look> {
  const [block, used, pending, fees] = await Promise.all([
    provider.getBlock('latest'),
    provider.getTransactionCount(address, 'latest'),
    provider.getTransactionCount(address, 'pending'),
    provider.getFeeData(),
  ]);
  if (!block) throw new Error('the node knows no latest block');
  const isDynamic = block.baseFeePerGas !== null;
  // At a base fee of 0, where ethers names no tip, the price of gas is the tip.
  const tipWei = (isDynamic ? fees.maxPriorityFeePerGas : null) ?? fees.gasPrice ?? 0n;
  return {
    block: block.number,
    timestamp: BigInt(block.timestamp),
    used,
    pending,
    market: { baseFeeWei: block.baseFeePerGas ?? 0n, tipWei },
    isDynamic,
  };
}

export async function openNode(signer: Signer, provider: Provider): Promise<SendingNode> {
  const { Transaction } = await import('ethers');
  const address = await signer.getAddress();
  const { chainId } = await provider.getNetwork();
  const endpoints = provider instanceof Endpoints ? provider : undefined;
  return {
    address,
    look: () => lookAt(provider, address),
    looks: () => opinionsOf(provider, (node) => lookAt(node, address)),
    balance: () => provider.getBalance(address),
    receipt: async (hash) => (await provider.getTransactionReceipt(hash)) ?? receiptFromLogs(provider, hash),
    knows: async (hash) => (await provider.getTransaction(hash)) !== null,
    estimate: async (call) => {
      const from = { ...call, from: address };
      const [said, others] = await Promise.all([
        provider.estimateGas(from),
        opinionsOf(provider, (node) => node.estimateGas(from)),
      ]);
      // The others include the node that was asked first, which has one voice.
      return likelyGas(others.length > 1 ? others : [said, ...others]);
    },
    sign: async (nonce, { to, data, valueWei, gasLimit }, fees, isDynamic) => {
      const prices = isDynamic ? { type: 2, ...fees } : { type: 0, gasPrice: fees.maxFeePerGas };
      const request: TransactionRequest = { chainId, nonce, to, data, value: valueWei, gasLimit, ...prices };
      const raw = await signer.signTransaction(request);
      return { raw, hash: Transaction.from(raw).hash as string };
    },
    hasRelay: endpoints?.hasRelay ?? false,
    broadcast: async (raw, audience) => {
      await (endpoints ? endpoints.broadcast(raw, audience) : provider.broadcastTransaction(raw));
    },
  };
}
