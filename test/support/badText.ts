import type { ContractTransaction } from 'ethers';

/** Four letters that a test puts where a text goes, and {@link withBadText} takes away. */
export const LETTERS = 'AAAA';

/** Calldata or a log in which {@link LETTERS} are bytes that are not UTF-8. */
export function badTextIn(data: string): string {
  const parts = data.split('41414141');
  if (parts.length !== 2) throw new Error('the letters are not there once');
  return parts.join('ff414141');
}

export const withBadText = ({ to, data }: ContractTransaction): { to: string; data: string } => ({
  to: `${to}`,
  data: badTextIn(data),
});
