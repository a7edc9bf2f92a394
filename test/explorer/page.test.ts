import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { findChromium, NO_CHROMIUM, openChromium } from '../support/chromium.ts';
import { bundledPage, type ExplorerStage, startExplorer } from '../support/explorerStage.ts';
import { type Scene, startScene } from '../support/scene.ts';

const executable = findChromium();
const suffix = executable ? '' : ` (skipped: ${NO_CHROMIUM})`;
const SHOTS = process.env['ASSAY_SHOTS'];

const PROVIDER = 1;
const LIAR = 4;

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
});
