import { equalBytes, type Hash } from '../../merkle/keccak.ts';
import { tensorRoot } from '../../merkle/tensor.ts';
import { type ConstantNode, type DType, ELEMENT_BYTES } from '../../program/node.ts';
import { elementCount, type Words, wordsFor, wordsIn } from '../ir/tensor.ts';
import type { OperandSource } from '../loops/loop.ts';
import { summaryOf } from '../loops/summary.ts';
import { IS_LITTLE_ENDIAN } from '../read/byteOrder.ts';
import type { Location } from './emit.ts';

/**
 * Constants up to this size share one node: each node that a program saves makes every opening of its trace
 * shorter, which outweighs the longer openings inside the shared tensor.
 */
const SHARED_CONSTANT_BYTES = 65_536;

/** Most bytes of a node that several larger constants share. */
export const POOLED_CONSTANT_BYTES = 2 ** 22;

interface Found {
  readonly dtype: DType;
  /** Elements. */
  readonly length: number;
  /** The same object for the same words in the same order. */
  readonly origin: object;
  /** Reads the words, which may take a while. */
  readonly words: () => Words;
  /** A hash of the words: equal words have equal fingerprints, and other words rarely do. */
  readonly fingerprint: () => number;
  /** Read through one dimension, so that it can be part of a larger constant. */
  readonly isFlat: boolean;
}

/** A constant of the program; equal constants are one. Its words are read when they are needed, and not kept. */
interface Pooled extends Pick<Found, 'dtype' | 'length' | 'words'> {
  /** Whether all that read it read it through one dimension. */
  isFlat: boolean;
  /** Computed when it is first needed. */
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
  /** Elements of the node before this constant. */
  readonly base: number;
}

/** A constant node, and its bytes. */
export interface NewConstant {
  readonly node: ConstantNode;
  readonly bytes: Uint8Array;
  readonly label: string;
}

/** The nodes that hold the constants of a program. */
export interface Arrangement {
  /** Number of nodes. */
  readonly count: number;
  /** Finds a constant. @param first node number of the first constant node */
  locate(source: OperandSource, first: number): Location;
  /** Reads the constants and makes the nodes, in order. */
  nodes(): NewConstant[];
}

/** Words as bytes of a tensor; where a machine has the words so already, they are not copied. */
const bytesOfWords = (words: Words): Uint8Array => {
  if (IS_LITTLE_ENDIAN || words.BYTES_PER_ELEMENT === 1)
    return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
  const bytes = new Uint8Array(words.byteLength);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < words.length; i++) view.setUint32(4 * i, words[i]!, true);
  return bytes;
};

/** The root of a constant's tree. It is slow to compute, so constants are compared by their fingerprints first. */
const rootOf = (entry: Pooled): Hash => {
  entry.root ??= tensorRoot(bytesOfWords(entry.words()));
  return entry.root;
};

/** The constants of all loops: equal ones once, small ones together. */
export class Constants {
  readonly #entries: Pooled[] = [];
  /** Constants by dtype, length and fingerprint: only those of one list can be equal. */
  readonly #alike = new Map<string, Pooled[]>();
  /** Constants read through one dimension, and the others. */
  readonly #flat = new Map<object, Pooled>();
  readonly #whole = new Map<object, Pooled>();

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
    const candidate: Pooled = { dtype, isFlat, length, words };
    const equal = alike.find((other) => equalBytes(rootOf(other), rootOf(candidate)));
    const entry = equal ?? candidate;
    if (!equal) {
      this.#alike.set(kind, [...alike, entry]);
      this.#entries.push(entry);
    }
    pool.set(origin, entry);
    return entry;
  }

  /**
   * Assigns the constants to nodes.
   *
   * @param pooledBytes most bytes of a node that several large constants share; left out, each of them has its own node
   */
  arrange(pooledBytes = 0): Arrangement {
    const groups: Group[] = [];
    const places = new Map<Pooled, Place>();
    const open = new Map<string, Group>();
    for (const entry of this.#entries) {
      const { dtype, isFlat, length } = entry;
      const bytes = length * ELEMENT_BYTES[dtype];
      const isSmall = bytes <= SHARED_CONSTANT_BYTES;
      const most = isSmall ? Number.POSITIVE_INFINITY : pooledBytes;
      const kind = `${dtype} ${isSmall}`;
      const last = isFlat ? open.get(kind) : undefined;
      const hasRoom = last && (last.length + length) * ELEMENT_BYTES[dtype] <= most;
      const group = hasRoom ? last : { node: groups.length, entries: [], length: 0 };
      if (!hasRoom) groups.push(group);
      if (isFlat) open.set(kind, group);
      places.set(entry, { group, base: group.length });
      group.entries.push(entry);
      group.length += length;
    }
    return {
      count: groups.length,
      locate: (source, first) => {
        const entry = this.#pool(constantOf(source) as Found);
        const { group, base } = places.get(entry) as Place;
        const node = first + group.node;
        // One that is read through its own shape is alone in its node.
        return entry.isFlat ? { node, part: { base, total: group.length } } : { node };
      },
      nodes: () => groups.map(nodeFor),
    };
  }
}

function nodeFor({ entries, length }: Group): NewConstant {
  const { dtype } = entries[0] as Pooled;
  const bytes = bytesOfWords(joined(entries, length));
  return {
    node: { kind: 'constant', dtype, shape: [length], root: tensorRoot(bytes) },
    bytes,
    label: entries.length === 1 ? 'weights' : `weights (${entries.length} constants)`,
  };
}

/** The words of several constants one after the other. They are copied only if they are not adjacent in memory already. */
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
