import { Contract, type ContractTransaction, type Signer } from 'ethers';
import { type Contracts, DeploymentError } from '../contracts/contracts.ts';

const TOKEN = [
  'function allowance(address owner, address spender) view returns (uint256)',
  'function approve(address spender, uint256 amount) returns (bool)',
];

/** A deployment's token, as an account pays with it. */
export interface PaidToken {
  readonly signer: Signer;
  /** The amount that the oracle may take from an account. */
  allowanceOf(account: string): Promise<bigint>;
  /** The call that lets the oracle take an amount. */
  approve(amountWei: bigint): Promise<ContractTransaction>;
}

/** @throws DeploymentError if the contracts were opened for reading only */
export async function openToken({ oracle, currency, signer }: Contracts): Promise<PaidToken> {
  if (!signer)
    throw new DeploymentError('paying takes an account; these contracts were opened for reading only');
  const token = new Contract(currency, TOKEN, signer);
  const spender = await oracle.getAddress();
  return {
    signer,
    allowanceOf: (account) => token.getFunction('allowance')(account, spender),
    approve: (amountWei) => token.getFunction('approve').populateTransaction(spender, amountWei),
  };
}
