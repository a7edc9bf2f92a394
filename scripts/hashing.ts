import { performance } from 'node:perf_hooks';
import { hashEach, hashRecords, PAIR_BYTES } from '../src/merkle/records.ts';
import { TAGS } from '../src/merkle/tags.ts';
import { tensorTree } from '../src/merkle/tensor.ts';
import { CHUNK_BYTES } from '../src/program/limits.ts';
import { median } from '../test/support/bench/timing.ts';

/**
 * Speed of hashing tensors, next to hash-wasm's keccak on the same bytes in the same run: medians of interleaved
 * rounds, in MB of tensor a second.
 */
const TENSOR_BYTES = 8 << 20;
const ROUNDS = 11;

/** The hashing of a tree one record at a time. */
function treeByHashWasm(bytes: Uint8Array): void {
  let level = hashEach(TAGS.TENSOR_CHUNK, bytes, CHUNK_BYTES);
  while (level.length >= PAIR_BYTES) level = hashEach(TAGS.TENSOR_NODE, level, PAIR_BYTES);
}

function chunksOnly(bytes: Uint8Array): void {
  hashRecords(TAGS.TENSOR_CHUNK, bytes, CHUNK_BYTES);
}

const ways = {
  'tree, 2-way SIMD': tensorTree,
  'chunks only, 2-way SIMD': chunksOnly,
  'tree, hash-wasm': treeByHashWasm,
};
const bytes = Uint8Array.from({ length: TENSOR_BYTES }, (_, i) => Math.imul(i, 0x9e3779b1) >>> 24);
const seconds = new Map<string, number[]>(Object.keys(ways).map((name) => [name, []]));
for (let round = 0; round <= ROUNDS; round++) {
  for (const [name, way] of Object.entries(ways)) {
    const start = performance.now();
    way(bytes);
    // The first round warms up.
    if (round > 0) seconds.get(name)?.push((performance.now() - start) / 1000);
  }
}
const slowest = median(seconds.get('tree, hash-wasm') ?? []);
for (const [name, all] of seconds) {
  const rate = (time: number): string => (TENSOR_BYTES / 1e6 / time).toFixed(0);
  const spread = `${rate(Math.max(...all))} to ${rate(Math.min(...all))}`;
  const ratio = (slowest / median(all)).toFixed(2);
  console.log(`${name}: ${rate(median(all))} MB/s (${spread}), ${ratio} times hash-wasm's tree`);
}
