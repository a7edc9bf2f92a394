import { formatEther, formatUnits } from 'ethers';

/** Limits on the money that an account puts at risk. */
export interface Limits {
  /** The greatest bond of one claim or challenge, in the currency's smallest unit; undefined for no limit. */
  readonly maxBondWei?: bigint | undefined;
  /** The most of all open bonds together. */
  readonly maxBondsWei?: bigint | undefined;
}

/** The balances of an account, and its obligations. */
export interface Funds {
  /** Ether. */
  readonly balanceWei: bigint;
  /** Balance for bonds, in the currency's smallest unit: the same as `balanceWei` if the currency is ether. */
  readonly currencyWei: bigint;
  readonly isEther: boolean;
  /** Gas that open claims and disputes may still take. */
  readonly reservedGas: bigint;
  /** Bonds that are put up already. */
  readonly openBondsWei: bigint;
  /** The most that is paid for a unit of gas. */
  readonly maxFeeWei: bigint;
}

/** A bond that somebody would put up. */
export interface Wish {
  readonly bondWei: bigint;
  /** The greatest possible gain; undefined if a bond above it makes sense. */
  readonly winWei?: bigint;
  /** Gas of everything that follows from it in the worst course. */
  readonly gas: bigint;
}

const ether = (wei: bigint): string => formatEther(wei);
const gwei = (wei: bigint): string => formatUnits(wei, 'gwei');

/**
 * Grants bonds one after the other, as long as gas for the worst course of all that is open stays in reserve.
 *
 * INVARIANT: whatever strangers choose, every open claim and dispute can be played to its end.
 */
export class Purse {
  readonly #limits: Limits;
  readonly #funds: Funds;
  #bondsWei: bigint;
  #gas: bigint;
  #spentWei = 0n;

  constructor(limits: Limits, funds: Funds) {
    this.#limits = limits;
    this.#funds = funds;
    this.#bondsWei = funds.openBondsWei;
    this.#gas = funds.reservedGas;
  }

  /** Ether that stays for gas. */
  get reserveWei(): bigint {
    return this.#gas * this.#funds.maxFeeWei;
  }

  /** Sets a bond and the gas that it may take aside: for what is on its way, or was not refused. */
  keep({ bondWei, gas }: Wish): void {
    this.#bondsWei += bondWei;
    this.#spentWei += bondWei;
    this.#gas += gas;
  }

  /**
   * Sets a bond and the gas that it may take aside.
   *
   * @returns why not, with the figures, or undefined if it is granted
   */
  grant(wish: Wish): string | undefined {
    const why = this.refusal(wish);
    if (!why) this.keep(wish);
    return why;
  }

  /** Why a bond would not be granted now, with the figures; undefined if it would be. Nothing is set aside. */
  refusal({ bondWei, winWei, gas }: Wish): string | undefined {
    const { maxBondWei, maxBondsWei } = this.#limits;
    const { balanceWei, currencyWei, isEther, maxFeeWei } = this.#funds;
    if (maxBondWei !== undefined && bondWei > maxBondWei) {
      return `its bond of ${ether(bondWei)} is over the limit of ${ether(maxBondWei)} (--max-bond-wei)`;
    }
    if (winWei !== undefined && bondWei > winWei) {
      return `its bond of ${ether(bondWei)} is more than the ${ether(winWei)} that can be won`;
    }
    const bondsWei = this.#bondsWei + bondWei;
    if (maxBondsWei !== undefined && bondsWei > maxBondsWei) {
      return `its bond of ${ether(bondWei)} would make all open bonds ${ether(bondsWei)}, over the limit of ${ether(maxBondsWei)} (--max-bonds-wei)`;
    }
    const reserveWei = (this.#gas + gas) * maxFeeWei;
    const spentWei = this.#spentWei + bondWei;
    const etherWei = reserveWei + (isEther ? spentWei : 0n);
    if (etherWei > balanceWei) {
      return `the account has ${ether(balanceWei)} ether, and ${isEther ? `bonds of ${ether(spentWei)} and ` : ''}${ether(reserveWei)} for gas would have to be there: ${this.#gas + gas} gas of open and new work at ${gwei(maxFeeWei)} gwei (--max-fee-gwei)`;
    }
    if (spentWei > currencyWei) {
      return `bonds of ${spentWei} would have to be paid, and the account has ${currencyWei} of the currency`;
    }
    return undefined;
  }
}
