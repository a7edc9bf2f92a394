import type { Contracts } from '../contracts/contracts.ts';
import { ZERO_ADDRESS } from '../contracts/types.ts';
import type { Listener } from '../messages/report.ts';
import type { Due } from '../transactions/due.ts';
import type { Transactions } from '../transactions/transactions.ts';
import { openToken } from './token.ts';

/** A bond that is due, in the currency's smallest unit. */
export interface Bond {
  readonly due: Due;
  readonly bondWei: bigint;
}

const PREFIX = 'allow/';

const sum = (bonds: readonly Bond[]): bigint => bonds.reduce((all, { bondWei }) => all + bondWei, 0n);

/** Whether one is as urgent as the other. */
const isNoLater = ({ deadline }: Due, than: Due): boolean =>
  than.deadline === undefined || (deadline !== undefined && deadline <= than.deadline);

/**
 * Allows the oracle to take a token for the bonds that are due, exactly as much, so that an oracle that is not what it seems
 * can take no more: one change of the allowance at a time.
 */
export class Allowance {
  readonly #run = crypto.randomUUID();
  #count = 0;
  #latest: Due | undefined;

  /**
   * Finds what can be sent now.
   *
   * RULE: new bonds never keep earlier ones waiting. What the allowance covers is paid from it; it changes only where it does
   * not cover the first bond, and while a change is on its way no other is made.
   *
   * @param bonds all that are due, the most urgent first
   * @param transactions tells which of them were sent: these stay due, whatever the allowance is
   * @returns the dues of bonds that can be paid, or of a change of the allowance before
   */
  async due(
    contracts: Contracts,
    account: string,
    bonds: readonly Bond[],
    transactions: Pick<Transactions, 'isSent' | 'isOpen'>,
    listen: Listener,
  ): Promise<readonly Due[]> {
    const { currency } = contracts;
    const sent = bonds.filter(({ due }) => transactions.isSent(due.key));
    const unsent = bonds.filter(({ due }) => !transactions.isSent(due.key));
    const [first] = unsent;
    if (currency === ZERO_ADDRESS || !first) return bonds.map(({ due }) => due);
    const kept = sent.map(({ due }) => due);
    if (transactions.isOpen(PREFIX)) {
      // It may be an earlier run's.
      return this.#latest ? [...kept, { ...this.#latest, deadline: first.due.deadline }] : kept;
    }
    const token = await openToken(contracts);
    const allowance = await token.allowanceOf(account);
    const waiting = sent.filter(({ due }) => transactions.isOpen(due.key));
    let leftWei = allowance - sum(waiting);
    const covered = unsent.filter(({ bondWei }) => {
      if (bondWei > leftWei) return false;
      leftWei -= bondWei;
      return true;
    });
    if (covered[0] === first) return [...kept, ...covered.map(({ due }) => due)];
    // Bonds on their way use the allowance up, mostly, and it need not be reset. One that is less urgent may take too long.
    const isUsedSoon = waiting.some(({ due }) => isNoLater(due, first.due));
    if (isUsedSoon && allowance >= sum(waiting)) return kept;
    // Some tokens change an allowance only from or to zero.
    const nextWei = allowance > 0n ? 0n : sum(unsent);
    if (this.#latest && transactions.isSent(this.#latest.key)) this.#count++;
    this.#latest = {
      key: `${PREFIX}${this.#run}/${this.#count}`,
      what: `allowing the oracle to take ${nextWei} of the token ${currency}`,
      deadline: first.due.deadline,
      stakeWei: sum(unsent),
      populate: () => token.approve(nextWei),
      mined: (receipt) => listen({ kind: 'allowed', amountWei: nextWei, receipt }),
    };
    return [...kept, this.#latest];
  }
}
