import type { TransactionReceipt } from 'ethers';
import type { Listener } from '../messages/report.ts';
import type { Due } from './due.ts';
import type { Journal } from './journal.ts';
import { MOST_FOREIGN } from './judge.ts';
import type { Look, SendingNode } from './node.ts';
import { type Attempt, bringBack, emptySlot, keysIn, latestOf, type Slot } from './slot.ts';

/** Blocks after which a used nonce whose receipt nobody knows counts as somebody else's. */
const MISSED_BLOCKS = 3;

/** Nonces above the used ones that an account may have signed for: those in flight, and foreign ones before them. */
const FAR_NONCES = 4 * MOST_FOREIGN;
/** Blocks by which the one that a nonce was looked at in may be above the latest: the node may be behind another. */
const FAR_BLOCKS = 64;

export interface LedgerOptions {
  /** Transactions that may wait in the pool at once. */
  readonly inFlight: number;
  /** Blocks for which a mined transaction is followed. */
  readonly confirmations: number;
  readonly journal: Journal;
  readonly listen: Listener;
  /** Told of a transaction that was mined and reverted. */
  readonly onReverted: (attempt: Attempt) => void;
}

/** The nonces of an account that are not deep in the chain, and what became of them. */
export class Ledger {
  readonly #node: SendingNode;
  readonly #options: LedgerOptions;
  /** Slots in ascending order of their nonces. */
  #slots: Slot[] = [];
  #stated: ReadonlyMap<string, Due> = new Map();
  #isStarted = false;
  /** Nonces below this are used up. */
  #used = 0;
  /** The same, with those in the pool, by the last look. */
  #pending = 0;

  constructor(node: SendingNode, options: LedgerOptions) {
    this.#node = node;
    this.#options = options;
  }

  get slots(): readonly Slot[] {
    return this.#slots;
  }

  /** Slots that are not mined. */
  get open(): readonly Slot[] {
    return this.#slots.filter(({ mined }) => !mined);
  }

  /** Counts what waits to be mined, and the blocks for which the oldest of it does; 0 if nothing does. */
  waiting(block: number): {
    readonly inFlight: number;
    readonly oldestBlocks: number;
    readonly foreign: number;
  } {
    const { open } = this;
    const own = open.filter(({ isForeign }) => !isForeign);
    const oldest = own.reduce((least, { openedAtBlock }) => Math.min(least, openedAtBlock), block);
    return { inFlight: own.length, oldestBlocks: block - oldest, foreign: open.length - own.length };
  }

