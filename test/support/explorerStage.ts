import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleExplorer } from '../../src/explorer/bundlePage.mjs';
import { ModelFiles } from '../../src/explorer/server/files.ts';
import { Follower } from '../../src/explorer/server/follower.ts';
import { KeptModels } from '../../src/explorer/server/keptModels.ts';
import { readPage } from '../../src/explorer/server/pageFiles.ts';
import { PageInputs } from '../../src/explorer/server/pageInputs.ts';
import { serveExplorer } from '../../src/explorer/server/server.ts';
import { Verdicts } from '../../src/monitor/verdicts.ts';
import { readPublication } from '../../src/store/publications.ts';
import { Getter } from '../../src/store/remote/getter.ts';
import type { Scene } from './scene.ts';

/** Pause between two looks at the chain, ms. */
const PAUSE_MS = 50;

/** An explorer of a scene's deployment, as the command serves it. */
export interface ExplorerStage {
  readonly url: string;
  readonly follower: Follower;
  /** Where it looks for program and weights of models, beside those that it fetches. */
  readonly models: string;
  close(): Promise<void>;
}

/** Writes the page as a bundle of the command has it. */
export const pageInFolder = (folder: string): Promise<unknown> => bundleExplorer(folder);

/** The page as it is served, bundled once for all tests of a file. */
export async function bundledPage() {
  const folder = mkdtempSync(join(tmpdir(), 'assay-page-'));
  await bundleExplorer(folder);
  const page = readPage(folder);
  rmSync(folder, { recursive: true });
  return page;
}

export async function startExplorer(
  { contracts, folder, shelf }: Pick<Scene, 'contracts' | 'folder'> & Partial<Pick<Scene, 'shelf'>>,
  page: Awaited<ReturnType<typeof bundledPage>>,
  port = 0,
): Promise<ExplorerStage> {
  const models = join(folder, 'explored');
  const getter = new Getter({ allowPrivate: true });
  const follower = new Follower(contracts, {
    ...{ fromBlock: 0, folder: join(folder, 'explorer'), pauseMs: PAUSE_MS },
    onNotice: console.error,
    onFailure: () => undefined,
    judge: shelf && ((listener) => new Verdicts(shelf, undefined, listener)),
  });
  const size = { maxBytes: 2 ** 26, maxNodes: 2 ** 14, maxRunBytes: 2 ** 28, maxSteps: 1e9 };
  const files = new ModelFiles({
    ...{ kept: await KeptModels.open(join(folder, 'fetched'), 2 ** 28), others: [models] },
    ...{ getter, gateways: [], mirrors: [], limits: { ...size, maxFetchSeconds: 600 } },
  });
  const publication = (id: string) => readPublication(contracts, id, 0);
  const inputs = new PageInputs({ getter, gateways: [], publication });
  const { url, close } = await serveExplorer({
    ...{ contracts, follower, files, inputs, publication, page, port, host: '127.0.0.1' },
  });
  const ending = new AbortController();
  const followed = follower.run(ending.signal);
  return {
    ...{ url, follower, models },
    close: async () => {
      ending.abort();
      await followed;
      close();
      follower.close();
      getter.close();
    },
  };
}
