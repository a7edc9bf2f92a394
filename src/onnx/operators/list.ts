import { ensure } from '../errors.ts';

/** Entries of a list that one node may make at import, such as the positions that padding reads from. */
const MAX_ENTRIES = 2 ** 20;

/** @throws Refusal for a list longer than any real model needs, before it takes memory */
export function listOf<T>(length: number, entry: (i: number) => T): T[] {
  ensure(length <= MAX_ENTRIES, `it takes a list of ${length} entries, of ${MAX_ENTRIES} allowed`);
  return Array.from({ length }, (_, i) => entry(i));
}
