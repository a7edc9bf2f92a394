import { getCreate2Address, Interface, id, keccak256, type Provider, type TransactionRequest } from 'ethers';
import type { Address } from '../contracts/types.ts';

/**
 * CreateX, the factory that Hardhat Ignition's strategy `create2` deploys through; at the same address on some hundred
 * chains (https://createx.rocks). A contract's address through it follows from its creation code alone.
 */
export const CREATE_X: Address = '0xba5Ed099633D3B313e4D5F7bdc1305d3c28ba5Ed';

/** Hash of its code, the same everywhere. */
const CODE_HASH = '0xbd8a7ea8cfca7b4e5f5041d7d4b17bc317c5ce42cfbc42066a00cf26b43eb53f';

/** Named by nobody's address, so that it gives every sender the same contracts; hardhat.config.ts gives it to Ignition. */
export const SALT = id('assay');

const ABI = new Interface(['function deployCreate2(bytes32 salt, bytes initCode) returns (address)']);

/** Whether the chain has the factory, and not something else in its place. */
export async function hasCreateX(provider: Provider): Promise<boolean> {
  return keccak256(await provider.getCode(CREATE_X)) === CODE_HASH;
}

/** Where {@link creation} puts a contract (EIP-1014). CreateX hashes a salt that names no sender once more. */
export const addressOfCreation = (initCode: string): Address =>
  getCreate2Address(CREATE_X, keccak256(SALT), keccak256(initCode));

/** The transaction that creates a contract through the factory. */
export const creation = (initCode: string): TransactionRequest => ({
  to: CREATE_X,
  data: ABI.encodeFunctionData('deployCreate2', [SALT, initCode]),
});
