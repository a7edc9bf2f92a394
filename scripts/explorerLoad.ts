// Loads the explorer's API: 100,000 requests in its history, and a steady rate of reads of the overview, which is made anew
// once a second, as it is when each block brings something. Server and reader take one core each.
//
//   node scripts/bootstrap.mjs scripts/explorerLoad.ts [--rate 1000] [--seconds 10]
import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import type { Contracts } from '../src/chain/contracts/contracts.ts';
import { PLAIN_TERMS } from '../src/chain/contracts/types.ts';
import type { Case, ClaimRecord, RequestRecord } from '../src/chain/contracts/world.ts';
import { ModelFiles } from '../src/explorer/server/files.ts';
import { Follower } from '../src/explorer/server/follower.ts';
import { History } from '../src/explorer/server/history.ts';
import { KeptModels } from '../src/explorer/server/keptModels.ts';
import { PageInputs } from '../src/explorer/server/pageInputs.ts';
import { serveExplorer } from '../src/explorer/server/server.ts';
import { Getter } from '../src/store/remote/getter.ts';

const REQUESTS = 100_000;
const MODELS = 50;
const CONNECTIONS = 64;
/** Requests that are kept at once. */
const BATCH = 5_000;
/** Pause between two looks at the chain that change something, ms. */
const LOOK_MS = 1000;

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '10' },
    url: { type: 'string' },
  },
});

const hash = (n: number): string => `0x${n.toString(16).padStart(64, '0')}`;
const account = (n: number): string => `0x${n.toString(16).padStart(40, '0')}`;

/** A request that was answered, with one claim. */
function answered(id: number): Case {
  const terms = {
    ...{
      ...PLAIN_TERMS,
      claimBondWei: 10n ** 18n,
      challengeBondWei: 5n * 10n ** 17n,
      windowSeconds: 86_400n,
    },
    ...{ clockSeconds: 86_400n, patienceSeconds: 604_800n, callbackGas: 0n },
  };
  const request: RequestRecord = {
    requestId: BigInt(id),
    request: {
      ...{
        requester: account(1 + (id % 1000)),
        feeWei: 10n ** 15n,
        modelId: hash(id % MODELS),
        inputs: hash(id),
      },
      ...{ requestedAt: 1_790_000_000n + BigInt(12 * id), terms },
    },
    ...{ input: { kind: 'bytes', bytes: '0x' }, status: 'answered', callback: 'notRun', feeHeld: false },
  };
  const claim: ClaimRecord = {
    ...{ claimId: (BigInt(id) << 32n) | 1n, claimant: account(5000 + (id % 7)), outputs: hash(id) },
    ...{ answer: { kind: 'bytes', bytes: '0x' }, claimedAt: request.request.requestedAt + 12n, request },
    ...{ status: 'final', traceRoot: undefined },
  };
  return { request, claims: new Map([[claim.claimId, claim]]), disputes: new Map() };
}

/** Asks at a steady rate, whether answers come or not, and tells how long each took. */
async function load(url: string, rate: number, seconds: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const took: number[] = [];
  let failed = 0;
  const ask = (due: number): Promise<void> =>
    new Promise((resolve) => {
      const fail = (): void => {
        failed++;
        resolve();
      };
      get(url, { agent }, (response) => {
        response.resume().on('end', () => {
          if (response.statusCode === 200) took.push(performance.now() - due);
          else failed++;
          resolve();
        });
      }).on('error', fail);
    });
  await ask(performance.now());
  took.length = 0;
  const start = performance.now();
  const asked: Promise<void>[] = [];
  while (asked.length < rate * seconds) {
    // From when it was due, so that a slow answer also counts for those that had to wait for it.
    const due = start + (1000 * asked.length) / rate;
    if (performance.now() >= due) asked.push(ask(due));
    else await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(asked);
  const whole = (performance.now() - start) / 1000;
  took.sort((a, b) => a - b);
  const at = (share: number): string => (took[Math.floor(share * (took.length - 1))] ?? 0).toFixed(1);
  console.log(
    `${(took.length / whole).toFixed(0)} answers a second, ${failed} failed; ms: median ${at(0.5)}, p99 ${at(0.99)}, most ${at(1)}`,
  );
  agent.destroy();
}

if (values.url !== undefined) {
  await load(values.url, Number(values.rate), Number(values.seconds));
} else {
  const folder = mkdtempSync(join(tmpdir(), 'assay-load-'));
  const started = performance.now();
  const { history } = History.open(folder);
  for (let first = 1; first <= REQUESTS; first += BATCH) {
    history.put(
      Array.from({ length: BATCH }, (_, i) => [BigInt(first + i), answered(first + i)] as const),
      true,
    );
  }
  history.close();
  console.log(`${REQUESTS} requests kept in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  // Nothing here asks the chain.
  const contracts = { provider: {} } as unknown as Contracts;
  const follower = new Follower(contracts, {
    ...{ fromBlock: 0, folder, onNotice: console.error, onFailure: console.error },
  });
  const made = performance.now();
  follower.overview();
  console.log(
    `the overview takes ${(performance.now() - made).toFixed(0)} ms, once for each look at the chain`,
  );
  const changing = new Proxy(follower, {
    get: (target, name) => {
      if (name === 'version') return Math.floor(performance.now() / LOOK_MS);
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const getter = new Getter();
  const limits = { maxBytes: 0, maxNodes: 2 ** 14, maxRunBytes: 0, maxSteps: 0, maxFetchSeconds: 1 };
  const kept = await KeptModels.open(join(folder, 'fetched'), 0);
  const publication = () => Promise.reject(new Error('there is no chain'));
  const server = await serveExplorer({
    ...{ contracts, follower: changing, page: new Map(), port: 0, host: '127.0.0.1' },
    files: new ModelFiles({ kept, others: [], getter, gateways: [], mirrors: [], limits }),
    inputs: new PageInputs({ getter, gateways: [], publication }),
    publication,
  });
  const asker = fork(import.meta.filename, [
    ...['--url', `${server.url}api/overview`, '--rate', values.rate, '--seconds', values.seconds],
  ]);
  const before = process.cpuUsage();
  await new Promise((resolve) => asker.once('exit', resolve));
  const { user, system } = process.cpuUsage(before);
  const answers = Number(values.rate) * Number(values.seconds);
  console.log(`the server took ${((user + system) / answers).toFixed(0)} µs of processor time for each`);
  server.close();
  follower.close();
  getter.close();
  rmSync(folder, { recursive: true });
}
