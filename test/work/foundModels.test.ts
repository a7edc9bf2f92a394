import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { World } from '../../src/chain/contracts/world.ts';
import { hexOf } from '../../src/merkle/keccak.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { writeBundle } from '../../src/store/bundle.ts';
import { Getter } from '../../src/store/remote/getter.ts';
import { FoundModels } from '../../src/work/foundModels.ts';
import { type HostileServer, hostileServer } from '../support/hostileServer.ts';
import { f32Bytes, matMul, ProgramBuilder } from '../support/programs.ts';

const DAY = 86_400;
const START = 1_000_000;

/** One of several models of the same size. */
function variant(seed: number) {
  const build = new ProgramBuilder();
  const x = build.input('f32', [2, 200]);
  const numbers = Array.from({ length: 600 }, (_, i) => Math.sin(i + seed));
  build.node(matMul(x, build.constant('f32', [200, 3], f32Bytes(numbers)), 2, 200, 3));
  const { program, weights } = build.finish();
  return { model: modelOf(program), weights };
}

const claimOn = (modelId: string, claimBondWei = 1n) => ({
  ...{ status: 'open', claimedAt: BigInt(START) },
  request: {
    request: { modelId, terms: { claimBondWei, windowSeconds: 3600n, clockSeconds: BigInt(30 * DAY) } },
  },
});

const disputeOn = (claim: ReturnType<typeof claimOn>) => ({ claim, challenger: 'me', ended: undefined });

describe('models that claims name', () => {
  const models = Array.from({ length: 6 }, (_, i) => variant(i));
  const ids = models.map(({ model }) => hexOf(model.id));
  const ends: (() => void)[] = [];
  const trickling = new Set<string>();
  let folder: string;
  let server: HostileServer;
  let now = START;
  let news: string[] = [];
  let reasons: string[] = [];

  async function finding(
    name: string,
    limits: { maxModels?: number } = {},
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
      publication: async (id) => ({ published: undefined, uris: uris(id), publishers: [] }),
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
      response.end(await readFile(join(folder, id, ...path)));
    });
  });
  beforeEach(() => {
    now = START;
    news = [];
    reasons = [];
    trickling.clear();
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
