// Gas as a reviewed diff: each measurement has a sentence for its name and a committed number.
import { appendFileSync } from 'node:fs';
import { expect } from 'chai';
import { readSnapshot } from './snapshot.ts';

export const GAS_SNAPSHOT = 'test/snapshots/gas.json';

/** Holds `gas` against the committed number; under `npm run gas` it records it instead. */
export function expectGas(sentence: string, gas: bigint): void {
  const record = process.env.ASSAY_GAS_RECORD;
  if (record) {
    appendFileSync(record, `${JSON.stringify([sentence, Number(gas)])}\n`);
    return;
  }
  const committed = readSnapshot(GAS_SNAPSHOT)[sentence];
  expect(Number(gas), `gas of "${sentence}"; if that is meant: npm run gas -- --update`).to.equal(committed);
}
