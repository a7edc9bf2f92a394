import { lowerMedian } from '../endpoints/heads.ts';
import type { Listener } from '../messages/report.ts';
import type { Look, SendingNode } from './node.ts';
import type { Slot } from './slot.ts';

/** Decides which numbers of a look are believed: no single answer of one node is to decide what is sent. */

/** Times in a row that a node has to say something unlikely before it is believed. */
const FEW_LOOKS = 2;
const MANY_LOOKS = 3;
/** Time for which a node has to say the most unlikely, ms; and for which a count has to stand before it is sure. */
const LASTING_MS = 60_000;
/** Most nonces of others in the pool that are waited for. */
export const MOST_FOREIGN = 64;
/** Blocks that may come or go between two looks, and the most in one second. */
const USUAL_BLOCKS = 1000;
const BLOCKS_PER_SECOND = 20;
const HOUR = 3600;
/** Longest time between two blocks, seconds. */
const BLOCK_SECONDS = 60;
/** A tip may be so much higher than the last, or than this, wei. */
const TIP_FACTOR = 8n;
const LOW_TIP_WEI = 2n * 10n ** 9n;
/** A base fee may change so much at once, and by this, wei: EIP-1559 has it change by an eighth a block. */
const BASE_FEE_FACTOR = 8n;
const LOW_BASE_FEE_WEI = 50n * 10n ** 9n;

type Field = 'used' | 'block' | 'timestamp' | 'baseFeeWei' | 'tipWei';
type Numbers = Readonly<Record<Field, bigint>>;

const FIELDS: Readonly<Record<Field, string>> = {
  used: 'nonces of the account that are used',
  block: 'newest block',
  timestamp: 'timestamp of the newest block',
  baseFeeWei: 'base fee in wei',
  tipWei: 'tip in wei',
};

const numbersIn = ({ used, block, timestamp, market }: Look): Numbers => ({
  used: BigInt(used),
  block: BigInt(block),
  timestamp,
  ...market,
});

interface Range {
  readonly low: bigint;
  readonly high: bigint;
}

const isIn = ({ low, high }: Range, value: bigint): boolean => value >= low && value <= high;

/** The likely range of each number some time after a look. @param slots the account's nonces that are followed, ascending */
function likely(base: Look, said: Look, elapsedMs: number, slots: readonly Slot[]): Record<Field, Range> {
  const seconds = Math.ceil(elapsedMs / 1000);
  const { used, block, timestamp, market } = base;
  const range = (low: number, high: number): Range => ({ low: BigInt(low), high: BigInt(high) });
  const blocks = range(block - USUAL_BLOCKS, block + USUAL_BLOCKS + BLOCKS_PER_SECOND * seconds);
  const between = isIn(blocks, BigInt(said.block)) ? Math.abs(said.block - block) : 0;
  const drift = BigInt(HOUR + BLOCK_SECONDS * between + seconds);
  return {
    // A reorganisation gives nonces back; those above all were sent by nobody here.
    used: range(Math.min(used, slots[0]?.nonce ?? used), topOf(used, slots)),
    block: blocks,
    timestamp: { low: timestamp - drift, high: timestamp + drift },
    baseFeeWei: {
      low: market.baseFeeWei / BASE_FEE_FACTOR - LOW_BASE_FEE_WEI,
      high: market.baseFeeWei * BASE_FEE_FACTOR + LOW_BASE_FEE_WEI,
    },
    tipWei: { low: 0n, high: market.tipWei * TIP_FACTOR + LOW_TIP_WEI },
  };
}

/** The nonce after all that are used or followed. */
const topOf = (used: number, slots: readonly Slot[]): number =>
  Math.max(used, (slots.at(-1)?.nonce ?? -1) + 1);

interface Doubt {
  readonly sinceMs: number;
  readonly looks: number;
}

export interface JudgeOptions {
  readonly inFlight: number;
  readonly listen: Listener;
  /** Milliseconds, from any beginning. */
  readonly now: () => number;
}

/** Compares each look with the one before it, and asks other nodes about numbers that are unlikely. */
export class Judge {
  readonly #node: SendingNode;
  readonly #options: JudgeOptions;
  #base: Look | undefined;
  #baseAtMs = 0;
  /** Since when the count of used nonces stands without a contradiction. */
  #standsSinceMs = 0;
  #hasProgress = false;
  readonly #doubts = new Map<Field, Doubt>();
  #mayBeUsed = false;

  constructor(node: SendingNode, options: JudgeOptions) {
    this.#node = node;
    this.#options = options;
  }

  /**
   * Whether the next nonces may be used already, by the latest look alone: then nothing new is signed.
   *
   * RULE: nothing is signed for a nonce of which one answer alone says that all below it are used.
   */
  get mayBeUsed(): boolean {
    return this.#mayBeUsed;
  }

