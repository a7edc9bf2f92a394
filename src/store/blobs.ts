import { HASH_BYTES, type Hash, hexOf } from '../merkle/keccak.ts';

/** Where a blob lies: a path of two parts that holds nothing but a kind, hexadecimal digits and a length. */
export type BlobName = `program/${string}` | `tensor/${string}`;

const digits = (hash: Hash): string => {
  if (hash.length !== HASH_BYTES) throw new RangeError(`a hash has ${HASH_BYTES} bytes, not ${hash.length}`);
  return hexOf(hash).slice(2);
};

export const programName = (modelId: Hash): BlobName => `program/${digits(modelId)}`;

/** The length belongs to the name: zeros at a tensor's end and the padding behind it have the same root. */
export const tensorName = (root: Hash, byteLength: number): BlobName =>
  `tensor/${digits(root)}-${byteLength}`;

/**
 * Bytes by the hash of what they mean. Not trusted: whoever reads checks them against the name, see `library.ts`.
 * A folder today; anything that can answer `read` (HTTP, IPFS) can stand in.
 */
export interface Blobs {
  /** Name of the store, for messages. */
  readonly place: string;
  /** @returns undefined if there are none. @throws StoreError if there are more than `maxBytes` */
  read(name: BlobName, maxBytes: number): Promise<Uint8Array | undefined>;
}

export interface WritableBlobs extends Blobs {
  /** Keeps bytes, in place of any that had the name. */
  write(name: BlobName, bytes: Uint8Array): Promise<void>;
}

/** Why something could not be taken from a store; `malformed` is a program that breaks a static rule. */
export type StoreFault = 'missing' | 'too large' | 'corrupt' | 'malformed';

export class StoreError extends Error {
  override name = 'StoreError';
  readonly fault: StoreFault;

  constructor(fault: StoreFault, place: string, name: BlobName, detail = '') {
    super(`${name} in ${place} is ${fault}${detail && `: ${detail}`}`);
    this.fault = fault;
  }
}
