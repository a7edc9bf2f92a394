import { withdraw } from './actions.ts';
import { withdrawCall } from './calls.ts';
import type { Contracts } from './contracts.ts';
import type { Listener } from './report.ts';
import type { Due } from './transactions/due.ts';
import type { Transactions } from './transactions/transactions.ts';
import { ZERO_ADDRESS } from './types.ts';

/** Takes out what the oracle owes to the account at once, if anything. @throws Refused if the chain refuses it */
export async function collect(contracts: Contracts, account: string, listen: Listener): Promise<void> {
  const amountWei = await contracts.oracle.owed(account);
  if (amountWei > 0n) listen({ kind: 'withdrawn', amountWei, receipt: await withdraw(contracts) });
}

const WITHDRAW_GAS = 60_000n;
/** Ether is withdrawn once it is this many times its gas. */
const WORTH = 3n;

/** Takes out what the oracle owes to an account, when that is worth its gas. */
export class Collector {
  #done = 0;
  readonly #started = Date.now();

  async due(
    contracts: Contracts,
    account: string,
    transactions: Transactions,
    listen: Listener,
  ): Promise<Due[]> {
    const prefix = 'withdraw/';
    const key = `${prefix}${this.#started}/${this.#done}`;
    const amountWei = await contracts.oracle.owed(account);
    if (amountWei === 0n) return [];
    // An earlier run may have sent one.
    if (transactions.isOpen(prefix) && !transactions.isSent(key)) return [];
    if (contracts.currency === ZERO_ADDRESS) {
      const { gasPrice } = await contracts.provider.getFeeData();
      if (amountWei < WORTH * WITHDRAW_GAS * (gasPrice ?? 0n)) return [];
    }
    const due: Due = {
      key,
      what: 'withdrawing',
      deadline: undefined,
      stakeWei: amountWei,
      populate: () => withdrawCall(contracts),
      mined: (receipt) => {
        this.#done++;
        listen({ kind: 'withdrawn', amountWei, receipt });
      },
    };
    return [due];
  }
}