  /**
   * Looks at the account and the market.
   *
   * RULE: a number that is likely after what was seen before is believed. Of an unlikely one the other nodes decide, if there
   * are any; else it is believed once it was said several times. Until then the last one that was believed counts.
   *
   * @param slots the account's nonces that are followed, ascending
   */
  async look(slots: readonly Slot[]): Promise<Look> {
    const said = await this.#node.look();
    let asked: Promise<readonly Look[]> | undefined;
    const others = (): Promise<readonly Look[]> => {
      asked ??= this.#node.looks?.() ?? Promise.resolve([]);
      return asked;
    };
    const base = this.#base;
    const look = base ? await this.#compared(said, base, slots, others) : chosen(said, await others());
    const nowMs = this.#options.now();
    if (!base) this.#standsSinceMs = nowMs;
    const believed = { ...look, pending: await this.#pending(said, look, slots, others) };
    this.#base = believed;
    this.#baseAtMs = nowMs;
    return believed;
  }

  async #compared(
    said: Look,
    base: Look,
    slots: readonly Slot[],
    others: () => Promise<readonly Look[]>,
  ): Promise<Look> {
    const ranges = likely(base, said, this.#options.now() - this.#baseAtMs, slots);
    const [now, before] = [numbersIn(said), numbersIn(base)];
    const found: Record<Field, bigint> = { ...now };
    this.#mayBeUsed = false;
    for (const field of Object.keys(FIELDS) as Field[]) {
      const range = ranges[field];
      if (isIn(range, now[field])) {
        this.#doubts.delete(field);
        if (field === 'used' && now.used > before.used) this.#hasProgress = true;
        continue;
      }
      const opinions = (await others()).map((one) => numbersIn(one)[field]);
      found[field] = this.#decide(field, now[field], before[field], range, opinions);
    }
    return {
      ...said,
      used: Number(found.used),
      block: Number(found.block),
      timestamp: found.timestamp,
      market: { baseFeeWei: found.baseFeeWei, tipWei: found.tipWei },
    };
  }

  /** Decides about an unlikely number. @param opinions those of all nodes, where there are several */
  #decide(field: Field, said: bigint, before: bigint, range: Range, opinions: readonly bigint[]): bigint {
    const nowMs = this.#options.now();
    const isSame = (value: bigint): boolean =>
      !isIn(range, value) && value > range.high === said > range.high;
    const agreeing = opinions.filter(isSame);
    const isAgreed = agreeing.length > 1 && 2 * agreeing.length > opinions.length;
    if (isAgreed) return this.#accept(field, lowerMedian(agreeing) as bigint);
    const fitting = lowerMedian(opinions.filter((value) => isIn(range, value)));
    if (fitting !== undefined) {
      this.#tell(field, said, fitting, 'that is what the other nodes say');
      return fitting;
    }
    const { sinceMs, looks } = this.#doubts.get(field) ?? { sinceMs: nowMs, looks: 0 };
    this.#doubts.set(field, { sinceMs, looks: looks + 1 });
    // Base fees are what the next block asks for, and nothing is lost by an offer that is too low.
    if (field === 'baseFeeWei') return this.#accept(field, said);
    const distance = said > range.high ? said - range.high : range.low - said;
    const isSmall = distance <= BigInt(this.#options.inFlight);
    const isSure = this.#hasProgress || nowMs >= this.#standsSinceMs + LASTING_MS;
    const isLarge = field === 'used' && isSure && !isSmall;
    const isLasting = !isLarge || (looks + 1 >= MANY_LOOKS && nowMs >= sinceMs + LASTING_MS);
    if (looks + 1 >= FEW_LOOKS && isLasting) return this.#accept(field, said);
    this.#mayBeUsed ||= field === 'used' && isSmall && said > range.high;
    this.#tell(field, said, before, 'it is believed if it is said again');
    return before;
  }

  #accept(field: Field, value: bigint): bigint {
    this.#doubts.delete(field);
    if (field === 'used') {
      this.#hasProgress = false;
      this.#standsSinceMs = this.#options.now();
    }
    return value;
  }

  /** Nonces with those in the pool: where several nodes are asked, the middle one of what they say. */
  async #pending(
    said: Look,
    { used }: Look,
    slots: readonly Slot[],
    others: () => Promise<readonly Look[]>,
  ): Promise<number> {
    const top = topOf(used, slots);
    const isForeign = said.pending > top;
    const opinions = isForeign ? (await others()).map(({ pending }) => pending) : [];
    // A node that is wrong about the mined ones is no witness of the others.
    const own = said.used === used ? said.pending : used;
    const pending = lowerMedian(opinions) ?? own;
    return Math.min(Math.max(pending, used), top + MOST_FOREIGN);
  }

  #tell(field: Field, said: bigint, kept: bigint, why: string): void {
    const sentence = `the node says ${said} for the ${FIELDS[field]}, which is unlikely; ${kept} counts, and ${why}`;
    this.#options.listen({ kind: 'warned', about: 'chain', sentence });
  }
}

/** The first look: of each number the middle one of what the nodes say, so that no single one decides. */
function chosen(said: Look, others: readonly Look[]): Look {
  const opinions = others.map(numbersIn);
  if (opinions.length < 2) return said;
  const middle = (field: Field): bigint => lowerMedian(opinions.map((one) => one[field])) as bigint;
  return {
    ...said,
    used: Number(middle('used')),
    block: Number(middle('block')),
    timestamp: middle('timestamp'),
    market: { baseFeeWei: middle('baseFeeWei'), tipWei: middle('tipWei') },
  };
}
