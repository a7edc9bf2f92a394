import { withdraw } from './actions.ts';
import type { Contracts } from './contracts.ts';
import { attempt } from './play.ts';
import type { Listener } from './report.ts';

/** Takes out what the oracle owes to the account, if anything. @returns transactions sent */
export async function collect(contracts: Contracts, account: string, listen: Listener): Promise<number> {
  return attempt(listen, async () => {
    const amountWei = await contracts.oracle.owed(account);
    if (amountWei === 0n) return 0;
    listen({ kind: 'withdrawn', amountWei, receipt: await withdraw(contracts) });
    return 1;
  });
}
