import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { Reader } from '../../src/chain/index/reader.ts';
import { publish } from '../../src/client/client.ts';
import { isAskable } from '../../src/explorer/page/direct/askable.ts';
import { EventWindow } from '../../src/explorer/page/direct/eventWindow.ts';
import { writeSite } from '../../src/explorer/server/staticSite.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { importOnnx } from '../../src/onnx/index.ts';
import { writeBundle } from '../../src/store/bundle.ts';
import { createWatcher } from '../../src/watcher/watcher.ts';
import { findChromium, NO_CHROMIUM, openChromium } from '../support/chromium.ts';
import { pageInFolder } from '../support/explorerStage.ts';
import { asAccount } from '../support/protocol.ts';
import { DIGITS, type Scene, startScene } from '../support/scene.ts';
import { hostFolder } from '../support/staticHost.ts';
import { unfoldAll, violations } from '../support/violations.ts';

const executable = findChromium();
const suffix = executable ? '' : ` (skipped: ${NO_CHROMIUM})`;
const PROVIDER = 1;
const WATCHER = 2;
const LIAR = 4;
const MANY_MOVES = 12;

describe('addresses that a stranger gives to a page', () => {
  it('are asked at its own host and on the public internet only', () => {
    const host = 'http://127.0.0.1:8000';
    for (const url of [
      'http://127.0.0.1:8000/x',
      'https://files.example/model',
      'https://a-b.example.org:444/',
    ])
      expect(isAskable(url, host), url).to.equal(true);
    for (const url of [
      ...['http://files.example/', 'https://192.168.1.1/', 'https://[::1]/', 'https://localhost/'],
      ...[
        'https://router.local/',
        'https://printer.lan/',
        'https://name@files.example/',
        'http://127.0.0.1:8001/',
      ],
      ...[
        'javascript:alert(1)',
        'file:///etc/passwd',
        'data:,x',
        'https://0x7f.1/',
        'https://2130706433/',
        'x',
      ],
    ])
      expect(isAskable(url, host), url).to.equal(false);
  });
});

describe('events that a page reads without an index', () => {
  let scene: Scene;
  let window: EventWindow;

  before(async () => {
    scene = await startScene();
    const { oracle, game } = scene.contracts;
    const addresses = await Promise.all([oracle.getAddress(), game.getAddress()]);
    await scene.ask();
    await scene.endpoint.send('anvil_mine', ['0x258']);
    await scene.ask();
    window = new EventWindow(new Reader(addresses), scene.endpoint, 0, 500);
  });

  after(() => scene?.stop());

  it('are those of the newest blocks, and earlier ones if they are asked for', async () => {
    expect(await window.look()).to.deep.equal([2n]);
    expect(window.since).to.be.above(100);
    expect(await window.readEarlier()).to.deep.equal([1n]);
    expect(window.since).to.equal(undefined);
    expect([...window.cases.keys()].sort()).to.deep.equal([1n, 2n]);
    expect(await window.look()).to.equal(undefined);
  });

  it('follow the chain, and take back what it has undone', async () => {
    const { endpoint } = scene;
    const snapshot = await endpoint.send('evm_snapshot', []);
    const requestId = await scene.ask();
    await scene.answer(requestId, PROVIDER, 'right');
    expect(await window.look()).to.deep.equal([requestId]);
    const [claim] = window.cases.get(requestId)!.claims.values();
    expect(claim?.claimedAt).to.be.above(1_000_000_000n);
    await endpoint.send('evm_revert', [snapshot]);
    await endpoint.send('anvil_mine', ['0x3']);
    expect(await window.look()).to.deep.equal([requestId]);
    expect(window.cases.has(requestId)).to.equal(false);
    const before = await endpoint.send('evm_snapshot', []);
    await endpoint.send('anvil_mine', ['0x64']);
    const deep = await scene.ask();
    await endpoint.send('anvil_mine', ['0x64']);
    await window.look();
    expect(window.cases.has(deep)).to.equal(true);
    await endpoint.send('evm_revert', [before]);
    await endpoint.send('anvil_mine', ['0x12c']);
    expect(await window.look()).to.include(deep);
    expect(window.cases.has(deep)).to.equal(false);
  });
});

