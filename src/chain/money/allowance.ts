import type { Contracts } from '../contracts/contracts.ts';
import { ZERO_ADDRESS } from '../contracts/types.ts';
import type { Listener } from '../messages/report.ts';
import type { Due } from '../transactions/due.ts';
import { openToken } from './token.ts';

/**
 * Allows the oracle to take a token for the bonds that are due, exactly as much, so that an oracle that is not what it seems
 * can take no more.
 *
 * @param amountWei of all bonds that are due, those on their way included
 * @returns the bonds' dues if they can be paid now, or what has to be mined before
 */
export async function withAllowance(
  contracts: Contracts,
  account: string,
  amountWei: bigint,
  bonds: readonly Due[],
  listen: Listener,
): Promise<readonly Due[]> {
  const { currency } = contracts;
  if (currency === ZERO_ADDRESS || bonds.length === 0) return bonds;
  const token = await openToken(contracts);
  const allowance = await token.allowanceOf(account);
  if (allowance >= amountWei) return bonds;
  // Some tokens change an allowance only from or to zero.
  const next = allowance > 0n ? 0n : amountWei;
  const deadlines = bonds.flatMap(({ deadline }) => (deadline === undefined ? [] : [deadline]));
  const due: Due = {
    key: `allow/${allowance}/${next}/${bonds.map(({ key }) => key).join('+')}`,
    what: `allowing the oracle to take ${next} of the token ${currency}`,
    deadline: deadlines.toSorted((a, b) => (a < b ? -1 : 1))[0],
    stakeWei: amountWei,
    populate: () => token.approve(next),
    mined: (receipt) => listen({ kind: 'allowed', amountWei: next, receipt }),
  };
  return [due];
}
