import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Page } from 'playwright-core';
import type { DeploymentJson, PageJson, RequestJson } from '../../src/explorer/api.ts';
import { joined } from '../../src/explorer/page/joined.ts';
import { findChromium, NO_CHROMIUM, openChromium } from '../support/chromium.ts';
import { pageInFolder } from '../support/explorerStage.ts';
import { hostFolder } from '../support/staticHost.ts';
import { violations } from '../support/violations.ts';

const executable = findChromium();
const suffix = executable ? '' : ` (skipped: ${NO_CHROMIUM})`;
const ROWS = 10_000;
const AT_ONCE = 200;
const address = `0x${'11'.repeat(20)}`;
const BLOCK = { number: 7, timestamp: 1_800_000_000, since: null };

const row = (id: number): RequestJson => ({
  ...{
    id: `${id}`,
    model: `0x${'22'.repeat(32)}`,
    requester: address,
    feeWei: '1',
    requestedAt: 1_800_000_000 - id,
  },
  ...{ status: 'answered', callback: 'notRun', feeHeld: false, inputs: `0x${'33'.repeat(32)}` },
  ...{ inputUri: null, inputRoots: null, claims: 1, falsified: 0, disputes: 0, openDisputes: 0 },
  terms: {
    ...{ claimBondWei: '1', challengeBondWei: '1', windowSeconds: 1, clockSeconds: 1, patienceSeconds: 1 },
    ...{ callbackGas: 0, callbackFeeWei: '0', answerByRoot: false, provider: null, verifier: null },
  },
});

describe('rows of a list that are read again', () => {
  const rows = (...ids: number[]) => ids.map((id) => ({ id: `${id}` }));
  it('come in front of older ones, without gaps or what is gone', () => {
    expect(joined(rows(6, 5), rows(5, 4, 3))).to.deep.equal(rows(6, 5, 4, 3));
    expect(joined(rows(5, 4), rows(6, 5, 4, 3))).to.deep.equal(rows(5, 4, 3));
    expect(joined(rows(9, 8), rows(5, 4))).to.deep.equal(rows(9, 8));
    expect(joined([], rows(5, 4))).to.deep.equal([]);
    expect(joined(rows(2, 1), [])).to.deep.equal(rows(2, 1));
  });
});

describe(`a list of ${ROWS} rows in Chromium${suffix}`, function () {
  this.timeout(600_000);
  let folder: string;
  let host: Awaited<ReturnType<typeof hostFolder>>;
  let browser: Awaited<ReturnType<typeof openChromium>>;
  let page: Page;
  const troubles: string[] = [];

  before(async function () {
    if (!executable) this.skip();
    folder = mkdtempSync(join(tmpdir(), 'assay-lists-'));
    await pageInFolder(folder);
    host = await hostFolder(folder);
    browser = await openChromium(executable);
    page = await browser.context.newPage();
    page.on('pageerror', (error) => troubles.push(String(error)));
    const deployment: DeploymentJson = {
      ...{ chainId: '1', oracle: address, game: address, registry: address, referee: address },
      currency: { address: null, symbol: 'ether', decimals: 18 },
    };
    await page.route('**/api/deployment', (route) => route.fulfill({ json: deployment }));
    await page.route('**/api/news', (route) =>
      route.fulfill({
        contentType: 'text/event-stream',
        body: `retry: 600000\nevent: look\ndata: ${JSON.stringify({ look: 1, block: BLOCK, requests: [] })}\n\n`,
      }),
    );
    await page.route('**/api/requests*', (route) => {
      const before = Number(new URL(route.request().url()).searchParams.get('before') ?? ROWS + 1);
      const rows = Array.from({ length: Math.min(AT_ONCE, before - 1) }, (_, i) => row(before - 1 - i));
      const next = rows.length === AT_ONCE ? rows.at(-1)!.id : null;
      return route.fulfill({ json: { block: BLOCK, rows, next } satisfies PageJson<RequestJson> });
    });
  });

  after(async () => {
    await browser?.close();
    host?.close();
    if (folder) rmSync(folder, { recursive: true });
  });

  it('keeps in the page only what is seen, wherever one scrolls', async () => {
    await page.goto(`${host.url}#/requests`);
    const more = page.getByRole('button', { name: 'Older ones' });
    for (let read = AT_ONCE; read < ROWS; read += AT_ONCE) {
      await more.click();
      await page.locator(`table[aria-rowcount="${read + AT_ONCE + 1}"]`).waitFor();
    }
    const drawn = page.locator('tbody tr:not(.gap)');
    expect(await drawn.count()).to.be.within(10, 400);
    for (const share of [1, 0.5, 0.25, 0]) {
      const { height, place } = (await page.evaluate(`(() => {
        const table = document.querySelector('tbody');
        const top = table.getBoundingClientRect().top + scrollY;
        scrollTo(0, top + ${share} * table.offsetHeight - innerHeight / 2);
        return { height: table.offsetHeight, place: (scrollY + innerHeight / 2 - top) / table.offsetHeight };
      })()`)) as { height: number; place: number };
      const wanted = Math.min(ROWS - 1, Math.max(0, Math.floor(place * ROWS)));
      await page.getByRole('link', { name: `request ${ROWS - wanted}`, exact: true }).waitFor();
      expect(await drawn.count()).to.be.below(400);
      expect(height).to.be.above(ROWS * 20);
    }
    expect(await page.locator('tbody tr[aria-rowindex="2"] a').first().textContent()).to.equal(
      `request ${ROWS}`,
    );
    expect(await violations(page)).to.deep.equal([]);
    expect(troubles).to.deep.equal([]);
  });

  it('changes its colours at once, without half-way ones', async () => {
    const running = (theme: string) =>
      page.evaluate(`(() => {
        document.documentElement.dataset.theme = '${theme}';
        return document.getAnimations().length;
      })()`);
    expect([await running('light'), await running('dark'), await running('system')]).to.deep.equal([0, 0, 0]);
  });

  it('is shown in the colours that somebody chose, the next time as well', async () => {
    const scheme = () => page.evaluate('getComputedStyle(document.documentElement).colorScheme');
    expect(await scheme()).to.equal('light dark');
    await page.getByLabel('colours').selectOption('dark');
    await page.waitForFunction("getComputedStyle(document.documentElement).colorScheme === 'dark'");
    expect(await violations(page)).to.deep.equal([]);
    await page.reload();
    await page.getByRole('heading', { name: 'Requests' }).waitFor();
    expect(await scheme()).to.equal('dark');
    await page.getByLabel('colours').selectOption('system');
    await page.waitForFunction("getComputedStyle(document.documentElement).colorScheme === 'light dark'");
  });
});
