import { expect } from 'chai';
import { AnswerCache, Busy, Recent, Turns } from '../../src/explorer/server/bounded.ts';
import { isOwnName } from '../../src/explorer/server/headers.ts';

describe('the names of a server', () => {
  it('are those of its machine, if only that can ask it', () => {
    for (const name of ['127.0.0.1:8490', 'localhost', '[::1]:80'])
      expect(isOwnName('127.0.0.1', name)).to.equal(true);
    expect(isOwnName('::1', '[::1]:8490')).to.equal(true);
    for (const name of ['rebound.example:8490', '127.0.0.1.rebound.example', '', undefined])
      expect(isOwnName('127.0.0.1', name)).to.equal(false);
    expect(isOwnName('0.0.0.0', 'explorer.example')).to.equal(true);
  });
});

describe('what the explorer asks a node for', () => {
  it('is bounded in how much goes on at once', async () => {
    const turns = new Turns(2);
    const ends: (() => void)[] = [];
    const wait = () => turns.take(() => new Promise<void>((resolve) => ends.push(resolve)));
    const running = [wait(), wait()];
    const third = await wait().catch((failure: unknown) => failure);
    expect(third).to.be.instanceOf(Busy);
    for (const end of ends) end();
    await Promise.all(running);
    expect(await turns.take(async () => 'done')).to.equal('done');
    const failed = await turns
      .take(() => Promise.reject(new Error('no')))
      .catch((failure: Error) => failure.message);
    expect([failed, await turns.take(async () => 1), await turns.take(async () => 2)]).to.deep.equal([
      'no',
      1,
      2,
    ]);
  });

  it('is remembered for a while, and no failure of it', async () => {
    let now = 0;
    let reads = 0;
    const recent = new Recent(
      async (name) => {
        reads++;
        if (name === 'bad') throw new Error('no');
        return `${name} ${reads}`;
      },
      100,
      2,
      () => now,
    );
    expect([await recent.get('a'), await recent.get('a')]).to.deep.equal(['a 1', 'a 1']);
    now = 100;
    expect(await recent.get('a')).to.equal('a 2');
    for (let i = 0; i < 2; i++) await recent.get('bad').catch(() => undefined);
    expect(reads).to.equal(4);
    await Promise.all([recent.get('b'), recent.get('c')]);
    expect(await recent.get('a')).to.equal('a 7');
  });

  it('is asked for once for each look at the chain', async () => {
    const answers = new AnswerCache(2);
    let calls = 0;
    const make = () => ({ made: ++calls });
    expect([await answers.get('/a', 1, make), await answers.get('/a', 1, make)]).to.deep.equal([
      '{"made":1}',
      '{"made":1}',
    ]);
    expect(await answers.get('/a', 2, make)).to.equal('{"made":2}');
    await answers.get('/b', 2, make);
    await answers.get('/c', 2, make);
    expect(await answers.get('/a', 2, make)).to.equal('{"made":5}');
    const failing = () => Promise.reject(new Error('no'));
    await answers.get('/d', 2, failing).catch(() => undefined);
    expect(await answers.get('/d', 2, make)).to.equal('{"made":6}');
  });
});
