import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect } from 'chai';
import { toBeHex } from 'ethers';
import { IDisputeGame__factory } from '#typechain';
import { EventIndex, type IndexOptions } from '../../../src/chain/index/eventIndex.ts';
import type { RawLog } from '../../../src/chain/index/events.ts';
import { contractsOver, SimulatedChain } from '../../support/chaos/simulatedChain.ts';
import { Random } from '../../support/randomProgram.ts';

const OPENED = IDisputeGame__factory.createInterface().getEvent('Opened').topicHash;

/** A chain on which much has happened, and what was asked of its node. */
function scene(seed = 3) {
  const chain = new SimulatedChain(new Random(seed), { timesInLogs: true });
  for (let i = 0; i < 60; i++) chain.mine(2);
  const asked: string[] = [];
  let failing: string | undefined;
  let [reorganising, isBlank, growth] = [false, false, 0];
  let [waiting, roundCount] = [0, 0];
  let leftOut: (log: RawLog) => boolean = () => false;
  const send = async (method: string, params: unknown[]): Promise<unknown> => {
    asked.push(method);
    // All that is asked before the first of it is answered is one round.
    if (waiting++ === 0) roundCount++;
    await new Promise((resolve) => setTimeout(resolve));
    waiting--;
    if (method === 'eth_getLogs' || params[0] === 'latest') for (let i = 0; i < growth; i++) chain.mine(0);
    if (method === failing) throw new Error('the node is gone');
    if (method === 'eth_call' && reorganising) {
      reorganising = false;
      chain.drop(3);
      for (let i = 0; i < 4; i++) chain.mine(2);
    }
    const at = (params[1] as { blockHash?: string } | undefined)?.blockHash;
    if (method === 'eth_call' && !chain.blocks.some(({ hash }) => hash === at))
      throw Object.assign(new Error('refused'), { error: { code: -32001, message: 'Resource not found' } });
    const answer = chain.answer(method, params);
    if (method === 'eth_getLogs') return (answer as RawLog[]).filter((log) => !leftOut(log));
    return method === 'eth_call' && isBlank ? '0x' : answer;
  };
  const notices: string[] = [];
  const open = (options: IndexOptions = {}) =>
    new EventIndex(contractsOver(send), { ...options, onNotice: (sentence) => notices.push(sentence) });
  const fail = (method: string | undefined): void => {
    failing = method;
  };
  /** Has the chain reorganised as soon as state of a block is asked for, by a node that then no longer knows the block. */
  const reorganise = (): void => {
    reorganising = true;
  };
  /** Has so many blocks come during each request. */
  const grow = (blocks: number): void => {
    growth = blocks;
  };
  /** Has state answered by a node that lacks it. */
  const blank = (is: boolean): void => {
    isBlank = is;
  };
  /** Has the node leave out logs. */
  const leaveOut = (which: (log: RawLog) => boolean): void => {
    leftOut = which;
  };
  const rounds = (): number => roundCount;
  return { chain, asked, rounds, notices, open, fail, reorganise, grow, blank, leaveOut };
}

