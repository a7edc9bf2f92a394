import { Contract } from 'ethers';
import { type Contracts, DeploymentError } from './contracts.ts';
import { submit } from './submit.ts';
import { ZERO_ADDRESS } from './types.ts';

const TOKEN = [
  'function allowance(address owner, address spender) view returns (uint256)',
  'function approve(address spender, uint256 amount) returns (bool)',
];

/**
 * Makes ready to pay the oracle: nothing to do with ether; a token is allowed to the oracle first, exactly as much as is
 * paid, so that an oracle that is not what it seems can take no more.
 *
 * @returns what the paying call sends along
 * @throws Refused if the token refuses the allowance
 */
export async function pay(
  { oracle, currency, signer }: Contracts,
  amountWei: bigint,
): Promise<{ readonly value: bigint }> {
  if (currency === ZERO_ADDRESS) return { value: amountWei };
  if (!signer)
    throw new DeploymentError('paying takes an account; these contracts were opened for reading only');
  const token = new Contract(currency, TOKEN, signer);
  const spender = await oracle.getAddress();
  const allowance: bigint = await token.getFunction('allowance')(await signer.getAddress(), spender);
  if (allowance < amountWei) {
    const approve = token.getFunction('approve');
    // Some tokens change an allowance only from or to zero.
    if (allowance > 0n) {
      await submit(signer, approve.populateTransaction(spender, 0n), `resetting what the oracle may take`);
    }
    const what = `allowing the oracle to take ${amountWei} of the token ${currency}`;
    await submit(signer, approve.populateTransaction(spender, amountWei), what);
  }
  return { value: 0n };
}
