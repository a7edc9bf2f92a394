import type { TransactionReceipt } from 'ethers';
import { contractError, explain } from '../explain.ts';
import type { Listener } from '../report.ts';
import { byUrgency, type Due, type Parcel, parcels } from './due.ts';
import { ceilingWei, type Fees, quote, replacement, URGENT_SECONDS } from './fees.ts';
import { type Journal, noJournal } from './journal.ts';
import type { Look, Node } from './node.ts';
import { refusalIn } from './refusal.ts';
import { type Attempt, type Content, emptySlot, keysIn, latestOf, type Slot } from './slot.ts';

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
/** Blocks after which a used nonce whose receipt nobody knows counts as somebody else's. */
const MISSED_BLOCKS = 3;
/** Refusals after which another due gets the nonce. */
const MOST_REFUSALS = 5;
/** Calls in one multicall. Together they stay far below what a block or a transaction of 16.7 M gas takes. */
const MOST_CALLS = 32;
/** Calldata of one transaction, bytes: public pools take 128 KiB. */
const MOST_BYTES = 96 * 1024;
/** Sent over the estimate, in percent: the state may change a little until the transaction is mined. */
const GAS_MARGIN_PERCENT = 15n;
const TRANSFER_GAS = 21_000n;
/** Refusals that only mean: not yet. The node's idea of now is a little behind ours. */
const TOO_EARLY: readonly string[] = ['ClockRuns', 'WindowOpen', 'PatienceLasts', 'OpenedNow'];
/** Longest wait before a due that would revert is tried again, blocks. */
const LONGEST_REST_BLOCKS = 32;

/** Not due any more, or not yet: nothing to tell. */
export class NotNow extends Error {
  override name = 'NotNow';
}

export interface SenderStatus {
  readonly inFlight: number;
  /** Blocks for which the oldest transaction has been waiting; 0 if none is. */
  readonly oldestBlocks: number;
  /** Nonces in the pool that are not this process's. */
  readonly foreign: number;
}

interface Rest {
  readonly untilBlock: number;
  readonly tries: number;
}

/** Builds the call that carries several calls of the game. */
export type Join = (calls: readonly string[]) => { readonly to: string; readonly data: string };

/**
 * The one owner of an account's nonces. It is told each pass what is due, and never waits: it sends what is not on its way,
 * replaces what is not mined, sends again what was forgotten or reorganised away, and tells what was mined.
 *
 * INVARIANT: a key is in at most one nonce that is not decided, so it is mined at most once.
 */
export class Transactions {
  readonly #node: Node;
  readonly #join: Join;
  readonly #listen: Listener;
  readonly #inFlight: number;
  readonly #maxFeeWei: bigint;
  readonly #confirmations: number;
  readonly #journal: Journal;
  /** By nonce, ascending. */
  #slots: Slot[] = [];
  #stated = new Map<string, Due>();
  #started = false;
  readonly #alone = new Set<string>();
  readonly #rests = new Map<string, Rest>();
  #block = 0;
  /** Nonces below this are used up. */
  #used = 0;

  constructor(node: Node, join: Join, listen: Listener, options: SenderOptions = {}) {
    this.#node = node;
    this.#join = join;
    this.#listen = listen;
    this.#inFlight = options.inFlight ?? DEFAULT_IN_FLIGHT;
    this.#maxFeeWei = options.maxFeeWei ?? DEFAULT_MAX_FEE_WEI;
    this.#confirmations = options.confirmations ?? DEFAULT_CONFIRMATIONS;
    this.#journal = options.journal ?? noJournal;
  }

  /** Whether a due was sent and is not decided, or is mined and still followed. */
  isSent(key: string): boolean {
    return this.#slots.some((slot) => keysIn(slot).includes(key));
  }

  /** Whether a due whose key starts so waits to be mined. */
  isOpen(prefix: string): boolean {
    return this.#slots.some((slot) => !slot.mined && keysIn(slot).some((key) => key.startsWith(prefix)));
  }

  /** Whether something that is due is on its way. */
  get isBusy(): boolean {
    return this.#slots.some((slot) => !slot.mined && keysIn(slot).some((key) => this.#stated.has(key)));
  }