describe('the index of what happened', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'assay-index-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('attack 50: shows nothing of a look that fails half-way, and all of the next', async () => {
    const { chain, open, fail } = scene();
    const index = open();
    const { cases, block } = await index.update();
    const shown = JSON.stringify([...cases.keys()].map(String));
    for (let i = 0; i < 10; i++) chain.mine(3);
    fail('eth_call');
    expect(await index.update().catch((error: Error) => error.message)).to.equal('the node is gone');
    expect(JSON.stringify([...cases.keys()].map(String))).to.equal(shown);
    expect(block.number).to.be.lessThan(chain.head.number);
    fail(undefined);
    const next = await index.update();
    expect(next.cases.size).to.equal(chain.head.state.requests.length);
    const moves = [...next.cases.values()].flatMap(({ disputes }) =>
      [...disputes.values()].map((one) => one.moves),
    );
    for (const list of moves) expect(new Set(list).size).to.equal(list.length);
  });

  it('says of a node without state that it has none, and goes on when it has', async () => {
    const { chain, open, blank } = scene();
    const index = open();
    await index.update();
    chain.mine(2);
    blank(true);
    expect(await index.update().catch((error: Error) => error.message)).to.match(
      /^the Ethereum node has no state of block \d+: it answers nothing for \w+ of 0x\w{40}$/,
    );
    blank(false);
    expect((await index.update()).cases.size).to.equal(chain.head.state.requests.length);
  });

  it('looks again where a reorganisation has taken the block of the look', async () => {
    const { chain, open, reorganise } = scene();
    const index = open();
    await index.update();
    chain.mine(3);
    reorganise();
    const { block, cases } = await index.update();
    expect(block.hash).to.equal(chain.head.hash);
    expect(cases.size).to.equal(chain.head.state.requests.length);
  });

  it('ends a look although blocks come faster than the node answers', async () => {
    const { chain, open, asked, grow } = scene();
    const index = open();
    await index.update();
    grow(5);
    for (let i = 0; i < 3; i++) {
      chain.mine(0);
      asked.length = 0;
      const { block } = await index.update();
      expect(chain.head.number - block.number).to.be.lessThan(500);
      expect(asked.filter((method) => method === 'eth_getLogs').length).to.be.lessThan(100);
    }
  });

  it('asks in three rounds where nothing is new', async () => {
    const { chain, rounds, open } = scene();
    const index = open();
    await index.update();
    for (let i = 0; i < 3; i++) chain.mine(0);
    const before = rounds();
    expect((await index.update()).block.number).to.equal(chain.head.number);
    // The head; headers, logs and counts; the state of what has its turn.
    expect(rounds() - before).to.equal(3);
    for (const transactions of [2, 0]) chain.mine(transactions);
    const then = rounds();
    await index.update();
    // And the logs of a block, by its hash.
    expect(rounds() - then).to.equal(4);
  });

  it('leaves out, and tells once, requests from before its first block', async () => {
    const { chain, open, notices } = scene();
    const index = open({ fromBlock: 40 });
    for (let i = 0; i < 3; i++) await index.update();
    const first = chain.blocks[39]!.state.requests.length + 1;
    const world = await index.update();
    expect(Math.min(...[...world.cases.keys()].map(Number))).to.equal(first);
    expect(notices).to.have.length.above(0);
    expect(new Set(notices).size).to.equal(notices.length);
    for (const notice of notices)
      expect(notice).to.match(/^request \d+: made before block 40 \(--from-block\)/);
  });

  it('waits for a dispute that the node leaves out, and at last goes on without', async () => {
    const { chain, notices, open, leaveOut } = scene();
    const all = chain.head.state.requests.flatMap(({ claims }) => claims.flatMap(({ disputes }) => disputes));
    const [ended] = all.filter((one) => one.ended);
    if (!ended) throw new Error('no dispute has ended');
    const isOfIt = (id: bigint) => (log: RawLog) => BigInt(log.topics[1] ?? 0) === id;
    const isOpening = (log: RawLog) => log.topics[0] === OPENED && isOfIt(ended.disputeId)(log);
    leaveOut(isOpening);
    const index = open();
    const sentence = `the node leaves out the events of dispute ${ended.disputeId}, which are in the blocks`;
    for (let look = 0; look < 4; look++) {
      const said = await index.update().catch((error: Error) => error.message);
      expect(said).to.be.a('string').that.includes(sentence);
      chain.mine(0);
    }
    const world = await index.update();
    expect(world.dispute(ended.disputeId)).to.equal(undefined);
    expect(notices).to.have.length(1);
    expect(notices[0]).to.include(sentence).and.to.include('another --rpc');
    await index.update();
    expect(notices).to.have.length(1);
    // It is asked for again, less often.
    leaveOut(() => false);
    let found = false;
    for (let look = 0; look < 70 && !found; look++)
      found = (await index.update()).dispute(ended.disputeId) !== undefined;
    expect(found).to.equal(true);
  });

  it('goes on from its folder without reading again what is there', async () => {
    const { chain, open, asked } = scene();
    for (let i = 0; i < 300; i++) chain.mine(0);
    const before = open({ folder });
    const { cases } = await before.update();
    before.close();
    asked.length = 0;
    const after = open({ folder });
    expect([...(await after.update()).cases.keys()]).to.deep.equal([...cases.keys()]);
    expect(asked.filter((method) => method === 'eth_getLogs')).to.have.length(1);
    after.close();
  });

  it('makes a damaged file or one of another chain anew, and says so', async () => {
    const { open, notices, chain } = scene();
    writeFileSync(
      join(folder, 'index.sqlite'),
      'no database at all, but long enough to be read as one '.repeat(100),
    );
    const index = open({ folder });
    expect((await index.update()).cases.size).to.equal(chain.head.state.requests.length);
    index.close();
    expect(notices.join()).to.match(
      /index\.sqlite: cannot be used \(file is not a database\); it is made anew/,
    );
    const other = scene(4);
    const elsewhere = other.open({ folder, fromBlock: 0 });
    expect((await elsewhere.update()).cases.size).to.equal(other.chain.head.state.requests.length);
    elsewhere.close();
  });

  it('makes a file with a number that cannot be read anew, and says so', async () => {
    const { chain, notices, open } = scene();
    const index = open({ folder });
    await index.update();
    index.close();
    const database = new DatabaseSync(join(folder, 'index.sqlite'));
    database.exec('UPDATE events SET request = 1 << 60 WHERE request = 2');
    database.close();
    const again = open({ folder });
    expect((await again.update()).cases.size).to.equal(chain.head.state.requests.length);
    again.close();
    expect(notices.join()).to.match(/damaged \(Value is too large .*\); it is made anew from the chain/);
  });

  it('reads a request less often that was read again in vain', async () => {
    const { chain, asked, open, leaveOut } = scene();
    const claimed = chain.head.state.requests.find(({ claims }) => claims.length > 0);
    const topic = toBeHex(claimed?.claims[0]?.claimId ?? 0n, 32);
    leaveOut(({ topics }) => topics.includes(topic));
    const index = open();
    const readings: number[] = [];
    for (let look = 0; look < 60; look++) {
      asked.length = 0;
      await index.update().catch(() => undefined);
      readings.push(asked.filter((method) => method === 'eth_getLogs').length);
    }
    const [early, late] = [readings.slice(5, 15), readings.slice(45, 55)];
    expect(Math.max(...late)).to.be.lessThan(Math.min(...early));
    leaveOut(() => false);
    let isShown = false;
    for (let look = 0; look < 70 && !isShown; look++)
      isShown = (await index.update()).cases.has(claimed?.requestId ?? 0n);
    expect(isShown).to.equal(true);
  });

  it('makes a file of an earlier version anew, and says so', async () => {
    const { chain, notices, open } = scene();
    const index = open({ folder });
    const { cases } = await index.update();
    index.close();
    const database = new DatabaseSync(join(folder, 'index.sqlite'));
    database.exec(
      "UPDATE meta SET value = '1' WHERE key = 'schema'; DROP TABLE payloads; CREATE TABLE payloads (root TEXT, request INTEGER)",
    );
    database.close();
    const again = open({ folder });
    const world = await again.update();
    again.close();
    expect(notices).to.have.length(1);
    expect(notices[0]).to.include('is of another version of this program; it is made anew from the chain');
    expect(world.block.number).to.equal(chain.head.number);
    expect([...world.cases.keys()]).to.deep.equal([...cases.keys()]);
  });

  it('drops the bytes of what is over, and reads them again when they are asked for', async () => {
    const { chain, open } = scene();
    const index = open({ folder });
    await index.update();
    for (let i = 0; i < 300; i++) chain.mine(0);
    const { cases } = await index.update();
    const over = chain.head.state.requests.filter(({ requestId }) => !cases.has(requestId));
    expect(over.length).to.be.greaterThan(0);
    const again = await index.recall(over[0]!.requestId);
    const input = again?.request.input;
    expect(input?.kind === 'bytes' && input.bytes).to.equal(over[0]!.input);
    const long = chain.head.state.requests.filter(
      ({ requestId, input }) => input.length > 8194 && cases.has(requestId),
    );
    expect(readdirSync(join(folder, 'payloads')).length).to.equal(long.length);
    index.close();
  });
});
