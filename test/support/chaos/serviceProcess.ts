// A provider or watcher of the small model as a process, for tests that kill it:
// node --import tsx serviceProcess.ts provide|watch URL ORACLE KEY DATA_FOLDER
import { fileURLToPath } from 'node:url';
import { Wallet } from 'ethers';
import { type Contracts, connect } from '../../../src/chain/contracts/contracts.ts';
import { openEndpoint } from '../../../src/chain/endpoints/endpoints.ts';
import type { Report } from '../../../src/chain/messages/report.ts';
import { repeatService } from '../../../src/chain/service/loop.ts';
import { provideService } from '../../../src/provider/provider.ts';
import { watchService } from '../../../src/watcher/watcher.ts';
import { layersShelf } from '../layers.ts';

/** Tries until the node answers well for long enough, as a supervisor would start a process again. */
async function connected(url: string, oracle: string, key: string): Promise<Contracts> {
  for (;;) {
    try {
      return await connect(oracle, new Wallet(key, await openEndpoint(url)));
    } catch (failure) {
      console.log(`cannot start: ${(failure as Error).message}`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

async function serve(
  kind: string,
  url: string,
  oracle: string,
  key: string,
  dataFolder: string,
): Promise<void> {
  const contracts = await connected(url, oracle, key);
  const listen = (report: Report): void =>
    console.log('sentence' in report ? `${report.kind}: ${report.sentence}` : report.kind);
  const options = { contracts, runner: await layersShelf(), listen, sending: { dataFolder } };
  const service = kind === 'provide' ? provideService(options) : watchService(options);
  console.log('started');
  const onFailure = (sentence: string): void => console.log(`failed: ${sentence}`);
  await repeatService(service, { signal: new AbortController().signal, pauseMs: 100, onFailure });
}

// Test runners import every file here; only as a program of its own does it serve.
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [kind, url, oracle, key, dataFolder] = process.argv.slice(2) as [
    string,
    string,
    string,
    string,
    string,
  ];
  await serve(kind, url, oracle, key, dataFolder);
}
