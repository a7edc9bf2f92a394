import { larger, smaller } from '../bigints.ts';
import type { Due } from './due.ts';
import { ceilingWei, type Fees, isUrgent, worthWei } from './fees.ts';
import type { Look, SendingNode } from './node.ts';
import { latestOf, type Slot, type TransactionContent } from './slot.ts';

export const DEFAULT_MAX_FEE_WEI = 100n * 10n ** 9n;

/** The state of the account in one step. */
export interface Means {
  readonly look: Look;
  /** Ether that stays for the gas of what is open, at the usual ceiling. */
  readonly reservedWei: bigint;
  /** Ether that transactions on their way take besides gas at the usual ceiling. */
  inFlightWei(): bigint;
}

/** Decides how much may be paid for a unit of gas. */
export class Prices {
  readonly maxFeeWei: bigint;
  /** Whether more than that is paid for what is worth it. */
  readonly isRising: boolean;
  readonly #node: SendingNode;
  readonly #tell: (sentence: string) => void;
  #means: Means | undefined;
  /** Ether that nothing else needs; read when it is first asked for in a step. */
  #freeWei: bigint | undefined;

  /**
   * @param maxFeeWei the ceiling, whatever is at stake; left out, it is the usual one and rises where that is worth it
   * @param tell told of what waits for lower prices, and of what is paid above the usual ceiling
   */
  constructor(node: SendingNode, maxFeeWei: bigint | undefined, tell: (sentence: string) => void) {
    this.#node = node;
    this.maxFeeWei = maxFeeWei ?? DEFAULT_MAX_FEE_WEI;
    this.isRising = maxFeeWei === undefined;
    this.#tell = tell;
  }

  get baseFeeWei(): bigint {
    return this.#means?.look.market.baseFeeWei ?? 0n;
  }

  begin(means: Means): void {
    this.#means = means;
    this.#freeWei = undefined;
  }

  secondsLeft(deadline: bigint | undefined): bigint | undefined {
    if (deadline === undefined) return undefined;
    const timestamp = this.#means?.look.timestamp ?? 0n;
    return deadline > timestamp ? deadline - timestamp : 0n;
  }

  isUrgent({ deadline }: Due): boolean {
    return isUrgent(this.secondsLeft(deadline));
  }

  /** The usual ceiling for a due. */
  usual({ deadline }: Due): bigint {
    return ceilingWei(this.maxFeeWei, this.secondsLeft(deadline));
  }

  /** The most that a unit of gas is worth to a due whose deadline is near; 0 if no more is paid than usual. */
  worth(due: Due): bigint {
    return this.isRising && this.isUrgent(due) ? worthWei(due.stakeWei, due.gasLeft) : 0n;
  }

  /** Whether the base fee is under the ceiling of a due; else it waits, and nobody need be asked what it takes. */
  isAffordable(due: Due): boolean {
    const usual = this.usual(due);
    if (this.baseFeeWei < larger(usual, this.worth(due))) return true;
    this.tellCeiling(due.what, usual);
    return false;
  }

  /**
   * Raises the ceiling for a transaction where the usual one does not pay the base fee: up to what the gas is worth.
   *
   * RULE: what is paid above the usual ceiling is ether that no open claim or dispute needs at that ceiling.
   */
  async raiseCeiling(usual: bigint, worth: bigint, { gasLimit, what }: TransactionContent): Promise<bigint> {
    const means = this.#means;
    if (!means || this.baseFeeWei < usual || worth <= usual) return usual;
    this.#freeWei ??= (await this.#node.balance()) - means.reservedWei - means.inFlightWei();
    if (this.#freeWei <= 0n) return usual;
    const affordable = this.maxFeeWei + this.#freeWei / gasLimit;
    const ceiling = smaller(worth, affordable);
    if (this.baseFeeWei >= ceiling) return usual;
    this.#freeWei -= (ceiling - this.maxFeeWei) * gasLimit;
    this.#tell(
      `${what}: pays up to ${gwei(ceiling)} gwei, more than the usual ${gwei(this.maxFeeWei)}, because its deadline is near and that much is at stake`,
    );
    return ceiling;
  }

  tellCeiling(what: string, ceiling: bigint): void {
    const then = this.isRising
      ? 'it rises near the deadline, if there is one, up to what is at stake'
      : 'raise --max-fee-gwei if it must not wait';
    this.#tell(
      `${what}: waits, because the base fee is ${gwei(this.baseFeeWei)} gwei and the ceiling is ${gwei(ceiling)} gwei now; ${then}`,
    );
  }
}

/** Ether that transactions on their way take besides gas at the usual ceiling. */
export const weiIn = (open: readonly Slot[], maxFeeWei: bigint): bigint =>
  open.reduce((sum, slot) => {
    const latest = latestOf(slot);
    if (!latest) return sum;
    return sum + latest.valueWei + larger(0n, latest.fees.maxFeePerGas - maxFeeWei) * latest.gasLimit;
  }, 0n);

/** An amount of wei in gwei, with at most two decimals. */
export const gwei = (wei: bigint): string => `${Number(wei / 10n ** 7n) / 100}`;

/** Tells of another attempt for a nonce. @param isTaken whether a node took one before */
export function replacedSentence(what: string, nonce: number, fees: Fees, isTaken: boolean): string {
  const how = isTaken ? 'not mined yet; sent again' : 'no node has taken it yet; offered again';
  return `${what}: ${how} with nonce ${nonce} at ${gwei(fees.maxFeePerGas)} gwei`;
}
