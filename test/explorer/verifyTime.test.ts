import { writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { type Model, models, programInputs } from '../../examples/models/index.ts';
import { claim } from '../../src/chain/actions/actions.ts';
import { publish, request } from '../../src/client/client.ts';
import { wasmEngine } from '../../src/engine/wasm/wasm.ts';
import { hexOf } from '../../src/merkle/keccak.ts';
import { commitOutput, modelOf } from '../../src/merkle/model.ts';
import { hexRoots } from '../../src/merkle/tensor.ts';
import { concat } from '../../src/merkle/tree.ts';
import { importOnnx } from '../../src/onnx/index.ts';
import { FolderBlobs } from '../../src/store/folder.ts';
import { saveModel } from '../../src/store/library.ts';
import { findChromium, NO_CHROMIUM } from '../support/chromium.ts';
import { type ExplorerPage, openExplorerPage, showPage } from '../support/explorerPage.ts';
import { asAccount, TERMS } from '../support/protocol.ts';
import { violations } from '../support/violations.ts';

const executable = findChromium();
const suffix = executable ? '' : ` (skipped: ${NO_CHROMIUM})`;
const PROVIDER = 1;
const ASKER = 3;

describe(`verifying models of several sizes in Chromium${suffix}`, function () {
  this.timeout(600_000);
  let opened: ExplorerPage;

  before(async function () {
    if (!executable) this.skip();
    opened = await openExplorerPage(executable, ASKER);
  });
  after(() => opened?.close());
  afterEach(async function () {
    if (opened) await showPage(this.currentTest, opened.page);
  });

  /** Publishes a model, asks it by root, and claims what Node computes. */
  async function claimOn(model: Model) {
    const { scene, stage } = opened;
    const compiled = importOnnx(model.bytes(), model.options);
    const { program, weights } = compiled;
    const committed = modelOf(program);
    const inputs = programInputs(compiled, model.inputs());
    const session = await wasmEngine.load(program, weights);
    const output = concat((await session.run(inputs)).map(({ bytes }) => bytes));
    await session.close();
    await saveModel(new FolderBlobs(stage.models), { model: committed, weights });
    const modelId = await publish(scene.contracts, committed, '');
    const asker = asAccount(scene.contracts, scene.chain, ASKER);
    const byRoot = { roots: hexRoots(inputs), uri: 'https://files.example/input' };
    const { requestId } = await request(asker, modelId, byRoot, TERMS, 0n);
    await stage.follower.look();
    const { request: record } = (await stage.follower.case(requestId))!;
    await claim(asAccount(scene.contracts, scene.chain, PROVIDER), record, output);
    const file = scene.at('input.bin');
    writeFileSync(file, concat(inputs));
    return { requestId, file, outputs: hexOf(commitOutput(committed, output)) };
  }

  for (const name of ['digits', 'MobileNetV2']) {
    it(`finds that a claim on ${name} has the root that Node computes`, async () => {
      const { page, stage, troubles } = opened;
      const { requestId, file, outputs } = await claimOn(models.find((one) => one.name === name)!);
      await page.goto('about:blank');
      await page.goto(`${stage.url}#/request/${requestId}`);
      const region = page.getByRole('region', { name: 'Claim 1' });
      await region.getByRole('button', { name: 'Verify in this browser' }).waitFor();
      const started = performance.now();
      await region.locator('input[type=file]').setInputFiles(file);
      await region.getByText('Right. Every bit of the answer is what the model computes.').waitFor();
      const whole = performance.now() - started;
      await region.getByText('What was compared').click();
      const fact = async (what: string): Promise<string> =>
        (await region.locator('.finding dt', { hasText: what }).locator('~ dd').textContent()) ?? '';
      expect(await fact('answer')).to.include(outputs);
      expect(await violations(page)).to.deep.equal([]);
      expect(troubles).to.deep.equal([]);
      console.log(
        `      ${name}: ${whole.toFixed(0)} ms to the verdict; getting the files ${await fact('getting the files')}, ` +
          `compiling and running ${await fact('compiling and running')}`,
      );
    });
  }
});
