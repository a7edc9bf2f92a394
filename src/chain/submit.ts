import type { Provider, Signer, TransactionReceipt, TransactionRequest } from 'ethers';
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
    const receipt = await response.wait();
    if (!receipt) throw new Error('the node reports it neither mined nor refused');
    return receipt;
  } catch (failure) {
    throw new Refused(what, failure);
  }
}