describe(`the explorer without a server in Chromium${suffix}`, function () {
  this.timeout(600_000);
  let scene: Scene;
  let host: Awaited<ReturnType<typeof hostFolder>>;
  let plain: Awaited<ReturnType<typeof hostFolder>>;
  let browser: Awaited<ReturnType<typeof openChromium>>;
  let page: Page;
  const troubles: string[] = [];
  const asked = new Set<string>();

  before(async function () {
    if (!executable) this.skip();
    scene = await startScene();
    const { program, weights } = importOnnx(readFileSync(DIGITS));
    await writeBundle(scene.at('bundle'), { model: modelOf(program), weights }, 'digits.onnx');
    const site = { rpc: scene.url, oracle: scene.oracle, fromBlock: 0, gateways: [] };
    await pageInFolder(scene.at('page'));
    writeSite(scene.at('site'), scene.at('page'), site, [scene.at('bundle')]);
    writeSite(scene.at('bare'), scene.at('page'), site);
    host = await hostFolder(scene.at('site'));
    plain = await hostFolder(scene.at('bare'), false);
    await scene.ask();
    await scene.answer(1n, LIAR, 'wrong');
    await scene.answer(1n, PROVIDER, 'right');
    browser = await openChromium(executable);
    page = await browser.context.newPage();
    page.on('pageerror', (error) => troubles.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error' && !message.text().includes('404')) troubles.push(message.text());
    });
    page.on('request', (one) => asked.add(new URL(one.url()).origin));
    await page.goto(host.url);
  });

  after(async () => {
    await browser?.close();
    host?.close();
    plain?.close();
    await scene?.stop();
  });

  it('shows what a node says, live', async () => {
    await page.getByText('2 open, 0 false').waitFor();
    const watcher = createWatcher({
      contracts: asAccount(scene.contracts, scene.chain, WATCHER),
      runner: scene.shelf,
    });
    for (let i = 0; i < MANY_MOVES; i++) {
      await watcher();
      await scene.answer(1n, LIAR, 'wrong');
    }
    await page.getByRole('link', { name: 'dispute 1' }).click();
    await page.getByText('and got another word. So the claim is false.').waitFor();
    await page.getByRole('link', { name: 'on request 1' }).click();
    await page.getByText('false', { exact: true }).waitFor();
    expect(troubles).to.deep.equal([]);
  });

  it('loads at most 250 kB before somebody verifies something', async () => {
    const fresh = await browser.context.newPage();
    const sizes: Promise<number>[] = [];
    fresh.on('response', (response) => {
      if (response.url().startsWith(host.url))
        sizes.push(response.body().then((body) => gzipSync(body).length));
    });
    await fresh.goto(host.url);
    await fresh.getByRole('link', { name: 'request 1', exact: true }).first().waitFor();
    const total = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
    expect(total).to.be.above(50_000).and.below(250_000);
    await fresh.close();
  });

  it('verifies claims with files beside the page', async () => {
    expect(await page.evaluate(() => crossOriginIsolated)).to.equal(true);
    for (const [claim, verdict] of [
      [2, 'Right. Every bit of the answer'],
      [1, 'Wrong. The first difference: element 0 of output 0 is claimed to be 2, and is 3.'],
    ] as const) {
      const region = page.getByRole('region', { name: `Claim ${claim}` });
      await region.getByRole('button', { name: 'Verify in this browser' }).click();
      await region.getByText(verdict).waitFor();
    }
    expect(troubles).to.deep.equal([]);
  });

  it('shows models, accounts and lists', async () => {
    for (const [place, text] of [
      [`/model/${scene.modelId}`, 'Whoever verifies a claim gets them'],
      [`/account/${scene.addressOf(LIAR)}`, 'claim 1 on request 1'],
      ['/requests', 'request 1'],
      ['/disputes', 'dispute 1'],
      ['/models', 'request 1'],
      ['/request/9', 'it is not on this chain'],
      ['/', 'Latest requests'],
      ['/request/1', 'Claim 2'],
      ['/dispute/1', 'Who plays for what'],
      [`/ask/${scene.modelId}`, 'What you sign'],
    ] as const) {
      await page.goto(`${host.url}#${place}`);
      await page.getByText(text).first().waitFor();
      await unfoldAll(page);
      expect(await violations(page), place).to.deep.equal([]);
    }
    expect(troubles).to.deep.equal([]);
  });

  it('asks nobody but its host and the node, and no address that a stranger gave', async () => {
    await publish(scene.contracts, modelOf(importOnnx(readFileSync(DIGITS)).program), 'http://127.0.0.1:9/x');
    await publish(scene.contracts, modelOf(importOnnx(readFileSync(DIGITS)).program), 'https://127.0.0.1/x');
    await page.goto('about:blank');
    await page.goto(`${plain.url}#/request/1`);
    const region = page.getByRole('region', { name: 'Claim 2' });
    await region.getByRole('button', { name: 'Verify in this browser' }).click();
    await region.getByText('Cannot be checked. nobody here has the program of the model.').waitFor();
    const origins = [host.url, plain.url, scene.url].map((url) => new URL(url).origin);
    expect([...asked].filter((origin) => origin !== 'null').sort()).to.deep.equal(origins.sort());
  });

  it('verifies where it is not isolated, and forgets what the chain has undone', async () => {
    expect(await page.evaluate(() => crossOriginIsolated)).to.equal(false);
    const region = page.getByRole('region', { name: 'Claim 2' });
    await region.locator('input[type=file]').setInputFiles(DIGITS);
    await region.getByText('Right. Every bit of the answer').waitFor();
    await page.goto(`${plain.url}#/requests`);
    const snapshot = await scene.endpoint.send('evm_snapshot', []);
    const requestId = await scene.ask();
    await page.getByRole('link', { name: `request ${requestId}` }).waitFor();
    await scene.endpoint.send('evm_revert', [snapshot]);
    await scene.endpoint.send('anvil_mine', ['0x3']);
    await page.getByRole('link', { name: `request ${requestId}` }).waitFor({ state: 'detached' });
  });

  it('says so when the node goes away', async () => {
    await page.route(`${scene.url}/**`, (route) => route.abort());
    await page.getByText('not connected').waitFor();
    await page.getByRole('link', { name: 'request 1' }).first().waitFor();
    await page.unroute(`${scene.url}/**`);
    await page.getByText(/^block/).waitFor();
  });
});
