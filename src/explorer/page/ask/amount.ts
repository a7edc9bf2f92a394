/** An amount as a person types it, in the smallest unit; undefined for anything else, and for more decimals than there are. */
export function amountIn(text: string, decimals: number): bigint | undefined {
  const [, whole, part = ''] = /^(\d{1,20})(?:\.(\d{1,36}))?$/.exec(text.trim()) ?? [];
  if (whole === undefined || part.length > decimals) return undefined;
  return BigInt(whole) * 10n ** BigInt(decimals) + BigInt(part.padEnd(decimals, '0') || '0');
}
