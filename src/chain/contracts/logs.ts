import type { BaseContract, LogDescription, Result, TransactionReceipt } from 'ethers';

/** Reads what strangers put into events. */

/** Longer texts are cut: no URI of this length is followed. */
const MOST_TEXT = 4096;

/**
 * A text of a stranger in an event. The contracts take any bytes for one, and ethers throws at the first use of a text that
 * is not UTF-8: such a text leads nowhere, so it counts as empty.
 */
export function textIn(args: Result, name: string): string {
  try {
    return `${args.getValue(name)}`.slice(0, MOST_TEXT);
  } catch {
    return '';
  }
}

/**
 * The events of one contract in a receipt. Tokens and callbacks run in the same transaction: their logs may have the topics
 * of the contract's events and any bytes, so only logs of its own address are read.
 */
export async function eventsIn(
  contract: BaseContract,
  { logs }: Pick<TransactionReceipt, 'logs'>,
): Promise<LogDescription[]> {
  const address = (await contract.getAddress()).toLowerCase();
  return logs.flatMap((log) => {
    if (log.address.toLowerCase() !== address) return [];
    try {
      return contract.interface.parseLog(log) ?? [];
    } catch {
      return [];
    }
  });
}
