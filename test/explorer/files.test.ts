import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { FilesJson } from '../../src/explorer/api.ts';
import { ModelFiles } from '../../src/explorer/server/files.ts';
import { type KeptModel, KeptModels, modelsGivingWay } from '../../src/explorer/server/keptModels.ts';
import { bytesOfHex, hexOf } from '../../src/merkle/keccak.ts';
import { programName } from '../../src/store/blobs.ts';
import { textPath, writeBundle, writeText } from '../../src/store/bundle.ts';
import { tensorsIn } from '../../src/store/fetchModel.ts';
import { FolderBlobs, roomOf } from '../../src/store/folder.ts';
import { encodeProgram } from '../../src/store/programFile.ts';
import type { Publication } from '../../src/store/publications.ts';
import { Getter } from '../../src/store/remote/getter.ts';
import { describeText } from '../../src/text/description.ts';
import { type HostileServer, hostileServer } from '../support/hostileServer.ts';
import { tinyTokenizer } from '../support/tinyText.ts';
import { variantModel } from '../support/variantModel.ts';

const HOUR_MS = 3_600_000;
const START_MS = Date.now();

/** Bytes on disk of two models, each of two files in four folders. */
const ROOM_OF_TWO = 2 * (2400 + encodeProgram(variantModel(0).model.program).length + 6 * roomOf(0));

describe('models that give way to one that a visitor asks for', () => {
  const kept = (bytes: number, askedAtMs: number, others: Partial<KeptModel> = {}): KeptModel => ({
    ...{ modelId: '0x', blobs: new FolderBlobs('/nowhere'), tensors: new Set(), bytes, askedAtMs },
    ...{ isFetching: false, isWhole: true, ...others },
  });
  const folders = 4 * roomOf(0);
  const one = kept(0, 9, { isFetching: true, isWhole: false });
  const [oldest, older, newest] = [kept(100, 1), kept(100, 2), kept(100, 4)] as const;
  const part = kept(100, 5, { isWhole: false });
  const fetching = kept(100, 0, { isFetching: true, isWhole: false });
  const giving = (bytes: number, room: number, ...others: KeptModel[]) =>
    modelsGivingWay([one, ...others], one, bytes, room);

  it('are none while there is room', () => {
    expect(giving(100, 200 + 2 * folders, oldest)).to.deep.equal([]);
  });

  it('are first parts, then those asked for longest ago, and no more than needed', () => {
    const room = 500 + 5 * folders;
    expect(giving(101, room, newest, older, oldest, part)).to.deep.equal([part]);
    expect(giving(300 + folders, room, newest, older, oldest, part)).to.deep.equal([part, oldest]);
  });

  it('are never ones that are being fetched, and none in vain', () => {
    const room = 200 + 2 * folders;
    expect(giving(100, room, fetching, oldest)).to.deep.equal([oldest]);
    expect(giving(101, room, fetching, oldest)).to.equal(undefined);
    expect(giving(room, room, oldest)).to.equal(undefined);
  });
});

