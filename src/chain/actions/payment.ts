import type { Contracts } from '../contracts/contracts.ts';
import { ZERO_ADDRESS } from '../contracts/types.ts';
import { openToken } from '../money/token.ts';
import { submit } from './submit.ts';

/**
 * Makes ready to pay the oracle: nothing to do with ether; a token is allowed to the oracle first, exactly as much as is
 * paid, so that an oracle that is not what it seems can take no more.
 *
 * @returns what the paying call sends along
 * @throws Refused if the token refuses the allowance
 */
export async function pay(contracts: Contracts, amountWei: bigint): Promise<{ readonly value: bigint }> {
  const { currency } = contracts;
  if (currency === ZERO_ADDRESS) return { value: amountWei };
  const token = await openToken(contracts);
  const { signer } = token;
  const allowance = await token.allowanceOf(await signer.getAddress());
  if (allowance < amountWei) {
    // Some tokens change an allowance only from or to zero.
    if (allowance > 0n) {
      await submit(signer, token.approve(0n), `resetting what the oracle may take`);
    }
    const what = `allowing the oracle to take ${amountWei} of the token ${currency}`;
    await submit(signer, token.approve(amountWei), what);
  }
  return { value: 0n };
}
