import type { BaseContract, Interface, LogDescription, Result, TransactionReceipt } from 'ethers';
import { type Address, isSameAddress } from './types.ts';

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

type Logs = Pick<TransactionReceipt, 'logs'>;

/**
 * The events of the contract at an address in a receipt. Tokens and callbacks run in the same transaction: their logs may have
 * the topics of the contract's events and any bytes, so only logs of its own address are read.
 */
export const eventsAt = (address: Address, abi: Interface, { logs }: Logs): LogDescription[] =>
  logs.flatMap((log) => {
    if (!isSameAddress(log.address, address)) return [];
    try {
      return abi.parseLog(log) ?? [];
    } catch {
      return [];
    }
  });

/** The events of one contract in a receipt. */
export const eventsIn = async (contract: BaseContract, receipt: Logs): Promise<LogDescription[]> =>
  eventsAt(await contract.getAddress(), contract.interface, receipt);