  /**
   * Brings the nonces up to what a node sees.
   *
   * @param stated all that is due, by key
   * @param seenBlock number of the block that it was derived from
   */
  async update(look: Look, stated: ReadonlyMap<string, Due>, seenBlock: number): Promise<void> {
    this.#stated = stated;
    if (!this.#isStarted) this.#adopt(look);
    this.#mendAfterLies(look);
    for (const slot of this.#slots) {
      for (const key of keysIn(slot)) {
        const due = stated.get(key);
        if (due) slot.dues.set(key, due);
      }
    }
    await this.#resolve(look, seenBlock);
    this.#noticeForeign(look);
  }

  /** Writes the journal, which is to be done before anything is sent. */
  save(): void {
    this.#options.journal.write(this.#slots);
  }

  add(slot: Slot): void {
    this.#slots.push(slot);
    this.#slots.sort((a, b) => a.nonce - b.nonce);
  }

  /** Gives the highest nonce back. @returns whether the slot had it */
  drop(slot: Slot): boolean {
    if (this.#slots.at(-1) !== slot) return false;
    this.#slots.pop();
    return true;
  }

  /** Takes up what an earlier run signed. */
  #adopt({ block }: Look): void {
    this.#isStarted = true;
    for (const { nonce, attempts } of this.#options.journal.read()) {
      const slot = emptySlot(nonce, block);
      slot.attempts.push(...attempts);
      slot.taken = latestOf(slot)?.fees;
      this.add(slot);
    }
  }

  /**
   * Brings what a node said wrongly for a while back to what can be: nonces far above those that are used, which were never
   * reached, and numbers of blocks that have not come yet.
   */
  #mendAfterLies({ used, block }: Look): void {
    const far = this.#slots.filter(
      ({ nonce, mined }) => !mined && nonce > used + this.#options.inFlight + FAR_NONCES,
    );
    if (far.length > 0) {
      this.#slots = this.#slots.filter((slot) => !far.includes(slot));
      const nonces =
        far.length > 1 ? `nonces ${far[0]!.nonce} to ${far.at(-1)!.nonce}` : `nonce ${far[0]!.nonce}`;
      this.#tellForeign(
        `${nonces} of ${this.#node.address} are far above the ${used} that are used, as a node once said; what was signed for them is given up`,
      );
      this.save();
    }
    for (const slot of this.#slots) bringBack(slot, block + FAR_BLOCKS, block);
  }

  /** Nonces in the pool that nobody here has signed for. */
  #noticeForeign({ pending, block }: Look): void {
    // One that no pool has any more is free; that the last look did not show it either tells it from a node that is behind.
    const highest = Math.max(pending, this.#pending);
    this.#pending = pending;
    this.#slots = this.#slots.filter(
      ({ isForeign, attempts, nonce }) => !isForeign || attempts.length > 0 || nonce < highest,
    );
    const found: number[] = [];
    const waiting = this.#slots.filter(({ isForeign, mined }) => isForeign && !mined).length;
    const taken = new Set(this.#slots.map(({ nonce }) => nonce));
    for (let nonce = this.nextNonce(); nonce < pending; nonce++) {
      if (found.length + waiting >= MOST_FOREIGN) break;
      if (!taken.has(nonce)) found.push(nonce);
    }
    const [first] = found;
    if (first === undefined) return;
    for (const nonce of found) this.add(emptySlot(nonce, block, true));
    const [which, verb, them] =
      found.length > 1
        ? [`nonces ${first} to ${found.at(-1)}`, 'are', 'them']
        : [`nonce ${first}`, 'is', 'it'];
    this.#tellForeign(
      `${which} of ${this.#node.address} ${verb} in the pool and not from this run: an earlier run sent ${them}, or another process has the same key`,
    );
  }

  /** The lowest nonce that is free: a reorganisation may leave gaps below those in use. */
  nextNonce(): number {
    let free = this.#used;
    for (const { nonce } of this.#slots) {
      if (nonce > free) break;
      if (nonce === free) free++;
    }
    return free;
  }

  // ---- what became of them ----

  /** Finds out which nonces are decided, and which have come back by a reorganisation. */
  async #resolve(look: Look, seenBlock: number): Promise<void> {
    this.#used = look.used;
    const gone = new Set<Slot>();
    await Promise.all(
      this.#slots.map(async (slot) => {
        if (slot.nonce >= look.used) {
          // A reorganisation gave the nonce back; or this node lags, and then sending again does no harm.
          slot.mined = undefined;
          slot.missedAtBlock = undefined;
          return;
        }
        if (slot.mined) {
          if (await this.#isSettled(slot, look, seenBlock)) gone.add(slot);
          return;
        }
        if (slot.isForeign && slot.attempts.length === 0) {
          gone.add(slot);
          return;
        }
        const found = await this.#find(slot);
        if (found) this.#setMined(slot, found);
        else if (await this.#isTakenOrUnknown(slot, look)) gone.add(slot);
      }),
    );
    if (gone.size === 0) return;
    this.#slots = this.#slots.filter((slot) => !gone.has(slot));
    this.save();
  }

  async #find({ attempts }: Slot): Promise<Slot['mined']> {
    for (const attempt of attempts.toReversed()) {
      const receipt = await this.#node.receipt(attempt.hash);
      if (receipt) return { attempt, receipt };
    }
    return undefined;
  }

  /** Looks again at a mined transaction whose due is stated again although the pass has seen its block. */
  async #isSettled(slot: Slot, look: Look, seenBlock: number): Promise<boolean> {
    const { attempt, receipt } = slot.mined as NonNullable<Slot['mined']>;
    const isRestated = attempt.keys.some((key) => this.#stated.has(key)) && seenBlock >= receipt.blockNumber;
    if (isRestated && look.block > slot.lookedAtBlock) {
      slot.lookedAtBlock = look.block;
      const found = await this.#find(slot);
      if (found) slot.mined = found;
      else {
        slot.mined = undefined;
        slot.missedAtBlock = look.block;
        return false;
      }
    }
    return look.block >= receipt.blockNumber + this.#options.confirmations;
  }

  /** Whether a used nonce was another transaction's, or nothing is to be learned about it any more. */
  async #isTakenOrUnknown(slot: Slot, look: Look): Promise<boolean> {
    slot.missedAtBlock ??= look.block;
    // A node that lags may know the nonce and not yet the receipt.
    if (look.block < slot.missedAtBlock + MISSED_BLOCKS) return false;
    const keys = keysIn(slot);
    const isStillDue = keys.some((key) => this.#stated.has(key));
    const isLate = look.block >= slot.missedAtBlock + this.#options.confirmations;
    if (!isStillDue && !isLate) return false;
    // It has the nonce itself, and the node is late with its receipt.
    for (const { hash } of slot.attempts) if (await this.#node.knows(hash)) return isLate;
    if (isStillDue) {
      this.#tellForeign(
        `${latestOf(slot)?.what}: another transaction took its nonce ${slot.nonce}; another process has the key of ${this.#node.address}`,
      );
    }
    return true;
  }

  #setMined(slot: Slot, mined: { attempt: Attempt; receipt: TransactionReceipt }): void {
    slot.mined = mined;
    slot.missedAtBlock = undefined;
    const { attempt, receipt } = mined;
    if (slot.told) return;
    slot.told = true;
    if (receipt.status === 1) {
      for (const key of attempt.keys) slot.dues.get(key)?.mined(receipt, attempt.keys.length);
      return;
    }
    this.#options.onReverted(attempt);
    const why =
      attempt.keys.length > 1
        ? 'it was mined and reverted; sending its calls one by one'
        : 'it was mined and reverted';
    this.#options.listen({ kind: 'failed', sentence: `${attempt.what}: ${why}` });
  }

  #tellForeign(sentence: string): void {
    this.#options.listen({ kind: 'warned', about: 'foreign', sentence });
  }
}
