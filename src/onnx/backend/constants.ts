import { equalBytes, type Hash } from '../../merkle/keccak.ts';
import { tensorRoot } from '../../merkle/tensor.ts';
import { type ConstantNode, type DType, ELEMENT_BYTES } from '../../program/node.ts';
import { elementCount, type Words, wordsFor, wordsIn } from '../ir/tensor.ts';
import type { OperandSource } from '../loops/loop.ts';
import { summaryOf } from '../loops/summary.ts';
import type { Location } from './emit.ts';

/**
 * Constants up to this size share one node: each node that a program saves makes every opening of its trace
 * shorter, which outweighs the longer openings inside the shared tensor.
 */
const SHARED_CONSTANT_BYTES = 65_536;

/** Most bytes of a node in which larger constants are put together. */
export const POOLED_CONSTANT_BYTES = 2 ** 22;

interface Found {
  readonly dtype: DType;
  /** Elements. */
  readonly length: number;
  /** The same object for the same words in the same order. */
  readonly origin: object;
  /** Reads the words, which may take a while. */
  readonly words: () => Words;
  /** Equal for equal words, and hardly ever for others. */
  readonly fingerprint: () => number;
  /** Read through one dimension, so that it can be part of a larger constant. */
  readonly isFlat: boolean;
}

/** A constant of the program: equal ones are one. Its words are not held, but read when they are needed. */
interface Pooled extends Pick<Found, 'dtype' | 'length' | 'words'> {
  /** Whether all that read it read it through one dimension. */
  isFlat: boolean;
  /** Once something asked for it. */
  root?: Hash;
}

/** Constants of one node. */
interface Group {
  /** Its number among the constants' nodes. */
  readonly node: number;
  readonly entries: Pooled[];
  /** Elements of all. */
  length: number;
}

interface Place {
  readonly group: Group;
  /** Elements before it. */
  readonly base: number;
}

const IS_LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Words as bytes of a tensor; where a machine has the words so already, they are not copied. */
const bytesOfWords = (words: Words): Uint8Array => {
  if (IS_LITTLE_ENDIAN || words.BYTES_PER_ELEMENT === 1)
    return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
  const bytes = new Uint8Array(words.byteLength);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < words.length; i++) view.setUint32(4 * i, words[i]!, true);
  return bytes;
};

/** Takes long, so it is found for those only whose fingerprint another one has. */
const rootOf = (entry: Pooled): Hash => {
  entry.root ??= tensorRoot(bytesOfWords(entry.words()));
  return entry.root;
};

/** The constants of all loops: equal ones once, small ones together. */
export class Constants {
  readonly #entries: Pooled[] = [];
  /** Those that may be equal, by what is easily compared. */
  readonly #alike = new Map<string, Pooled[]>();
  /** Constants read through one dimension, and the others. */
  readonly #flat = new Map<object, Pooled>();
  readonly #whole = new Map<object, Pooled>();
  readonly #places = new Map<Pooled, Place>();
  #groups: Group[] = [];

  take(source: OperandSource): void {
    const found = constantOf(source);
    // A part of a larger constant has no shape of its own.
    if (found) this.#pool(found).isFlat &&= found.isFlat;
  }

  #pool({ origin, length, dtype, isFlat, words, fingerprint }: Found): Pooled {
    const pool = isFlat ? this.#flat : this.#whole;
    const known = pool.get(origin);
    if (known) return known;
    // A constant that is a node of its own is read through any shape.
    const isSmall = length * ELEMENT_BYTES[dtype] <= SHARED_CONSTANT_BYTES;
    const kind = `${dtype} ${isFlat || !isSmall} ${length} ${fingerprint()}`;
    const alike = this.#alike.get(kind) ?? [];
    const made: Pooled = { dtype, isFlat, length, words };
    const equal = alike.find((other) => equalBytes(rootOf(other), rootOf(made)));
    const entry = equal ?? made;
    if (!equal) {
      this.#alike.set(kind, [...alike, entry]);
      this.#entries.push(entry);
    }
    pool.set(origin, entry);
    return entry;
  }

  /**
   * Puts the constants into nodes.
   *
   * @param pooledBytes most bytes of a node that holds several large constants; left out, each of these is one of its own
   * @returns the number of nodes
   */
  arrange(pooledBytes = 0): number {
    this.#groups = [];
    const open = new Map<string, Group>();
    for (const entry of this.#entries) {
      const { dtype, isFlat, length } = entry;
      const bytes = length * ELEMENT_BYTES[dtype];
      const isSmall = bytes <= SHARED_CONSTANT_BYTES;
      const most = isSmall ? Number.POSITIVE_INFINITY : pooledBytes;
      const kind = `${dtype} ${isSmall}`;
      const last = isFlat ? open.get(kind) : undefined;
      const hasRoom = last && (last.length + length) * ELEMENT_BYTES[dtype] <= most;
      const group = hasRoom ? last : { node: this.#groups.length, entries: [], length: 0 };
      if (!hasRoom) this.#groups.push(group);
      if (isFlat) open.set(kind, group);
      this.#places.set(entry, { group, base: group.length });
      group.entries.push(entry);
      group.length += length;
    }
    return this.#groups.length;
  }

  /** @param base node number of the first constant */
  locate(source: OperandSource, base: number): Location {
    const entry = this.#pool(constantOf(source) as Found);
    const { group, base: before } = this.#places.get(entry) as Place;
    const node = base + group.node;
    // One that is read through its own shape is alone in its node.
    return entry.isFlat ? { node, part: { base: before, total: group.length } } : { node };
  }

  /** The nodes as they were arranged last. */
  nodes(): { node: ConstantNode; bytes: Uint8Array; label: string }[] {
    return this.#groups.map(({ entries, length }) => {
      const { dtype } = entries[0] as Pooled;
      const bytes = bytesOfWords(joined(entries, length));
      return {
        node: { kind: 'constant', dtype, shape: [length], root: tensorRoot(bytes) },
        bytes,
        label: entries.length === 1 ? 'weights' : `weights (${entries.length} constants)`,
      };
    });
  }
}

/** The words of some constants one after the other: as they lie, if they do so already, else in a copy. */
function joined(entries: readonly Pooled[], length: number): Words {
  const { dtype, words } = entries[0] as Pooled;
  const first = words();
  if (entries.length === 1) return first;
  let all: Words | undefined;
  let base = 0;
  for (const entry of entries) {
    const own = entry === entries[0] ? first : entry.words();
    const follows =
      own.buffer === first.buffer && own.byteOffset === first.byteOffset + base * own.BYTES_PER_ELEMENT;
    if (!all && !follows) {
      all = wordsFor(dtype, length);
      all.set(wordsIn(first.buffer, dtype, first.byteOffset, base));
    }
    all?.set(own, base);
    base += entry.length;
  }
  return all ?? wordsIn(first.buffer, dtype, first.byteOffset, length);
}

function constantOf(source: OperandSource): Found | undefined {
  if ('constant' in source) {
    const { constant } = source;
    const { dtype, length, origin, summary } = constant;
    const { fingerprint } = summary;
    return {
      ...{ dtype, length, origin, isFlat: true },
      words: () => constant.words,
      fingerprint: () => fingerprint,
    };
  }
  const { tensor } = source;
  const from = tensor.source;
  if (from.kind !== 'constant') return undefined;
  const { dtype } = tensor.type;
  return {
    ...{ dtype, length: elementCount(tensor), origin: from, isFlat: false },
    words: () => from.words,
    fingerprint: () => summaryOf(from.words).fingerprint,
  };
}
