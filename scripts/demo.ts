// `npm run demo`: a chain, a provider, a watcher, somebody who asks, a liar now and then, and the explorer, all on this machine.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { parseEther } from 'ethers';
import { heldOut } from '../examples/digits/dataset.ts';
import { as } from '../src/chain/contracts/contracts.ts';
import { PLAIN_TERMS, type Terms } from '../src/chain/contracts/types.ts';
import { deploy, TRIAL_BOUNDS } from '../src/chain/deployment/deploy.ts';
import { openEndpoint } from '../src/chain/endpoints/endpoints.ts';
import { explain } from '../src/chain/messages/explain.ts';
import { addressRefused, parsePort } from '../src/cli/ports.ts';
import { publish, request } from '../src/client/client.ts';
import { wasmEngine } from '../src/engine/wasm/wasm.ts';
import { bundleExplorer } from '../src/explorer/bundlePage.mjs';
import { ModelFiles } from '../src/explorer/server/files.ts';
import { Follower } from '../src/explorer/server/follower.ts';
import { KeptModels } from '../src/explorer/server/keptModels.ts';
import { readPage } from '../src/explorer/server/pageFiles.ts';
import { PageInputs } from '../src/explorer/server/pageInputs.ts';
import { serveExplorer } from '../src/explorer/server/server.ts';
import { modelOf } from '../src/merkle/model.ts';
import { Verdicts } from '../src/monitor/verdicts.ts';
import { importOnnx } from '../src/onnx/index.ts';
import { createProvider } from '../src/provider/provider.ts';
import { developmentAccount } from '../src/rehearsal/developmentAccount.ts';
import { writeBundle } from '../src/store/bundle.ts';
import { readPublication } from '../src/store/publications.ts';
import { Getter } from '../src/store/remote/getter.ts';
import { Shelf } from '../src/store/shelf.ts';
import { RunTrace } from '../src/trace/run.ts';
import { createWatcher } from '../src/watcher/watcher.ts';
import { lyingRunner } from '../test/support/lyingRunner.ts';
import { startNode } from '../test/support/nodeProcess.ts';
import { findLie } from './story/lie.ts';

const DIGITS = join(import.meta.dirname, '../examples/digits/digits.onnx');
const TERMS: Terms = {
  ...PLAIN_TERMS,
  claimBondWei: parseEther('1'),
  challengeBondWei: parseEther('0.5'),
  windowSeconds: 45n,
  clockSeconds: 120n,
  callbackGas: 0n,
  patienceSeconds: 600n,
};
const FEE_WEI = parseEther('0.01');
/** Seconds from one request to the next. */
const BETWEEN_REQUESTS = 15;
/** The liar answers one request of so many. */
const ONE_LIE_IN = 3n;
const PAUSE_MS = 700;

const HOST = '127.0.0.1';

const { values } = parseArgs({ options: { port: { type: 'string', default: '8490' } } });

/** Ends with the failure's line alone. */
function refuse({ message }: Error): never {
  console.error(`demo: ${message}`);
  process.exit(1);
}

/** Finds out before everything else is started whether the port is free. */
async function freePort(): Promise<number> {
  const port = parsePort('--port', values.port);
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', (failure) => reject(addressRefused({ port: '--port' }, port, HOST, failure)));
    server.listen(port, HOST, resolve);
  });
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const port = await freePort().catch(refuse);

const folder = mkdtempSync(join(tmpdir(), 'assay-demo-'));
const anvil = await startNode('anvil', 'osaka', ['--block-time', '1']);
process.once('exit', () => {
  // It is told to end before this returns; nobody waits for that here.
  void anvil.stop();
  rmSync(folder, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(0));

// ---- the stage: contracts, a model with its files, everybody's account ----

const endpoint = await openEndpoint(anvil.url);
const account = (index: number) => developmentAccount(index).connect(endpoint);
const contracts = await deploy(account(0), TRIAL_BOUNDS);
const { program, weights } = importOnnx(readFileSync(DIGITS));
const model = modelOf(program);
const bundle = join(folder, 'bundle');
await writeBundle(bundle, { model, weights }, 'digits.onnx');
const modelId = await publish(contracts, model, '');
const shelf = new Shelf((of, tensors) => new RunTrace(of, tensors));
shelf.put({ model, session: await wasmEngine.load(program, weights) });

/** Runs the model as it is, but for one value that makes another digit of it. */
const lying = lyingRunner(shelf, (right) => findLie(right).trace);

const provider = createProvider({ contracts: as(contracts, account(1)), runner: shelf });
const watcher = createWatcher({ contracts: as(contracts, account(2)), runner: shelf });
const liar = createProvider({
  contracts: as(contracts, account(4)),
  runner: lying,
  accepts: ({ requestId }) => requestId % ONE_LIE_IN === 2n,
});
const asker = as(contracts, account(3));
const images = heldOut();

// ---- the explorer ----

const page = join(folder, 'page');
await bundleExplorer(page);
const getter = new Getter();
const follower = new Follower(contracts, {
  fromBlock: 0,
  onNotice: console.error,
  onFailure: console.error,
  judge: (listener) => new Verdicts(shelf, undefined, listener),
});
const limits = { maxBytes: 2 ** 30, maxNodes: 2 ** 14, maxRunBytes: 2 ** 31, maxSteps: 2e11 };
const publication = (id: string) => readPublication(contracts, id, 0);
const { url } = await serveExplorer({
  ...{ contracts, follower, host: HOST, port },
  files: new ModelFiles({
    ...{ kept: await KeptModels.open(join(folder, 'fetched'), 2 ** 32), others: [bundle] },
    ...{ getter, gateways: [], mirrors: [] },
    limits: { ...limits, maxFetchSeconds: 3600 },
  }),
  inputs: new PageInputs({ getter, gateways: [], publication }),
  publication,
  page: readPage(page),
});
void follower.run(new AbortController().signal);
console.log(
  `Open ${url} and watch: a request every ${BETWEEN_REQUESTS} seconds, and about one in ${ONE_LIE_IN} is answered with a lie.`,
);
console.log(
  `The chain is at ${anvil.url}, the oracle at ${await contracts.oracle.getAddress()}, the game at ${await contracts.game.getAddress()}.`,
);
console.log(
  'Press "Verify in this browser" on both claims of a request that somebody lied about. Ctrl-C ends it.',
);

// ---- what happens: on and on, one thing after the other, slowly enough to be seen ----

async function ask(count: number): Promise<void> {
  const image = images[(count * 37) % images.length]!;
  const { requestId } = await request(asker, modelId, image.pixels, TERMS, FEE_WEI);
  console.log(`request ${requestId}: what digit is this? (a ${image.label})`);
}

let asked = 0;
let askedAt = 0;
for (;;) {
  try {
    if (Date.now() > askedAt + 1000 * BETWEEN_REQUESTS) {
      askedAt = Date.now();
      await ask(asked++);
    }
    for (const pass of [liar, provider, watcher]) await pass();
  } catch (failure) {
    console.error(explain(failure));
  }
  await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
}
