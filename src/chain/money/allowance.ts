import { Contract } from 'ethers';
import { type Contracts, DeploymentError } from '../contracts.ts';
import type { Listener } from '../report.ts';
import type { Due } from '../transactions/due.ts';
import { ZERO_ADDRESS } from '../types.ts';

const TOKEN = [
  'function allowance(address owner, address spender) view returns (uint256)',
  'function approve(address spender, uint256 amount) returns (bool)',
];

/**
 * Allows the oracle to take a token for the bonds that are due, exactly as much, so that an oracle that is not what it seems
 * can take no more.
 *
 * @param amountWei of all bonds that are due, those on their way included
 * @returns the bonds' dues if they can be paid now, or what has to be mined before
 */
export async function withAllowance(
  { oracle, currency, signer }: Contracts,
  account: string,
  amountWei: bigint,
  bonds: readonly Due[],
  listen: Listener,
): Promise<readonly Due[]> {
  if (currency === ZERO_ADDRESS || bonds.length === 0) return bonds;
  if (!signer)
    throw new DeploymentError('paying takes an account; these contracts were opened for reading only');
  const token = new Contract(currency, TOKEN, signer);
  const spender = await oracle.getAddress();
  const allowance: bigint = await token.getFunction('allowance')(account, spender);
  if (allowance >= amountWei) return bonds;
  // Some tokens change an allowance only from or to zero.
  const next = allowance > 0n ? 0n : amountWei;
  const deadlines = bonds.flatMap(({ deadline }) => (deadline === undefined ? [] : [deadline]));
  const due: Due = {
    key: `allow/${allowance}/${next}/${bonds.map(({ key }) => key).join('+')}`,
    what: `allowing the oracle to take ${next} of the token ${currency}`,
    deadline: deadlines.toSorted((a, b) => (a < b ? -1 : 1))[0],
    stakeWei: amountWei,
    populate: async () => token.getFunction('approve').populateTransaction(spender, next),
    mined: (receipt) => listen({ kind: 'allowed', amountWei: next, receipt }),
  };
  return [due];
}
