import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Contracts } from '../../../src/chain/contracts/contracts.ts';
import { openEndpoint } from '../../../src/chain/endpoints/endpoints.ts';
import { EventIndex } from '../../../src/chain/index/eventIndex.ts';
import { keepHeapSmall } from '../../../src/operator/smallHeap.ts';

const ADDRESSES = {
  oracle: '0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0',
  game: '0x75537828f2ce51be7289709686A69CbFDbB714F1',
};

export interface FirstRead {
  readonly requests: number;
  readonly blocks: number;
  readonly firstSeconds: number;
  readonly resumedSeconds: number;
  /** Memory of this process before the reading, and at most during it, MB. */
  readonly megabytesBefore: number;
  readonly mostMegabytes: number;
  /** Calls of the node, in batches or not. */
  readonly firstCalls: number;
  readonly resumedCalls: number;
  /** The most cases that were in memory between two calls. */
  readonly mostCases: number;
  readonly openRequests: number;
}

export interface LongChain {
  readonly requests: number;
  readonly blocks: number;
  /** Delay of each answer of the node, ms. */
  readonly delayMs: number;
  /** Blocks whose logs it gives at once. */
  readonly range: number;
}

/** The same in a process that does nothing else, whose memory is that of the index. */
export async function readFirstAlone(chain: LongChain): Promise<FirstRead> {
  const args = ['--import', 'tsx', import.meta.filename, JSON.stringify(chain)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.on('data', (data: Buffer) => {
    said += data.toString();
  });
  await once(child, 'close');
  return JSON.parse(said) as FirstRead;
}

/** Reads a long chain for the first time, ends, and goes on from what is on disk. */
export async function readFirst({ requests, blocks, delayMs, range }: LongChain): Promise<FirstRead> {
  const script = join(import.meta.dirname, 'syntheticNode.ts');
  const args = [requests, blocks, delayMs, range].map(String);
  const node = spawn(process.execPath, ['--import', 'tsx', script, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const folder = mkdtempSync(join(tmpdir(), 'assay-index-'));
  const bytesBefore = process.memoryUsage.rss();
  let mostBytes = bytesBefore;
  const watch = setInterval(() => {
    mostBytes = Math.max(mostBytes, process.memoryUsage.rss());
  }, 200);
  try {
    const [port] = (await once(node.stdout, 'data')) as [Buffer];
    const provider = await openEndpoint(`http://127.0.0.1:${`${port}`.trim()}`);
    const at = (address: string) => ({ getAddress: async () => address });
    let [calls, mostCases] = [0, 0];
    let index: EventIndex | undefined;
    const counting = {
      getNetwork: () => provider.getNetwork(),
      send: (method: string, params: unknown[]) => {
        calls++;
        mostCases = Math.max(mostCases, index?.status().cases ?? 0);
        return provider.send(method, params);
      },
    };
    const contracts = {
      provider: counting,
      oracle: at(ADDRESSES.oracle),
      game: at(ADDRESSES.game),
    } as unknown as Contracts;
    const read = async () => {
      const start = performance.now();
      calls = 0;
      index = new EventIndex(contracts, { folder });
      const world = await index.update();
      const seconds = Math.round((performance.now() - start) / 100) / 10;
      const openRequests = world.requests.size;
      index.close();
      return { seconds, openRequests, calls };
    };
    const first = await read();
    const resumed = await read();
    provider.destroy();
    return {
      ...{ requests, blocks, firstSeconds: first.seconds, resumedSeconds: resumed.seconds },
      megabytesBefore: Math.round(bytesBefore / 1e6),
      mostMegabytes: Math.round(mostBytes / 1e6),
      ...{ firstCalls: first.calls, resumedCalls: resumed.calls, mostCases },
      openRequests: resumed.openRequests,
    };
  } finally {
    clearInterval(watch);
    node.kill();
    rmSync(folder, { recursive: true });
  }
}

// Test runners import every file here; only as a program of its own does it read.
if (process.argv[1] === import.meta.filename) {
  keepHeapSmall();
  console.log(JSON.stringify(await readFirst(JSON.parse(process.argv[2] as string) as LongChain)));
  process.exit();
}
