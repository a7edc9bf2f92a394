import {
  isError,
  type Provider,
  type Signer,
  Transaction,
  type TransactionReceipt,
  type TransactionRequest,
} from 'ethers';
import { contractError, explain } from '../messages/explain.ts';
import { gasLimitOver } from '../transactions/gasLimit.ts';
import { refusalIn } from '../transactions/refusal.ts';

/** A transaction that the chain would refuse, or did. */
export class Refused extends Error {
  override name = 'Refused';
  /** The contract's error, such as `WindowPassed`; undefined if it carried none that is known. */
  readonly error: string | undefined;
  constructor(what: string, failure: unknown) {
    super(`${what}: ${explain(failure)}`, { cause: failure });
    this.error = contractError(failure)?.name;
  }
}

/** Whether the account has sent something that is not mined yet, by this process or another. */
export async function hasPending(provider: Provider, address: string): Promise<boolean> {
  const [mined, sent] = await Promise.all([
    provider.getTransactionCount(address, 'latest'),
    provider.getTransactionCount(address, 'pending'),
  ]);
  return sent > mined;
}

/** A final failure, which polling again cannot change. */
class TransactionLost extends Error {}

/** Limits on waiting for a transaction to be mined, ms. */
export interface WaitLimits {
  /** Rests between looks for a receipt: short at first, for chains that mine at once. */
  readonly firstRestMs: number;
  readonly longestRestMs: number;
  /** Longest wait until a transaction is mined. */
  readonly minedMs: number;
  /** Longest wait for the receipt from a node that knows the nonce to be used up. */
  readonly receiptMs: number;
  /** Longest time in which every look may fail. */
  readonly silenceMs: number;
}

const WAIT_LIMITS: WaitLimits = {
  firstRestMs: 100,
  longestRestMs: 2000,
  minedMs: 600_000,
  receiptMs: 60_000,
  silenceMs: 60_000,
};

const otherSender = (from: string): string =>
  `another process sends with the key of ${from}: end it, or use another key`;

/** A transaction that was sent. */
interface Sent {
  readonly hash: string;
  readonly from: string;
  readonly nonce: number;
  readonly raw: string | undefined;
}

/** @throws whatever the node says if it does not take it; that it has it already is no failure */
async function broadcast(provider: Provider, raw: string): Promise<void> {
  try {
    await provider.broadcastTransaction(raw);
  } catch (failure) {
    const refusal = refusalIn(failure);
    if (refusal === 'nonceUsed') {
      throw new Error(`${explain(failure)}; ${otherSender(`${Transaction.from(raw).from}`)}`);
    }
    if (refusal !== 'known') throw failure;
  }
}

async function send(signer: Signer, provider: Provider, request: TransactionRequest): Promise<Sent> {
  const { from, ...populated } = await signer.populateTransaction(request);
  try {
    const raw = await signer.signTransaction(populated);
    const { hash, nonce } = Transaction.from(raw);
    await broadcast(provider, raw);
    return { hash: hash as string, nonce, from: from as string, raw };
  } catch (failure) {
    // A key that stays in the node, which signs only what it sends.
    if (!isError(failure, 'UNSUPPORTED_OPERATION')) throw failure;
    const { hash, nonce } = await signer.sendTransaction(populated);
    return { hash, nonce, from: from as string, raw: undefined };
  }
}

/**
 * Waits until a transaction is mined, and sends it again if the node has forgotten it. Instead of ethers' own `wait`, under
 * which a node that fails to answer a single look ends the whole process: the rejection is nobody's to catch.
 *
 * @throws Error if it reverted, if another transaction took its nonce, if it is not mined in time, or if the node stays away
 */
async function mined(
  provider: Provider,
  { hash, from, nonce, raw }: Sent,
  limits: WaitLimits,
  now: () => number,
): Promise<TransactionReceipt> {
  const sentAt = now();
  let answeredAt = sentAt;
  let usedAt: number | undefined;
  for (let rest = limits.firstRestMs; ; rest = Math.min(2 * rest, limits.longestRestMs)) {
    try {
      const used = await provider.getTransactionCount(from, 'latest');
      const receipt = await provider.getTransactionReceipt(hash);
      answeredAt = now();
      if (receipt?.status === 0) throw new TransactionLost('it was mined and reverted');
      if (receipt) return receipt;
      if (used <= nonce) usedAt = undefined;
      else usedAt ??= answeredAt;
      if (usedAt !== undefined && answeredAt >= usedAt + limits.receiptMs) {
        throw new TransactionLost(`another transaction of the account took its place; ${otherSender(from)}`);
      }
      if (answeredAt >= sentAt + limits.minedMs) {
        const minutes = Math.round(limits.minedMs / 60_000);
        throw new TransactionLost(
          `${hash} was not mined in ${minutes} minutes and may still be; look for it before you send it again`,
        );
      }
      const isForgotten = usedAt === undefined && (await provider.getTransaction(hash)) === null;
      if (raw !== undefined && isForgotten) await broadcast(provider, raw);
    } catch (failure) {
      if (failure instanceof TransactionLost || now() >= answeredAt + limits.silenceMs) throw failure;
    }
    await new Promise((resolve) => setTimeout(resolve, rest));
  }
}

/**
 * Sends one transaction and waits until it is mined. For commands that send one after the other; services have
 * {@link Transactions}.
 *
 * @param what names the transaction in messages
 * @param limits how long it is waited for
 * @param now milliseconds, from any beginning
 * @throws Refused without sending if it would revert now; after sending if it reverted nevertheless, or was not mined
 */
export async function submit(
  signer: Signer,
  request: TransactionRequest | Promise<TransactionRequest>,
  what: string,
  limits: WaitLimits = WAIT_LIMITS,
  now: () => number = () => performance.now(),
): Promise<TransactionReceipt> {
  try {
    const transaction = await request;
    const { provider } = signer;
    if (!provider) throw new Error('the account is not connected to a node');
    const estimate = await signer.estimateGas(transaction);
    const sent = await send(signer, provider, { ...transaction, gasLimit: gasLimitOver(estimate) });
    return await mined(provider, sent, limits, now);
  } catch (failure) {
    throw new Refused(what, failure);
  }
}
