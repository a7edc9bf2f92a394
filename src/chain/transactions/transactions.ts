import { explain } from '../explain.ts';
import type { Listener } from '../report.ts';
import { byUrgency, type Due, type Parcel, parcels } from './due.ts';
import { ceilingWei, type Fees, isUrgent, quote, replacement } from './fees.ts';
import { type Journal, noJournal } from './journal.ts';
import { Ledger } from './ledger.ts';
import type { Look, Node } from './node.ts';
import { type Join, Preparer } from './prepare.ts';
import { refusalIn } from './refusal.ts';
import { type Attempt, type Content, emptySlot, filler, keysIn, latestOf, plain, type Slot } from './slot.ts';

export interface SenderOptions {
  /** Transactions that may wait in the pool at once. */
  readonly inFlight?: number;
  /** The most that is ever paid for a unit of gas, wei. */
  readonly maxFeeWei?: bigint;
  /** Blocks for which a mined transaction is followed, and sent again if a reorganisation takes it. */
  readonly confirmations?: number;
  readonly journal?: Journal;
}

export const DEFAULT_IN_FLIGHT = 16;
export const DEFAULT_MAX_FEE_WEI = 100n * 10n ** 9n;
/** Two epochs: deeper reorganisations do not happen on Ethereum by themselves. */
export const DEFAULT_CONFIRMATIONS = 64;

/** Transactions over the limit in flight that are kept for what is nearly too late. */
const URGENT_EXTRA = 8;
/** Blocks after which an attempt is replaced by a dearer one. */
const BUMP_BLOCKS = 3;
/** Blocks for which a transaction that somebody else left in the pool is waited for. */
const FOREIGN_BLOCKS = 3;
/** Refusals after which another due gets the nonce. */
const MOST_REFUSALS = 5;
/** Calls in one multicall. Together they stay far below what a block or a transaction of 16.7 M gas takes. */
const MOST_CALLS = 32;
export interface SenderStatus {
  readonly inFlight: number;
  /** Blocks for which the oldest transaction has been waiting; 0 if none is. */
  readonly oldestBlocks: number;
  /** Nonces in the pool that are not this process's. */
  readonly foreign: number;
}

/**
 * The one owner of an account's nonces. It is told each pass what is due, and never waits: it sends what is not on its way,
 * replaces what is not mined, sends again what was forgotten or reorganised away, and tells what was mined.
 *
 * INVARIANT: a key is in at most one nonce that is not decided, so it is mined at most once.
 */
export class Transactions {
  readonly #node: Node;
  readonly #ledger: Ledger;
  readonly #preparer: Preparer;
  readonly #listen: Listener;
  readonly #inFlight: number;
  readonly #maxFeeWei: bigint;
  #stated: ReadonlyMap<string, Due> = new Map();
  #block = 0;

  constructor(node: Node, join: Join, listen: Listener, options: SenderOptions = {}) {
    const { confirmations = DEFAULT_CONFIRMATIONS, journal = noJournal } = options;
    this.#node = node;
    this.#listen = listen;
    this.#inFlight = options.inFlight ?? DEFAULT_IN_FLIGHT;
    this.#maxFeeWei = options.maxFeeWei ?? DEFAULT_MAX_FEE_WEI;
    this.#preparer = new Preparer(node, join, listen);
    const onReverted = ({ keys }: Attempt): void => this.#preparer.reverted(keys);
    this.#ledger = new Ledger(node, { confirmations, journal, listen, onReverted });
  }

  /** Whether a due was sent and is not decided, or is mined and still followed. */
  isSent(key: string): boolean {
    return this.#ledger.slots.some((slot) => keysIn(slot).includes(key));
  }

