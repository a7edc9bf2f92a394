import { mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { hexOf } from '../../src/merkle/keccak.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { programName, StoreError } from '../../src/store/blobs.ts';
import { manifestPath, readManifest, writeBundle } from '../../src/store/bundle.ts';
import { bundleServer, rangeIn } from '../../src/store/bundleServer.ts';
import { type Fetched, fetchModel, ModelTooLarge, tensorsIn } from '../../src/store/fetchModel.ts';
import { FolderBlobs } from '../../src/store/folder.ts';
import type { HeldModel } from '../../src/store/library.ts';
import { Getter, RemoteError } from '../../src/store/remote/getter.ts';
import { RemoteBlobs } from '../../src/store/remote/remoteBlobs.ts';
import { type HostileServer, hostileServer } from '../support/hostileServer.ts';
import { f32Bytes, matMul, ProgramBuilder } from '../support/programs.ts';

const LIMITS = { maxBytes: 2 ** 24, maxNodes: 2 ** 14, maxRunBytes: 2 ** 24, maxSteps: 2 ** 30 };

/** A model with 400 kB of weights in one tensor and a few bytes in another. */
function weighty(): HeldModel {
  const build = new ProgramBuilder();
  const x = build.input('f32', [1, 100]);
  const w = build.constant('f32', [100, 1000], f32Bytes(Array.from({ length: 100_000 }, (_, i) => i % 77)));
  build.constant('f32', [2], f32Bytes([1, 2]));
  build.node(matMul(x, w, 1, 100, 1000));
  const { program, weights } = build.finish();
  return { model: modelOf(program), weights };
}

describe('a bundle', () => {
  const held = weighty();
  const { id } = held.model;
  const large = [...tensorsIn(held.model.program)].find(([, { bytes }]) => bytes === 400_000)![0];
  let folder: string;
  let server: Server;
  let url: string;
  let getter: Getter;
  const hostile: HostileServer[] = [];
  const at = (name: string): string => join(folder, name);
  const fetching = (urls: readonly string[], into: string, limits = LIMITS): Promise<Fetched> =>
    fetchModel(
      id,
      urls.map((one) => new RemoteBlobs({ url: one, isOwn: false }, getter)),
      new FolderBlobs(at(into)),
      { limits },
    );
  const failing = async (attempt: Promise<unknown>): Promise<Error> =>
    attempt.then(
      () => new Error('it did not fail'),
      (error: Error) => error,
    );
  /** Answers as the bundle does, except where `change` does something else. */
  async function like(change: (path: string, bytes: Buffer) => Buffer | undefined): Promise<string> {
    const bad = await hostileServer(async (request, response) => {
      const answer = await fetch(`${url}${request.url}`);
      const bytes = change(request.url ?? '', Buffer.from(await answer.arrayBuffer()));
      if (bytes) response.writeHead(answer.status).end(bytes);
      else response.destroy();
    });
    hostile.push(bad);
    return bad.url;
  }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'assay-bundle-'));
    await writeBundle(at('bundle'), held, 'weighty.onnx');
    server = bundleServer(at('bundle'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    getter = new Getter({ allowPrivate: true });
  });
  after(async () => {
    getter.close();
    for (const bad of hostile) await bad.stop();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true });
  });

  it('says what it holds, with sizes and roots', async () => {
    const manifest = await readManifest(at('bundle'), hexOf(id));
    expect(manifest).to.include({ version: 1, model: hexOf(id), file: 'weighty.onnx' });
    expect(manifest.tensors.map(({ bytes }) => bytes)).to.deep.equal([400_000, 8]);
    expect(manifest.bytes).to.equal(400_008 + manifest.program.bytes);
    const listed = await (await fetch(`${url}/`)).json();
    expect(listed).to.deep.equal({ models: [hexOf(id)] });
    const served = await (await fetch(`${url}/${manifestPath(hexOf(id))}`)).json();
    expect(served).to.deep.equal(JSON.parse(JSON.stringify(manifest)));
  });

  it('is served by ranges', async () => {
    const ask = (range: string) => fetch(`${url}/${large}`, { headers: { range } });
    const whole = Buffer.from(await (await fetch(`${url}/${large}`)).arrayBuffer());
    expect(whole.length).to.equal(400_000);
    const middle = await ask('bytes=1000-1999');
    expect([middle.status, middle.headers.get('content-range')]).to.deep.equal([
      206,
      'bytes 1000-1999/400000',
    ]);
    expect(Buffer.from(await middle.arrayBuffer()).equals(whole.subarray(1000, 2000))).to.equal(true);
    expect((await ask('bytes=400000-')).status).to.equal(416);
    expect(rangeIn('bytes=-10', 400)).to.deep.equal({ start: 390, end: 399 });
    expect(rangeIn('bytes=5-', 400)).to.deep.equal({ start: 5, end: 399 });
    expect(rangeIn('bytes=5-9000', 400)).to.deep.equal({ start: 5, end: 399 });
    expect(rangeIn('bytes=-0', 400)).to.equal('none');
    for (const odd of ['bytes=9-5', 'bytes=a-b', 'bytes=1-2,4-5', 'lines=1-2', 'bytes=-', '']) {
      expect(rangeIn(odd, 400), odd).to.equal(undefined);
    }
  });

  it('attack 28: is served without anything else that is on the disk', async () => {
    await writeFile(at('secret'), 'secret');
    await writeFile(at('bundle/notes'), 'secret');
    const link = `tensor/${'0'.repeat(64)}-6`;
    await symlink(at('secret'), at(`bundle/${link}`));
    const raw = (path: string): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
        let said = '';
        socket.on('data', (data) => {
          said += data.toString('latin1');
        });
        socket.on('error', reject);
        socket.on('close', () => resolve(said));
        socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
      });
    const paths = [
      '/notes',
      '/../secret',
      '/tensor/../../secret',
      '/%2e%2e/secret',
      '/tensor/',
      `/${link}`,
      '//secret',
    ];
    for (const path of [
      ...paths,
      '/program/..%2f..%2fsecret',
      '/manifest/x.json',
      `/${large}/..`,
      '/tensor\\..\\secret',
    ]) {
      expect(await raw(path), path)
        .to.match(/^HTTP\/1\.1 40[04]/)
        .and.not.to.contain('secret');
    }
    expect((await fetch(`${url}/${large}`, { method: 'POST' })).status).to.equal(405);
  });

  it('is fetched whole, and a second time from the folder alone', async () => {
    const fetched = await fetching([url], 'whole');
    expect(fetched.kind === 'model' && fetched.held.weights).to.deep.equal(held.weights);
    expect((await fetching([], 'whole')).kind).to.equal('model');
  });

  it('attack 60: is refused with other bytes, and taken from the next that has it', async () => {
    const flipped = await like((path, bytes) => {
      if (path.startsWith('/tensor')) bytes[7]! ^= 1;
      return bytes;
    });
    const other = await like((path, bytes) =>
      path.startsWith('/program') ? Buffer.from('assay\x01') : bytes,
    );
    const long = await like((_, bytes) => Buffer.concat([bytes, Buffer.alloc(10)]));
    expect(await failing(fetching([flipped], 'flipped'))).to.be.instanceOf(StoreError);
    expect(await failing(fetching([other], 'other'))).to.be.instanceOf(StoreError);
    expect(await failing(fetching([long], 'long'))).to.be.instanceOf(Error);
    for (const name of ['flipped', 'other', 'long']) {
      expect(await new FolderBlobs(at(name)).size(programName(id)), name).to.equal(undefined);
    }
    expect((await fetching([other, flipped, url], 'flipped')).kind).to.equal('model');
  });

  it('goes on where it was interrupted', async () => {
    const asked: (string | undefined)[] = [];
    const half = await like((path, bytes) => (path === `/${large}` ? undefined : bytes));
    const noting = await hostileServer(async (request, response) => {
      if (request.url === `/${large}`) asked.push(request.headers.range);
      const { range } = request.headers;
      const answer = await fetch(`${url}${request.url}`, { headers: range ? { range } : {} });
      response.writeHead(answer.status, Object.fromEntries(answer.headers));
      response.end(Buffer.from(await answer.arrayBuffer()));
    });
    hostile.push(noting);
    expect(await failing(fetching([half], 'resumed'))).to.be.instanceOf(RemoteError);
    const blobs = new FolderBlobs(at('resumed'));
    const part = await blobs.openPart(large);
    await part.write(held.weights.get(1)!.subarray(0, 300_000), 0);
    await part.close();
    expect((await fetching([noting.url], 'resumed')).kind).to.equal('model');
    expect(asked).to.deep.equal(['bytes=300000-']);
  });

  it('attack 60: begins anew where what was there before was wrong', async () => {
    const blobs = new FolderBlobs(at('poisoned'));
    const part = await blobs.openPart(large);
    await part.write(new Uint8Array(300_000).fill(9), 0);
    await part.close();
    expect((await fetching([url], 'poisoned')).kind).to.equal('model');
    await truncate(at(`poisoned/${large}`), 10);
    expect((await fetching([url], 'poisoned')).kind, 'a file cut short').to.equal('model');
  });

  it('is left where it is if it takes more than is allowed', async () => {
    for (const limits of [
      { ...LIMITS, maxBytes: 300_000 },
      { ...LIMITS, maxRunBytes: 300_000 },
      { ...LIMITS, maxSteps: 99_999 },
      { ...LIMITS, maxNodes: 1 },
    ]) {
      const failure = await failing(fetching([url], 'bounded', limits));
      expect(failure).to.be.instanceOf(ModelTooLarge);
      expect(await new FolderBlobs(at('bounded')).size(large)).to.equal(undefined);
    }
  });
});
