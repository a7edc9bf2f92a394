import { Background } from './background.ts';
import type { Contracts } from './contracts.ts';
import { History, type World } from './history.ts';
import type { ReadInput } from './inputs.ts';
import type { Service } from './loop.ts';
import { type Funds, type Limits, Purse } from './money/purse.ts';
import { systemClock, type Times, timesAt } from './play.ts';
import { type Listener, withoutRepeats } from './report.ts';
import type { Due } from './transactions/due.ts';
import { type OpenOptions, openSender, type Sender } from './transactions/open.ts';
import { DEFAULT_MAX_FEE_WEI, type SenderStatus } from './transactions/transactions.ts';
import { ZERO_ADDRESS } from './types.ts';
import { balanceIn } from './unit.ts';

/** What provider and watcher have in common. */
export interface ServiceOptions {
  /** Opened with the service's account. */
  readonly contracts: Contracts;
  /** Gets inputs that requests give by root; without it nothing is known about such requests. */
  readonly readInput?: ReadInput;
  readonly listen?: Listener;
  /** Block from which events are read. */
  readonly fromBlock?: number;
  /** This machine's idea of now, Unix seconds. */
  readonly clock?: () => bigint;
  /** How transactions are sent. */
  readonly sending?: OpenOptions;
  /** What may be put at risk. */
  readonly limits?: Limits;
  /** Runs of models that go on at once. */
  readonly runsAtOnce?: number;
  /** Tells what happened; reads events if left out. */
  readonly history?: { update(): Promise<World> };
}

/** What a service shows of itself, for metrics. */
export interface ServiceStatus extends SenderStatus {
  readonly balanceWei: bigint;
  /** Ether that stays for gas. */
  readonly reserveWei: bigint;
  readonly openBondsWei: bigint;
  /** Runs that wait or go on. */
  readonly runs: number;
}

/** Everything that one pass works with. */
export interface Scene {
  readonly world: World;
  readonly me: string;
  readonly times: Times;
  readonly sender: Sender;
  readonly background: Background;
  readonly listen: Listener;
  /** Opens the purse for the bonds of this pass. @param reservedGas of all that is open */
  purse(openBondsWei: bigint, reservedGas: bigint): Promise<Purse>;
  /** Tells about a thing once, as long as it lasts. */
  once(key: string, tell: () => void): void;
}

/** How many things are remembered as told. */
const REMEMBERED = 100_000;

/**
 * Makes a service of a function that states what is due.
 *
 * @param plan looks at the scene and waits for nothing but the node
 */
export function createService(
  options: ServiceOptions,
  plan: (scene: Scene) => Promise<readonly Due[]>,
): Service & { status(): ServiceStatus } {
  const { contracts, clock = systemClock, limits = {}, sending = {} } = options;
  const listen = withoutRepeats(options.listen ?? (() => undefined));
  const history = options.history ?? new History(contracts, options.fromBlock);
  const background = new Background(options.runsAtOnce);
  const told = new Set<string>();
  let opening: Promise<Sender> | undefined;
  let sender: Sender | undefined;
  let funds: Pick<ServiceStatus, 'balanceWei' | 'reserveWei' | 'openBondsWei'> = {
    balanceWei: 0n,
    reserveWei: 0n,
    openBondsWei: 0n,
  };

  const purse = async (me: string, openBondsWei: bigint, reservedGas: bigint): Promise<Purse> => {
    const isEther = contracts.currency === ZERO_ADDRESS;
    const balanceWei = await contracts.provider.getBalance(me);
    const maxFeeWei = sending.maxFeeWei ?? DEFAULT_MAX_FEE_WEI;
    const currencyWei = isEther ? balanceWei : await balanceIn(contracts.currency, me, contracts.provider);
    const given: Funds = { balanceWei, currencyWei, isEther, reservedGas, openBondsWei, maxFeeWei };
    const opened = new Purse(limits, given);
    funds = { balanceWei, openBondsWei, reserveWei: opened.reserveWei };
    return opened;
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
    const me = sender.address;
    const times = timesAt(world.block.timestamp, clock());
    const scene = { world, me, times, sender, background, listen, once };
    const dues = await plan({ ...scene, purse: (bonds, gas) => purse(me, bonds, gas) });
    background.turn();
    return sender.transactions.step(dues, world.block.number);
  };

  return {
    pass,
    isBusy: () => background.isBusy || (sender?.transactions.isBusy ?? false),
    next: (ms) => background.next(ms),
    retry: () => background.retry(),
    close: () => sender?.close(),
    status: () => ({
      ...(sender?.transactions.status ?? { inFlight: 0, oldestBlocks: 0, foreign: 0 }),
      ...funds,
      runs: background.queued,
    }),
  };
}
