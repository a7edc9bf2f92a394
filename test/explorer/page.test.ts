import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { modelOf } from '../../src/merkle/model.ts';
import { importOnnx } from '../../src/onnx/index.ts';
import { FolderBlobs } from '../../src/store/folder.ts';
import { saveModel } from '../../src/store/library.ts';
import { createWatcher } from '../../src/watcher/watcher.ts';
import { findChromium, NO_CHROMIUM, openChromium } from '../support/chromium.ts';
import { bundledPage, type ExplorerStage, startExplorer } from '../support/explorerStage.ts';
import { asAccount } from '../support/protocol.ts';
import { DIGITS, type Scene, startScene, THREE } from '../support/scene.ts';

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
      .getByText(/output 0, i32 .*: 3/)
      .waitFor();
    await verify(1).click();
    await found(1)
      .getByText('Wrong. The first difference: element 0 of output 0 is claimed to be 2, and is 3.')
      .waitFor();
    await shot('verify');
    expect(troubles).to.deep.equal([]);
  });

  it('verifies a claim with a file that the user has', async () => {
    const claim = page.getByRole('region', { name: 'Claim 2' });
    await claim.locator('input[type=file]').setInputFiles(THREE);
    await claim.getByText('Cannot be checked. nobody here has the program of the model.').waitFor();
    await claim.locator('input[type=file]').setInputFiles(DIGITS);
    await claim.getByText('Right. Every bit of the answer').waitFor();
    expect(troubles).to.deep.equal([]);
  });

  it('shows models and accounts', async () => {
    await page.goto(`${stage.url}#/model/${scene.modelId}`);
    await page.getByText('The server has them').waitFor();
    await shot('model');
    await page.goto(`${stage.url}#/account/${scene.addressOf(LIAR)}`);
    await page.getByText('claim 1 on request 1').waitFor();
    await shot('account');
    expect(troubles).to.deep.equal([]);
  });
});
