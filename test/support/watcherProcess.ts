// A watcher as a process of its own, for tests that kill it: node --import tsx watcherProcess.ts URL ORACLE KEY
import { fileURLToPath } from 'node:url';
import { Wallet } from 'ethers';
import { connect } from '../../src/chain/contracts/contracts.ts';
import { openEndpoint } from '../../src/chain/endpoints/endpoints.ts';
import { repeat } from '../../src/chain/service/loop.ts';
import { createWatcher } from '../../src/watcher/watcher.ts';
import { layersShelf } from './layers.ts';

async function watch(url: string, oracle: string, key: string): Promise<void> {
  const contracts = await connect(oracle, new Wallet(key, await openEndpoint(url)));
  const watcher = createWatcher({
    contracts,
    runner: await layersShelf(),
    listen: (report) => console.log(report.kind === 'failed' ? `failed: ${report.sentence}` : report.kind),
  });
  const onFailure = (sentence: string): void => console.log(`failed: ${sentence}`);
  await repeat(watcher, { signal: new AbortController().signal, pauseMs: 20, onFailure });
}

// Test runners import every file here; only as a program of its own does it watch.
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [url, oracle, key] = process.argv.slice(2) as [string, string, string];
  await watch(url, oracle, key);
}
