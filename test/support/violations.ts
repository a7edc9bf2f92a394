import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** A moving colour has the contrast of its two ends only by chance. */
const SETTLED =
  'Promise.allSettled(document.getAnimations().map(({ finished }) => finished)).then(() => undefined)';

/** Opens everything that can be unfolded, and waits for what is loaded then. */
export async function unfoldAll(page: Page): Promise<void> {
  const folded = page.locator('details:not([open]) > summary');
  while ((await folded.count()) > 0) await folded.first().click();
  await page.locator('.loading').first().waitFor({ state: 'detached' });
}

/** Rules of WCAG 2.2, levels A and AA, and best practices that a page breaks, with the first place of each. */
export async function violations(page: Page): Promise<string[]> {
  await page.evaluate(SETTLED);
  // Given to the page by the debugger, for which its policy does not hold.
  await page.evaluate(AXE);
  return page.evaluate(`axe.run().then(({ violations }) =>
    violations.map(({ id, nodes }) => id + ': ' + nodes[0].html + ' ' + nodes[0].failureSummary))`) as Promise<
    string[]
  >;
}
