import type { CHUNK_BYTES } from '../program/limits.ts';
import { PAGE_BYTES } from '../wasm/assembler.ts';
import { HASH_BYTES, keccakTagged } from './keccak.ts';
import { type TreeExports, treeModule } from './treeModule.ts';

/** Bytes of two hashes. */
export const PAIR_BYTES = 64;

/** Lengths of records that {@link hashRecords} takes, in bytes. */
export type RecordBytes = typeof PAIR_BYTES | typeof CHUNK_BYTES;

/** keccak256(tag ‖ record) of records that lie end to end: the definition of what {@link hashRecords} does faster. */
export function hashEach(tag: number, records: Uint8Array, recordBytes: RecordBytes): Uint8Array {
  const hashes = new Uint8Array((records.length / recordBytes) * HASH_BYTES);
  for (let at = 0, to = 0; at < records.length; at += recordBytes, to += HASH_BYTES) {
    hashes.set(keccakTagged(tag, records.subarray(at, at + recordBytes)), to);
  }
  return hashes;
}

/** Bytes of records that are copied to the module's memory at a time; their hashes come behind them. */
const BLOCK_BYTES = 1 << 18;
const MEMORY_BYTES = BLOCK_BYTES + (BLOCK_BYTES / PAIR_BYTES) * HASH_BYTES;

/** Where blocks are hashed; `undefined` where WebAssembly has no SIMD, `null` as long as nobody has tried. */
let stage: { readonly memory: Uint8Array; readonly hash: TreeExports['hash'] } | undefined | null = null;

function setStage(): typeof stage {
  const module = treeModule('unshared');
  if (!module) return undefined;
  const memory = new WebAssembly.Memory({ initial: MEMORY_BYTES / PAGE_BYTES });
  const { hash } = new WebAssembly.Instance(module, { env: { memory } }).exports as TreeExports;
  return { memory: new Uint8Array(memory.buffer), hash };
}

/** keccak256(tag ‖ record) of records that lie end to end, two at a time. */
export function hashRecords(tag: number, records: Uint8Array, recordBytes: RecordBytes): Uint8Array {
  if (stage === null) stage = setStage();
  if (!stage) return hashEach(tag, records, recordBytes);
  const { memory, hash } = stage;
  const hashes = new Uint8Array((records.length / recordBytes) * HASH_BYTES);
  for (let at = 0, to = 0; at < records.length; at += BLOCK_BYTES) {
    const block = records.subarray(at, at + BLOCK_BYTES);
    const count = block.length / recordBytes;
    memory.set(block);
    hash(0, count, BLOCK_BYTES, tag, recordBytes === PAIR_BYTES ? 1 : 0);
    hashes.set(memory.subarray(BLOCK_BYTES, BLOCK_BYTES + count * HASH_BYTES), to);
    to += count * HASH_BYTES;
  }
  return hashes;
}
