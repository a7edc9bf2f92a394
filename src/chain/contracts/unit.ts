import { Contract, formatUnits, type Provider } from 'ethers';
import { type Address, ZERO_ADDRESS } from './types.ts';

/** Name and decimals of a currency, for printing amounts. */
export interface Unit {
  readonly symbol: string;
  readonly decimals: number;
}

export const ETHER: Unit = { symbol: 'ether', decimals: 18 };

/** More decimals than tokens have; 10^36 of the smallest unit do not exceed what amounts hold. */
const MOST_DECIMALS = 36;

/** Letters, digits and a few signs: nothing that moves a terminal's cursor or looks like another sentence. */
const SYMBOL = /^[\p{L}\p{N}$₮.+_-]{1,12}$/u;
/** Names of amounts that a token's are not. */
const TAKEN = /^(ether|eth|g?wei)$/i;

const TOKEN = [
  'function symbol() view returns (string)',
  'function decimals() view returns (uint256)',
  'function balanceOf(address) view returns (uint256)',
];

/** A token as far as it must answer to be read. */
const tokenAt = (address: Address, provider: Provider): Contract => new Contract(address, TOKEN, provider);

/** The account's amount of a currency. */
export const balanceIn = (currency: Address, account: Address, provider: Provider): Promise<bigint> =>
  currency === ZERO_ADDRESS
    ? provider.getBalance(account)
    : tokenAt(currency, provider).getFunction('balanceOf')(account);

/** Whether a contract answers as a token does when it is asked for a balance. */
export const isToken = (address: Address, provider: Provider): Promise<boolean> =>
  balanceIn(address, address, provider).then(
    () => true,
    () => false,
  );

/**
 * The unit of a currency. A token whose symbol or decimals are missing, or of no use to a reader, is counted in its
 * smallest units; one that calls itself another token's name cannot be told apart, so its address is printed too.
 *
 * @param currency a token's address, or zero for ether
 */
export async function readUnit(currency: Address, provider: Provider): Promise<Unit> {
  if (currency === ZERO_ADDRESS) return ETHER;
  const token = tokenAt(currency, provider);
  const ask = (name: string): Promise<unknown> =>
    token
      .getFunction(name)()
      .catch(() => undefined);
  const [symbol, decimals] = await Promise.all([ask('symbol'), ask('decimals')]);
  const isUsable =
    typeof symbol === 'string' &&
    SYMBOL.test(symbol) &&
    !TAKEN.test(symbol) &&
    typeof decimals === 'bigint' &&
    decimals <= BigInt(MOST_DECIMALS);
  if (isUsable) return { symbol, decimals: Number(decimals) };
  return { symbol: `smallest units of the token ${currency}`, decimals: 0 };
}

/** An amount with its unit: `0.5 ether`. */
export const amountText = ({ symbol, decimals }: Unit, amountWei: bigint): string =>
  `${formatUnits(amountWei, decimals)} ${symbol}`;

/** The currency for a heading: its unit, and the address if it is a token. */
export const currencyText = (unit: Unit, currency: Address): string =>
  currency === ZERO_ADDRESS || unit.symbol.includes(currency) ? unit.symbol : `${unit.symbol} (${currency})`;
