import { type Contracts, signerOf } from '../contracts/contracts.ts';
import { explain } from '../messages/explain.ts';
import type { Listener } from '../messages/report.ts';
import { fileJournal } from './journal.ts';
import { type Lease, takeLease } from './lease.ts';
import { openNode } from './node.ts';
import { senderFiles } from './senderFiles.ts';
import { type SenderOptions, Transactions } from './transactions.ts';

export interface OpenOptions extends Omit<SenderOptions, 'journal'> {
  /** Folder for the lease and the journal; without it a second process with the same key is not noticed at once. */
  readonly dataFolder?: string;
}

/** An account that sends, until it is closed. */
export interface Sender {
  readonly address: string;
  readonly transactions: Transactions;
  /** Shows that this process still lives. @throws LeaseTaken if another one sends with the key now */
  renew(): void;
  close(): void;
}

/**
 * @throws LeaseTaken if another process sends with the same key from the same folder
 * @throws DeploymentError if the contracts were opened for reading only
 */
export async function openSender(
  contracts: Contracts,
  listen: Listener,
  { dataFolder, ...options }: OpenOptions = {},
): Promise<Sender> {
  const node = await openNode(signerOf(contracts), contracts.provider);
  const { address } = node;
  const target = await contracts.game.getAddress();
  const encode = (calls: readonly string[]) => ({
    to: target,
    data: contracts.game.interface.encodeFunctionData('multicall', [[...calls]]),
  });
  const file = dataFolder ? await senderFiles(dataFolder, contracts.provider, address) : undefined;
  const warn =
    (then: string) =>
    (failure: Error): void =>
      listen({ kind: 'warned', about: 'disk', sentence: `${explain(failure)}; ${then}` });
  const lease: Lease | undefined = file
    ? takeLease(file('lease'), address, warn('a second process with the same key is not noticed at once'))
    : undefined;
  const journal = file
    ? {
        journal: fileJournal(
          file('transactions.json'),
          warn('a restart has to learn from the chain what was sent'),
        ),
      }
    : {};
  return {
    address,
    transactions: new Transactions(node, encode, listen, { ...options, ...journal }),
    renew: () => lease?.renew(),
    close: () => lease?.release(),
  };
}