  get status(): SenderStatus {
    const open = this.#slots.filter(({ mined }) => !mined);
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
    this.#stated = new Map();
    for (const due of dues) if (!this.#stated.has(due.key)) this.#stated.set(due.key, due);
    if (!this.#started) this.#adopt(look);
    for (const slot of this.#slots) {
      for (const key of keysIn(slot)) {
        const due = this.#stated.get(key);
        if (due) slot.dues.set(key, due);
      }
    }
    await this.#resolve(look, seenBlock);
    this.#noticeForeign(look);
    await this.#maintain(look);
    return this.#fill(look);
  }

  /** Takes up what an earlier run signed. */
  #adopt({ block }: Look): void {
    this.#started = true;
    for (const { nonce, attempts } of this.#journal.read()) {
      const slot = emptySlot(nonce, block);
      slot.attempts.push(...attempts);
      this.#slots.push(slot);
    }
    this.#slots.sort((a, b) => a.nonce - b.nonce);
  }

  /** Nonces in the pool that nobody here has signed for. */
  #noticeForeign({ pending, block }: Look): void {
    for (let nonce = this.#nextNonce(); nonce < pending; nonce = this.#nextNonce()) {
      this.#add(emptySlot(nonce, block, true));
      this.#tell(
        'foreign',
        `nonce ${nonce} of ${this.#node.address} is in the pool and not from this run: an earlier run sent it, or another process has the same key`,
      );
    }
  }

  #add(slot: Slot): void {
    this.#slots.push(slot);
    this.#slots.sort((a, b) => a.nonce - b.nonce);
  }

  /** The lowest nonce that is free: a reorganisation may leave gaps below those in use. */
  #nextNonce(): number {
    const taken = new Set(this.#slots.map(({ nonce }) => nonce));
    let nonce = this.#used;
    while (taken.has(nonce)) nonce++;
    return nonce;
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
        if (slot.isForeign) {
          gone.add(slot);
          return;
        }
        const found = await this.#find(slot);
        if (found) this.#setMined(slot, found);
        else if (this.#isForeign(slot, look)) gone.add(slot);
      }),
    );
    if (gone.size === 0) return;
    this.#slots = this.#slots.filter((slot) => !gone.has(slot));
    this.#journal.write(this.#slots);
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
    return look.block >= receipt.blockNumber + this.#confirmations;
  }

  #isForeign(slot: Slot, look: Look): boolean {
    slot.missedAtBlock ??= look.block;
    // A node that lags may know the nonce and not yet the receipt.
    if (look.block < slot.missedAtBlock + MISSED_BLOCKS) return false;
    const keys = keysIn(slot);
    const isStillDue = keys.some((key) => this.#stated.has(key));
    if (!isStillDue && look.block < slot.missedAtBlock + this.#confirmations) return false;
    if (isStillDue) {
      this.#tell(
        'foreign',
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
      for (const key of attempt.keys) slot.dues.get(key)?.mined(receipt);
      return;
    }
    for (const key of attempt.keys) {
      if (attempt.keys.length > 1) this.#alone.add(key);
      else this.#rest(key);
    }
    const why =
      attempt.keys.length > 1
        ? 'it was mined and reverted; sending its calls one by one'
        : 'it was mined and reverted';
    this.#listen({ kind: 'failed', sentence: `${attempt.what}: ${why}` });
  }

  // ---- what waits ----

  /** Sends again, replaces, and gives nonces whose due is gone to others. */
  async #maintain(look: Look): Promise<void> {
    const open = this.#slots.filter(({ mined, nonce }) => !mined && nonce >= look.used);
    /** Earliest deadline of this nonce and all behind it: they wait for it. */
    let deadline: bigint | undefined;
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
        // It may be the very thing that is due, so it is decided before anything else is sent.
        const isOld = age >= (latest ? BUMP_BLOCKS : FOREIGN_BLOCKS);
        const isWanted = this.#stated.size > 0;
        if (isWanted && (isOld || slot.refusal))
          await this.#replace(slot, this.#filler(slot), look, secondsLeft);
        continue;
      }
      const isLost = isStale && latest !== undefined && (await this.#isLost(slot, latest, look));
      if (isLost && slot === this.#slots.at(-1)) {
        this.#slots.pop();
        continue;
      }
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

  /** What a nonce whose own due is gone, or cannot be sent, can carry instead. */
  async #otherContent(isNeeded: boolean, slot: Slot): Promise<Content | undefined> {
    const own = new Set(keysIn(slot));
    for (const parcel of this.#unsent().filter(([first]) => !own.has(first.key))) {
      const content = await this.#prepare(parcel);
      if (content) {
        for (const due of parcel) slot.dues.set(due.key, due);
        return content;
      }
    }
    // Others wait behind this nonce, so it must be used up by something.
    return isNeeded ? this.#filler(slot) : undefined;
  }

  /** Sends nothing to the account itself. */
  #filler({ nonce }: Slot): Content {
    return {
      to: this.#node.address,
      data: '0x',
      valueWei: 0n,
      gasLimit: TRANSFER_GAS,
      keys: [],
      what: `filling nonce ${nonce}`,
    };
  }

  async #replace(
    slot: Slot,
    content: Content,
    look: Look,
    secondsLeft: bigint | undefined,
  ): Promise<boolean> {
    const ceiling = ceilingWei(this.#maxFeeWei, secondsLeft);
    const previous = latestOf(slot)?.fees;
    const isHurried =
      slot.refusal === 'underpriced' || (secondsLeft !== undefined && secondsLeft <= URGENT_SECONDS);
    const fees = previous
      ? replacement(previous, look.market, ceiling, isHurried)
      : quote(look.market, ceiling);
    if (!fees) {
      this.#tellCeiling(content.what, look, ceiling);
      return false;
    }
    const attempt = await this.#sign(slot, content, fees, look);
    this.#journal.write(this.#slots);
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
    const sent = new Set(this.#slots.flatMap((slot) => [...keysIn(slot)]));
    const fresh = [...this.#stated.values()].filter(
      ({ key }) => !sent.has(key) && (this.#rests.get(key)?.untilBlock ?? 0) <= this.#block,
    );
    return parcels(fresh.toSorted(byUrgency), MOST_CALLS, ({ key }) => this.#alone.has(key));
  }

  async #fill(look: Look): Promise<number> {
    const open = this.#slots.filter(({ mined }) => !mined);
    // What was left in the pool may be the very thing that is due.
    if (open.some(({ isForeign }) => isForeign)) return 0;
    const free = this.#inFlight - open.length;
    const waiting = this.#unsent();
    const made: { slot: Slot; attempt: Attempt }[] = [];
    while (waiting.length > 0) {
      // They come by their deadline, so the first one is the most urgent.
      const room = free - made.length + (this.#isUrgent(waiting[0]![0], look) ? URGENT_EXTRA : 0);
      if (room <= 0) break;
      const batch = waiting.splice(0, room);
      const contents = await Promise.all(
        batch.map(async (parcel) => ({ parcel, contents: await this.#prepareAll(parcel) })),
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
          const slot = emptySlot(this.#nextNonce(), look.block);
          for (const due of parcel) slot.dues.set(due.key, due);
          made.push({ slot, attempt: await this.#sign(slot, content, fees, look) });
          this.#add(slot);
        }
      }
    }
    await this.#fillGaps(look, made);
    if (made.length === 0) return 0;
    this.#journal.write(this.#slots);
    await Promise.all(made.map(({ slot, attempt }) => this.#broadcast(slot, attempt)));
    this.#dropUnpaid(made.map(({ slot }) => slot));
    return made.length;
  }

  /** Uses up nonces that nobody knows of and others wait behind. */
  async #fillGaps(look: Look, made: { slot: Slot; attempt: Attempt }[]): Promise<void> {
    const last = this.#slots.at(-1)?.nonce ?? -1;
    for (let nonce = this.#nextNonce(); nonce < last; nonce = this.#nextNonce()) {
      const fees = quote(look.market, this.#maxFeeWei);
      if (!fees) return;
      const slot = emptySlot(nonce, look.block);
      made.push({ slot, attempt: await this.#sign(slot, this.#filler(slot), fees, look) });
      this.#add(slot);
    }
  }

  #isUrgent({ deadline }: Due, look: Look): boolean {
    const left = this.#secondsLeft(deadline, look);
    return left !== undefined && left <= URGENT_SECONDS;
  }

  /** Gives back the last nonces if the account could not pay for them, so that nothing waits behind a gap. */
  #dropUnpaid(made: readonly Slot[]): void {
    for (const slot of made.toReversed()) {
      if (slot.refusal !== 'funds' || this.#slots.at(-1) !== slot) return;
      this.#slots.pop();
      for (const key of slot.attempts.flatMap(({ keys }) => keys)) this.#rest(key);
    }
    this.#journal.write(this.#slots);
  }

  /** The calls of a parcel as one transaction; one by one if they do not go together. */
  async #prepareAll(parcel: Parcel): Promise<Content[]> {
    const whole = await this.#prepare(parcel);
    if (whole || parcel.length === 1) return whole ? [whole] : [];
    const parts = await Promise.all(parcel.map((due) => this.#prepare([due])));
    const good = parcel.filter((_, i) => parts[i] !== undefined);
    const [first, ...others] = good;
    if (!first) return [];
    const rest = await this.#prepare([first, ...others]);
    return rest ? [rest] : parts.filter((part) => part !== undefined);
  }

  /** @returns undefined if the chain would refuse it now, which is told for a single call */
  async #prepare(parcel: Parcel): Promise<Content | undefined> {
    const [first] = parcel;
    const single = parcel.length === 1;
    try {
      const calls = await Promise.all(parcel.map((due) => due.populate()));
      const data = calls.map((call) => call.data);
      const call = single
        ? { to: calls[0]!.to, data: data[0]!, value: calls[0]!.value ?? 0n }
        : { ...this.#join(data), value: 0n };
      if (!single && (call.data.length - 2) / 2 > MOST_BYTES) return undefined;
      const estimate = await this.#node.estimate(call);
      for (const { key } of parcel) this.#rests.delete(key);
      return {
        to: call.to,
        data: call.data,
        valueWei: call.value,
        gasLimit: estimate + (estimate * GAS_MARGIN_PERCENT) / 100n,
        keys: parcel.map(({ key }) => key),
        what: single ? first.what : `${first.what} and ${parcel.length - 1} more`,
      };
    } catch (failure) {
      if (single) this.#refuse(first, failure);
      return undefined;
    }
  }

  #refuse({ key, what }: Due, failure: unknown): void {
    if (failure instanceof NotNow) return;
    const error = contractError(failure)?.name;
    if (error && TOO_EARLY.includes(error)) return;
    this.#rest(key);
    this.#listen({ kind: 'failed', sentence: `${what}: ${explain(failure)}` });
  }

  /** Tries a due less and less often. */
  #rest(key: string): void {
    const tries = (this.#rests.get(key)?.tries ?? 0) + 1;
    const blocks = Math.min(LONGEST_REST_BLOCKS, 2 ** (tries - 1));
    if (this.#rests.size > 10_000) this.#rests.clear();
    this.#rests.set(key, { tries, untilBlock: this.#block + blocks });
  }

  async #sign(slot: Slot, content: Content, fees: Fees, look: Look): Promise<Attempt> {
    const signed = await this.#node.sign(slot.nonce, content, fees, look.isDynamic);
    const attempt: Attempt = { ...pick(content), ...signed, fees, sentAtBlock: look.block };
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

  #tell(about: 'foreign' | 'replaced' | 'ceiling', sentence: string): void {
    this.#listen({ kind: 'warned', about, sentence });
  }
}

const pick = ({ to, data, valueWei, gasLimit, keys, what }: Content): Content => ({
  to,
  data,
  valueWei,
  gasLimit,
  keys,
  what,
});

/** An amount of wei in gwei, with at most two decimals. */
const gwei = (wei: bigint): string => `${Number(wei / 10n ** 7n) / 100}`;
