import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { hexOf } from '../../src/merkle/keccak.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { fetchModel } from '../../src/store/fetchModel.ts';
import { FolderBlobs } from '../../src/store/folder.ts';
import { saveModel } from '../../src/store/library.ts';
import { Getter } from '../../src/store/remote/getter.ts';
import { locationsOf } from '../../src/store/remote/locations.ts';
import type { RemoteBlobs } from '../../src/store/remote/remoteBlobs.ts';
import { RemoteError } from '../../src/store/remote/remoteError.ts';
import { FoundModels } from '../../src/work/foundModels.ts';
import type { FoundNews } from '../../src/work/wishes.ts';
import { layers } from '../support/layers.ts';

const MANY = 2 ** 30;
const LIMITS = {
  ...{
    maxNodes: 16_384,
    maxBytes: MANY,
    maxRunBytes: MANY,
    maxSteps: MANY,
    maxModels: 4,
    maxTotalBytes: MANY,
  },
  ...{ maxFetchSeconds: 60, maxRunSeconds: 60 },
};

describe('models that strangers bring', () => {
  const { program, weights } = layers();
  const model = modelOf(program);
  const modelId = hexOf(model.id);
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'assay-found-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** Finds models in the folder, where nobody can say what the registry has. */
  function finding() {
    const news: FoundNews[] = [];
    const held: string[] = [];
    const found = new FoundModels({
      runner: {
        put: ({ model }) => {
          held.push(hexOf(model.id));
          return hexOf(model.id);
        },
        ...{ putMalformed: () => undefined, drop: () => undefined },
        ...{ model: () => undefined, malformed: () => undefined },
      },
      ...{ folder, getter: new Getter(), gateways: [], mirrors: [], limits: LIMITS },
      publication: async () => {
        throw new Error('the registry cannot be read');
      },
      clock: () => 1000,
      tell: (one) => news.push(one),
    });
    return { found, news, held };
  }

  it('are held again after a restart, whatever the registry has of them', async () => {
    const inside = join(folder, modelId.slice(2));
    await saveModel(new FolderBlobs(inside), { model, weights });
    writeFileSync(
      join(inside, 'wanted.json'),
      JSON.stringify({ until: 2000, isPinned: true, stakeWei: '1' }),
    );
    const { found, held, news } = finding();
    await found.start();
    found.end();
    expect(held).to.deep.equal([modelId]);
    expect(news.map(({ kind }) => kind)).to.deep.equal(['held']);
  });

  it('are tried again if the registry cannot be read, which is what is told', async () => {
    const { found, news } = finding();
    found.want(modelId, 2000, 1n);
    while (news.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    found.end();
    expect(news[1]).to.include({ kind: 'failed', sentence: 'the registry cannot be read' });
  });

  it('are had from the next place if one is no URL, or sends what nobody expects', async () => {
    for (const uri of ['http://[', 'https://', 'http://a:99999/'])
      expect(() => locationsOf(uri), uri).to.throw(RemoteError);
    expect(locationsOf('https://a.org/\u001b[2J\u202e')).to.deep.equal(['https://a.org/%1B[2J%E2%80%AE']);
    const good = new FolderBlobs(join(folder, 'good'));
    await saveModel(good, { model, weights });
    const broken = {
      place: 'broken',
      read: async () => {
        throw new TypeError('no reader expects this');
      },
    };
    const open = { place: 'good', read: good.read.bind(good), open: openIn(good) };
    const sources = [broken, open] as unknown as RemoteBlobs[];
    const into = new FolderBlobs(join(folder, 'into'));
    const { kind } = await fetchModel(model.id, sources, into, { limits: LIMITS });
    expect(kind).to.equal('model');
  });
});

/** Opens a blob of a folder as a remote one. */
const openIn =
  (blobs: FolderBlobs) =>
  async (name: Parameters<FolderBlobs['read']>[0], most: number): Promise<unknown> => {
    const bytes = await blobs.read(name, most);
    return bytes && { start: 0, chunks: [bytes] };
  };
