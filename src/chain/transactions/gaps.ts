import type { Due } from './due.ts';
import type { Ledger } from './ledger.ts';
import { filler, keysIn, latestOf, type Slot, type TransactionContent } from './slot.ts';

/** Closes gaps below nonces in use: with transactions of nothing, or by giving those nonces back. */

export interface Filling {
  readonly ledger: Ledger;
  readonly stated: ReadonlyMap<string, Due>;
  readonly address: string;
  /** Most fillers, whatever they cost. */
  readonly most: number;
  /** The most that a unit of gas costs now, wei. */
  readonly priceWei: bigint;
  /** Signs the transaction of a nonce. @returns whether its price is paid */
  readonly send: (nonce: number, content: TransactionContent) => Promise<boolean>;
  readonly tell: (sentence: string) => void;
}

/** Loss if the transaction of a nonce is never mined, wei: the stakes of its dues, and the gas that was offered for it. */
const atStakeWei = (slot: Slot, stated: ReadonlyMap<string, Due>): bigint => {
  const stakes = keysIn(slot).reduce((sum, key) => sum + (stated.get(key)?.stakeWei ?? 0n), 0n);
  const latest = latestOf(slot);
  return stakes + (latest ? latest.gasLimit * latest.fees.maxFeePerGas : 0n);
};

/**
 * Uses up nonces that nobody knows of and others wait behind.
 *
 * RULE: fillers never cost more than what waits behind them is worth; else what waits there is given back, and sent again
 * with the next free nonces.
 */
export async function fillGaps({
  ledger,
  stated,
  address,
  most,
  priceWei,
  send,
  tell,
}: Filling): Promise<void> {
  for (let nonce = ledger.nextNonce(); ; nonce = ledger.nextNonce()) {
    const behind = ledger.slots.filter((slot) => slot.nonce > nonce);
    const last = behind.at(-1);
    if (!last) return;
    const content = filler(nonce, address);
    const missing = BigInt(last.nonce - nonce - (behind.length - 1));
    const worthWei = behind.reduce((sum, slot) => sum + atStakeWei(slot, stated), 0n);
    if (missing > BigInt(most) || missing * content.gasLimit * priceWei > worthWei) {
      for (const slot of behind.toReversed()) if (!slot.mined) ledger.drop(slot);
      tell(
        `nonces ${behind[0]!.nonce} to ${last.nonce} of ${address} are given back: ${missing} before them are unused, which a node said were used`,
      );
      ledger.save();
      return;
    }
    if (!(await send(nonce, content))) return;
  }
}
