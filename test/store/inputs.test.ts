import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { ZERO_ADDRESS } from '../../src/chain/contracts/types.ts';
import type { ClaimRecord, DisputeRecord, RequestRecord, World } from '../../src/chain/contracts/world.ts';
import { hexOf } from '../../src/merkle/keccak.ts';
import { type Model, modelOf } from '../../src/merkle/model.ts';
import { tensorRoot } from '../../src/merkle/tensor.ts';
import { FolderBlobs, roomOf } from '../../src/store/folder.ts';
import { inputNeeds } from '../../src/store/inputNeeds.ts';
import { Inputs } from '../../src/store/inputs.ts';
import { Getter } from '../../src/store/remote/getter.ts';
import { type HostileServer, hostileServer } from '../support/hostileServer.ts';
import { layers, layersInput } from '../support/layers.ts';
import { ProgramBuilder } from '../support/programs.ts';

const WATCHER = { role: 'challenger', account: 'watcher' } as const;
const model = modelOf(layers().program);
const right = layersInput(1);
/** Room of one input. */
const ROOM = roomOf(right.length);

/** A request that gives its input by root. */
const asked = (uri: string, input = right): RequestRecord =>
  ({
    requestId: 1n,
    status: 'open',
    request: {
      ...{ modelId: hexOf(model.id), inputs: uri, requestedAt: 1000n, feeWei: 1n },
      terms: { windowSeconds: 1000n, patienceSeconds: 1000n, claimBondWei: 10n, provider: ZERO_ADDRESS },
    },
    input: { kind: 'roots', roots: [hexOf(tensorRoot(input))], uri },
  }) as unknown as RequestRecord;

const claimOn = (request: RequestRecord): ClaimRecord =>
  ({
    ...{ claimId: 1n, claimant: 'claimant', outputs: '0x', claimedAt: 1000n, status: 'open', request },
  }) as unknown as ClaimRecord;

const disputeOn = (claim: ClaimRecord): DisputeRecord =>
  ({ disputeId: 1n, claim, challenger: 'watcher', ended: undefined }) as unknown as DisputeRecord;

/** A world at second 2000, unless another is given. */
const world = ({
  requests = [],
  claims,
  disputes = [],
  now = 2000n,
}: {
  requests?: readonly RequestRecord[];
  claims: readonly ClaimRecord[];
  disputes?: readonly DisputeRecord[];
  now?: bigint;
}): World => {
  const mapped = <T>(all: readonly T[]) => new Map(all.map((one, i) => [BigInt(i), one]));
  return {
    ...{ block: { timestamp: now }, requests: mapped(requests) },
    ...{ claims: mapped(claims), disputes: mapped(disputes) },
  } as unknown as World;
};

