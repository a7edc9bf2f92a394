import { type JsonRpcApiProvider, Transaction, Wallet } from 'ethers';
import { as, type Contracts, connect } from '../../../src/chain/contracts/contracts.ts';
import type { World } from '../../../src/chain/contracts/world.ts';
import { TRIAL_BOUNDS } from '../../../src/chain/deployment/bounds.ts';
import { deploy } from '../../../src/chain/deployment/deploy.ts';
import { openEndpoint, openEndpoints } from '../../../src/chain/endpoints/endpoints.ts';
import { EventIndex } from '../../../src/chain/index/eventIndex.ts';
import type { Report } from '../../../src/chain/messages/report.ts';
import { repeatService, type Service } from '../../../src/chain/service/loop.ts';
import { publish } from '../../../src/client/client.ts';
import { type Model, modelOf } from '../../../src/merkle/model.ts';
import type { Shelf } from '../../../src/store/shelf.ts';
import { layers, layersInput, layersShelf } from '../layers.ts';
import { startNode } from '../nodeProcess.ts';
import { keyOf } from '../protocol.ts';
import { withEnded } from '../records.ts';
import { type FaultProxy, startFaultProxy } from './faultProxy.ts';

/** Seconds that a block takes on the chain, whatever it takes here. */
export const BLOCK_SECONDS = 12;

/** A model, who runs it, and inputs that differ by their seed. */
export interface RigModel {
  readonly model: Model;
  readonly shelf: Shelf;
  input(seed: number): Uint8Array;
}

const smallModel = async (): Promise<RigModel> => ({
  model: modelOf(layers().program),
  shelf: await layersShelf(),
  input: layersInput,
});

export interface RigOptions {
  /** Real time between blocks, ms. */
  readonly blockMs?: number;
  /** Time between blocks on the chain; {@link BLOCK_SECONDS} if left out. */
  readonly blockSeconds?: number;
  /** The small one of layers.ts if left out. */
  readonly model?: RigModel;
  readonly arguments?: readonly string[];
}

export interface MinedTransaction {
  readonly input: string;
  readonly status: number;
  readonly costWei: bigint;
}

/** The pass that runs while a block comes may have looked before, so each service makes two. */
const PASSES_A_STEP = 2;

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
    if (signal.aborted) resolve();
  });

/** Something to wait for. */
class Gate {
  open: () => void = () => undefined;
  readonly isOpen = new Promise<void>((resolve) => {
    this.open = resolve;
  });
}

/** The reports of one service. */
export interface Running {
  readonly reports: Report[];
  readonly service: Service;
  /** Passes that have ended, well or not. */
  passes(): number;
  stop(): Promise<void>;
}

/**
 * An anvil on which a block of 12 s comes every few ms, with the protocol and a small model on it, and a proxy before it
 * that injects faults. What is given to {@link at} goes past the proxy.
 */
export class Rig {
  readonly proxy: FaultProxy;
  readonly node: JsonRpcApiProvider;
  readonly contracts: Contracts;
  readonly shelf: Shelf;
  readonly modelId: string;
  readonly input: (seed: number) => Uint8Array;
  readonly oracle: string;
  readonly url: string;
  readonly #stopNode: () => Promise<void>;
  readonly #blockMs: number;
  readonly #endpoints: JsonRpcApiProvider[] = [];
  readonly #running: Running[] = [];
  readonly #history: EventIndex;
  #mining: NodeJS.Timeout | undefined;
  /** Ends the wait of services for the next block that is made by hand. */
  #next = new Gate();

  private constructor(parts: {
    proxy: FaultProxy;
    node: JsonRpcApiProvider;
    contracts: Contracts;
    shelf: Shelf;
    modelId: string;
    input: (seed: number) => Uint8Array;
    oracle: string;
    url: string;
    stop: () => Promise<void>;
    blockMs: number;
  }) {
    this.proxy = parts.proxy;
    this.node = parts.node;
    this.contracts = parts.contracts;
    this.shelf = parts.shelf;
    this.modelId = parts.modelId;
    this.input = parts.input;
    this.oracle = parts.oracle;
    this.url = parts.url;
    this.#stopNode = parts.stop;
    this.#blockMs = parts.blockMs;
    this.#history = new EventIndex(parts.contracts);
  }

  static async start(options: RigOptions = {}): Promise<Rig> {
    const flags = ['--accounts', '30', '--balance', '100000', '--gas-limit', '30000000'];
    const { url, stop } = await startNode('anvil', 'osaka', [...flags, ...(options.arguments ?? [])]);
    // What the test itself asks may take long on a machine that is busy.
    const node = await openEndpoints([url], { timeoutMs: 60_000 });
    const contracts = await deploy(new Wallet(keyOf(0), node), TRIAL_BOUNDS);
    const { model, shelf, input } = options.model ?? (await smallModel());
    const modelId = await publish(contracts, model, '');
    const proxy = await startFaultProxy(url);
    const oracle = await contracts.oracle.getAddress();
    await node.send('evm_setAutomine', [false]);
    const { blockMs = 100, blockSeconds = BLOCK_SECONDS } = options;
    await node.send('anvil_setBlockTimestampInterval', [blockSeconds]);
    const rig = new Rig({ proxy, node, contracts, shelf, modelId, input, oracle, url, stop, blockMs });
    rig.mine(true);
    return rig;
  }

  /** Starts or stops the blocks. */
  mine(isOn: boolean): void {
    clearInterval(this.#mining);
    this.#mining = undefined;
    if (!isOn) return;
    this.#wake();
    let isMining = false;
    this.#mining = setInterval(() => {
      // Blocks that a busy machine is behind with would keep everything else waiting.
      if (isMining) return;
      isMining = true;
      const done = (): void => {
        isMining = false;
      };
      this.node.send('evm_mine', []).then(done, done);
    }, this.#blockMs);
  }

