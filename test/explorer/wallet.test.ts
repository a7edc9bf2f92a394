import { readFileSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { type Contract, ContractFactory } from 'ethers';
import { artifacts } from 'hardhat';
import type { Page } from 'playwright-core';
import { as } from '../../src/chain/contracts/contracts.ts';
import { TRIAL_BOUNDS } from '../../src/chain/deployment/bounds.ts';
import { deploy } from '../../src/chain/deployment/deploy.ts';
import { publish, request } from '../../src/client/client.ts';
import { readTensorFile } from '../../src/files/formats/tensorFile.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { hexRoots } from '../../src/merkle/tensor.ts';
import { importOnnx } from '../../src/onnx/index.ts';
import { FolderBlobs } from '../../src/store/folder.ts';
import { saveModel } from '../../src/store/library.ts';
import { findChromium, NO_CHROMIUM } from '../support/chromium.ts';
import { type ExplorerPage, openExplorerPage, showPage } from '../support/explorerPage.ts';
import { bundledPage, type ExplorerStage, startExplorer } from '../support/explorerStage.ts';
import { asAccount, TERMS } from '../support/protocol.ts';
import { DIGITS, type Scene, THREE } from '../support/scene.ts';
import { violations } from '../support/violations.ts';

const executable = findChromium();
const suffix = executable ? '' : ` (skipped: ${NO_CHROMIUM})`;
const PROVIDER = 1;
const LIAR = 4;
const ACTOR = 5;
const ETHER = 10n ** 18n;
const BY = 'with a wallet of the tests';

describe(`acting with a wallet in Chromium${suffix}`, function () {
  this.timeout(600_000);
  let opened: ExplorerPage;
  let scene: Scene;
  let stage: ExplorerStage;
  let page: Page;
  let troubles: readonly string[];
  let actor: string;
  const { program, weights } = importOnnx(readFileSync(DIGITS));

  before(async function () {
    if (!executable) this.skip();
    opened = await openExplorerPage(executable, ACTOR);
    ({ scene, stage, page, troubles } = opened);
    await saveModel(new FolderBlobs(stage.models), { model: modelOf(program), weights });
    actor = scene.addressOf(ACTOR);
  });

  after(() => opened?.close());

  afterEach(async function () {
    await showPage(this.currentTest, page);
    await page?.unrouteAll({ behavior: 'ignoreErrors' });
  });

  const open = async (place: string, base = stage.url): Promise<void> => {
    await page.goto('about:blank');
    await page.goto(`${base}#${place}`);
  };

  it('computes an answer and claims it, after saying what that costs', async () => {
    const requestId = await scene.ask();
    await open(`/request/${requestId}`);
    await page.getByText('Answer it', { exact: true }).click();
    await page.getByRole('button', { name: 'Compute the answer' }).click();
    await page.getByText(/output 0, i32: 3/).waitFor();
    const deed = page.locator('.deed');
    for (const said of ['you put up', '1 ether', 'it can be challenged for', 'your clock runs out', '1 h'])
      await deed.getByText(said).first().waitFor();
    expect(await violations(page)).to.deep.equal([]);
    await page.getByRole('button', { name: `Claim it ${BY}` }).click();
    await page.getByText('It is claimed. Run `assay provide`').waitFor();
    await page.getByRole('heading', { name: 'Claim 1' }).waitFor();
    const { claimant } = await scene.contracts.oracle.claims((requestId << 32n) | 1n);
    expect(claimant).to.equal(actor);
    await page.getByRole('button', { name: 'Verify in this browser' }).click();
    await page.getByText('Right. Every bit').waitFor();
    await page.reload();
    await page.getByText('Answer it', { exact: true }).click();
    await page.getByRole('button', { name: 'Compute the answer' }).click();
    await page.getByRole('button', { name: `Claim it ${BY}` }).click();
    await page.getByText(/claiming on request 1: .*claimed/).waitFor();
    expect(troubles).to.deep.equal([]);
  });

  it('challenges a false claim', async () => {
    const requestId = await scene.ask();
    await scene.answer(requestId, LIAR, 'wrong');
    await open(`/request/${requestId}`);
    await page.getByText('Challenge this claim').click();
    await page.locator('.deed').getByText('0.5 ether').first().waitFor();
    await page.getByText('this page makes no moves').waitFor();
    expect(await violations(page)).to.deep.equal([]);
    await page.getByRole('button', { name: `Challenge ${BY}` }).click();
    await page.getByText('The dispute is open.').waitFor();
    await page.getByRole('link', { name: 'dispute 1' }).waitFor();
    expect(await scene.contracts.game.disputeCount()).to.equal(1n);
    expect(troubles).to.deep.equal([]);
  });

  it('takes back a request that nobody answered, and withdraws the fee', async () => {
    const asker = asAccount(scene.contracts, scene.chain, ACTOR);
    const terms = { ...TERMS, patienceSeconds: 1n };
    const { requestId } = await request(asker, scene.modelId, new Uint8Array(784), terms, ETHER / 4n);
    await scene.chain.pass(10);
    await open(`/request/${requestId}`);
    await page.getByText('Take it back', { exact: true }).click();
    await page.locator('.deed').getByText('0.25 ether').waitFor();
    expect(await violations(page)).to.deep.equal([]);
    await page.getByRole('button', { name: `Take it back ${BY}` }).click();
    await page.getByText('Its requester has taken it back.').waitFor();
    await open(`/account/${actor}`);
    await page.locator('.deed').getByText('0.25 ether').waitFor();
    expect(await violations(page)).to.deep.equal([]);
    await page.getByRole('button', { name: `Withdraw ${BY}` }).click();
    await page.getByText('owed to it').locator('..').getByText('0 ether', { exact: true }).waitFor();
    expect(await scene.contracts.oracle.owed(actor)).to.equal(0n);
    const other = scene.addressOf(PROVIDER);
    await page.route('**/api/accounts/**', async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, json: { ...(await response.json()), owedWei: '7' } });
    });
    await open(`/account/${other}`);
    await page.getByRole('button', { name: `Withdraw ${BY}` }).click();
    await page.getByText(`the wallet does not give ${other}`).waitFor();
    expect(await violations(page)).to.deep.equal([]);
    await page.unroute('**/api/accounts/**');
    expect(troubles).to.deep.equal([]);
  });

  it('attack 62: signs for no contracts and no amounts but those of the chain', async () => {
    const requestId = await scene.ask();
    await page.route('**/api/requests/*', async (route) => {
      const response = await route.fetch();
      const json = await response.json();
      json.request.terms.claimBondWei = '1';
      await route.fulfill({ response, json });
    });
    await open(`/request/${requestId}`);
    await page.getByText('Answer it', { exact: true }).click();
    await page.getByRole('button', { name: 'Compute the answer' }).click();
    await page.getByText('the index tells of another request than the chain has').waitFor();
    await page.unroute('**/api/requests/*');

    const sent = await scene.endpoint.getTransactionCount(actor);
    const { abi, bytecode } = await artifacts.readArtifact('HostileToken');
    const factory = new ContractFactory(abi as never, bytecode, scene.chain.account(0));
    const stranger = await (await factory.deploy()).getAddress();
    await page.route('**/api/deployment', async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, json: { ...(await response.json()), oracle: stranger } });
    });
    await page.route('**/rpc', async (route) => {
      const text = (route.request().postData() ?? '').replace(stranger, scene.oracle);
      await route.continue({ postData: text });
    });
    await open(`/ask/${scene.modelId}`);
    await page.getByRole('button', { name: `Ask ${BY}` }).click();
    await page.getByText(`the contract at ${stranger} is not an InferenceOracle`).waitFor();
    await page.unroute('**/api/deployment');
    await page.unroute('**/rpc');
    expect(await scene.endpoint.getTransactionCount(actor)).to.equal(sent);
  });

  it('attack 62: shows no bytes but those that request and claim commit to', async () => {
    const requestId = await scene.ask();
    await scene.answer(requestId, PROVIDER, 'right');
    const part = (name: string) => page.locator('.contents > div', { hasText: name });
    await open(`/request/${requestId}`);
    await part('claim 1 says').getByText('output 0, i32: 3').waitFor();
    await part('asked').getByRole('img', { name: 'input 0, 28 by 28 bytes' }).waitFor();
    await page.route(/\/api\/(requests\/\d+\/input|claims\/\d+\/answer)$/, (route) => {
      const length = route.request().url().endsWith('input') ? 784 : 8;
      return route.fulfill({ contentType: 'application/octet-stream', body: Buffer.alloc(length) });
    });
    await open(`/request/${requestId}`);
    for (const name of ['asked', 'claim 1 says'])
      await part(name).getByText('Its bytes are not here.').waitFor();
    expect(await page.locator('canvas').count()).to.equal(0);
    expect(troubles).to.deep.equal([]);
  });

  it('says so where a part of the page cannot be loaded', async () => {
    await page.route('**/chunks/ask-*', (route) => route.abort());
    await open(`/ask/${scene.modelId}`);
    await page.getByText('This part of the page cannot be loaded.').waitFor();
    expect(await violations(page)).to.deep.equal([]);
    await page.unroute('**/chunks/ask-*');
    await page.reload();
    await page.getByRole('heading', { name: 'What you sign' }).waitFor();
  });

  it('asks by root, and verifies with the input as a file', async () => {
    await open(`/ask/${scene.modelId}`);
    await page.getByText('Put only the root of the input on chain').click();
    const saving = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Save the input as a file' }).click();
    const saved = await (await saving).path();
    expect(readFileSync(saved)).to.have.length(784);
    await page.getByLabel('where the input will be').fill('https://files.example/input.bin');
    await page.getByRole('button', { name: `Ask ${BY}` }).click();
    await page.getByText('The chain has it').getByRole('link').click();
    await page.getByText('https://files.example/input.bin', { exact: true }).waitFor();

    const { bytes } = readTensorFile(THREE);
    const asker = as(scene.contracts, scene.chain.account(ACTOR));
    const byRoot = { roots: hexRoots([bytes]), uri: 'https://files.example/three' };
    const { requestId } = await request(asker, scene.modelId, byRoot, TERMS, 0n);
    writeFileSync(scene.at('three.bin'), bytes);
    await open(`/request/${requestId}`);
    await page.getByText('input is given by its roots').waitFor();
    await page.getByText(`${byRoot.roots[0]!.slice(0, 8)}…`).waitFor();
    await page.getByText('Answer it', { exact: true }).click();
    await page.getByRole('button', { name: 'Compute the answer' }).click();
    await page.getByText('the input of the request cannot be had.').waitFor();
    const run = await scene.shelf.output(scene.modelId, `0x${Buffer.from(bytes).toString('hex')}`);
    await claimFor(requestId, run);
    await page.getByRole('heading', { name: 'Claim 1' }).waitFor();
    const region = page.getByRole('region', { name: 'Claim 1' });
    for (const file of [scene.at('three.bin'), THREE]) {
      await region.locator('input[type=file]').setInputFiles(file);
      await region.getByText('Right. Every bit of the answer').waitFor();
      await page.reload();
    }
    expect(troubles).to.deep.equal([]);
  });

  const claimFor = async (requestId: bigint, output: string): Promise<void> => {
    await stage.follower.look();
    const found = await stage.follower.case(requestId);
    const it = found!.request.request;
    const { oracle } = asAccount(scene.contracts, scene.chain, PROVIDER);
    await (await oracle.claim(requestId, it, output, { value: it.terms.claimBondWei })).wait();
  };

  describe('in a deployment whose currency is a token', () => {
    let token: Contract;
    let gold: ExplorerStage;
    let oracle: string;

    before(async () => {
      const signer = scene.chain.account(0);
      const { abi, bytecode } = await artifacts.readArtifact('HostileToken');
      const contract = await new ContractFactory(abi as never, bytecode, signer).deploy();
      token = contract as Contract;
      for (const who of [actor, scene.addressOf(PROVIDER)])
        await (await token.getFunction('mint')(who, 100_000_000n)).wait();
      const least = { claimBondWei: 2_000_000n, challengeBondWei: 1_000_000n };
      const bounds = { min: { ...TRIAL_BOUNDS.min, ...least }, max: TRIAL_BOUNDS.max };
      const contracts = await deploy(signer, bounds, undefined, await token.getAddress());
      oracle = await contracts.oracle.getAddress();
      await publish(contracts, modelOf(program), '');
      gold = await startExplorer({ contracts, folder: scene.at('gold') }, await bundledPage());
      await saveModel(new FolderBlobs(gold.models), { model: modelOf(program), weights });
    });
    after(() => gold?.close());

    it('shows its amounts, and allows the oracle exactly what is paid', async () => {
      await open(`/ask/${scene.modelId}`, gold.url);
      await page.getByLabel('fee for the answer, in GLD').fill('1.2345678');
      await page.getByRole('button', { name: `Ask ${BY}` }).click();
      await page.getByText('The fee is no amount of GLD.').waitFor();
      await page.getByLabel('fee for the answer').fill('1.25');
      await page.getByText('first asked to allow the oracle exactly this amount').waitFor();
      expect(await violations(page)).to.deep.equal([]);
      await page.getByRole('button', { name: `Ask ${BY}` }).click();
      await page.getByText('The chain has it').getByRole('link').click();
      await page.getByText('1.25 GLD').waitFor();
      expect(await token.getFunction('allowance')(actor, oracle)).to.equal(0n);
      expect(await token.getFunction('balanceOf')(actor)).to.equal(98_750_000n);
      await page.getByText('Answer it', { exact: true }).click();
      await page.getByRole('button', { name: 'Compute the answer' }).click();
      await page.locator('.deed').getByText('2 GLD').waitFor();
      await page.getByRole('button', { name: `Claim it ${BY}` }).click();
      await page.getByText('It is claimed.').waitFor();
      expect(await token.getFunction('allowance')(actor, oracle)).to.equal(0n);
      expect(await token.getFunction('balanceOf')(actor)).to.equal(96_750_000n);
      expect(troubles).to.deep.equal([]);
    });
  });
});
