import { expect } from 'chai';
import { challenge, reclaim } from '../../src/chain/actions/actions.ts';
import { EventIndex } from '../../src/chain/index/eventIndex.ts';
import type {
  AccountPageJson,
  DisputePageJson,
  ModelPageJson,
  OverviewJson,
  RequestPageJson,
} from '../../src/explorer/api.ts';
import { hexRoots } from '../../src/merkle/tensor.ts';
import { createWatcher } from '../../src/watcher/watcher.ts';
import { type ExplorerStage, startExplorer } from '../support/explorerStage.ts';
import { hostileServer } from '../support/hostileServer.ts';
import { asAccount, TERMS } from '../support/protocol.ts';
import { type Scene, startScene } from '../support/scene.ts';

const PROVIDER = 1;
const WATCHER = 2;
const LIAR = 4;
const OVERTAKEN = 5;

describe('the API of the explorer', () => {
  let scene: Scene;
  let stage: ExplorerStage;

  before(async () => {
    scene = await startScene();
    stage = await startExplorer(scene, new Map());
  });

  after(async () => {
    await stage?.close();
    await scene?.stop();
  });

  const read = async <T>(path: string): Promise<T> => {
    const response = await fetch(new URL(path, stage.url));
    expect(response.status, path).to.equal(200);
    return (await response.json()) as T;
  };
  const status = async (path: string, init?: RequestInit): Promise<number> =>
    (await fetch(new URL(path, stage.url), init)).status;

  it('tells of a lie from its claim to its end', async () => {
    const requestId = await scene.ask({ windowSeconds: 3600n });
    await scene.answer(requestId, LIAR, 'wrong');
    await scene.answer(requestId, PROVIDER, 'right');
    await stage.follower.look();
    const before = await read<OverviewJson>('/api/overview');
    expect(before.counts).to.include({ requests: 1, claims: 2, openClaims: 2, disputes: 0 });
    expect(before.bondsWei).to.equal(`${2n * 10n ** 18n}`);

    const contracts = asAccount(scene.contracts, scene.chain, WATCHER);
    const watcher = createWatcher({ contracts, runner: scene.shelf });
    await watcher();
    await stage.follower.look();
    const hasVerdict = async (): Promise<boolean> =>
      (await read<OverviewJson>('/api/overview')).forecasts[0]?.verdict === 'wrong';
    while (!(await hasVerdict())) await new Promise((resolve) => setTimeout(resolve, 50));
    const { forecasts } = await read<OverviewJson>('/api/overview');
    const expected = {
      dispute: '1',
      verdict: 'wrong',
      ifPlayed: 'challenger',
      ifIdle: 'challenger',
      isOvertaken: false,
    };
    expect(forecasts).to.have.length(1);
    expect(forecasts[0]).to.include(expected);
    expect(forecasts[0]?.loss).to.include({ loser: scene.addressOf(LIAR), bondWei: `${10n ** 18n}` });
    const { forecast } = await read<DisputePageJson>('/api/disputes/1');
    expect(forecast).to.deep.equal(forecasts[0]);
    for (let i = 0; i < 20; i++) {
      await watcher();
      await scene.answer(requestId, LIAR, 'wrong');
    }
    await stage.follower.look();
    const { counts, slashedWei, bondsWei } = await read<OverviewJson>('/api/overview');
    expect(counts).to.include({ falsified: 1, openClaims: 1, disputes: 1, openDisputes: 0 });
    expect([slashedWei, bondsWei]).to.deep.equal([`${10n ** 18n}`, `${10n ** 18n}`]);

    const { request, claims, disputes } = await read<RequestPageJson>(`/api/requests/${requestId}`);
    expect(request).to.include({ claims: 2, falsified: 1, disputes: 1 });
    expect(claims.map((claim) => claim.status)).to.deep.equal(['falsified', 'open']);
    expect(disputes[0]?.ended).to.include({ winner: 'challenger', reason: 'WrongWord' });

    const { moves, walk, leaf, forecast: over } = await read<DisputePageJson>('/api/disputes/1');
    expect(over).to.equal(null);
    expect(moves[0]?.by).to.equal('challenger');
    expect(moves.at(-1)?.sentence).to.equal('The challenger wins: the chain computed another word.');
    expect(moves.every(({ gas }) => gas > 20_000)).to.equal(true);
    expect(walk.every(({ picked }) => picked !== null)).to.equal(true);
    expect(walk[0]?.level).to.equal('block');
    expect(leaf).to.include({ node: 13, element: 0, dtype: 'i32' });
    expect(leaf?.computed?.value).to.equal('3');
    expect(leaf?.claimed.value).to.equal('2');
  });

  it('tells of models and accounts', async () => {
    const model = await read<ModelPageJson>(`/api/models/${scene.modelId}`);
    expect(model).to.deep.include({ requests: 1, files: { state: 'not here', why: null }, uris: [] });
    expect(model.inputs.map(({ bytes }) => bytes)).to.deep.equal([784]);
    const liar = await read<AccountPageJson>(`/api/accounts/${scene.addressOf(LIAR)}`);
    expect(liar).to.include({ disputesWon: 0, disputesLost: 1, bondsWei: '0' });
    const watcher = await read<AccountPageJson>(`/api/accounts/${scene.addressOf(WATCHER)}`);
    expect(watcher).to.include({ disputesWon: 1, disputesLost: 0 });
    // A watcher withdraws what it has won at once.
    expect(watcher.owedWei).to.equal('0');
  });

  it('gives the same bytes again, and says if nothing has changed', async () => {
    const first = await fetch(new URL('/api/overview', stage.url));
    const etag = first.headers.get('etag') ?? '';
    const again = await fetch(new URL('/api/overview', stage.url));
    expect(await again.text()).to.equal(await first.text());
    expect(Object.fromEntries(again.headers)).to.include({
      ...{ etag, 'content-type': 'application/json', 'x-content-type-options': 'nosniff' },
      'cross-origin-resource-policy': 'same-origin',
    });
    const known = await fetch(new URL('/api/overview', stage.url), { headers: { 'if-none-match': etag } });
    expect([known.status, await known.text()]).to.deep.equal([304, '']);
  });

  it('gives input and answer as bytes', async () => {
    const input = await fetch(new URL('/api/requests/1/input', stage.url));
    expect((await input.arrayBuffer()).byteLength).to.equal(784);
    const answer = await fetch(new URL(`/api/claims/${(1n << 32n) + 1n}/answer`, stage.url));
    expect((await answer.arrayBuffer()).byteLength).to.equal(8);
  });

  it('knows what is not there', async () => {
    for (const path of [
      '/api/requests/7',
      '/api/requests/x',
      '/api/disputes/9',
      '/files/program/00',
      '/%2e%2e/x',
    ])
      expect(await status(path), path).to.equal(404);
    expect(await status(`/api/models/0x${'00'.repeat(32)}`)).to.equal(404);
  });

  it('passes on to the node what reads, and nothing else', async () => {
    const rpc = (method: string, headers: Record<string, string> = {}) =>
      status('/rpc', { method: 'POST', headers, body: JSON.stringify({ id: 1, method, params: [] }) });
    expect(await rpc('eth_blockNumber')).to.equal(200);
    expect(await rpc('eth_sendRawTransaction')).to.equal(400);
    expect(await rpc('evm_mine')).to.equal(400);
    expect(await rpc('eth_blockNumber', { 'sec-fetch-site': 'cross-site' })).to.equal(403);
    expect(await status('/rpc', { method: 'POST', body: 'x'.repeat(70_000) })).to.equal(413);
  });

  it('takes back what a reorganisation has undone', async () => {
    const { endpoint } = scene;
    const shown = await read<OverviewJson>('/api/overview');
    const snapshot = await endpoint.send('evm_snapshot', []);
    const requestId = await scene.ask();
    await stage.follower.look();
    expect(await status(`/api/requests/${requestId}`)).to.equal(200);
    await endpoint.send('evm_revert', [snapshot]);
    for (let i = 0; i < 3; i++) await endpoint.send('evm_mine', []);
    await stage.follower.look();
    expect(await status(`/api/requests/${requestId}`)).to.equal(404);
    expect((await read<OverviewJson>('/api/overview')).counts).to.deep.equal(shown.counts);
  });

  it('tells of news, and bounds who listens', async () => {
    const ending = new AbortController();
    const stream = await fetch(new URL('/api/news', stage.url), { signal: ending.signal });
    expect(stream.headers.get('content-type')).to.include('text/event-stream');
    const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader.read()).value).to.include('event: look');
    const requestId = await scene.ask();
    await stage.follower.look();
    let heard = '';
    while (!heard.includes(`"requests":["${requestId}"]`)) heard += (await reader.read()).value ?? '';
    ending.abort();
    const others = Array.from({ length: 300 }, () => new AbortController());
    const codes = await Promise.all(
      others.map(async ({ signal }) => (await fetch(new URL('/api/news', stage.url), { signal })).status),
    );
    expect(codes.filter((code) => code === 503).length).to.be.above(0);
    for (const one of others) one.abort();
  });

  it('gives inputs by root from where their requests say, and only the right ones', async () => {
    const image = Uint8Array.from({ length: 784 }, (_, i) => i);
    const server = await hostileServer((request, response) =>
      response.end(request.url === '/right' ? image : image.toReversed()),
    );
    try {
      const { oracle } = asAccount(scene.contracts, scene.chain, PROVIDER);
      const roots = hexRoots([image]);
      const input = async (uri: string): Promise<Response> => {
        await (await oracle.requestByRoot(scene.modelId, roots, uri, TERMS, 0n)).wait();
        await stage.follower.look();
        return fetch(new URL(`/api/requests/${await oracle.requestCount()}/input`, stage.url));
      };
      const right = await input(`${server.url}/right`);
      expect(new Uint8Array(await right.arrayBuffer())).to.deep.equal(image);
      const wrong = await input(`${server.url}/wrong`);
      expect(wrong.status).to.equal(404);
      expect(((await wrong.json()) as { error: string }).error).to.match(
        /is by root and cannot be had: .*root/,
      );
    } finally {
      await server.stop();
    }
  });

  it('counts a dispute that another one overtook for nobody', async () => {
    const [liar, first, second] = [LIAR, WATCHER, OVERTAKEN].map((i) => scene.addressOf(i));
    const record = async (address?: string) => {
      const { disputesWon, disputesLost } = await read<AccountPageJson>(`/api/accounts/${address}`);
      return [disputesWon, disputesLost];
    };
    const before = await Promise.all([liar, first].map(record));
    const requestId = await scene.ask({ windowSeconds: 3600n });
    await scene.answer(requestId, LIAR, 'wrong');
    const late = asAccount(scene.contracts, scene.chain, OVERTAKEN);
    const index = new EventIndex(late);
    await challenge(late, (await index.update()).claim((requestId << 32n) | 1n)!);
    const contracts = asAccount(scene.contracts, scene.chain, WATCHER);
    await challenge(contracts, (await index.update()).claim((requestId << 32n) | 1n)!);
    const watcher = createWatcher({ contracts, runner: scene.shelf });
    const isFalse = async () => (await index.update()).claim((requestId << 32n) | 1n)?.status === 'falsified';
    while (!(await isFalse())) {
      await watcher();
      await scene.answer(requestId, LIAR, 'wrong');
    }
    const open = (await index.update()).disputesOn((requestId << 32n) | 1n).find(({ ended }) => !ended);
    await reclaim(late, open!);
    await stage.follower.look();
    const { disputes } = await read<RequestPageJson>(`/api/requests/${requestId}`);
    const overtaken = disputes.find(({ challenger }) => challenger === second);
    expect(overtaken?.ended).to.deep.equal({
      ...{ winner: 'challenger', reason: 'ClaimAlreadyFalsified', isOvertaken: true },
      sentence: 'The challenger gets its bond back: another dispute had falsified the claim.',
    });
    expect(disputes.map(({ ended }) => ended?.isOvertaken).sort()).to.deep.equal([false, true]);
    expect(await record(second)).to.deep.equal([0, 0]);
    const [[, lost], [won]] = before as [number[], number[]];
    expect([await record(liar), await record(first)]).to.deep.equal([
      [0, lost! + 1],
      [won! + 1, 0],
    ]);
  });

  it('is made anew from the chain, and goes on from what it kept', async () => {
    const shown = await read<OverviewJson>('/api/overview');
    await stage.close();
    stage = await startExplorer(scene, new Map());
    await stage.follower.look();
    expect(await read<OverviewJson>('/api/overview')).to.deep.equal(shown);
  });
});