  #wake(): void {
    this.#next.open();
    this.#next = new Gate();
  }

  /** Makes one block while none comes by itself, and waits until every service that runs has looked at it. */
  async step(): Promise<void> {
    await this.rpc('evm_mine');
    const begun = this.#running.map((running) => running.passes());
    this.#wake();
    while (this.#running.some((running, i) => running.passes() < begun[i]! + PASSES_A_STEP)) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  rpc(method: string, ...params: unknown[]): Promise<unknown> {
    return this.node.send(method, params);
  }

  /** The contracts as an account of the node sees them. */
  at(index: number): Contracts {
    return as(this.contracts, new Wallet(keyOf(index), this.node));
  }

  /** The same through the proxy. */
  async behindProxy(index: number): Promise<Contracts> {
    const endpoint = await openEndpoint(this.proxy.url);
    this.#endpoints.push(endpoint);
    return connect(this.oracle, new Wallet(keyOf(index), endpoint));
  }

  address(index: number): string {
    return new Wallet(keyOf(index)).address;
  }

  /** Repeats a service until it is stopped. */
  run(create: (listen: (report: Report) => void) => Service): Running {
    const reports: Report[] = [];
    const service = create((report) => reports.push(report));
    const ending = new AbortController();
    const onFailure = (sentence: string): void => {
      reports.push({ kind: 'failed', sentence });
    };
    let passes = 0;
    let [next, since] = [this.#next, 0];
    const isEnding = aborted(ending.signal);
    const pass = async (): Promise<number> => {
      // Between blocks that are made by hand there is nothing new to look at.
      if (next !== this.#next) [next, since] = [this.#next, 0];
      if (this.#mining === undefined && since++ > PASSES_A_STEP) {
        await Promise.race([next.isOpen, isEnding]);
        [next, since] = [this.#next, 0];
      }
      return service.pass().finally(() => passes++);
    };
    const counted: Service = {
      pass,
      isBusy: () => service.isBusy(),
      next: (ms) => service.next(ms),
      retry: () => service.retry(),
      close: () => service.close(),
    };
    const ended = repeatService(counted, { signal: ending.signal, pauseMs: this.#blockMs / 2, onFailure });
    const running = {
      reports,
      service,
      passes: () => passes,
      stop: async () => {
        ending.abort();
        await ended;
        service.close();
      },
    };
    this.#running.push(running);
    return running;
  }

  world(): Promise<World> {
    return this.#history.update().then(withEnded);
  }

  /** Looks at the chain until `done`; the test's own timeout ends it otherwise. */
  async until(done: (world: World) => boolean): Promise<World> {
    for (;;) {
      const world = await this.world().catch(() => undefined);
      if (world && done(world)) return world;
      await new Promise((resolve) => setTimeout(resolve, this.#blockMs / 2));
    }
  }

  /** Sends calls at once, with nonces of their own, from an account that nothing else sends with. */
  async blast(index: number, calls: readonly { to: string; data: string; value?: bigint }[]): Promise<void> {
    const wallet = new Wallet(keyOf(index), this.node);
    let nonce = await this.node.getTransactionCount(wallet.address, 'latest');
    const fees = { maxFeePerGas: 10n ** 12n, maxPriorityFeePerGas: 10n ** 10n };
    const raws: string[] = [];
    for (const { to, data, value = 0n } of calls) {
      const call = { to, data, value, nonce: nonce++, gasLimit: 1_000_000n, chainId: 31337n, type: 2 };
      raws.push(await wallet.signTransaction({ ...call, ...fees }));
    }
    for (const raw of raws) await this.rpc('eth_sendRawTransaction', raw);
    while ((await this.node.getTransactionCount(wallet.address, 'latest')) < nonce) {
      await new Promise((resolve) => setTimeout(resolve, this.#blockMs / 2));
    }
  }

  /** Takes blocks away, and gives their transactions back to the pool if told so. */
  async reorganise(depth: number, givesBack: boolean): Promise<void> {
    const wasMining = this.#mining !== undefined;
    this.mine(false);
    const head = Number(await this.rpc('eth_blockNumber'));
    const raws: string[] = [];
    for (let block = head - depth + 1; block <= head; block++) {
      const { prefetchedTransactions } = (await this.node.getBlock(block, true))!;
      raws.push(...prefetchedTransactions.map((one) => Transaction.from(one as never).serialized));
    }
    await this.rpc('anvil_reorg', depth, []);
    if (givesBack) {
      for (const raw of raws) await this.rpc('eth_sendRawTransaction', raw).catch(() => undefined);
    }
    this.mine(wasMining);
  }

  /** Transactions of an account on the chain, with whether they reverted and their cost. */
  async transactions(index: number): Promise<MinedTransaction[]> {
    const from = this.address(index);
    const head = Number(await this.rpc('eth_blockNumber'));
    const found: MinedTransaction[] = [];
    for (let block = 0; block <= head; block++) {
      for (const one of (await this.node.getBlock(block, true))!.prefetchedTransactions) {
        if (one.from !== from) continue;
        const receipt = await this.node.getTransactionReceipt(one.hash);
        found.push({ input: one.data, status: receipt?.status ?? 0, costWei: receipt?.fee ?? 0n });
      }
    }
    return found;
  }

  async stop(): Promise<void> {
    for (const running of this.#running) await running.stop();
    this.mine(false);
    for (const endpoint of this.#endpoints) endpoint.destroy();
    this.node.destroy();
    await this.proxy.close();
    await this.#stopNode();
  }
}
