import type { CurrencyJson } from '../api.ts';

/** Amounts, times and ids as people read them. */

/** Digits after the point; smaller parts of an amount are left out. */
const DIGITS = 6;

/** An amount with its unit, cut after six digits. */
export function amountText(wei: string, { symbol, decimals }: CurrencyJson): string {
  const unit = 10n ** BigInt(decimals);
  const amount = BigInt(wei);
  const whole = amount / unit;
  const rest = (amount % unit).toString().padStart(decimals, '0').slice(0, DIGITS).replace(/0+$/, '');
  const isTiny = amount > 0n && whole === 0n && rest === '';
  if (isTiny) return `under 0.${'0'.repeat(DIGITS - 1)}1 ${symbol}`;
  return `${whole.toLocaleString('en-US')}${rest === '' ? '' : `.${rest}`} ${symbol}`;
}

const UNITS = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
  [1, 's'],
] as const;

/** A length of time in its two greatest units: `2 d 3 h`, `45 s`. */
export function durationText(seconds: number): string {
  let rest = Math.max(0, Math.floor(seconds));
  const parts: string[] = [];
  for (const [size, name] of UNITS) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0 || (parts.length === 0 && size === 1)) parts.push(`${count} ${name}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.join(' ');
}

export const agoText = (timestamp: number, now: number): string =>
  now - timestamp < 1 ? 'just now' : `${durationText(now - timestamp)} ago`;

/** The last second of JavaScript's calendar (ECMA-262, Time Values and Time Range). */
const LAST_SECOND = 8_640_000_000_000;

export const dateText = (timestamp: number): string =>
  !(timestamp <= LAST_SECOND)
    ? `second ${timestamp}`
    : `${new Date(1000 * timestamp).toISOString().replace('T', ' ').slice(0, 19)} UTC`;

export const shortHex = (hex: string): string =>
  hex.length > 14 ? `${hex.slice(0, 8)}…${hex.slice(-4)}` : hex;

export const countText = (count: number, one: string, many = `${one}s`): string =>
  `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`;

export const bytesText = (bytes: number): string =>
  bytes < 10_000
    ? countText(bytes, 'byte')
    : bytes < 1e6
      ? `${(bytes / 1e3).toFixed(0)} kB`
      : `${(bytes / 1e6).toFixed(1)} MB`;

/** The view that a search leads to: a request by its number, a model or an account; undefined for other text. */
export function placeOf(text: string): string | undefined {
  const asked = text.trim();
  if (/^0x[0-9a-fA-F]{64}$/.test(asked)) return `#/model/${asked.toLowerCase()}`;
  if (/^0x[0-9a-fA-F]{40}$/.test(asked)) return `#/account/${asked}`;
  if (/^#?[1-9][0-9]{0,14}$/.test(asked)) return `#/request/${asked.replace('#', '')}`;
  return undefined;
}
