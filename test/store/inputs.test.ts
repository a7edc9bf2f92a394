import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { RequestRecord } from '../../src/chain/contracts/world.ts';
import { hexOf } from '../../src/merkle/keccak.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { tensorRoot } from '../../src/merkle/tensor.ts';
import { FolderBlobs } from '../../src/store/folder.ts';
import { Inputs } from '../../src/store/inputs.ts';
import { Getter } from '../../src/store/remote/getter.ts';
import { type HostileServer, hostileServer } from '../support/hostileServer.ts';
import { layers, layersInput } from '../support/layers.ts';

const model = modelOf(layers().program);
const right = layersInput(1);

/** A request that gives its input by root. */
const asked = (uri: string, input = right): RequestRecord =>
  ({
    requestId: 1n,
    request: { modelId: hexOf(model.id) },
    input: { kind: 'roots', roots: [hexOf(tensorRoot(input))], uri },
  }) as unknown as RequestRecord;

describe('inputs that requests give by root', () => {
  let folder: string;
  let server: HostileServer;
  let served: Map<string, Uint8Array>;
  const getters: Getter[] = [];
  const told: string[] = [];

  function inputs(name: string, options: { maxTotalBytes?: number; allowPrivate?: boolean } = {}): Inputs {
    const getter = new Getter({ allowPrivate: options.allowPrivate ?? true, idleMs: 500 });
    getters.push(getter);
    return new Inputs({
      model: () => model,
      folder: new FolderBlobs(join(folder, name)),
      getter,
      gateways: [],
      maxBytes: 10_000,
      maxTotalBytes: options.maxTotalBytes ?? 10_000,
      complain: (sentence) => told.push(sentence),
    });
  }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'assay-inputs-'));
    server = await hostileServer((request, response) => {
      const bytes = served.get(request.url ?? '');
      response.writeHead(bytes ? 200 : 404).end(bytes);
    });
  });
  beforeEach(() => {
    served = new Map([
      ['/input', right],
      [`/bundle/tensor/${hexOf(tensorRoot(right)).slice(2)}-${right.length}`, right],
      ['/wrong', layersInput(2)],
      ['/short', right.subarray(1)],
      ['/long', new Uint8Array(100_000)],
    ]);
    told.length = 0;
    server.asked.length = 0;
  });
  after(async () => {
    for (const getter of getters) getter.close();
    await server.stop();
    await rm(folder, { recursive: true });
  });

  it('come from one file, or from a bundle', async () => {
    expect(await inputs('file').read(asked(`${server.url}/input`))).to.equal(hexOf(right));
    expect(await inputs('bundle').read(asked(`${server.url}/bundle/`))).to.equal(hexOf(right));
    expect(told).to.deep.equal([]);
  });

  it('are kept, so that nobody can take them away in a dispute', async () => {
    await inputs('kept').read(asked(`${server.url}/input`));
    served.clear();
    expect(await inputs('kept').read(asked(`${server.url}/input`)), 'after a restart').to.equal(hexOf(right));
  });

  it('attack 53: are unknown if they are missing, wrong, too short or too long', async () => {
    const all = inputs('refused');
    for (const path of ['/none', '/wrong', '/short', '/long', '/none/']) {
      expect(await all.read(asked(`${server.url}${path}`)), path).to.equal(undefined);
    }
    for (const uri of ['', 'file:///etc/passwd', 'nonsense'])
      expect(await all.read(asked(uri)), uri).to.equal(undefined);
    expect(told).to.have.length(8);
  });

  it('attack 60: are not looked for at inner addresses, nor again at once', async () => {
    const guarded = inputs('guarded', { allowPrivate: false });
    expect(await guarded.read(asked(`${server.url}/input`))).to.equal(undefined);
    expect(told.join()).to.match(/no address of the public internet/);
    const eager = inputs('eager');
    for (let i = 0; i < 5; i++) expect(await eager.read(asked(`${server.url}/none`))).to.equal(undefined);
    expect(server.asked).to.deep.equal(['/none']);
  });

  it('go when room is needed, but never while a bond depends on them', async () => {
    const [first, second, third] = [1, 2, 3].map((seed) => layersInput(seed)) as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ];
    served = new Map([
      ['/1', first],
      ['/2', second],
      ['/3', third],
    ]);
    const all = inputs('room', { maxTotalBytes: 2 * first.length });
    const [a, b, c] = [
      asked(`${server.url}/1`, first),
      asked(`${server.url}/2`, second),
      asked(`${server.url}/3`, third),
    ];
    await all.read(a);
    await all.read(b);
    expect(await all.read(c), 'no room').to.equal(undefined);
    all.note({ kind: 'challenged', claim: { request: a }, receipt: {} } as never);
    all.note({ kind: 'verified', claim: { request: b } } as never);
    // Another request for the same tensors must not let them go.
    all.note({ kind: 'verified', claim: { request: { ...a, input: { ...a.input, uri: 'x' } } } } as never);
    const d = asked(`${server.url}/3#again`, third);
    expect(await all.read(d)).to.equal(hexOf(third));
    served.clear();
    expect(await all.read(a)).to.equal(hexOf(first));
    expect(await all.read(b)).to.equal(undefined);
  });
});
