// Puts CreateX on a development chain, as its author signed it for every chain; Hardhat Ignition carries the transaction.
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseEther, type Signer } from 'ethers';

const DEPLOYER = '0xeD456e05CaAb11d66C4c797dD6C1D6f9A7F352b5'.toLowerCase();
const FILE = 'internal/execution/strategy/createx-artifact.js';

/** Funds the deployer from the account, whose nonce grows by one, and broadcasts the signed transaction. */
export async function installCreateX(signer: Signer): Promise<void> {
  const core = createRequire(import.meta.url).resolve('@nomicfoundation/ignition-core');
  const { presignedTx } = (await import(pathToFileURL(join(dirname(core), FILE)).href)) as {
    presignedTx: string;
  };
  const funding = await signer.sendTransaction({ to: DEPLOYER, value: parseEther('0.3') });
  await funding.wait();
  const creation = await signer.provider!.broadcastTransaction(presignedTx);
  await creation.wait();
}