describe('files of models for visitors', function () {
  this.timeout(60_000);
  const models = Array.from({ length: 5 }, (_, i) => variantModel(i));
  const ids = models.map(({ model }) => hexOf(model.id));
  const description = describeText({ prompt: 8, tokens: 6, vocabulary: 40 }, tinyTokenizer());
  /** Of these, the server sends all of the weights but the last byte. */
  const cut = new Set<string>();
  /** Of these, the server never ends to send the weights. */
  const trickling = new Set<string>();
  let folder: string;
  let server: HostileServer;
  let getter: Getter;
  let now = START_MS;

  const open = async (
    name: string,
    maxTotalBytes = ROOM_OF_TWO,
    maxFetchSeconds = 3600,
    others = ['none'],
  ) => {
    const kept = await KeptModels.open(join(folder, name), maxTotalBytes, () => now);
    const size = { maxNodes: 16_384, maxBytes: 2 ** 30, maxRunBytes: 2 ** 31, maxSteps: 2e11 };
    const files = new ModelFiles({
      ...{ kept, others: others.map((one) => join(folder, one)), getter, gateways: [], mirrors: [] },
      limits: { ...size, maxFetchSeconds },
    });
    const begin = (i: number, found: Partial<Publication> = {}): Promise<FilesJson> =>
      files.fetch(ids[i]!, async () => ({
        ...{ published: undefined, uris: [`${server.url}/${ids[i]}`], publishers: [], ...found },
      }));
    const stateOf = async (i: number): Promise<FilesJson> => files.state(ids[i]!);
    const settled = async (i: number): Promise<FilesJson> => {
      for (;;) {
        const state = await stateOf(i);
        if (state.state !== 'fetching') return state;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    };
    const get = async (i: number, found?: Partial<Publication>): Promise<FilesJson> => {
      now += 1000;
      await begin(i, found);
      return settled(i);
    };
    const states = async (): Promise<string[]> =>
      Promise.all(ids.map(async (_, i) => (await stateOf(i)).state));
    return { files, begin, settled, get, states };
  };
  const roomIn = (name: string): Promise<number> => new FolderBlobs(join(folder, name)).room();
  const weightsOf = (i: number) => [...tensorsIn(models[i]!.model.program).keys()][0]!;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'assay-files-'));
    getter = new Getter({ allowPrivate: true });
    for (const [i, held] of models.entries()) {
      await writeBundle(join(folder, ids[i]!), held, 'x.onnx');
      await writeText(join(folder, ids[i]!), ids[i]!, description);
    }
    server = await hostileServer(async (request, response) => {
      const [, id = '', ...path] = request.url!.split('/');
      const bytes = await readFile(join(folder, id, ...path));
      const isTensor = path[0] === 'tensor';
      if (trickling.has(id) && isTensor) response.write(bytes.subarray(0, 1));
      else if (cut.has(id) && isTensor) {
        response.write(bytes.subarray(0, -1));
        setTimeout(() => response.destroy(), 20);
      } else response.end(bytes);
    });
  });
  beforeEach(() => {
    now = START_MS;
    cut.clear();
    trickling.clear();
  });
  after(async () => {
    getter.close();
    await server.stop();
    await rm(folder, { recursive: true });
  });

  it('stay within their bytes; the model asked for longest ago goes as a whole', async () => {
    const { files, get, states } = await open('least');
    for (const i of [0, 1, 0, 2]) expect(await get(i), `${i}`).to.deep.equal({ state: 'here', why: null });
    expect(await states()).to.deep.equal(['here', 'not here', 'here', 'not here', 'not here']);
    now += 1000;
    expect(await files.read(weightsOf(1))).to.equal(undefined);
    expect(await files.read(programName(bytesOfHex(ids[1]!)))).to.equal(undefined);
    expect((await files.read(weightsOf(0)))?.length).to.equal(2400);
    expect(await readdir(join(folder, 'least'))).to.have.members([ids[0]!.slice(2), ids[2]!.slice(2)]);
    // Its weights were read last.
    await get(3);
    expect(await states()).to.deep.equal(['here', 'not here', 'not here', 'here', 'not here']);
    expect(await roomIn('least')).to.be.within(2 * 2400, ROOM_OF_TWO);
    expect(await get(1)).to.include({ state: 'here' });
  });

  it('stay within their bytes though no download ever ends', async () => {
    const { get, states } = await open('cut');
    await get(4);
    for (const id of ids.slice(0, 4)) cut.add(id);
    for (const i of [0, 1, 2, 3]) {
      expect(await get(i), `${i}`).to.include({ state: 'failed' });
      expect(await roomIn('cut')).to.be.within(2399, ROOM_OF_TWO);
    }
    expect((await states())[4]).to.equal('here');
    cut.clear();
    expect(await get(0)).to.include({ state: 'here' });
    expect(await readdir(join(folder, 'cut'))).to.have.members([ids[0]!.slice(2), ids[4]!.slice(2)]);
  });

  it('count what an earlier run has left, by when it was asked for', async () => {
    const earlier = await open('restarted');
    await earlier.get(0);
    await earlier.get(1);
    now += HOUR_MS;
    await earlier.get(0);
    await mkdir(join(folder, 'restarted', `${'0'.repeat(64)}.1.0.leaving`));
    // The time of a folder is saved in the background.
    const first = join(folder, 'restarted', ids[0]!.slice(2));
    while ((await stat(first)).mtimeMs < now - 1) await new Promise((resolve) => setTimeout(resolve, 10));
    const { get, states } = await open('restarted');
    await get(2);
    expect(await states()).to.deep.equal(['here', 'not here', 'here', 'not here', 'not here']);
    expect(await readdir(join(folder, 'restarted'))).to.have.length(2);

    const left = join(folder, 'parts', ids[3]!.slice(2));
    await mkdir(join(left, 'tensor'), { recursive: true });
    await writeFile(join(left, 'tensor', 'x.part'), new Uint8Array(ROOM_OF_TWO));
    await (await open('parts')).get(4);
    expect(await readdir(join(folder, 'parts'))).to.deep.equal([ids[4]!.slice(2)]);
  });

  it('never give way while they are fetched', async () => {
    const { begin, settled, get, states } = await open('busy', ROOM_OF_TWO / 2);
    trickling.add(ids[0]!);
    await begin(0);
    while ((await roomIn('busy')) === 0);
    const { state, why } = await get(1);
    expect([state, why]).to.deep.equal([
      'failed',
      `model ${ids[1]}: no room on disk, all models together may take ${ROOM_OF_TWO / 2} bytes`,
    ]);
    expect((await states())[0]).to.equal('fetching');
    for (const socket of server.open) socket.destroy();
    expect(await settled(0)).to.include({ state: 'failed' });
    expect(await get(1)).to.include({ state: 'here' });
  });

  it('are given up where they take too long to get', async () => {
    const { get } = await open('slow', ROOM_OF_TWO, 1);
    trickling.add(ids[0]!);
    expect(await get(0)).to.include({ state: 'failed' });
  });

  it('are fetched once, whoever asks at the same time', async () => {
    const { begin, settled } = await open('once');
    const before = server.asked.length;
    await Promise.all([begin(0), begin(0), begin(0)]);
    expect(await settled(0)).to.include({ state: 'here' });
    expect(server.asked.slice(before)).to.have.length(2);
  });

  it('give a full disk what nobody uses', async () => {
    const { files, settled, get, states } = await open('full', 2 * ROOM_OF_TWO);
    await get(0);
    now += 2 * HOUR_MS;
    await get(1);
    cut.add(ids[2]!);
    await get(2);
    const full = Object.assign(new Error('no space'), { code: 'ENOSPC', syscall: 'write', path: '/secret' });
    await files.fetch(ids[3]!, () => Promise.reject(full));
    expect(await settled(3)).to.deep.equal({
      state: 'failed',
      why: 'files of this server: the disk is full',
    });
    expect(await states()).to.deep.equal(['not here', 'here', 'failed', 'failed', 'not here']);
    expect(await readdir(join(folder, 'full'))).to.deep.equal([ids[1]!.slice(2)]);
  });

  it('give way where the disk has no room for another name', async () => {
    const { get, states } = await open('unnamed');
    await get(0);
    await get(1);
    const name = `${ids[0]!.slice(2)}.${process.pid}.0.leaving`;
    await mkdir(join(folder, 'unnamed', name, 'full'), { recursive: true });
    expect(await get(2)).to.include({ state: 'here' });
    expect((await states())[0]).to.equal('not here');
    expect(await readdir(join(folder, 'unnamed'))).to.have.members([ids[1]!.slice(2), ids[2]!.slice(2)]);
  });

  it('count what tokens mean too', async () => {
    const text = (await readFile(join(folder, ids[0]!, textPath(ids[0]!)))).length;
    const published = { answers: [{}] } as unknown as Publication['published'];
    const { files, get, states } = await open('texts', ROOM_OF_TWO + roomOf(text) - 1);
    await get(0, { published });
    expect((await files.text(ids[0]!))?.length).to.equal(text);
    await get(1);
    expect(await states()).to.deep.equal(['not here', 'here', 'not here', 'not here', 'not here']);
    expect(await files.text(ids[0]!)).to.equal(undefined);

    const small = await open('no texts', ROOM_OF_TWO / 2);
    expect(await small.get(0, { published })).to.include({ state: 'here' });
    expect(await small.files.hasText(ids[0]!)).to.equal(false);
  });

  it('remove nothing of other folders', async () => {
    const { get, files } = await open('own', ROOM_OF_TWO, 3600, [ids[0]!, ids[1]!]);
    for (const i of [0, 1, 2, 3, 4]) expect(await get(i), `${i}`).to.include({ state: 'here' });
    expect(await readdir(join(folder, 'own'))).to.have.members([ids[3]!.slice(2), ids[4]!.slice(2)]);
    for (const i of [0, 1]) expect((await files.read(weightsOf(i)))?.length).to.equal(2400);
  });
});
