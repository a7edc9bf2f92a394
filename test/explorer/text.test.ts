import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { as } from '../../src/chain/contracts/contracts.ts';
import { publish } from '../../src/client/client.ts';
import { wasmEngine } from '../../src/engine/wasm/wasm.ts';
import { bytesOfHex, hexOf } from '../../src/merkle/keccak.ts';
import { modelOf, splitTensors } from '../../src/merkle/model.ts';
import { writeText } from '../../src/store/bundle.ts';
import { FolderBlobs } from '../../src/store/folder.ts';
import { saveModel } from '../../src/store/library.ts';
import { compileText } from '../../src/text/compile.ts';
import { describeText, parseDescription } from '../../src/text/description.ts';
import { generate } from '../../src/text/generate.ts';
import { formatOf } from '../../src/text/prompt.ts';
import { openSession } from '../../src/text/session/openSession.ts';
import { tokenizerOf } from '../../src/text/tokenizer.ts';
import { tokenBytes } from '../../src/text/tokens.ts';
import { findChromium, NO_CHROMIUM } from '../support/chromium.ts';
import { type ExplorerPage, openExplorerPage, showPage } from '../support/explorerPage.ts';
import type { ExplorerStage } from '../support/explorerStage.ts';
import type { Scene } from '../support/scene.ts';
import { tinyGraph, tinyTokenizer } from '../support/tinyText.ts';
import { violations } from '../support/violations.ts';

const executable = findChromium();
const suffix = executable ? '' : ` (skipped: ${NO_CHROMIUM})`;
const PROVIDER = 1;
const LIAR = 4;
const ASKER = 5;

describe('what is said about the tokens of a model', () => {
  it('is taken if it is whole, and refused with a reason else', () => {
    const described = describeText({ prompt: 8, tokens: 6, vocabulary: 40 }, tinyTokenizer());
    expect(parseDescription(JSON.stringify(described))).to.deep.equal(described);
    const sampled = { ...described, sampled: true };
    expect(parseDescription(JSON.stringify(sampled)).sampled).to.equal(true);
    for (const text of ['', 'null', '{}', '[]', JSON.stringify({ ...described, prompt: -1 })])
      expect(() => parseDescription(text), text).to.throw(RangeError, 'was given as the words of the model');
    for (const change of [{ version: 2 }, { vocabulary: 2 ** 40 }, { tokenizer: 'x' }, { tokens: 1.5 }])
      expect(() => parseDescription(JSON.stringify({ ...described, ...change }))).to.throw(RangeError);
  });
});

describe(`texts in the explorer in Chromium${suffix}`, function () {
  this.timeout(600_000);
  let opened: ExplorerPage;
  let scene: Scene;
  let stage: ExplorerStage;
  let page: Page;
  let troubles: readonly string[];
  let modelId: string;
  const text = compileText(tinyGraph(), 1000, { prompt: 8, tokens: 6 });
  const model = modelOf(text.program);
  const described = describeText(formatOf(text), tinyTokenizer());

  before(async function () {
    if (!executable) this.skip();
    opened = await openExplorerPage(executable, ASKER);
    ({ scene, stage, page, troubles } = opened);
    modelId = await publish(scene.contracts, model, '');
    await saveModel(new FolderBlobs(stage.models), { model, weights: text.weights });
  });

  after(() => opened?.close());

  afterEach(async function () {
    await showPage(this.currentTest, page);
  });

  const write = async (input: string): Promise<number[]> => {
    const session = await openSession(text, wasmEngine, () => undefined);
    const written = await generate(text, session.on(splitTensors(model.inputs, bytesOfHex(input))));
    await session.close();
    return written;
  };
  const claim = async (requestId: bigint, index: number, tokens: readonly number[]): Promise<void> => {
    const found = await stage.follower.case(requestId);
    const { oracle } = as(scene.contracts, scene.chain.account(index));
    const { request } = found!.request;
    const bytes = hexOf(tokenBytes(tokens, text.width));
    await (await oracle.claim(requestId, request, bytes, { value: request.terms.claimBondWei })).wait();
  };

  it('says so where nobody knows what the tokens mean', async () => {
    await page.goto(`${stage.url}#/ask/${modelId}`);
    await page.getByText('nobody here knows what the tokens of the model mean').waitFor();
    await writeText(stage.models, modelId, described);
  });

  it('makes tokens of a prompt as it is typed, and asks', async () => {
    await page.reload();
    const prompt = page.getByLabel('prompt, which the model goes on from');
    await page.getByRole('button', { name: 'Ask with a wallet of the tests' }).click();
    await page.getByText('There is no prompt that the model takes.').waitFor();
    await prompt.fill('too long for it');
    await page.getByText('the prompt has 15 tokens, and the model takes 8').waitFor();
    await prompt.fill('hello');
    await page.getByText('5 tokens of 8. The answer has at most 6 tokens.').waitFor();
    expect(await violations(page)).to.deep.equal([]);
    await page.getByRole('button', { name: 'Ask with a wallet of the tests' }).click();
    await page.getByText('The chain has it').getByRole('link').click();
    await page.locator('.written').getByText('hello', { exact: true }).waitFor();
    expect(troubles).to.deep.equal([]);
  });

  it('shows answers as text, and verifies them', async () => {
    await stage.follower.look();
    const found = await stage.follower.case(1n);
    const { input } = found!.request;
    const right = await write(input.kind === 'bytes' ? input.bytes : '');
    const wrong = right.with(2, (right[2]! + 1) % text.vocabulary);
    await claim(1n, LIAR, wrong);
    await claim(1n, PROVIDER, right);
    const { decode } = tokenizerOf(tinyTokenizer());
    for (const tokens of [wrong, right])
      await page
        .locator('.written')
        .filter({ hasText: decode(tokens).trim() })
        .first()
        .waitFor();
    for (const [number, verdict] of [
      [1, 'Wrong. The program does not accept the answer.'],
      [2, 'Right. The program of the model accepts the answer.'],
    ] as const) {
      const region = page.getByRole('region', { name: `Claim ${number}` });
      await region.getByRole('button', { name: 'Verify in this browser' }).click();
      await region.getByText(verdict).waitFor();
    }
    expect(await violations(page)).to.deep.equal([]);
    expect(troubles).to.deep.equal([]);
  });

  it('shows hostile words as text, and ends a tokenizer that takes for ever', async () => {
    const json = tinyTokenizer() as { model: { vocab: Record<string, number> } };
    const vocab = Object.fromEntries(
      Object.entries(json.model.vocab).map(([word, id]) => [`<img src=x onerror=alert(${id})>${word}`, id]),
    );
    await writeText(stage.models, modelId, {
      ...described,
      tokenizer: { ...json, model: { ...json.model, vocab } },
    });
    await page.reload();
    await page.locator('.written').getByText('<img src=x onerror=alert(7)>h').first().waitFor();
    expect(await page.locator('img').count()).to.equal(0);
    await writeText(stage.models, modelId, { ...described, vocabulary: 70_000 });
    await page.reload();
    await page.getByText('It cannot be read: the input has').first().waitFor();
    await writeText(stage.models, modelId, { ...described, tokenizer: { nothing: true } });
    await page.reload();
    await page.getByText('It cannot be read: tokenizer: it cannot be used').waitFor();
    expect(troubles).to.deep.equal([]);
  });
});
