import { expect } from 'chai';
import { HeldInputs } from '../../src/store/heldInputs.ts';

const input = (name: string, isBonded = false) => ({ name, need: { isBonded, stakeWei: 0n } });

describe('inputs in memory', () => {
  it('give way to newer ones, the oldest first, but not those of own bonds', () => {
    const held = new HeldInputs<ReturnType<typeof input>>(30);
    const [own, old, young, last] = [input('own', true), input('old'), input('young'), input('last')];
    for (const one of [own, old, young, last])
      expect(held.put(one, new Uint8Array(10)), one.name).to.equal(true);
    const there = [own, old, young, last].filter((one) => held.get(one));
    expect(there.map(({ name }) => name)).to.deep.equal(['own', 'young', 'last']);
  });

  it('are refused where own bonds take all', () => {
    const held = new HeldInputs<ReturnType<typeof input>>(30);
    expect(held.put(input('own', true), new Uint8Array(30))).to.equal(true);
    expect(held.put(input('late', true), new Uint8Array(1))).to.equal(false);
  });
});
