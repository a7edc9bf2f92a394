import type { Provider, Signer, TransactionReceipt, TransactionRequest, TransactionResponse } from 'ethers';
import { contractError, explain } from './explain.ts';

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

/** Sent over the estimate, in percent: the state may change a little until the transaction is mined. */
const GAS_MARGIN_PERCENT = 10n;

/** Whether the account has sent something that is not mined yet, by this process or another. */
export async function hasPending(provider: Provider, address: string): Promise<boolean> {
  const [mined, sent] = await Promise.all([
    provider.getTransactionCount(address, 'latest'),
    provider.getTransactionCount(address, 'pending'),
  ]);
  return sent > mined;
}

/** What no further look can change. */
class TransactionLost extends Error {}

/** Rests between looks for a receipt, ms: short at first, for chains that mine at once. */
const FIRST_REST_MS = 100;
const LONGEST_REST_MS = 2000;
/** Failed looks in a row after which the node is given up: about half a minute. */
const MOST_FAILURES = 20;
/** Looks without a receipt although the nonce is used up: behind one address may be nodes that lag. */
const MOST_MISSES = 4;

/**
 * Waits until a transaction is mined. Instead of ethers' own `wait`, under which a node that fails to answer a single
 * look ends the whole process: the rejection is nobody's to catch.
 *
 * @throws Error if it reverted, if another transaction took its nonce, or if the node stays away
 */
async function mined({ hash, from, nonce, provider }: TransactionResponse): Promise<TransactionReceipt> {
  let failures = 0;
  let misses = 0;
  for (let rest = FIRST_REST_MS; ; rest = Math.min(2 * rest, LONGEST_REST_MS)) {
    try {
      const used = await provider.getTransactionCount(from, 'latest');
      const receipt = await provider.getTransactionReceipt(hash);
      failures = 0;
      if (receipt?.status === 0) throw new TransactionLost('it was mined and reverted');
      if (receipt) return receipt;
      if (used > nonce && ++misses >= MOST_MISSES) {
        throw new TransactionLost('another transaction of the account took its place');
      }
    } catch (failure) {
      if (failure instanceof TransactionLost || ++failures >= MOST_FAILURES) throw failure;
    }
    await new Promise((resolve) => setTimeout(resolve, rest));
  }
}

/**
 * Sends one transaction and waits until it is mined.
 *
 * @param what names the transaction in messages
 * @throws Refused without sending if it would revert now; after sending if it reverted nevertheless
 */
export async function submit(
  signer: Signer,
  request: TransactionRequest | Promise<TransactionRequest>,
  what: string,
): Promise<TransactionReceipt> {
  try {
    const transaction = await request;
    const estimate = await signer.estimateGas(transaction);
    const gasLimit = estimate + (estimate * GAS_MARGIN_PERCENT) / 100n;
    const response = await signer.sendTransaction({ ...transaction, gasLimit });
    return await mined(response);
  } catch (failure) {
    throw new Refused(what, failure);
  }
}
