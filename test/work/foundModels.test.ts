import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { World } from '../../src/chain/contracts/world.ts';
import { hexOf } from '../../src/merkle/keccak.ts';
import { writeBundle } from '../../src/store/bundle.ts';
import { FolderBlobs } from '../../src/store/folder.ts';
import { Getter } from '../../src/store/remote/getter.ts';
import { FoundModels } from '../../src/work/foundModels.ts';
import { type HostileServer, hostileServer } from '../support/hostileServer.ts';
import { variantModel } from '../support/variantModel.ts';

const DAY = 86_400;
const START = 1_000_000;
/** Bytes on disk of two models of two files. */
const ROOM_OF_TWO = 2 * (2400 + 1000 + 2 * 2 ** 14);

const claimOn = (modelId: string, claimBondWei = 1n) => ({
  ...{ status: 'open', claimedAt: BigInt(START) },
  request: {
    request: { modelId, terms: { claimBondWei, windowSeconds: 3600n, clockSeconds: BigInt(30 * DAY) } },
  },
});

const disputeOn = (claim: ReturnType<typeof claimOn>) => ({ claim, challenger: 'me', ended: undefined });

describe('models that claims name', () => {
  const models = Array.from({ length: 6 }, (_, i) => variantModel(i));
  const ids = models.map(({ model }) => hexOf(model.id));
  const ends: (() => void)[] = [];
  const trickling = new Set<string>();
  /** Of these, servers send all of the weights but the last byte. */
  const cut = new Set<string>();
  const resumedAt: number[] = [];
  /** Why the registry cannot be read. */
  const failing = new Map<string, Error>();
  let folder: string;
  let server: HostileServer;
  let now = START;
  let news: string[] = [];
  let reasons: string[] = [];

  async function finding(
    name: string,
    limits: { maxModels?: number; maxTotalBytes?: number } = {},
    uris = (id: string): string[] => [`${server.url}/${id}`],
  ): Promise<FoundModels> {
    const getter = new Getter({ allowPrivate: true, leastSpeed: { bytesPerSecond: 5000, windowMs: 600 } });
    const nothing = () => undefined;
    const found = new FoundModels({
      runner: { put: () => '0x', putMalformed: nothing, drop: nothing, model: nothing, malformed: nothing },
      ...{ folder: join(folder, name), getter, gateways: [], mirrors: [], clock: () => now },
      limits: {
        ...{
          maxModels: 64,
          maxNodes: 16_384,
          maxBytes: 2 ** 30,
          maxTotalBytes: 2 ** 32,
          maxRunBytes: 2 ** 31,
        },
        ...{ maxSteps: 2e11, maxRunSeconds: 600, maxFetchSeconds: 3600, ...limits },
      },
      publication: async (id) => {
        const failure = failing.get(id);
        if (failure) throw failure;
        return { published: undefined, uris: uris(id), publishers: [] };
      },
      tell: (one) => {
        news.push(`${one.kind} ${ids.indexOf(one.modelId)}`);
        if (one.kind === 'failed') reasons.push(one.sentence);
      },
    });
    ends.push(() => {
      found.end();
      getter.close();
    });
    await found.start();
    return found;
  }

  const until = async (line: string): Promise<void> => {
    for (let i = 0; !news.includes(line); i++) {
      if (i === 500) throw new Error(`not told: ${line}; told: ${news.join(', ')}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };

  const world = (
    claims: readonly ReturnType<typeof claimOn>[],
    disputes: readonly ReturnType<typeof disputeOn>[] = [],
  ): World =>
    ({
      block: { number: 10, timestamp: BigInt(now) },
      claims: new Map(claims.map((one, i) => [i, one])),
      disputes: new Map(disputes.map((one, i) => [i, one])),
    }) as unknown as World;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'assay-found-'));
    for (const [i, held] of models.entries()) await writeBundle(join(folder, ids[i]!), held, 'x.onnx');
    server = await hostileServer(async (request, response) => {
      const [, id = '', ...path] = request.url!.split('/');
      if (trickling.has(id) && path[0] === 'tensor') {
        const timer = setInterval(() => response.write('x'), 50);
        response.on('close', () => clearInterval(timer));
        return;
      }
      const bytes = await readFile(join(folder, id, ...path));
      const from = Number(/bytes=([0-9]+)/.exec(request.headers.range ?? '')?.[1] ?? 0);
      if (cut.has(id) && path[0] === 'tensor') {
        response.write(bytes.subarray(0, -1));
        setTimeout(() => response.destroy(), 20);
      } else if (from > 0) {
        resumedAt.push(from);
        response.writeHead(206, { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` });
        response.end(bytes.subarray(from));
      } else response.end(bytes);
    });
  });
  beforeEach(() => {
    now = START;
    news = [];
    reasons = [];
    trickling.clear();
    cut.clear();
    resumedAt.length = 0;
    failing.clear();
  });
  afterEach(() => {
    for (const end of ends.splice(0)) end();
  });
  after(async () => {
    await server.stop();
    await rm(folder, { recursive: true });
  });

  it('attack 60: are fetched though slow servers offer others with more at stake', async () => {
    for (const id of ids.slice(0, 4)) trickling.add(id);
    const found = await finding('slow');
    for (const id of ids.slice(0, 4)) found.want(id, now + DAY, 1001n);
    found.want(ids[5]!, now + 2 * DAY, 1000n);
    await until('held 5');
  }).timeout(20_000);

  it('attack 53: keep their room only while an own dispute on them is open', async () => {
    const found = await finding('pins', { maxModels: 2 });
    const claims = ids.slice(0, 2).map((id) => claimOn(id));
    const disputes = claims.map(disputeOn);
    for (const id of ids.slice(0, 2)) found.want(id, now + 3600, 1n);
    await until('held 0');
    await until('held 1');
    for (const claim of claims)
      found.note({ kind: 'challenged', claim, receipt: { blockNumber: 10 } } as never);
    found.look(world(claims, disputes), 'me');
    found.want(ids[5]!, now + 90 * DAY, 1000n);
    await until('failed 5');
    // The window is over, and the clocks run for 30 days.
    now += 2 * DAY;
    found.look(world([claimOn(ids[5]!)], disputes), 'me');
    found.want(ids[5]!, now + 90 * DAY, 1000n);
    news = [];
    await until('failed 5');
    // Won at once.
    now += DAY;
    const other = { ...claimOn(ids[5]!, 1000n), claimedAt: BigInt(now) };
    found.look(world([other]), 'me');
    await until('held 5');
  }).timeout(20_000);

  it('are fetched again for an open dispute, where they were lost', async () => {
    const found = await finding('lost');
    now += 2 * DAY;
    found.look(world([], [disputeOn(claimOn(ids[3]!))]), 'me');
    await until('held 3');
    news = [];
    const later = await finding('lost');
    await until('held 3');
    later.look(world([]), 'me');
  }).timeout(20_000);

  it('attack 60: stay within their bytes though no download of others ever ends', async () => {
    for (const id of ids.slice(0, 5)) cut.add(id);
    const found = await finding('cut', { maxTotalBytes: ROOM_OF_TWO });
    const data = new FolderBlobs(join(folder, 'cut'));
    for (const [i, id] of ids.slice(0, 5).entries()) {
      found.want(id, now + DAY, BigInt(10 + i));
      await until(`failed ${i}`);
      expect(await data.room(), `after ${i}`).to.be.within(1, ROOM_OF_TWO);
    }
    found.want(ids[5]!, now + DAY, 1n);
    await until('held 5');
    expect(await data.room()).to.be.at.most(ROOM_OF_TWO);
  }).timeout(20_000);

  it('go on from what a broken download has left, where there is room', async () => {
    cut.add(ids[0]!);
    const found = await finding('resumed');
    found.want(ids[0]!, now + DAY, 1n);
    await until('failed 0');
    cut.clear();
    now += 600;
    await until('held 0');
    expect(resumedAt).to.deep.equal([2399]);
  }).timeout(20_000);

  it('leave no parts where the disk is full', async () => {
    cut.add(ids[0]!);
    const found = await finding('full');
    found.want(ids[0]!, now + DAY, 2n);
    await until('failed 0');
    failing.set(ids[1]!, Object.assign(new Error('full'), { code: 'ENOSPC', syscall: 'write' }));
    found.want(ids[1]!, now + DAY, 1n);
    await until('failed 1');
    expect(await new FolderBlobs(join(folder, 'full')).room()).to.equal(0);
  }).timeout(20_000);

  it('take no room of held models before a program says how much they need', async () => {
    const found = await finding('later', { maxModels: 1 });
    found.want(ids[0]!, now + DAY, 1n);
    await until('held 0');
    failing.set(ids[1]!, new Error('no registry'));
    found.want(ids[1]!, now + DAY, 2n);
    await until('failed 1');
    expect(await new FolderBlobs(join(folder, 'later')).room()).to.be.above(2400);
  }).timeout(20_000);

  it('count what an earlier run has left of others', async () => {
    const left = join(folder, 'restarted', ids[3]!.slice(2));
    await mkdir(join(left, 'tensor'), { recursive: true });
    await writeFile(join(left, 'tensor', 'x.part'), new Uint8Array(ROOM_OF_TWO));
    const wish = { until: now + DAY, isPinned: false, stakeWei: '99' };
    await writeFile(join(left, 'wanted.json'), JSON.stringify(wish));
    failing.set(ids[3]!, new Error('no registry'));
    const found = await finding('restarted', { maxTotalBytes: ROOM_OF_TWO });
    await until('failed 3');
    found.want(ids[5]!, now + DAY, 1n);
    await until('held 5');
    expect(await new FolderBlobs(join(folder, 'restarted')).room()).to.be.at.most(ROOM_OF_TWO);
  }).timeout(20_000);

  it('keep their room for a bond that is about to be put up', async () => {
    const found = await finding('bond', { maxModels: 1 });
    found.want(ids[0]!, now + 3 * DAY, 1n);
    await until('held 0');
    found.pin(ids[0]!);
    found.look(world([claimOn(ids[0]!)]), 'me');
    found.want(ids[1]!, now + 3 * DAY, 1000n);
    await until('failed 1');
    // The challenge was never made.
    now += DAY;
    const claims = [claimOn(ids[0]!), claimOn(ids[1]!, 1000n)];
    found.look(world(claims.map((one) => ({ ...one, claimedAt: BigInt(now) }))), 'me');
    await until('held 1');
  }).timeout(20_000);

  it('are not had where no publisher says where they are, and that is told', async () => {
    const silent = await finding('silent', {}, () => []);
    silent.want(ids[0]!, now + DAY, 1n);
    await until('failed 0');
    const odd = await finding('odd', {}, () => ['ftp://127.0.0.1/model']);
    odd.want(ids[1]!, now + DAY, 1n);
    await until('failed 1');
    expect(reasons).to.deep.equal([
      'its publishers do not say where it can be had; add --mirror URI',
      '"ftp://127.0.0.1/model" is not followed: it begins with none of http://, https:// and ipfs://',
    ]);
  });
});