  /** Whether a due whose key starts so waits to be mined. */
  isOpen(prefix: string): boolean {
    return this.#ledger.slots.some(
      (slot) => !slot.mined && keysIn(slot).some((key) => key.startsWith(prefix)),
    );
  }

  /** Whether something that is due is on its way. */
  get isBusy(): boolean {
    return this.#ledger.slots.some(
      (slot) => !slot.mined && keysIn(slot).some((key) => this.#stated.has(key)),
    );
  }

  get status(): SenderStatus {
    const open = this.#ledger.open;
    const own = open.filter(({ isForeign }) => !isForeign);
    const oldest = Math.min(...own.map(({ openedAtBlock }) => openedAtBlock));
    return {
      inFlight: own.length,
      oldestBlocks: own.length > 0 ? this.#block - oldest : 0,
      foreign: open.length - own.length,
    };
  }

  /**
   * Does all that can be done now for what is due.
   *
   * @param dues all that is due, in any order; what is missing from it since the last time is not due any more
   * @param seenBlock number of the block that they were derived from
   * @returns transactions sent for the first time
   */
  async step(dues: readonly Due[], seenBlock: number): Promise<number> {
    const look = await this.#node.look();
    this.#block = look.block;
    this.#preparer.block = look.block;
    const stated = new Map<string, Due>();
    for (const due of dues) if (!stated.has(due.key)) stated.set(due.key, due);
    this.#stated = stated;
    await this.#ledger.update(look, stated, seenBlock);
    await this.#maintain(look);
    return this.#fill(look);
  }

  // ---- what waits ----

  /** Sends again, replaces, and gives nonces whose due is gone to others. */
  async #maintain(look: Look): Promise<void> {
    const open = this.#ledger.open.filter(({ nonce }) => nonce >= look.used);
    // All that is due waits for what is not known.
    const waiting = open.some(({ isForeign }) => isForeign) ? [...this.#stated.values()] : [];
    /** Earliest deadline of this nonce and all behind it: they wait for it. */
    let deadline = waiting.toSorted(byUrgency)[0]?.deadline;
    const deadlines = new Map<Slot, bigint | undefined>();
    for (const slot of open.toReversed()) {
      for (const key of keysIn(slot)) {
        const due = this.#stated.get(key)?.deadline;
        if (due !== undefined && (deadline === undefined || due < deadline)) deadline = due;
      }
      deadlines.set(slot, deadline);
    }
    for (const slot of open) {
      const secondsLeft = this.#secondsLeft(deadlines.get(slot), look);
      const isStale = !keysIn(slot).some((key) => this.#stated.has(key));
      const latest = latestOf(slot);
      const age = look.block - (latest?.sentAtBlock ?? slot.openedAtBlock);
      if (slot.isForeign) {
        // It may be the very thing that is due, so it is decided before anything else is sent. A nonce is used once, so what
        // is most urgent can take it without being done twice.
        const isOld = latest ? age >= BUMP_BLOCKS : isUrgent(secondsLeft) || age >= FOREIGN_BLOCKS;
        const isWanted = this.#stated.size > 0;
        if (isWanted && (isOld || slot.refusal)) {
          const content = isStale ? await this.#otherContent(true, slot) : latest;
          if (content) await this.#replace(slot, content, look, secondsLeft);
        }
        continue;
      }
      const isLost = isStale && latest !== undefined && (await this.#isLost(slot, latest, look));
      if (isLost && this.#ledger.drop(slot)) continue;
      const isRefused = slot.refusals >= MOST_REFUSALS || slot.refusal === 'funds';
      if (age >= BUMP_BLOCKS || isLost || isRefused || slot.refusal === 'underpriced') {
        const isBehind = slot !== open.at(-1);
        const content = isStale || isRefused ? await this.#otherContent(isBehind, slot) : latest;
        if (content && (await this.#replace(slot, content, look, secondsLeft))) continue;
      }
      if (!isStale && latest) await this.#remind(slot, latest, look);
    }
  }

  /** Whether no pool has a transaction that nobody wants any more, so that its nonce is free. */
  async #isLost(slot: Slot, attempt: Attempt, { block }: Look): Promise<boolean> {
    if (slot.lookedAtBlock === block) return false;
    slot.lookedAtBlock = block;
    return !(await this.#node.knows(attempt.hash));
  }

  /** Sends an attempt again if the node has forgotten it. */
  async #remind(slot: Slot, attempt: Attempt, look: Look): Promise<void> {
    if (slot.lookedAtBlock >= look.block && slot.refusal === undefined) return;
    slot.lookedAtBlock = look.block;
    if (await this.#node.knows(attempt.hash)) slot.refusal = undefined;
    else await this.#broadcast(slot, attempt);
  }

  #secondsLeft(deadline: bigint | undefined, { timestamp }: Look): bigint | undefined {
    if (deadline === undefined) return undefined;
    return deadline > timestamp ? deadline - timestamp : 0n;
  }

  /** Finds other content for a nonce whose own due is gone or cannot be sent. */
  async #otherContent(isNeeded: boolean, slot: Slot): Promise<Content | undefined> {
    const own = new Set(keysIn(slot));
    for (const parcel of this.#unsent().filter(([first]) => !own.has(first.key))) {
      const content = await this.#preparer.prepare(parcel);
      if (content) {
        for (const due of parcel) slot.dues.set(due.key, due);
        return content;
      }
    }
    // Others wait behind this nonce, so it must be used up by something.
    return isNeeded ? filler(slot.nonce, this.#node.address) : undefined;
  }

  async #replace(
    slot: Slot,
    content: Content,
    look: Look,
    secondsLeft: bigint | undefined,
  ): Promise<boolean> {
    const ceiling = ceilingWei(this.#maxFeeWei, secondsLeft);
    const previous = latestOf(slot)?.fees;
    const isHurried = slot.refusal === 'underpriced' || isUrgent(secondsLeft);
    const fees = previous
      ? replacement(previous, look.market, ceiling, isHurried)
      : quote(look.market, ceiling);
    if (!fees) {
      this.#tellCeiling(content.what, look, ceiling);
      return false;
    }
    const attempt = await this.#sign(slot, content, fees, look);
    this.#ledger.save();
    await this.#broadcast(slot, attempt);
    this.#tell(
      'replaced',
      `${content.what}: not mined yet; sent again with nonce ${slot.nonce} at ${gwei(fees.maxFeePerGas)} gwei`,
    );
    return true;
  }

  // ---- what is new ----

  /** Dues that are in no nonce, by urgency, in parcels. */
  #unsent(): Parcel[] {
    const sent = new Set(this.#ledger.slots.flatMap((slot) => [...keysIn(slot)]));
    const fresh = [...this.#stated.values()].filter(
      ({ key }) => !sent.has(key) && !this.#preparer.isResting(key),
    );
    return parcels(fresh.toSorted(byUrgency), MOST_CALLS, ({ key }) => this.#preparer.isAlone(key));
  }

  async #fill(look: Look): Promise<number> {
    const open = this.#ledger.open;
    // A transaction that an earlier process left in the pool may already do what is due.
    if (open.some(({ isForeign, nonce }) => isForeign && nonce >= look.used)) return 0;
    const free = this.#inFlight - open.length;
    const waiting = this.#unsent();
    const made: { slot: Slot; attempt: Attempt }[] = [];
    while (waiting.length > 0) {
      // They come by their deadline, so the first one is the most urgent.
      const room = free - made.length + (this.#isUrgent(waiting[0]![0], look) ? URGENT_EXTRA : 0);
      if (room <= 0) break;
      const batch = waiting.splice(0, room);
      const contents = await Promise.all(
        batch.map(async (parcel) => ({ parcel, contents: await this.#preparer.prepareAll(parcel) })),
      );
      for (const { parcel, contents: ready } of contents) {
        for (const content of ready) {
          if (made.length >= free + (this.#isUrgent(parcel[0], look) ? URGENT_EXTRA : 0)) break;
          const ceiling = ceilingWei(this.#maxFeeWei, this.#secondsLeft(parcel[0].deadline, look));
          const fees = quote(look.market, ceiling);
          if (!fees) {
            this.#tellCeiling(content.what, look, ceiling);
            continue;
          }
          const slot = emptySlot(this.#ledger.nextNonce(), look.block);
          for (const due of parcel) slot.dues.set(due.key, due);
          made.push({ slot, attempt: await this.#sign(slot, content, fees, look) });
          this.#ledger.add(slot);
        }
      }
    }
    await this.#fillGaps(look, made);
    if (made.length === 0) return 0;
    this.#ledger.save();
    await Promise.all(made.map(({ slot, attempt }) => this.#broadcast(slot, attempt)));
    this.#dropUnpaid(made.map(({ slot }) => slot));
    return made.length;
  }

  /** Uses up nonces that nobody knows of and others wait behind. */
  async #fillGaps(look: Look, made: { slot: Slot; attempt: Attempt }[]): Promise<void> {
    const last = this.#ledger.slots.at(-1)?.nonce ?? -1;
    for (let nonce = this.#ledger.nextNonce(); nonce < last; nonce = this.#ledger.nextNonce()) {
      const fees = quote(look.market, this.#maxFeeWei);
      if (!fees) return;
      const slot = emptySlot(nonce, look.block);
      made.push({
        slot,
        attempt: await this.#sign(slot, filler(slot.nonce, this.#node.address), fees, look),
      });
      this.#ledger.add(slot);
    }
  }

  #isUrgent({ deadline }: Due, look: Look): boolean {
    return isUrgent(this.#secondsLeft(deadline, look));
  }

  /** Gives back the last nonces if the account could not pay for them, so that nothing waits behind a gap. */
  #dropUnpaid(made: readonly Slot[]): void {
    for (const slot of made.toReversed()) {
      if (slot.refusal !== 'funds' || !this.#ledger.drop(slot)) break;
      for (const key of slot.attempts.flatMap(({ keys }) => keys)) this.#preparer.rest(key);
    }
    this.#ledger.save();
  }

  async #sign(slot: Slot, content: Content, fees: Fees, look: Look): Promise<Attempt> {
    const signed = await this.#node.sign(slot.nonce, content, fees, look.isDynamic);
    const attempt: Attempt = { ...plain(content), ...signed, fees, sentAtBlock: look.block };
    slot.attempts.push(attempt);
    slot.refusals = 0;
    slot.refusal = undefined;
    slot.lookedAtBlock = look.block;
    return attempt;
  }

  async #broadcast(slot: Slot, attempt: Attempt): Promise<void> {
    try {
      await this.#node.broadcast(attempt.raw);
      slot.refusal = undefined;
    } catch (failure) {
      const refusal = refusalIn(failure);
      // The nonce is decided, or the node has it already: the next look tells.
      if (refusal === 'known' || refusal === 'nonceUsed') return;
      slot.refusal = refusal;
      slot.refusals++;
      this.#listen({ kind: 'failed', sentence: `${attempt.what}: ${explain(failure)}` });
    }
  }

  #tellCeiling(what: string, { market }: Look, ceiling: bigint): void {
    this.#tell(
      'ceiling',
      `${what}: waits, because the base fee is ${gwei(market.baseFeeWei)} gwei and the ceiling is ${gwei(ceiling)} gwei now; raise --max-fee-gwei if it must not wait`,
    );
  }

  #tell(about: 'replaced' | 'ceiling', sentence: string): void {
    this.#listen({ kind: 'warned', about, sentence });
  }
}

/** An amount of wei in gwei, with at most two decimals. */
const gwei = (wei: bigint): string => `${Number(wei / 10n ** 7n) / 100}`;