describe('inputs that requests give by root', () => {
  let folder: string;
  let server: HostileServer;
  let served: Map<string, Uint8Array>;
  const getters: Getter[] = [];
  const told: string[] = [];

  function inputs(
    name: string,
    options: {
      maxTotalBytes?: number;
      allowPrivate?: boolean;
      now?: () => number;
      model?: (id: string) => Model | undefined;
    } = {},
  ): Inputs {
    const getter = new Getter({ allowPrivate: options.allowPrivate ?? true, idleMs: 500 });
    getters.push(getter);
    return new Inputs({
      model: options.model ?? (() => model),
      folder: new FolderBlobs(join(folder, name)),
      getter,
      gateways: [],
      maxBytes: 10_000,
      maxTotalBytes: options.maxTotalBytes ?? 100_000,
      ...(options.now && { now: options.now }),
      complain: (sentence) => told.push(sentence),
    });
  }

  /** Serves inputs under their numbers. */
  const serveInputs = (count: number): void => {
    served = new Map(Array.from({ length: count }, (_, i) => [`/${i + 1}`, layersInput(i + 1)]));
  };
  const numbered = (id: number): RequestRecord => asked(`${server.url}/${id}`, layersInput(id));
  /** A request with a number whose claims take a bond. */
  const bonded = (id: number, claimBondWei: bigint): RequestRecord => {
    const { request, ...rest } = numbered(id);
    return { ...rest, request: { ...request, terms: { ...request.terms, claimBondWei } } };
  };
  /** Numbers of the inputs in a folder. */
  const kept = async (name: string): Promise<number[]> => {
    const files = await readdir(join(folder, name, 'tensor'));
    const numbers = Array.from({ length: 20 }, (_, i) => i + 1);
    return numbers.filter((id) =>
      files.includes(`${hexOf(tensorRoot(layersInput(id))).slice(2)}-${right.length}`),
    );
  };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'assay-inputs-'));
    server = await hostileServer((request, response) => {
      if (request.url?.startsWith('/slow')) {
        const timer = setInterval(() => response.write('x'), 100);
        response.on('close', () => clearInterval(timer));
        return;
      }
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

  it('have the length that their model reads, though zeros at the end change no root', async () => {
    const builder = new ProgramBuilder();
    builder.input('f32', [448]);
    const longer = modelOf(builder.finish().program);
    const padded = Uint8Array.from({ length: 1792 }, (_, i) => right[i] ?? 0);
    const root = hexOf(tensorRoot(right));
    expect(hexOf(tensorRoot(padded))).to.equal(root);
    served.set(`/bundle/tensor/${root.slice(2)}-1792`, padded);
    const all = inputs('lengths', { model: (id) => (id === 'longer' ? longer : model) });
    const one = asked(`${server.url}/bundle/`);
    const other = { ...asked(`${server.url}/bundle/`), request: { ...one.request, modelId: 'longer' } };
    expect(await all.read(one)).to.equal(hexOf(right));
    expect(await all.read(other)).to.equal(hexOf(padded));
  });

  it('go when room is needed, but never while a bond depends on them', async () => {
    serveInputs(3);
    const all = inputs('room', { maxTotalBytes: 2 * ROOM });
    const [a, b, c] = [1, 2, 3].map(numbered) as [RequestRecord, RequestRecord, RequestRecord];
    const [disputed, checked] = [claimOn(a), claimOn(b)];
    const open = world({ claims: [disputed, checked], disputes: [disputeOn(disputed)] });
    await all.look(open, WATCHER);
    await all.read(a);
    await all.read(b);
    await all.read(c);
    expect(await kept('room'), 'no room').to.deep.equal([1, 2]);
    all.note({ kind: 'verified', claim: checked });
    await all.look(open, WATCHER);
    const again = asked(`${server.url}/3#again`, layersInput(3));
    expect(await all.read(again)).to.equal(hexOf(layersInput(3)));
    served.clear();
    expect(await all.read(a)).to.equal(hexOf(layersInput(1)));
    expect(await all.read(b)).to.equal(undefined);
  });

  it('attack 53: make room however their claims and disputes end', async () => {
    serveInputs(11);
    const all = inputs('ends', { maxTotalBytes: 10 * ROOM });
    const requests = Array.from({ length: 10 }, (_, i) => numbered(i + 1));
    const claims = requests.map(claimOn);
    await all.look(world({ claims, disputes: claims.slice(5).map(disputeOn) }), WATCHER);
    for (const request of requests) expect(await all.read(request)).to.match(/^0x/);
    await all.read(numbered(11));
    expect(await kept('ends'), 'all are needed').not.to.include(11);
    // Final by a verifier, falsified by another, or won: nobody reports anything, and none is open any more.
    await all.look(world({ claims: [] }), WATCHER);
    const again = { ...numbered(11), input: { ...numbered(11).input, uri: `${server.url}/11#again` } };
    expect(await all.read(again as RequestRecord)).to.equal(hexOf(layersInput(11)));
    expect(await kept('ends')).to.include(11);
  });

  it('are removed at the start, if nothing open needs what an earlier run has left', async () => {
    serveInputs(3);
    for (const id of [1, 2]) await inputs('swept').read(numbered(id));
    await writeFile(join(folder, 'swept/tensor/x.1.1.draft'), 'half');
    const later = inputs('swept', { maxTotalBytes: 2 * ROOM });
    await later.look(world({ claims: [claimOn(numbered(2))] }), WATCHER);
    const names = await readdir(join(folder, 'swept/tensor'));
    expect(names).to.deep.equal([`${hexOf(tensorRoot(layersInput(2))).slice(2)}-${right.length}`]);
    expect(await later.read(numbered(3)), 'there is room').to.match(/^0x/);
  });

  it('are needed by a claimant for open requests and for its own claims', () => {
    const request = numbered(1);
    const needs = (at: World, account: string) =>
      inputNeeds(at, { role: 'claimant', account }, () => false).map(({ isBonded }) => isBonded);
    expect(needs(world({ requests: [request], claims: [] }), 'me')).to.deep.equal([false]);
    expect(needs(world({ requests: [request], claims: [], now: 2001n }), 'me'), 'patience').to.deep.equal([]);
    const mine = claimOn(request);
    expect(needs(world({ claims: [mine] }), 'claimant')).to.deep.equal([true]);
    expect(needs(world({ claims: [mine] }), 'another')).to.deep.equal([]);
    expect(needs(world({ claims: [mine], now: 2001n }), 'claimant'), 'window').to.deep.equal([]);
    const disputes = [disputeOn(mine)];
    expect(needs(world({ claims: [mine], disputes, now: 2001n }), 'claimant')).to.deep.equal([true]);
    const falsified = disputes.map((one) => ({ ...one, claim: { ...mine, status: 'falsified' as const } }));
    expect(needs(world({ claims: [], disputes: falsified }), 'claimant')).to.deep.equal([]);
  });

  it('attack 53: are not kept out by servers that send a byte now and then', async () => {
    serveInputs(20);
    let now = 0;
    const all = inputs('slow', { now: () => now });
    for (let id = 1; id <= 8; id++) void all.read(asked(`${server.url}/slow/${id}`, layersInput(id)));
    const honest = numbered(20);
    const first = all.read(honest);
    expect(await first, 'the last slot is for what waits longest').to.equal(undefined);
    now = 30_001;
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(await all.read(honest)).to.equal(hexOf(layersInput(20)));
    expect(told.join()).to.match(/it is slow, and others wait/);
  });

  it('attack 53: give way to more at stake, but never those of own disputes', async () => {
    serveInputs(4);
    const all = inputs('stakes', { maxTotalBytes: 2 * ROOM });
    const requests = [bonded(1, 1n), bonded(2, 10n), bonded(3, 10n), bonded(4, 11n)];
    const claims = requests.map(claimOn);
    await all.look(world({ claims, disputes: [disputeOn(claims[0]!)] }), WATCHER);
    for (const request of requests.slice(0, 3)) expect(await all.read(request)).to.match(/^0x/);
    expect(await kept('stakes'), 'the same at stake').to.deep.equal([1, 2]);
    expect(await all.read(requests[3]!)).to.match(/^0x/);
    expect(await kept('stakes')).to.deep.equal([1, 4]);
  });

  it('attack 53: are read for a verdict and kept for a bond, whatever others stake', async () => {
    serveInputs(4);
    const all = inputs('poor', { maxTotalBytes: 2 * ROOM });
    const poor = bonded(3, 1n);
    const claims = [bonded(1, 10n), bonded(2, 10n), poor, bonded(4, 99n)].map(claimOn);
    await all.look(world({ claims }), WATCHER);
    for (const id of [1, 2]) await all.read(bonded(id, 10n));
    expect(await all.read(poor)).to.equal(hexOf(layersInput(3)));
    expect(await kept('poor')).to.deep.equal([1, 2]);
    served.clear();
    all.pin(poor);
    expect(await all.read(poor)).to.equal(hexOf(layersInput(3)));
    expect(await kept('poor')).to.include(3);
    serveInputs(4);
    // The bond does not show yet, and the claim was once refused for time.
    all.note({ kind: 'unverified', claim: claims[2]!, missing: 'time', figures: '' });
    await all.look(world({ claims }), WATCHER);
    await all.read(bonded(4, 99n));
    expect(await kept('poor')).to.deep.equal([3, 4]);
  });

  it('attack 53: take no room for claims that cannot be disputed here', async () => {
    serveInputs(4);
    let held: Model | undefined = model;
    const all = inputs('idle', { maxTotalBytes: 2 * ROOM, model: (id) => (id === 'other' ? held : model) });
    const [slow, other] = [bonded(1, 99n), bonded(2, 99n)];
    const gone = { ...other, request: { ...other.request, modelId: 'other' } };
    const claims = [slow, gone, bonded(3, 1n), bonded(4, 1n)].map(claimOn);
    await all.look(world({ claims }), WATCHER);
    for (const request of [slow, gone]) await all.read(request);
    expect(await kept('idle')).to.deep.equal([1, 2]);
    all.note({ kind: 'unverified', claim: claims[0]!, missing: 'time', figures: 'too slow' });
    held = undefined;
    await all.look(world({ claims }), WATCHER);
    for (const id of [3, 4]) await all.read(bonded(id, 1n));
    expect(await kept('idle')).to.deep.equal([3, 4]);
  });
});
