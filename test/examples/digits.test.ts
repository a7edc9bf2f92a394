import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { CLASSES, type Digit, HELD_OUT_PER_CLASS, heldOut, training } from '../../examples/digits/dataset.ts';
import { accuracy, read } from '../../examples/digits/evaluate.ts';

const model = readFileSync(new URL('../../examples/digits/digits.onnx', import.meta.url));

describe('The digits example', () => {
  let unseen: Digit[];

  before(() => {
    unseen = heldOut();
  });

  it('holds out 100 digits of every class', () => {
    for (let label = 0; label < CLASSES; label++) {
      expect(unseen.filter((digit) => digit.label === label)).to.have.length(HELD_OUT_PER_CLASS);
    }
  });

  it('trains on none of the digits that it holds out', () => {
    const fingerprint = ({ pixels }: Digit) => Buffer.from(pixels).toString('latin1');
    const trained = new Set(training().map(fingerprint));
    expect(trained.size).to.equal(9_000);
    expect(unseen.filter((digit) => trained.has(fingerprint(digit)))).to.deep.equal([]);
  });

  it('reads at least 98 % of the held-out digits right in ONNX Runtime', async () => {
    expect(await accuracy(model, unseen)).to.be.at.least(0.98);
  });

  it('is between a guess and certain about every digit', async () => {
    const perClass = unseen.filter((_, i) => i % HELD_OUT_PER_CLASS === 0);
    for (const { confidence } of await read(model, perClass)) {
      expect(confidence).to.be.within(1 / CLASSES, 1);
    }
  });
});
