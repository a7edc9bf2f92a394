import { larger } from '../bigints.ts';
import type { Contracts } from '../contracts/contracts.ts';
import { ZERO_ADDRESS } from '../contracts/types.ts';
import { balanceIn } from '../contracts/unit.ts';
import type { RequestRecord, World } from '../contracts/world.ts';
import { EventIndex } from '../index/eventIndex.ts';
import { type Listener, withoutRepeats } from '../messages/report.ts';
import { AccountBalance } from '../money/balance.ts';
import { type Limits, Purse } from '../money/purse.ts';
import type { Due } from '../transactions/due.ts';
import { type OpenOptions, openSender, type Sender } from '../transactions/open.ts';
import { DEFAULT_MAX_FEE_WEI } from '../transactions/prices.ts';
import type { SenderStatus } from '../transactions/transactions.ts';
import { Background } from './background.ts';
import { ChainClock, type Times } from './chainClock.ts';
import type { ReadInput } from './inputs.ts';
import type { Service } from './loop.ts';

/** Options that provider and watcher share. */
export interface ServiceOptions {
  /** Opened with the service's account. */
  readonly contracts: Contracts;
  /** Gets inputs that requests give by root; without it nothing is known about such requests. */
  readonly readInput?: ReadInput;
  readonly listen?: Listener;
  /** Told, in each pass, what the chain looks like, before anything is done about it. */
  readonly observe?: (world: World) => void;
  /**
   * Told, in each pass until it shows on chain, of the request on whose model and input a bond is about to depend: they must
   * stay.
   */
  readonly onBond?: (request: RequestRecord) => void;
  /** Block from which events are read. */
  readonly fromBlock?: number | undefined;
  /** Where what was read is kept; in memory if left out. */
  readonly indexFolder?: string | undefined;
  /** Tells the chain's time; is told of every block. */
  readonly clock?: ChainClock;
  /** Options of sending transactions. */
  readonly sending?: OpenOptions;
  /** Limits on the money at risk. */
  readonly limits?: Limits;
  /** Concurrent runs of models, for moves and again for new claims. */
  readonly runsAtOnce?: number;
  /** Tells what happened; reads events if left out. */
  readonly history?: { update(): Promise<World> };
}

/** The state of a service, for metrics. */
export interface ServiceStatus extends SenderStatus {
  /** Ether that stays for gas. */
  readonly reserveWei: bigint;
  readonly openBondsWei: bigint;
}

/** A service on a chain. */
export interface ChainService extends Service {
  status(): ServiceStatus;
}

/** Everything that one pass works with. */
export interface Scene {
  readonly world: World;
  readonly me: string;
  readonly times: Times;
  readonly sender: Sender;
  /** Runs that new bonds take. */
  readonly background: Background;
  /** Runs that moves take, which never wait for the others. */
  readonly moving: Background;
  readonly listen: Listener;
  /** Takes down what is open in this pass: bonds, and gas that it may still take in the worst course. */
  commit(openBondsWei: bigint, reservedGas: bigint): void;
  /** Opens the purse for new bonds, after {@link commit}. */
  purse(): Promise<Purse>;
  /** Tells about a thing once, as long as it lasts. */
  once(key: string, tell: () => void): void;
}

/** Reported things that are remembered. */
const REMEMBERED = 100_000;

/**
 * Makes a service of a function that states what is due.
 *
 * @param plan looks at the scene and waits for nothing but the node
 */
export function createService(
  options: ServiceOptions,
  plan: (scene: Scene) => Promise<readonly Due[]>,
): ChainService {
  const { contracts, clock = new ChainClock(), limits = {}, sending = {} } = options;
  const listen = withoutRepeats(options.listen ?? (() => undefined));
  const onNotice = (sentence: string): void => listen({ kind: 'warned', about: 'chain', sentence });
  const history =
    options.history ??
    new EventIndex(contracts, { fromBlock: options.fromBlock, folder: options.indexFolder, onNotice });
  const background = new Background(options.runsAtOnce);
  const moving = new Background(options.runsAtOnce);
  const told = new Set<string>();
  let opening: Promise<Sender> | undefined;
  let sender: Sender | undefined;
  let balance: AccountBalance | undefined;
  const maxFeeWei = sending.maxFeeWei ?? DEFAULT_MAX_FEE_WEI;
  let open = { bondsWei: 0n, gas: 0n };

  const purse = async (me: string): Promise<Purse> => {
    const isEther = contracts.currency === ZERO_ADDRESS;
    balance ??= new AccountBalance(contracts.provider, me);
    const balanceWei = await balance.read();
    const currencyWei = isEther ? balanceWei : await balanceIn(contracts.currency, me, contracts.provider);
    const { bondsWei: openBondsWei, gas: reservedGas } = open;
    const baseFeeWei = sender?.transactions.status.baseFeeWei ?? 0n;
    // Where more than the usual ceiling may be paid, a new bond needs gas at the prices of today.
    const priceWei = sending.maxFeeWei === undefined ? larger(maxFeeWei, 2n * baseFeeWei) : maxFeeWei;
    return new Purse(limits, {
      ...{ balanceWei, currencyWei, isEther, reservedGas, openBondsWei },
      maxFeeWei: priceWei,
    });
  };

  const commit = (bondsWei: bigint, gas: bigint): void => {
    open = { bondsWei, gas };
  };

  const once = (key: string, tell: () => void): void => {
    if (told.has(key)) return;
    if (told.size >= REMEMBERED) told.clear();
    told.add(key);
    tell();
  };

  const pass = async (): Promise<number> => {
    opening ??= openSender(contracts, listen, sending).catch((failure: unknown) => {
      opening = undefined;
      throw failure;
    });
    sender = await opening;
    sender.renew();
    const world = await history.update();
    clock.see(world.block);
    options.observe?.(world);
    const me = sender.address;
    const scene = { world, me, sender, background, moving, listen, once, commit };
    const planned = async (): Promise<readonly Due[]> => {
      const dues = await plan({ ...scene, times: clock.see(world.block), purse: () => purse(me) });
      background.turn();
      moving.turn();
      return dues;
    };
    const { transactions } = sender;
    const sent = await transactions.step(await planned(), world.block.number, open.gas * maxFeeWei);
    // Runs may have ended during that step. Their moves are sent now: the next look takes a slow node half a minute.
    const isNews = background.hasNews || moving.hasNews;
    return isNews ? sent + (await transactions.sendMore(await planned())) : sent;
  };

  return {
    pass,
    isBusy: () => background.isBusy || moving.isBusy || (sender?.transactions.isBusy ?? false),
    next: (ms) => Promise.race([background.next(ms), moving.next(ms)]),
    retry: () => {
      background.retry();
      moving.retry();
    },
    close: () => sender?.close(),
    status: () => ({
      ...(sender?.transactions.status ?? { baseFeeWei: 0n, inFlight: 0, oldestBlocks: 0, foreign: 0 }),
      reserveWei: open.gas * maxFeeWei,
      openBondsWei: open.bondsWei,
    }),
  };
}
