import { expect } from 'chai';
import type { BrowserContext, Page } from 'playwright-core';
import { models, programInputs } from '../../examples/models/index.ts';
import { wasmEngine } from '../../src/engine/wasm/wasm.ts';
import { hexOf } from '../../src/merkle/keccak.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { tensorRoot } from '../../src/merkle/tensor.ts';
import { importOnnx } from '../../src/onnx/index.ts';
import { checkpointTree } from '../../src/trace/commitment.ts';
import { availableOrSkip } from '../support/available.ts';
import { findChromium, NO_CHROMIUM, openChromium } from '../support/chromium.ts';
import { bundlePage } from '../support/page/bundle.ts';
import type { Findings, Order } from '../support/page/page.ts';
import { serve } from '../support/page/serve.ts';

/** Models that take seconds to import run in the long profile only. */
const QUICK = [
  'digits',
  'Silero VAD v6',
  'PP-OCR angle classifier',
  'BlazeFace front',
  'PP-OCR text detector',
];
const chosen = process.env['ASSAY_LONG'] ? models : models.filter(({ name }) => QUICK.includes(name));

const THREADS = [1, 2, 3];
/** Models with work enough to share. */
const PARALLEL = ['PP-OCR text detector', 'PP-OCR text recogniser', 'MobileNetV2', 'transformer layer'];

const executable = findChromium();
const suffix = executable ? '' : ` (skipped: ${NO_CHROMIUM})`;

/** A page with the engine, and the server that it comes from. */
interface Stage {
  readonly page: Page;
  readonly files: Map<string, Uint8Array>;
  /** Errors in the page. */
  readonly troubles: string[];
  close(): void;
}

async function openPage(context: BrowserContext, isolated: boolean): Promise<Stage> {
  const files = new Map(await bundlePage());
  const { origin, close } = await serve(files, isolated);
  const page = await context.newPage();
  const troubles: string[] = [];
  page.on('pageerror', (error) => troubles.push(String(error)));
  await page.goto(origin);
  await page.waitForFunction(() => 'assay' in globalThis);
  return { page, files, troubles, close };
}

type Assay = { readonly assay: { run(order: Order): Promise<Findings> } };

function runIn(
  { page, files }: Stage,
  file: Uint8Array,
  inputs: readonly Uint8Array[],
  order: Omit<Order, 'model' | 'inputs'>,
) {
  files.set('/model.onnx', file);
  for (const [i, bytes] of inputs.entries()) files.set(`/input${i}`, bytes);
  const whole: Order = { ...order, model: '/model.onnx', inputs: inputs.map((_, i) => `/input${i}`) };
  return page.evaluate((job) => (globalThis as unknown as Assay).assay.run(job), whole);
}

describe(`the engine in a page of Chromium${suffix}`, () => {
  let browser: Awaited<ReturnType<typeof openChromium>>;
  let isolated: Stage;
  let plain: Stage;

  before(async function () {
    if (!executable) this.skip();
    browser = await openChromium(executable);
    [isolated, plain] = await Promise.all([
      openPage(browser.context, true),
      openPage(browser.context, false),
    ]);
  });

  after(async () => {
    await browser?.close();
    isolated?.close();
    plain?.close();
  });

  it('may share memory with threads if the server says so', async () => {
    expect(await isolated.page.evaluate(() => crossOriginIsolated)).to.equal(true);
    expect(await plain.page.evaluate(() => crossOriginIsolated)).to.equal(false);
    expect([...isolated.troubles, ...plain.troubles]).to.deep.equal([]);
  });

  for (const model of chosen) {
    it(`gives every tensor of ${model.name} the root that Node gives it, on ${THREADS} threads`, async function () {
      this.timeout(300_000);
      const file = await availableOrSkip(this, () => model.bytes());
      const compiled = importOnnx(file, model.options);
      const { program } = compiled;
      const inputs = programInputs(compiled, model.inputs());
      const session = await wasmEngine.load(program, compiled.weights);
      const tensors = await session.runAll(inputs);
      await session.close();
      const roots = tensors.map(tensorRoot);
      const expected = roots.map(hexOf);
      const committed = hexOf(checkpointTree(program, (node) => roots[node]!).root);
      const shared = PARALLEL.includes(model.name);
      const cases = [
        ...THREADS.map((threads) => ({ stage: isolated, threads })),
        ...(shared ? [{ stage: plain, threads: 2 }] : []),
      ];
      for (const { stage, threads } of cases) {
        const found = await runIn(stage, file, inputs, { options: model.options, threads });
        const what = `${threads} threads${stage === plain ? ', not isolated' : ''}`;
        expect(found.modelId).to.equal(hexOf(modelOf(program).id));
        expect(found.roots, what).to.deep.equal(expected);
        expect(found.committed, what).to.equal(committed);
        expect(found.outputs, what).to.deep.equal(program.outputs.map((node) => expected[node]));
        if (shared) expect(found.workers, what).to.equal(stage === plain ? 0 : threads - 1);
        if (process.env['ASSAY_SHOW']) console.log(what, { ...found, roots: found.roots.length });
      }
    });
  }
});
