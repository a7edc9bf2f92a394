import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Payloads } from '../../../src/chain/index/payloads.ts';
import { create } from '../../../src/chain/index/tables.ts';

/** Bytes that begin alike, with more and more zeros, which the root of a tensor does not tell from padding. */
const withZeros = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i < 3 ? 7 : 0));
const hex = (bytes: Uint8Array): string => `0x${Buffer.from(bytes).toString('hex')}`;

describe('the bytes of inputs and answers', () => {
  for (const [where, lengths] of [
    ['in the database', [3, 4, 5, 31, 32, 33]],
    ['in files', [8190, 8191, 8192]],
  ] as const) {
    it(`are never taken for shorter ones of another request, ${where}`, () => {
      const folder = mkdtempSync(join(tmpdir(), 'assay-payloads-'));
      const database = create(':memory:');
      try {
        const payloads = new Payloads(database, folder);
        const kept = lengths.map(
          (length, i) => [payloads.put(i, withZeros(length)), withZeros(length)] as const,
        );
        for (const [hash, bytes] of kept) expect(payloads.read(hash)).to.equal(hex(bytes));
        payloads.drop(0);
        for (const [hash, bytes] of kept.slice(1)) expect(payloads.read(hash)).to.equal(hex(bytes));
      } finally {
        database.close();
        rmSync(folder, { recursive: true });
      }
    });
  }
});
