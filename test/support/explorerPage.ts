import type { Page } from 'playwright-core';
import { openChromium } from './chromium.ts';
import { bundledPage, type ExplorerStage, startExplorer } from './explorerStage.ts';
import { addWallet } from './pageWallet.ts';
import { type Scene, startScene } from './scene.ts';

/** A deployment, its explorer, and a page of a browser with a wallet, which shows nothing yet. */
export interface ExplorerPage {
  readonly scene: Scene;
  readonly stage: ExplorerStage;
  readonly page: Page;
  /** Errors that nothing on the page has caught. */
  readonly troubles: readonly string[];
  close(): Promise<void>;
}

/**
 * @param executable of the browser
 * @param account whose wallet it is, by its number on the development chain
 */
export async function openExplorerPage(executable: string, account: number): Promise<ExplorerPage> {
  const closings: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const one of closings.reverse()) await one();
  };
  try {
    const scene = await startScene();
    closings.push(() => scene.stop());
    const stage = await startExplorer(scene, await bundledPage());
    closings.push(() => stage.close());
    const browser = await openChromium(executable);
    closings.push(() => browser.close());
    const page = await browser.context.newPage();
    await addWallet(page, scene, account);
    const troubles: string[] = [];
    page.on('pageerror', (error) => troubles.push(String(error)));
    return { scene, stage, page, troubles, close };
  } catch (failure) {
    await close();
    throw failure;
  }
}

/** Prints what the page shows, for a test that has failed. */
export async function showPage(
  test: { readonly state?: string | undefined } | undefined,
  page: Page,
): Promise<void> {
  if (test?.state === 'failed') console.error(await page.locator('main').textContent());
}
