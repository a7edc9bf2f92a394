import { join } from 'node:path';
import { expect } from 'chai';
import type { Page } from 'playwright-core';
import { referenceEngine } from '../../src/engine/reference/reference.ts';
import { hexOf } from '../../src/merkle/keccak.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { commitmentOf } from '../../src/trace/commitment.ts';
import { RunTrace } from '../../src/trace/run.ts';
import { findChromium, NO_CHROMIUM, openChromium } from '../support/chromium.ts';
import { bundlePage } from '../support/page/bundle.ts';
import { serve } from '../support/page/serve.ts';
import { allRoots, madeFrom, NEST_KINDS, type NestKind } from './nests.ts';

/** Loops of random programs of each kind. */
const NESTS = process.env['ASSAY_LONG'] ? 4_000 : 160;
const THREADS = [1, 2, 3];

const executable = findChromium();
const suffix = executable ? '' : ` (skipped: ${NO_CHROMIUM})`;

/** The roots of all tensors of programs, by seed, and of their commitments as the reference has them: enough nests. */
async function expectedOf(kind: NestKind): Promise<{ seeds: number[]; roots: string[] }> {
  const seeds: number[] = [];
  const roots: string[] = [];
  for (let nests = 0; nests < NESTS; ) {
    seeds.push(seeds.length + 1);
    const { program, weights, inputs } = madeFrom(kind, seeds.length);
    const model = modelOf(program);
    const session = await referenceEngine.load(program, weights);
    roots.push(allRoots(new RunTrace(model, await session.runAll(inputs))));
    roots.push(hexOf(commitmentOf(model, await session.runCheckpoints(inputs)).root));
    nests += program.nodes.filter(({ kind }) => kind === 'loop').length;
  }
  return { seeds, roots };
}

type Nests = {
  readonly nests: { roots(kind: NestKind, seeds: number[], threads: number): Promise<string[]> };
};

describe(`random nests in a page of Chromium${suffix}`, function () {
  this.timeout(600_000);
  let browser: Awaited<ReturnType<typeof openChromium>>;
  let server: Awaited<ReturnType<typeof serve>>;
  let page: Page;

  before(async function () {
    if (!executable) this.skip();
    server = await serve(await bundlePage(join(import.meta.dirname, 'nestsPage.ts')), true);
    browser = await openChromium(executable);
    page = await browser.context.newPage();
    await page.goto(server.origin);
    await page.waitForFunction(() => 'nests' in globalThis);
  });

  after(async () => {
    await browser?.close();
    server?.close();
  });

  for (const kind of NEST_KINDS) {
    it(`have the roots of the reference engine, on ${THREADS} threads: ${kind}`, async () => {
      const { seeds, roots } = await expectedOf(kind);
      for (const threads of THREADS) {
        const found = await page.evaluate(
          ([kind, seeds, threads]) => (globalThis as unknown as Nests).nests.roots(kind, seeds, threads),
          [kind, seeds, threads] as [NestKind, number[], number],
        );
        expect(found, `${threads} threads`).to.deep.equal(roots);
      }
    });
  }
});
