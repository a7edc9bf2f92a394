import { expect } from 'chai';
import { givingWay } from '../../src/work/room.ts';
import { NEW_WISH, type Wish } from '../../src/work/wishes.ts';

const NOW = 1000;
const LIMITS = { maxModels: 3, maxTotalBytes: 100 };

const wish = (modelId: string, change: Partial<Wish> = {}): Wish => ({
  ...NEW_WISH,
  ...{ modelId, until: 2000, stakeWei: 10n, state: 'held', bytes: 30, hasRoom: true, ...change },
});
const parts = (modelId: string, change: Partial<Wish> = {}): Wish =>
  wish(modelId, { state: 'wanted', hasRoom: false, ...change });

/** Names of those that give way to a model of 40 bytes. */
const names = (others: readonly Wish[], change: Partial<Wish> = {}, bytes = 40): string[] | undefined => {
  const own = wish('new', { state: 'fetching', hasRoom: false, bytes: 0, ...change });
  return givingWay([...others, own], own, bytes, LIMITS, NOW)?.map(({ modelId }) => modelId);
};

describe('room for models', () => {
  it('is given by nobody while there is enough', () => {
    expect(names([wish('a'), wish('b')])).to.deep.equal([]);
  });

  it('is given first by what nobody needs, then by parts, then by less at stake', () => {
    const others = [
      wish('less', { stakeWei: 1n }),
      parts('parts', { stakeWei: 99n }),
      parts('fewer', { stakeWei: 9n }),
      wish('idle', { until: 1, bytes: 10, stakeWei: 99n }),
    ];
    expect(names(others)).to.deep.equal(['idle', 'fewer']);
    expect(names(others, {}, 70)).to.deep.equal(['idle', 'fewer', 'parts']);
    expect(names(others, {}, 71)).to.deep.equal(['idle', 'fewer', 'parts', 'less']);
  });

  it('is taken from downloads under way only by more at stake', () => {
    const others = [wish('slow', { state: 'fetching', bytes: 90 })];
    expect(names(others)).to.equal(undefined);
    expect(names(others, { stakeWei: 11n })).to.deep.equal(['slow']);
  });

  it('is never taken from pinned models, and by pinned ones from all others', () => {
    const others = [wish('pinned', { isPinned: true, until: 1 }), wish('rich', { stakeWei: 99n, bytes: 60 })];
    expect(names(others)).to.equal(undefined);
    expect(names(others, { isPinned: true })).to.deep.equal(['rich']);
    expect(names(others, { isPinned: true }, 71)).to.equal(undefined);
  });

  it('is not asked of anybody in vain', () => {
    expect(names([wish('less', { stakeWei: 1n }), wish('same', { bytes: 70 })])).to.equal(undefined);
    const three = ['a', 'b', 'c'].map((name) => wish(name, { bytes: 1 }));
    expect(names([...three, parts('parts', { bytes: 1 })]), 'places').to.equal(undefined);
    expect(names([...three, parts('parts', { bytes: 1 })], { stakeWei: 11n })).to.deep.equal(['a']);
  });
});
