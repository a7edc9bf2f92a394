import { readFileSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { publish, request } from '../../src/client/client.ts';
import { hexOf } from '../../src/merkle/keccak.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { importOnnx } from '../../src/onnx/index.ts';
import { FolderBlobs } from '../../src/store/folder.ts';
import { saveModel } from '../../src/store/library.ts';
import { createWatcher } from '../../src/watcher/watcher.ts';
import { findChromium, NO_CHROMIUM, openChromium } from '../support/chromium.ts';
import { bundledPage, type ExplorerStage, startExplorer } from '../support/explorerStage.ts';
import { layers } from '../support/layers.ts';
import { addWallet } from '../support/pageWallet.ts';
import { asAccount, TERMS } from '../support/protocol.ts';
import { DIGITS, PUBLISHER, type Scene, startScene } from '../support/scene.ts';
import { unfoldAll, violations } from '../support/violations.ts';
import { webpOf } from '../support/webp.ts';

const executable = findChromium();
const suffix = executable ? '' : ` (skipped: ${NO_CHROMIUM})`;
const SHOTS = process.env['ASSAY_SHOTS'];

const PROVIDER = 1;
const WATCHER = 2;
const LIAR = 4;
const ASKER = 5;
/** More than the dispute takes. */
const MANY_MOVES = 12;

describe(`the explorer in Chromium${suffix}`, function () {
  this.timeout(600_000);
  let scene: Scene;
  let stage: ExplorerStage;
  let files: Awaited<ReturnType<typeof bundledPage>>;
  let browser: Awaited<ReturnType<typeof openChromium>>;
  let page: Page;
  const troubles: string[] = [];

  before(async function () {
    if (!executable) this.skip();
    scene = await startScene();
    files = await bundledPage();
    stage = await startExplorer(scene, files);
    browser = await openChromium(executable);
    page = await browser.context.newPage();
    await addWallet(page, scene, ASKER);
    page.on('pageerror', (error) => troubles.push(String(error)));
    page.on('console', (message) => {
      // A request may be asked for before the index has it; the page shows that and asks again.
      const isTooNew = message.text().includes('404') && message.location().url.includes('/api/requests/');
      if (message.type() === 'error' && !isTooNew) troubles.push(message.text());
    });
    await page.goto(stage.url);
  });

  after(async () => {
    await browser?.close();
    await stage?.close();
    await scene?.stop();
  });

  const shot = async (name: string): Promise<void> => {
    if (!SHOTS) return;
    const png = await page.screenshot({ fullPage: true });
    writeFileSync(`${SHOTS}/${name}.webp`, await webpOf(browser.context, png));
  };

  it('shows requests and claims as they come', async () => {
    await page.getByText('No requests yet.').waitFor();
    const requestId = await scene.ask();
    await page.getByRole('link', { name: 'request 1' }).waitFor();
    await scene.answer(requestId, LIAR, 'wrong');
    await scene.answer(requestId, PROVIDER, 'right');
    await page.getByText('2 open, 0 false').waitFor();
    expect(troubles).to.deep.equal([]);
  });

  it('shows a dispute live, from the claim to the slash', async () => {
    await page.getByRole('link', { name: 'request 1' }).click();
    await page.getByRole('heading', { name: 'Claim 2' }).waitFor();
    const watcher = createWatcher({
      contracts: asAccount(scene.contracts, scene.chain, WATCHER),
      runner: scene.shelf,
    });
    await watcher();
    await page.getByRole('link', { name: 'dispute 1' }).click();
    await page.getByText('The claimant has to move').waitFor();
    await page.getByText('found it wrong: if both play, the challenger wins.').waitFor();
    await page.getByText('The claimant has shown nothing yet.').waitFor();
    expect(await violations(page)).to.deep.equal([]);
    await scene.answer(1n, LIAR, 'wrong');
    await page.getByText('nothing is picked yet').waitFor();
    expect(await violations(page)).to.deep.equal([]);
    for (let i = 0; i < MANY_MOVES; i++) {
      await watcher();
      await scene.answer(1n, LIAR, 'wrong');
    }
    await page.getByText('and got another word. So the claim is false.').waitFor();
    await page.getByText('challenger won').waitFor();
    expect(await page.locator('.verdict .value').allTextContents()).to.have.length(3);
    await page.getByRole('link', { name: 'on request 1' }).click();
    await page.getByText('false', { exact: true }).waitFor();
    expect(troubles).to.deep.equal([]);
  });

  it('verifies claims: one that cannot be, a wrong one and a right one', async () => {
    const verify = (claim: number) =>
      page
        .getByRole('region', { name: `Claim ${claim}` })
        .getByRole('button', { name: 'Verify in this browser' });
    const found = (claim: number) => page.getByRole('region', { name: `Claim ${claim}` }).locator('.finding');
    await verify(2).click();
    await found(2).getByText('Cannot be checked. the files of the model cannot be had').waitFor();

    const { program, weights } = importOnnx(readFileSync(DIGITS));
    await saveModel(new FolderBlobs(stage.models), { model: modelOf(program), weights });
    await verify(2).click();
    await found(2).getByText('Right. Every bit of the answer is what the model computes.').waitFor();
    await found(2)
      .getByText(/output 0, i32: 3/)
      .waitFor();
    await verify(1).click();
    await found(1)
      .getByText('Wrong. The first difference: element 0 of output 0 is claimed to be 2, and is 3.')
      .waitFor();
    expect(troubles).to.deep.equal([]);
  });

  it('verifies a claim with a file that the user has', async () => {
    const claim = page.getByRole('region', { name: 'Claim 2' });
    const other = {
      name: 'other.onnx',
      mimeType: 'application/octet-stream',
      buffer: Buffer.from('no model'),
    };
    await claim.locator('input[type=file]').setInputFiles(other);
    await claim.getByText('Cannot be checked. that file cannot be imported').waitFor();
    await claim.locator('input[type=file]').setInputFiles(DIGITS);
    await claim.getByText('Right. Every bit of the answer').waitFor();
    expect(troubles).to.deep.equal([]);
  });

  it('shows models and accounts', async () => {
    await page.goto(`${stage.url}#/model/${scene.modelId}`);
    await page.getByText('The server has them').waitFor();
    const region = (name: string) => page.getByRole('region', { name });
    for (const said of ['u8 [1, 1, 28, 28]', 'i32; f32', '498,636'])
      await region('What it computes').getByText(said).waitFor();
    const publisher = scene.addressOf(PUBLISHER);
    await region('What is committed').locator(`a[href="#/account/${publisher}"]`).waitFor();
    await page.goto(`${stage.url}#/account/${scene.addressOf(LIAR)}`);
    await page.getByText('claim 1 on request 1').waitFor();
    expect(troubles).to.deep.equal([]);
  });

  it('asks with a wallet, and shows how the answer becomes final', async () => {
    await page.goto(`${stage.url}#/model/${scene.modelId}`);
    await page.getByRole('link', { name: 'Ask this model' }).click();
    const field = page.getByRole('img', { name: 'the picture, 28 by 28' });
    await field.scrollIntoViewIfNeeded();
    const { x, y, width, height } = (await field.boundingBox())!;
    await page.mouse.move(x + width / 2, y + height / 4);
    await page.mouse.down();
    await page.mouse.move(x + width / 2, y + (3 * height) / 4, { steps: 20 });
    await page.mouse.up();
    await page.getByText('0.001 ether').waitFor();
    await page.getByLabel('fee for the answer').fill('a lot');
    await page.getByRole('button', { name: 'Ask with a wallet of the tests' }).click();
    await page.getByText('The fee is no amount of ether.').waitFor();
    await page.getByLabel('fee for the answer').fill('0.25');
    await page.getByRole('button', { name: 'Ask with a wallet of the tests' }).click();
    await page.getByText('The chain has it').getByRole('link').click();
    await page.getByText('Nobody has answered it.').waitFor();
    await page.getByText('0.25 ether').waitFor();
    const requestId = await scene.contracts.oracle.requestCount();
    await scene.answer(requestId, PROVIDER, 'right');
    await page.getByText('A claim stands unchallenged.').waitFor();
    await page.getByRole('button', { name: 'Verify in this browser' }).click();
    await page.getByText('Right. Every bit').waitFor();
    await scene.chain.pass(3601);
    await scene.answer(requestId, PROVIDER, 'right');
    await page.getByText('It has its final answer.').waitFor();
    expect(troubles).to.deep.equal([]);
  });

  it('attack 62: shows strings from chain as text, whatever they are', async () => {
    const program = layers().program;
    await publish(scene.contracts, modelOf(program), HOSTILE);
    await publish(scene.contracts, modelOf(program), 'javascript:alert(1)');
    await page.goto(`${stage.url}#/model/${hexOf(modelOf(program).id)}`);
    await page.getByText(HOSTILE, { exact: true }).waitFor();
    await page.getByText('javascript:alert(1)', { exact: true }).waitFor();
    const byRoot = { roots: [`0x${'11'.repeat(32)}`], uri: HOSTILE };
    const asker = asAccount(scene.contracts, scene.chain, PROVIDER);
    const { requestId } = await request(asker, scene.modelId, byRoot, TERMS, 0n);
    await page.goto(`${stage.url}#/request/${requestId}`);
    await page.getByText(HOSTILE, { exact: true }).waitFor();
    expect(await page.locator('img, a[href^="javascript"], script:not([src])').count()).to.equal(0);
    expect(await page.evaluate(() => 'stolen' in globalThis)).to.equal(false);
    await page.goto(`${stage.url}#/request/${encodeURIComponent(HOSTILE)}`);
    await page.getByText('Not found').waitFor();
    expect(await page.locator('img').count()).to.equal(0);
  });

  it('is isolated, and may run nothing but its own scripts', async () => {
    expect(await page.evaluate(() => crossOriginIsolated)).to.equal(true);
    const policy = (await fetch(stage.url)).headers.get('content-security-policy') ?? '';
    expect(policy).to.include("default-src 'none'").and.include("require-trusted-types-for 'script'");
    expect(policy).not.to.include('unsafe-inline').and.not.to.include("'unsafe-eval'");
  });

  it('loads at most 250 kB before somebody verifies something', async () => {
    const fresh = await browser.context.newPage();
    const sizes: Promise<number>[] = [];
    fresh.on('response', (response) => {
      if (!response.url().includes('/api/news'))
        sizes.push(response.body().then((body) => gzipSync(body).length));
    });
    await fresh.goto(stage.url);
    await fresh.getByRole('link', { name: 'request 1', exact: true }).first().waitFor();
    const total = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
    if (SHOTS) console.log(`first load: ${total} bytes gzipped`);
    expect(total).to.be.above(1000).and.below(250_000);
    await fresh.close();
  });

  describe('whatever is shown', () => {
    let places: readonly Place[];

    before(async () => {
      const unanswered = await scene.ask({ patienceSeconds: 1n });
      const claimed = await scene.ask();
      await scene.answer(claimed, PROVIDER, 'right');
      await scene.chain.pass(10);
      places = placesOf(scene, unanswered, claimed);
    });

    /** Presses every button of a name, and waits for what comes of it. */
    const pressAll = async (name: string): Promise<void> => {
      for (const button of await page.getByRole('button', { name }).all()) await button.click();
      await page.locator('progress').first().waitFor({ state: 'detached' });
    };

    for (const scheme of ['light', 'dark'] as const) {
      for (const [device, width] of [
        ['a desktop', 1280],
        ['a phone', 390],
      ] as const) {
        it(`breaks no rule of accessibility, ${scheme}, on ${device}`, async () => {
          await page.emulateMedia({ colorScheme: scheme });
          await page.setViewportSize({ width, height: 844 });
          const check = async (what: string): Promise<void> => {
            expect(await violations(page), `${what} ${scheme} ${width}`).to.deep.equal([]);
            const overflow = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
            expect(overflow, `${what} is wider than ${device}`).to.be.at.most(0);
          };
          for (const { place, landmark, picture } of places) {
            await page.goto(`${stage.url}#${place}`);
            await page.getByRole('heading', { name: landmark }).first().waitFor();
            await check(place);
            await pressAll('Verify in this browser');
            if (picture) await shot(`${picture}-${scheme}-${width}`);
            await unfoldAll(page);
            await pressAll('Compute the answer in this browser');
            await check(`${place}, unfolded`);
          }
        });
      }
    }
  });

  it('says so when the server is gone, and goes on when it is back', async () => {
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.goto(`${stage.url}#/`);
    await page.getByText(/^block/).waitFor();
    // A page that has not read the list yet has nothing that may be old.
    await page.getByRole('link', { name: 'request 1', exact: true }).first().waitFor();
    await stage.close();
    await page.getByText('not connected').waitFor();
    await page.getByText('This may be old').waitFor();
    expect(await violations(page)).to.deep.equal([]);
    await page.getByRole('link', { name: 'request 1', exact: true }).first().waitFor();
    stage = await startExplorer(scene, files, Number(new URL(stage.url).port));
    await page.getByText(/^block/).waitFor();
    await page.getByText('This may be old').waitFor({ state: 'detached' });
  });
});

/** A string that would be a picture with a script, were it markup. */
const HOSTILE = '"><img src=x onerror="globalThis.stolen=1"><script>globalThis.stolen=1</script>';

interface Place {
  readonly place: string;
  /** A heading that is there once it is shown. */
  readonly landmark: string;
  /** Name of its picture, if there is one. */
  readonly picture?: string;
}

/** Every view, and some states of the view of a request. */
const placesOf = ({ modelId, addressOf }: Scene, unanswered: bigint, claimed: bigint): readonly Place[] => [
  { place: '/', landmark: 'Latest requests', picture: 'overview' },
  { place: '/requests', landmark: 'Requests', picture: 'requests' },
  { place: '/disputes', landmark: 'Disputes', picture: 'disputes' },
  { place: '/models', landmark: 'Models', picture: 'models' },
  { place: '/request/1', landmark: 'Claim 2', picture: 'request' },
  { place: `/request/${unanswered}`, landmark: 'What was asked' },
  { place: `/request/${claimed}`, landmark: 'Claim 1' },
  { place: '/request/99', landmark: 'Request 99' },
  { place: '/dispute/1', landmark: 'Moves', picture: 'dispute' },
  { place: `/model/${modelId}`, landmark: 'What is committed', picture: 'model' },
  { place: `/account/${addressOf(LIAR)}`, landmark: 'Its money here', picture: 'account' },
  { place: `/ask/${modelId}`, landmark: 'What you sign', picture: 'ask' },
  { place: '/nowhere', landmark: 'Not found' },
];
