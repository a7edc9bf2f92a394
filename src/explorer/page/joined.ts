/**
 * The newest rows in front of those that are known. A row that is newer than the last of the newest and not among them is
 * gone; where the newest do not reach what is known, that is dropped, because there may be others in between.
 */
export function joined<Row extends { readonly id: string }>(
  newest: readonly Row[],
  known: readonly Row[],
): readonly Row[] {
  const last = newest.at(-1);
  if (!last) return [];
  const isOlder = ({ id }: Row): boolean => BigInt(id) < BigInt(last.id);
  return known.every(isOlder) && known.length > 0 ? newest : [...newest, ...known.filter(isOlder)];
}
