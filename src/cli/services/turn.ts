import { explain } from '../../chain/messages/explain.ts';
import { type Lease, LeaseTaken, takeLease } from '../../chain/transactions/lease.ts';
import { senderFiles } from '../../chain/transactions/senderFiles.ts';
import { InputError } from '../../files/inputError.ts';
import type { Account } from '../connection/connection.ts';
import type { Console } from '../console.ts';
import { requireSentFolder, sentFolder } from '../models/sources.ts';

/** Options of commands that send a few transactions and end. */
export interface TurnOptions {
  /** The folder in which services of the same key have their lease. */
  readonly data?: string;
}

/** Longest wait for what the account has sent before, ms: five blocks of a usual chain. */
const PENDING_MS = 60_000;
const REST_MS = 1000;
/** Interval of signs of life to processes on other machines, ms. */
const SIGN_OF_LIFE_MS = 30_000;

/** Waits until the pool has nothing of the account that is not mined. @throws InputError if that takes long */
async function untilNothingPends({ wallet }: Account, console: Console, patienceMs: number): Promise<void> {
  const { address } = wallet;
  const provider = wallet.provider!;
  for (let waitedMs = 0; ; waitedMs += REST_MS) {
    const [mined, sent] = await Promise.all(
      (['latest', 'pending'] as const).map((tag) => provider.getTransactionCount(address, tag)),
    );
    const count = sent! - mined!;
    if (count <= 0) return;
    if (waitedMs >= patienceMs) {
      const [what, is, them] =
        count === 1
          ? [`a transaction, nonce ${mined},`, 'is', 'it']
          : [`${count} transactions, from nonce ${mined} on,`, 'are', 'them'];
      throw new InputError(
        `the account ${address} has ${what} in the pool that ${is} not mined; another process may send with its key: end it, wait for ${them}, or use another key`,
      );
    }
    console.progress('waiting for an earlier transaction of this account');
    await new Promise((resolve) => setTimeout(resolve, REST_MS));
  }
}

function showLife(lease: Lease): void {
  try {
    lease.renew();
  } catch {
    // Somebody took it over; what was begun is ended all the same.
  }
}

/**
 * Does a command's work while no other process sends with the key: services and commands of one data folder take turns by
 * the same lease, and whoever has another folder is known by what it has in the pool.
 *
 * @param patienceMs how long earlier transactions of the account are waited for
 * @throws InputError saying who sends, and what to do
 */
export async function inTurn<T>(
  options: TurnOptions,
  account: Account,
  console: Console,
  work: () => Promise<T>,
  patienceMs = PENDING_MS,
): Promise<T> {
  requireSentFolder(options);
  const { address, provider } = account.wallet;
  const file = await senderFiles(sentFolder(options), provider!, address);
  const onTrouble = (failure: Error): void =>
    console.err(`assay: ${explain(failure)}; another process with the same key is not noticed by its lease`);
  try {
    const lease = takeLease(file('lease'), address, onTrouble);
    const living = setInterval(() => showLife(lease), SIGN_OF_LIFE_MS).unref();
    try {
      await untilNothingPends(account, console, patienceMs);
      return await work();
    } finally {
      clearInterval(living);
      lease.release();
    }
  } catch (failure) {
    throw failure instanceof LeaseTaken ? new InputError(failure.message) : failure;
  }
}
