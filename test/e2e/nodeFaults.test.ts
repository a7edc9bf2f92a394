// A watcher on a node that answers late, wrongly, or not at all. `npm run chaos soak` has faults of all kinds for hours.
import { expect } from 'chai';
import { request } from '../../src/client/client.ts';
import { provideService } from '../../src/provider/provider.ts';
import { watchService } from '../../src/watcher/watcher.ts';
import { seedsOfLies } from '../support/chaos/crowd.ts';
import type { Call, Fault } from '../support/chaos/faultProxy.ts';
import { DAY_TERMS, FAULT } from '../support/chaos/playCrowd.ts';
import { Rig, type Running } from '../support/chaos/rig.ts';
import { liar } from '../support/layers.ts';
import { Random } from '../support/randomProgram.ts';

const [WATCHER, LIAR] = [2, 4];
const hex = (n: number): string => `0x${n.toString(16)}`;

interface Spoilt {
  readonly name: string;
  /** Makes what spoils the calls of one test. */
  readonly faults: (rig: Rig) => (call: Call) => Fault;
  /** Blocks that come before the false claim. */
  readonly blocks?: number;
  /** It takes half a minute, because a node that fails is left alone for a while each time: played with ASSAY_LONG. */
  readonly isLong?: boolean;
}

/** A fault that ends by itself after so many calls. */
const first =
  (calls: number, fault: Fault, isHit: (call: Call) => boolean = () => true) =>
  () => {
    let left = calls;
    return (call: Call): Fault => (isHit(call) && left-- > 0 ? fault : undefined);
  };

const isLogs = ({ method }: Call): boolean => method === 'eth_getLogs';

/** Every other request is answered by a node that is two blocks behind. */
function lagging(rig: Rig) {
  let [n, head] = [0, 0];
  const look = setInterval(
    () =>
      void rig.node.getBlockNumber().then(
        (number) => {
          head = number - 2;
        },
        () => undefined,
      ),
    20,
  );
  look.unref();
  return ({ method, params: [one, two] }: Call): Fault => {
    if (n++ % 2 === 0) return undefined;
    if (method === 'eth_blockNumber') return { result: hex(head) };
    const isLatest = one === 'latest' || two === 'latest' || two === 'pending';
    if (isLatest && method === 'eth_getBlockByNumber')
      return { instead: { method, params: [hex(head), two] } };
    if (isLatest && method !== 'eth_estimateGas') return { instead: { method, params: [one, hex(head)] } };
    if (!isLogs({ id: 0, method, params: [] }) && method !== 'eth_getTransactionReceipt') return undefined;
    const isSeen = ({ blockNumber }: { blockNumber: string }): boolean => Number(blockNumber) <= head;
    return {
      after: (result) =>
        Array.isArray(result)
          ? result.filter(isSeen)
          : result && isSeen(result as { blockNumber: string })
            ? result
            : null,
    };
  };
}

const SPOILT: readonly Spoilt[] = [
  {
    name: 'fails at half of all requests',
    isLong: true,
    faults: () => {
      const random = new Random(3);
      return () => (random.chance(50) ? { status: 500 } : undefined);
    },
  },
  { name: 'takes no more requests for a while, and names no time', faults: first(4, { status: 429 }) },
  {
    name: 'limits the rate of requests for logs',
    blocks: 300,
    faults: first(3, { error: 'rate limit exceeded' }, isLogs),
  },
  {
    name: 'gives the logs of twenty blocks at once',
    blocks: 300,
    faults: () => (call) => {
      const { fromBlock, toBlock } = (call.params[0] ?? {}) as { fromBlock?: string; toBlock?: string };
      const isTooMuch = isLogs(call) && Number(toBlock) - Number(fromBlock) >= 20;
      return isTooMuch ? { error: 'query exceeds max block range 20' } : undefined;
    },
  },
  { name: 'takes a fifth of a second for each request', faults: () => () => ({ delayMs: 200 }) },
  { name: 'is gone for a while', faults: first(8, { resets: true }) },
  { name: 'has every other answer from a node that is behind', faults: lagging },
  {
    name: 'leaves out the logs of its newest block',
    faults: () => (call) =>
      isLogs(call)
        ? {
            after: (logs) => {
              const { toBlock } = call.params[0] as { toBlock?: string };
              return (logs as { blockNumber: string }[]).filter(({ blockNumber }) => blockNumber !== toBlock);
            },
          }
        : undefined,
  },
  {
    name: 'says for a while that all nonces are used',
    faults: first(60, { result: '0xfffffff' }, ({ method }) => method === 'eth_getTransactionCount'),
  },
  {
    name: 'says for a while that its newest block is far ahead',
    faults: first(
      6,
      { after: (header) => ({ ...(header as object), number: '0x10000000000' }) },
      ({ method, params: [block] }) => method === 'eth_getBlockByNumber' && block === 'latest',
    ),
  },
  {
    name: 'has null among its logs for a while',
    faults: first(6, { after: (logs) => [...(logs as unknown[]), null] }, isLogs),
  },
  {
    name: 'says of what it takes that it is known already',
    faults:
      () =>
      ({ method }) =>
        method === 'eth_sendRawTransaction' ? { afterwards: 'already known' } : undefined,
  },
];

describe('a watcher whose node misbehaves', function () {
  this.timeout(300_000);
  let rig: Rig;
  /** An input about which the liar says something else than the model does. */
  let seed: number;
  beforeEach(async () => {
    rig = await Rig.start();
    const wrong = liar(rig.shelf, FAULT);
    [seed] = (await seedsOfLies(rig, wrong, 1)) as [number];
    rig.run((listen) => provideService({ contracts: rig.at(LIAR), runner: wrong, listen }));
  });
  afterEach(() => rig.stop());

  /** Starts a watcher, then makes calls go wrong, and asks: ends when the liar has lost. */
  async function falsifies(fault: (call: Call) => Fault): Promise<Running> {
    const contracts = await rig.behindProxy(WATCHER);
    rig.proxy.fault = fault;
    const watcher = rig.run((listen) => watchService({ contracts, runner: rig.shelf, listen }));
    const { requestId } = await request(rig.contracts, rig.modelId, rig.input(seed), DAY_TERMS, 0n);
    const world = await rig.until((now) =>
      now
        .claimsOn(requestId)
        .some(({ claimant, status }) => claimant === rig.address(LIAR) && status === 'falsified'),
    );
    const disputes = world.claimsOn(requestId).flatMap(({ claimId }) => world.disputesOn(claimId));
    expect(disputes, 'bonds of the watcher').to.have.length(1);
    return watcher;
  }

  const played = process.env['ASSAY_LONG'] ? SPOILT : SPOILT.filter(({ isLong }) => !isLong);
  for (const { name, faults, blocks = 0 } of played) {
    it(`falsifies a lie, with one bond, on a node that ${name}`, async () => {
      if (blocks > 0) await rig.rpc('anvil_mine', hex(blocks));
      await falsifies(faults(rig));
    });
  }

  it('tells its successes, and no failure, on a node that never has a receipt', async () => {
    const { reports } = await falsifies(({ method }) =>
      method === 'eth_getTransactionReceipt' ? { result: null } : undefined,
    );
    await rig.until(() => reports.some(({ kind }) => kind === 'withdrawn'));
    const kinds = reports.map(({ kind }) => kind);
    expect(kinds).to.include.members(['challenged', 'moved', 'withdrawn']).and.not.include('failed');
    expect(kinds).to.not.include('warned');
  });
});
