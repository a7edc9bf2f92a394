import { join } from 'node:path';
import type { Provider } from 'ethers';

/** Names the files that an account's sending has in a folder, by their ending. */
export type SenderFiles = (ending: 'lease' | 'transactions.json') => string;

/** The files of an account on the chain of a node. */
export async function senderFiles(folder: string, provider: Provider, address: string): Promise<SenderFiles> {
  const { chainId } = await provider.getNetwork();
  // Development chains share their number, but not their first block.
  const genesis = (await provider.getBlock(0))?.hash ?? '';
  const chain = `${chainId}-${genesis.slice(2, 10)}`;
  return (ending) => join(folder, `${chain}-${address}.${ending}`);
}
