import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { createWatcher } from '../../src/watcher/watcher.ts';
import { findChromium, NO_CHROMIUM, openChromium } from '../support/chromium.ts';
import { bundledPage, type ExplorerStage, startExplorer } from '../support/explorerStage.ts';
import { asAccount } from '../support/protocol.ts';
import { type Scene, startScene } from '../support/scene.ts';

const executable = findChromium();
const suffix = executable ? '' : ` (skipped: ${NO_CHROMIUM})`;
const SHOTS = process.env['ASSAY_SHOTS'];

const PROVIDER = 1;
const WATCHER = 2;
const LIAR = 4;
/** More than the dispute takes. */
const MANY_MOVES = 12;

describe(`the explorer in Chromium${suffix}`, function () {
  this.timeout(120_000);
  let scene: Scene;
  let stage: ExplorerStage;
  let browser: Awaited<ReturnType<typeof openChromium>>;
  let page: Page;
  const troubles: string[] = [];

  before(async function () {
    if (!executable) this.skip();
    scene = await startScene();
    stage = await startExplorer(scene, await bundledPage());
    browser = await openChromium(executable);
    page = await browser.context.newPage();
    page.on('pageerror', (error) => troubles.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error') troubles.push(message.text());
    });
    await page.goto(stage.url);
  });

  after(async () => {
    await browser?.close();
    await stage?.close();
    await scene?.stop();
  });

  const shot = async (name: string): Promise<void> => {
    if (SHOTS) await page.screenshot({ path: `${SHOTS}/${name}.png`, fullPage: true });
  };

  it('shows requests and claims as they come', async () => {
    await page.getByText('No requests yet.').waitFor();
    const requestId = await scene.ask();
    await page.getByRole('link', { name: 'request 1' }).waitFor();
    await scene.answer(requestId, LIAR, 'wrong');
    await scene.answer(requestId, PROVIDER, 'right');
    await page.getByText('2 open, 0 false').waitFor();
    await shot('overview');
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
    await page.getByText('The claimant has shown nothing yet.').waitFor();
    await scene.answer(1n, LIAR, 'wrong');
    await page.getByText('nothing is picked yet').waitFor();
    for (let i = 0; i < MANY_MOVES; i++) {
      await watcher();
      await scene.answer(1n, LIAR, 'wrong');
    }
    await page.getByText('and got another word. So the claim is false.').waitFor();
    await page.getByText('challenger won').waitFor();
    expect(await page.locator('.verdict .value').allTextContents()).to.have.length(3);
    await shot('dispute');
    await page.getByRole('link', { name: 'on request 1' }).click();
    await page.getByText('false', { exact: true }).waitFor();
    await shot('request');
    expect(troubles).to.deep.equal([]);
  });

  it('shows models and accounts', async () => {
    await page.goto(`${stage.url}#/model/${scene.modelId}`);
    await page.getByText('The server does not have them').waitFor();
    await page.getByRole('button', { name: 'Fetch them' }).click();
    await page.getByText('its publishers do not say where it can be had').waitFor();
    await shot('model');
    await page.goto(`${stage.url}#/account/${scene.addressOf(LIAR)}`);
    await page.getByText('claim 1 on request 1').waitFor();
    await shot('account');
    expect(troubles).to.deep.equal([]);
  });
});
