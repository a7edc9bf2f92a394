import { type Hash, hexOf } from '../../merkle/keccak.ts';
import { tensorRoot } from '../../merkle/tensor.ts';
import { type ConstantNode, type DType, ELEMENT_BYTES } from '../../program/node.ts';
import { elementCount, type Words, wordsFor } from '../ir/tensor.ts';
import type { OperandSource } from '../loops/loop.ts';
import type { Location } from './emit.ts';

/**
 * Constants up to this size share one node: each node that a program saves makes every opening of its trace
 * shorter, which outweighs the longer openings inside the shared tensor.
 */
const SHARED_CONSTANT_BYTES = 65_536;

interface Found {
  readonly dtype: DType;
  /** Elements. */
  readonly length: number;
  /** The same object for the same words in the same order. */
  readonly origin: object;
  /** Reads the words, which may take a while. */
  readonly words: () => Words;
  /** Read through one dimension, so that it can be part of a larger constant. */
  readonly isFlat: boolean;
}

interface Pooled extends Pick<Found, 'dtype'> {
  /** Whether all that read it read it through one dimension. */
  isFlat: boolean;
  readonly words: Words;
  /** Equal for equal constants only. */
  readonly key: string;
  readonly root: Hash;
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

/** The constants of all loops: equal ones once, small ones together. */
export class Constants {
  readonly #entries = new Map<string, Pooled>();
  /** Constants read through one dimension, and the others. */
  readonly #flat = new Map<object, Pooled>();
  readonly #whole = new Map<object, Pooled>();
  readonly #locations = new Map<string, Location>();

  take(source: OperandSource): void {
    const found = constantOf(source);
    if (!found) return;
    const pooled = this.#pool(found);
    const entry = this.#entries.get(pooled.key);
    // A part of a larger constant has no shape of its own.
    if (entry) entry.isFlat &&= found.isFlat;
    else this.#entries.set(pooled.key, pooled);
  }

  #pool(found: Found): Pooled {
    const { origin, length, dtype, isFlat } = found;
    const pool = isFlat ? this.#flat : this.#whole;
    const known = pool.get(origin);
    if (known) return known;
    const same = this.#flat.get(origin) ?? this.#whole.get(origin);
    const words = same?.words ?? found.words();
    const root = same?.root ?? tensorRoot(bytesOfWords(words));
    // A constant that is a node of its own is read through any shape.
    const isSmall = length * ELEMENT_BYTES[dtype] <= SHARED_CONSTANT_BYTES;
    const key = `${dtype} ${isFlat || !isSmall} ${length} ${hexOf(root)}`;
    const pooled = { dtype, isFlat, root, key, words: this.#entries.get(key)?.words ?? words };
    pool.set(origin, pooled);
    return pooled;
  }

  /** @param base node number of the first constant */
  locate(source: OperandSource, base: number): Location {
    const location = this.#locations.get(this.#pool(constantOf(source) as Found).key) as Location;
    return { ...location, node: location.node + base };
  }

  nodes(): { node: ConstantNode; bytes: Uint8Array; label: string }[] {
    const groups: Pooled[][] = [];
    const shared = new Map<DType, Pooled[]>();
    for (const entry of this.#entries.values()) {
      const bytes = entry.words.length * ELEMENT_BYTES[entry.dtype];
      const isSmall = entry.isFlat && bytes <= SHARED_CONSTANT_BYTES;
      const group = isSmall ? shared.get(entry.dtype) : undefined;
      if (group) group.push(entry);
      else {
        groups.push([entry]);
        if (isSmall) shared.set(entry.dtype, groups.at(-1) as Pooled[]);
      }
    }
    return groups.map((group, node) => {
      const total = group.reduce((sum, { words }) => sum + words.length, 0);
      const isShared = group.length > 1;
      const words = isShared ? wordsFor(group[0]!.dtype, total) : (group[0] as Pooled).words;
      let base = 0;
      for (const entry of group) {
        if (isShared) words.set(entry.words, base);
        this.#locations.set(entry.key, entry.isFlat ? { node, part: { base, total } } : { node });
        base += entry.words.length;
      }
      const { dtype, root } = group[0] as Pooled;
      const bytes = bytesOfWords(words);
      const label = isShared ? `weights (${group.length} constants)` : 'weights';
      return {
        node: { kind: 'constant', dtype, shape: [total], root: isShared ? tensorRoot(bytes) : root },
        bytes,
        label,
      };
    });
  }
}

function constantOf(source: OperandSource): Found | undefined {
  if ('constant' in source) {
    const { dtype, words, origin } = source.constant;
    return { dtype, length: words.length, origin, words: () => words, isFlat: true };
  }
  const { tensor } = source;
  const from = tensor.source;
  if (from.kind !== 'constant') return undefined;
  const { dtype } = tensor.type;
  return { dtype, length: elementCount(tensor), origin: from, words: () => from.words, isFlat: false };
}
