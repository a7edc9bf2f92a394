import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Contracts } from '../../src/chain/contracts.ts';
import { openEndpoint } from '../../src/chain/endpoints/endpoints.ts';
import { EventIndex } from '../../src/chain/index/eventIndex.ts';

const ADDRESSES = {
  oracle: '0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0',
  game: '0x75537828f2ce51be7289709686A69CbFDbB714F1',
};

export interface FirstRead {
  readonly requests: number;
  readonly blocks: number;
  readonly firstSeconds: number;
  readonly resumedSeconds: number;
  /** Of this process at its largest, while it read, MB. */
  readonly mostMegabytes: number;
  readonly openRequests: number;
}

/** Reads a long chain for the first time, ends, and goes on from what is on disk. */
export async function readFirst(
  requests: number,
  blocks: number,
  delayMs: number,
  range: number,
): Promise<FirstRead> {
  const script = join(import.meta.dirname, 'syntheticNode.ts');
  const given = [requests, blocks, delayMs, range].map(String);
  const node = spawn(process.execPath, ['--import', 'tsx', script, ...given], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const folder = mkdtempSync(join(tmpdir(), 'assay-index-'));
  let mostBytes = 0;
  const watch = setInterval(() => {
    mostBytes = Math.max(mostBytes, process.memoryUsage.rss());
  }, 200);
  try {
    const [port] = (await once(node.stdout, 'data')) as [Buffer];
    const provider = await openEndpoint(`http://127.0.0.1:${`${port}`.trim()}`);
    const at = (address: string) => ({ getAddress: async () => address });
    const contracts = {
      provider,
      oracle: at(ADDRESSES.oracle),
      game: at(ADDRESSES.game),
    } as unknown as Contracts;
    const read = async (): Promise<{ seconds: number; openRequests: number }> => {
      const start = performance.now();
      const index = new EventIndex(contracts, { folder });
      const world = await index.update();
      const seconds = Math.round((performance.now() - start) / 100) / 10;
      const openRequests = world.requests.size;
      index.close();
      return { seconds, openRequests };
    };
    const first = await read();
    const resumed = await read();
    provider.destroy();
    return {
      ...{ requests, blocks, firstSeconds: first.seconds, resumedSeconds: resumed.seconds },
      mostMegabytes: Math.round(mostBytes / 1e6),
      openRequests: resumed.openRequests,
    };
  } finally {
    clearInterval(watch);
    node.kill();
    rmSync(folder, { recursive: true });
  }
}
