import type { TransactionReceipt } from 'ethers';
import { IInferenceOracle__factory } from '#typechain';
import { withdraw } from '../actions/actions.ts';
import { withdrawCall } from '../contracts/calls.ts';
import type { Contracts } from '../contracts/contracts.ts';
import { eventsAt } from '../contracts/logs.ts';
import { ZERO_ADDRESS } from '../contracts/types.ts';
import type { Listener } from '../messages/report.ts';
import type { Due } from '../transactions/due.ts';
import { NotNow } from '../transactions/prepare.ts';
import type { Transactions } from '../transactions/transactions.ts';

/** Takes out what the oracle owes to the account at once, if anything. @throws Refused if the chain refuses it */
export async function collect(contracts: Contracts, account: string, listen: Listener): Promise<void> {
  const amountWei = await contracts.oracle.owed(account);
  if (amountWei > 0n) listen({ kind: 'withdrawn', amountWei, receipt: await withdraw(contracts) });
}

const WITHDRAW_GAS = 60_000n;
/** Ether is withdrawn once it is this many times its gas. */
const WORTH = 3n;

const PREFIX = 'withdraw/';
const ORACLE = IInferenceOracle__factory.createInterface();

/** Takes out what the oracle owes to an account, when that is worth its gas: one withdrawal at a time. */
export class Collector {
  #count = 0;
  readonly #run = crypto.randomUUID();
  #latest: Due | undefined;

  async due(
    contracts: Contracts,
    account: string,
    transactions: Transactions,
    listen: Listener,
  ): Promise<Due[]> {
    // It may be an earlier run's.
    if (transactions.isOpen(PREFIX)) return this.#latest ? [this.#latest] : [];
    const amountWei = await contracts.oracle.owed(account);
    if (amountWei === 0n) return [];
    if (contracts.currency === ZERO_ADDRESS) {
      const { gasPrice } = await contracts.provider.getFeeData();
      if (amountWei < WORTH * WITHDRAW_GAS * (gasPrice ?? 0n)) return [];
    }
    const address = await contracts.oracle.getAddress();
    if (!this.#latest || transactions.isSent(this.#latest.key)) {
      this.#latest = {
        key: `${PREFIX}${this.#run}/${this.#count++}`,
        what: 'withdrawing',
        deadline: undefined,
        stakeWei: amountWei,
        populate: async () => {
          // A reorganisation may have taken away what was owed.
          if ((await contracts.oracle.owed(account)) === 0n) throw new NotNow();
          return withdrawCall(contracts);
        },
        mined: (receipt) => listen({ kind: 'withdrawn', amountWei: withdrawnIn(address, receipt), receipt }),
      };
    }
    return [this.#latest];
  }
}

/** The amount that a withdrawal took out. */
function withdrawnIn(address: string, receipt: TransactionReceipt): bigint {
  const event = eventsAt(address, ORACLE, receipt).find(({ name }) => name === 'Withdrawn');
  return event?.args['amountWei'] ?? 0n;
}
