import type { RawLog } from './events.ts';
import type { FullHeader, Reader, Rpc } from './reader.ts';
import type { IndexStore } from './store.ts';
import type { Header } from './tables.ts';

/** Hashes compared at once on the way down to the common ancestor. */
const ANCESTORS_AT_ONCE = 16;

/** The chain was reorganised, or another node answered, while it was looked at. */
export class ChainMoved extends Error {}

/** Finds the last block that was read and is still on the chain. @param highest where to begin */
export async function commonAncestor(
  store: IndexStore,
  reader: Reader,
  rpc: Rpc,
  highest: number,
): Promise<number> {
  for (let top = highest; ; ) {
    const isFirst = top === highest;
    const known = store.knownBlocks(top, isFirst ? 1 : ANCESTORS_AT_ONCE);
    if (known.length === 0) return isFirst ? highest : store.fromBlock - 1;
    const numbers = known.map(({ number }) => number);
    const headers = await reader.headers(rpc, numbers);
    const hashes = new Map(headers.map(({ number, hash }) => [number, hash]));
    const same = known.find(({ number, hash }) => hashes.get(number) === hash);
    if (same) return isFirst ? highest : same.number;
    top = Math.min(...numbers) - 1;
  }
}

/** The last blocks of the chain, as one node gives them. */
export interface Newest {
  /** Headers that were not known. */
  readonly headers: readonly Header[];
  /** Blocks of which every event was read. */
  readonly whole: readonly number[];
  readonly logs: readonly RawLog[];
}

/**
 * Reads the blocks from `first` to the head. A block counts as read once its header says that it holds none of the events,
 * or the node has answered for its very hash.
 *
 * @throws ChainMoved if the blocks that the node gives do not follow each other
 */
export async function readNewest(
  store: IndexStore,
  reader: Reader,
  rpc: Rpc,
  first: number,
  head: FullHeader,
): Promise<Newest> {
  const reading = reader.logsBetween(rpc, first, head.number);
  // If it fails, that is met where it is awaited, unless something else has failed before.
  reading.catch(() => undefined);
  const numbers = Array.from({ length: head.number - first + 1 }, (_, i) => first + i);
  const fetched = await reader.headers(
    rpc,
    numbers.filter((number) => number !== head.number && !store.header(number)),
  );
  const headers = new Map([...fetched, head].map((header) => [header.number, header]));
  const at = (number: number): Header | undefined => headers.get(number) ?? store.header(number);
  for (const number of numbers) {
    const [before, header] = [at(number - 1), at(number)];
    if (!header) throw new ChainMoved(`the node has block ${head.number} and not block ${number}`);
    if (before && number > first && before.hash !== header.parentHash) {
      // Blocks that were kept may be the ones that are gone: a further look finds their ancestor.
      throw new ChainMoved(`block ${number} does not follow the block ${number - 1} that the node gave`);
    }
  }
  const open = numbers.filter((number) => !store.isChecked(number) || headers.has(number));
  const asked = open.filter((number) => headers.get(number)?.mayHoldEvents ?? true);
  const [again, ...single] = await Promise.all([
    reading,
    // A node that has the header and not yet the logs gives an error here, or nothing: then it is asked again.
    ...asked.map((number) => reader.logsOfBlock(rpc, (at(number) as Header).hash).catch(() => undefined)),
  ]);
  const answered = new Set(asked.filter((_, i) => single[i] !== undefined));
  return {
    headers: [...headers.values()],
    whole: open.filter((number) => answered.has(number) || !asked.includes(number)),
    logs: [...again, ...single.flatMap((logs) => logs ?? [])],
  };
}
