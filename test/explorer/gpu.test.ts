import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import type { BrowserContext, Page } from 'playwright-core';
import { rungs, textsOf } from '../../examples/text/rungs.ts';
import { as } from '../../src/chain/contracts/contracts.ts';
import { publish, request } from '../../src/client/client.ts';
import { hexOf } from '../../src/merkle/keccak.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { concat } from '../../src/merkle/tree.ts';
import { importOnnx } from '../../src/onnx/index.ts';
import { FolderBlobs } from '../../src/store/folder.ts';
import { saveModel } from '../../src/store/library.ts';
import { inputsOf } from '../../src/text/generate.ts';
import { tokenBytes } from '../../src/text/tokens.ts';
import { availableOrSkip } from '../support/available.ts';
import { findChromium, NO_CHROMIUM, openChromium } from '../support/chromium.ts';
import { bundledPage, type ExplorerStage, startExplorer } from '../support/explorerStage.ts';
import { TERMS } from '../support/protocol.ts';
import { DIGITS, type Scene, startScene } from '../support/scene.ts';
import { violations } from '../support/violations.ts';

const executable = findChromium();
const suffix = executable ? '' : ` (skipped: ${NO_CHROMIUM})`;
const PROVIDER = 1;
const ASKER = 3;
const LIAR = 4;

describe(`verifying on a GPU in Chromium${suffix}`, function () {
  this.timeout(900_000);
  let scene: Scene;
  let stage: ExplorerStage;
  let browser: { readonly context: BrowserContext; close(): Promise<void> };
  let page: Page;
  const troubles: string[] = [];

  before(async function () {
    if (!executable) this.skip();
    scene = await startScene();
    stage = await startExplorer(scene, await bundledPage());
    browser = await openChromium(executable, { gpu: 'software' });
    browser.context.setDefaultTimeout(300_000);
    page = await browser.context.newPage();
    page.on('pageerror', (error) => troubles.push(String(error)));
    await page.goto(stage.url);
    const device = await page.evaluate('navigator.gpu?.requestAdapter().then((adapter) => adapter !== null)');
    if (device !== true) {
      console.error('      this Chromium has no WebGPU on SwiftShader');
      this.skip();
    }
  });

  after(async () => {
    await browser?.close();
    await stage?.close();
    await scene?.stop();
  });

  afterEach(async function () {
    if (this.currentTest?.state === 'failed') console.error(await page.locator('main').textContent());
    expect(troubles).to.deep.equal([]);
  });

  /** Verifies a claim on the GPU. @returns the verdict, and what it was run on */
  async function verify(requestId: bigint, claim: string | RegExp): Promise<string> {
    await page.goto(`${stage.url}#/request/${requestId}`);
    const region = page.getByRole('region', { name: claim });
    await region.getByLabel('what runs the model').selectOption('the GPU');
    expect(await violations(page)).to.deep.equal([]);
    await region.getByRole('button', { name: 'Verify in this browser' }).click();
    const finding = region.locator('.finding');
    await finding.getByText('What was compared').click();
    return (await finding.textContent()) ?? '';
  }

  it('finds claims on digits right and wrong', async () => {
    const { program, weights } = importOnnx(readFileSync(DIGITS));
    await saveModel(new FolderBlobs(stage.models), { model: modelOf(program), weights });
    const requestId = await scene.ask();
    await scene.answer(requestId, LIAR, 'wrong');
    await scene.answer(requestId, PROVIDER, 'right');
    expect(await verify(requestId, 'Claim 2')).to.match(/^Right\. Every bit .*the GPU, google swiftshader/s);
    expect(await verify(requestId, 'Claim 1')).to.match(
      /^Wrong\. The first difference.*the GPU, google swiftshader/s,
    );
  });

  it('finds a text by the small language model right', async function () {
    const rung = rungs[0]!;
    const text = await availableOrSkip(this, () => rung.compile());
    const model = modelOf(text.program);
    const { ids, tokens } = textsOf(rung)[0]!;
    const modelId = await publish(scene.contracts, model, '');
    await saveModel(new FolderBlobs(stage.models), { model, weights: text.weights });
    const asker = as(scene.contracts, scene.chain.account(ASKER));
    const input = concat(inputsOf(text, { prompt: ids }));
    const { requestId } = await request(asker, modelId, input, TERMS, 0n);
    await stage.follower.look();
    const { request: asked } = (await stage.follower.case(requestId))!.request;
    const { oracle } = as(scene.contracts, scene.chain.account(PROVIDER));
    const answer = hexOf(tokenBytes(tokens, text.width));
    await (await oracle.claim(requestId, asked, answer, { value: asked.terms.claimBondWei })).wait();
    expect(await verify(requestId, /^Claim \d/)).to.match(
      /^Right\. The program .*the GPU, google swiftshader/s,
    );
  });

  it('leaves a claim to the CPU, and says why, where the device fails its test', async () => {
    // A device that subtracts where it is to add.
    await browser.context.route('**/*.js', async (route) => {
      const response = await route.fetch();
      const body = (await response.text()).replaceAll('{ return a + b; }', '{ return a - b; }');
      await route.fulfill({ response, body });
    });
    expect(await verify(1n, 'Claim 2')).to.match(
      /^Right\. Every bit .*the CPU, on \d+ threads?: the device google swiftshader is refused: its /s,
    );
    await browser.context.unroute('**/*.js');
  });
});
