import type { Page } from 'playwright-core';
import type { Scene } from './scene.ts';

/** Puts a wallet into a page (EIP-6963) that signs whatever it is asked, with an account of the development chain. */
export async function addWallet(
  page: Page,
  { endpoint, addressOf }: Pick<Scene, 'endpoint' | 'addressOf'>,
  index: number,
): Promise<void> {
  await page.exposeFunction('askNode', async (method: string, params: unknown[]) => {
    if (method === 'eth_requestAccounts' || method === 'eth_accounts') return { result: [addressOf(index)] };
    try {
      return { result: await endpoint.send(method, params) };
    } catch (failure) {
      const { error } = failure as { error?: { code: number; message: string; data?: unknown } };
      return { error: error ?? { code: -32603, message: (failure as Error).message } };
    }
  });
  await page.addInitScript(`
    const ask = async ({ method, params = [] }) => {
      const { result, error } = await askNode(method, params);
      if (error) throw Object.assign(new Error(error.message), error);
      return result;
    };
    const detail = Object.freeze({
      info: { uuid: 'tests', name: 'a wallet of the tests', icon: '', rdns: 'x' },
      provider: { request: ask },
    });
    const announce = () => dispatchEvent(new CustomEvent('eip6963:announceProvider', { detail }));
    addEventListener('eip6963:requestProvider', announce);
    announce();
  `);
}
