import { larger, smaller } from '../bigints.ts';
import type { Audience } from '../endpoints/endpoints.ts';
import type { Listener } from '../messages/report.ts';
import { Broadcaster } from './broadcaster.ts';
import { contentFor, type Need } from './contents.ts';
import { byKey, byUrgency, type Due, type Parcel, parcels } from './due.ts';
import { ceilingWei, isUrgent, quote, replacement } from './fees.ts';
import { fillGaps } from './gaps.ts';
import { type Journal, noJournal } from './journal.ts';
import { Judge } from './judge.ts';
import { Ledger } from './ledger.ts';
import { isStillNow, momentAt } from './moment.ts';
import type { Look, SendingNode } from './node.ts';
import { type Join, Preparer } from './prepare.ts';
import { Prices, replacedSentence, weiIn } from './prices.ts';
import {
  type Attempt,
  BUMP_BLOCKS,
  emptySlot,
  isRefused,
  isSame,
  keysIn,
  latestOf,
  type Slot,
  type TransactionContent,
} from './slot.ts';
import { type Urgency, urgencies } from './urgency.ts';

export interface SenderOptions {
  /** Transactions that may wait in the pool at once. */
  readonly inFlight?: number;
  /**
   * The most that is ever paid for a unit of gas, wei. Left out, it is {@link DEFAULT_MAX_FEE_WEI}, and more near a deadline:
   * up to what is at stake, from ether that nothing else needs.
   */
  readonly maxFeeWei?: bigint;
  /** Blocks for which a mined transaction is followed, and sent again if a reorganisation takes it. */
  readonly confirmations?: number;
  readonly journal?: Journal;
  /** Milliseconds, from any beginning. */
  readonly now?: () => number;
}

export const DEFAULT_IN_FLIGHT = 16;
/** Two epochs: deeper reorganisations do not happen on Ethereum by themselves. */
export const DEFAULT_CONFIRMATIONS = 64;

/** Transactions over the limit in flight that are kept for what is nearly too late. */
const URGENT_EXTRA = 8;
/** Blocks for which a transaction that somebody else left in the pool is waited for. */
const FOREIGN_BLOCKS = 3;
/** Calls in one multicall. Together they stay far below what a block or a transaction of 16.7 M gas takes. */
const MOST_CALLS = 32;

export interface SenderStatus {
  /** Base fee at the last look. */
  readonly baseFeeWei: bigint;
  readonly inFlight: number;
  /** Blocks for which the oldest transaction has been waiting; 0 if none is. */
  readonly oldestBlocks: number;
  /** Nonces in the pool that are not this process's. */
  readonly foreign: number;
}

/** A transaction that was signed and is to be sent. */
interface Made {
  readonly slot: Slot;
  readonly attempt: Attempt;
  readonly audience: Audience;
}

/**
 * The one owner of an account's nonces. It is told each pass what is due, and never waits: it sends what is not on its way,
 * replaces what is not mined, sends again what was forgotten or reorganised away, and tells what was mined.
 *
 * INVARIANT: a key is in at most one nonce that is not decided, so it is mined at most once.
 */
export class Transactions {
  readonly #node: SendingNode;
  readonly #judge: Judge;
  readonly #ledger: Ledger;
  readonly #preparer: Preparer;
  readonly #broadcaster: Broadcaster;
  readonly #listen: Listener;
  readonly #inFlight: number;
  readonly #prices: Prices;
  #stated: ReadonlyMap<string, Due> = new Map();
  /** What the last step saw. */
  #look: Look | undefined;

  constructor(node: SendingNode, join: Join, listen: Listener, options: SenderOptions = {}) {
    const { confirmations = DEFAULT_CONFIRMATIONS, journal = noJournal } = options;
    const { inFlight = DEFAULT_IN_FLIGHT, now = () => performance.now() } = options;
    this.#node = node;
    this.#listen = listen;
    this.#inFlight = inFlight;
    this.#judge = new Judge(node, { inFlight, listen, now });
    this.#prices = new Prices(node, options.maxFeeWei, (sentence) => this.#tell('ceiling', sentence));
    this.#preparer = new Preparer(node, join, listen);
    this.#broadcaster = new Broadcaster(node, listen);
    const onReverted = ({ keys }: Attempt): void => this.#preparer.noteReverted(keys);
    this.#ledger = new Ledger(node, { inFlight, confirmations, journal, listen, onReverted });
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
    return { baseFeeWei: this.#prices.baseFeeWei, ...this.#ledger.waiting(this.#look?.block ?? 0) };
  }

  /**
   * Does all that can be done now for what is due.
   *
   * @param dues all that is due, in any order; what is missing from it since the last time is not due any more
   * @param seenBlock number of the block that they were derived from
   * @param reservedWei ether that stays for the gas of what is open, at the usual ceiling
   * @returns transactions sent for the first time
   */
  async step(dues: readonly Due[], seenBlock: number, reservedWei = 0n): Promise<number> {
    const look = await this.#judge.look(this.#ledger.slots);
    this.#look = look;
    this.#prices.begin({
      look,
      reservedWei,
      inFlightWei: () => weiIn(this.#ledger.open, this.#prices.maxFeeWei),
    });
    this.#preparer.block = look.block;
    this.#stated = byKey(dues);
    await this.#ledger.update(look, this.#stated, seenBlock);
    await this.#maintain(look);
    return this.#fill(look);
  }

  /**
   * Sends what has become due since the last step, as far as the node was seen then.
   *
   * @param dues all that is due, with what was due then
   * @returns transactions sent for the first time
   */
  async sendMore(dues: readonly Due[]): Promise<number> {
    if (!this.#look) return 0;
    this.#stated = byKey(dues);
    return this.#fill(this.#look);
  }

  /** Sends again, replaces, and gives nonces whose due is gone to others. */
  async #maintain(look: Look): Promise<void> {
    const open = this.#ledger.open.filter(({ nonce }) => nonce >= look.used);
    const urgent = urgencies(open, this.#stated, this.#prices);
    for (const slot of open) {
      const urgency = urgent.get(slot)!;
      const { secondsLeft } = urgency;
      const isStale = !keysIn(slot).some((key) => this.#stated.has(key));
      const latest = latestOf(slot);
      const age = look.block - (latest?.sentAtBlock ?? slot.openedAtBlock);
      const need = { isStale, isRefused: isRefused(slot, age), isNeeded: slot !== open.at(-1) };
      const isUnfit = slot.refusal === 'underpriced' || need.isRefused;
      if (slot.isForeign) {
        // It may be the very thing that is due, so it is decided before anything else is sent. A nonce is used once, so what
        // is most urgent can take it without being done twice.
        const isOld = latest ? age >= BUMP_BLOCKS : isUrgent(secondsLeft) || age >= FOREIGN_BLOCKS;
        const isWanted = this.#stated.size > 0;
        if (isWanted && (isOld || isUnfit)) {
          // Nothing has to be filled for what a pool may not have at all, unless something waits behind it.
          const isNeeded =
            this.#unsent().length > 0 || open.some((one) => !one.isForeign && one.nonce > slot.nonce);
          await this.#renew(slot, { ...need, isNeeded }, look, urgency);
        } else if (!isStale && latest) await this.#broadcaster.remind(slot, latest, look, secondsLeft);
        continue;
      }
      const isHidden =
        latest !== undefined && this.#broadcaster.audience(slot, latest, look, secondsLeft) === 'private';
      const isLost =
        isStale && latest !== undefined && !isHidden && (await this.#broadcaster.isLost(slot, latest, look));
      if (isLost && this.#ledger.drop(slot)) continue;
      // The account cannot pay for the higher price, so an earlier attempt that a node still has stays.
      if (slot.refusal === 'funds' && !isStale && (await this.#broadcaster.holdsEarlier(slot, look)))
        continue;
      const isOutpriced = latest !== undefined && latest.fees.maxFeePerGas < look.market.baseFeeWei;
      const isOld = age >= BUMP_BLOCKS && (isStale || slot.refusal !== 'unanswered' || isOutpriced);
      if ((isOld || isLost || isUnfit) && (await this.#renew(slot, need, look, urgency))) continue;
      if (!isStale && latest) await this.#broadcaster.remind(slot, latest, look, secondsLeft);
    }
  }

  /** Sends the next attempt of a nonce. @returns whether it did */
  async #renew(slot: Slot, need: Need, look: Look, urgency: Urgency): Promise<boolean> {
    if (need.isRefused && isStillNow(slot.searched, look.block)) return false;
    const { isRemade } = slot;
    const content = await contentFor(slot, need, {
      stated: this.#stated,
      unsent: () => this.#unsent(),
      preparer: this.#preparer,
      address: this.#node.address,
    });
    if (content && (await this.#replace(slot, content, look, urgency))) return true;
    // The new content was not sent, so it does not count as tried.
    slot.isRemade = isRemade;
    slot.searched = momentAt(look.block);
    return false;
  }

  async #replace(
    slot: Slot,
    content: TransactionContent,
    look: Look,
    { secondsLeft, worth }: Urgency,
  ): Promise<boolean> {
    const usual = ceilingWei(this.#prices.maxFeeWei, secondsLeft);
    const ceiling = await this.#prices.raiseCeiling(usual, worth, content);
    const last = latestOf(slot);
    const { refusal, taken } = slot;
    // A transaction that the account cannot pay for, or that a node refuses for its content, is not offered at a higher price.
    // A refusal in unknown words may still be about the price, so near a deadline the price rises slowly.
    const latest = refusal === 'funds' ? taken : last?.fees;
    const isFirst = !latest || (refusal === 'other' && !taken && !isUrgent(secondsLeft));
    const isHurried = refusal === 'underpriced' || (isUrgent(secondsLeft) && !refusal);
    const fees = isFirst
      ? quote(look.market, ceiling)
      : replacement({ latest, taken }, look.market, ceiling, isHurried);
    if (!fees) {
      this.#prices.tellCeiling(content.what, ceiling);
      return false;
    }
    if (last && isSame(last, { ...content, fees })) return false;
    const attempt = await this.#broadcaster.sign(slot, content, fees, look);
    this.#ledger.save();
    await this.#broadcaster.broadcast(
      slot,
      attempt,
      this.#broadcaster.audience(slot, attempt, look, secondsLeft),
    );
    const isTaken = last === undefined || taken !== undefined;
    this.#tell('replaced', replacedSentence(content.what, slot.nonce, fees, isTaken));
    return true;
  }

  /** Dues that are in no nonce and whose gas can be paid for now, by urgency, in parcels. */
  #unsent(): Parcel[] {
    const sent = new Set(this.#ledger.slots.flatMap((slot) => [...keysIn(slot)]));
    const fresh = [...this.#stated.values()].filter(
      (due) => !sent.has(due.key) && !this.#preparer.isResting(due.key) && this.#prices.isAffordable(due),
    );
    return parcels(fresh.toSorted(byUrgency), MOST_CALLS, ({ key }) => this.#preparer.isAlone(key));
  }

  async #fill(look: Look): Promise<number> {
    const open = this.#ledger.open;
    // A transaction that an earlier process left in the pool may already do what is due.
    if (open.some(({ isForeign, nonce }) => isForeign && nonce >= look.used)) return 0;
    if (this.#judge.mayBeUsed) return 0;
    const free = this.#inFlight - open.length;
    const waiting = this.#unsent();
    const made: Made[] = [];
    while (waiting.length > 0) {
      // They come by their deadline, so the first one is the most urgent.
      const room = free - made.length + (this.#prices.isUrgent(waiting[0]![0]) ? URGENT_EXTRA : 0);
      if (room <= 0) break;
      const batch = waiting.splice(0, room);
      const contents = await Promise.all(
        batch.map(async (parcel) => ({ parcel, contents: await this.#preparer.prepareAll(parcel) })),
      );
      for (const { parcel, contents: ready } of contents) {
        for (const content of ready) {
          if (made.length >= free + (this.#prices.isUrgent(parcel[0]) ? URGENT_EXTRA : 0)) break;
          const secondsLeft = this.#prices.secondsLeft(parcel[0].deadline);
          const usual = parcel.reduce((most, due) => larger(most, this.#prices.usual(due)), 0n);
          const worth = parcel.map((due) => this.#prices.worth(due)).reduce(smaller);
          const ceiling = await this.#prices.raiseCeiling(usual, worth, content);
          const fees = quote(look.market, ceiling);
          if (!fees) {
            this.#prices.tellCeiling(content.what, ceiling);
            continue;
          }
          const slot = emptySlot(this.#ledger.nextNonce(), look.block);
          for (const due of parcel) slot.dues.set(due.key, due);
          const attempt = await this.#broadcaster.sign(slot, content, fees, look);
          made.push({
            slot,
            attempt,
            audience: this.#broadcaster.audience(slot, attempt, look, secondsLeft),
          });
          this.#ledger.add(slot);
        }
      }
    }
    await this.#fillGaps(look, made);
    if (made.length === 0) return 0;
    this.#ledger.save();
    await Promise.all(
      made.map(({ slot, attempt, audience }) => this.#broadcaster.broadcast(slot, attempt, audience)),
    );
    this.#dropUnpaid(made.map(({ slot }) => slot));
    return made.length;
  }

  async #fillGaps(look: Look, made: Made[]): Promise<void> {
    await fillGaps({
      ledger: this.#ledger,
      stated: this.#stated,
      address: this.#node.address,
      most: this.#inFlight,
      priceWei: look.market.baseFeeWei + look.market.tipWei,
      tell: (sentence) => this.#tell('foreign', sentence),
      send: async (nonce, content) => {
        const worth = [...this.#stated.values()].map((due) => this.#prices.worth(due)).reduce(larger, 0n);
        const ceiling = await this.#prices.raiseCeiling(this.#prices.maxFeeWei, worth, content);
        const fees = quote(look.market, ceiling);
        if (!fees) return false;
        const slot = emptySlot(nonce, look.block);
        const attempt = await this.#broadcaster.sign(slot, content, fees, look);
        made.push({ slot, attempt, audience: 'all' });
        this.#ledger.add(slot);
        return true;
      },
    });
  }

  /** Gives back the last nonces if the account could not pay for them, so that nothing waits behind a gap. */
  #dropUnpaid(made: readonly Slot[]): void {
    for (const slot of made.toReversed()) {
      if (slot.refusal !== 'funds' || !this.#ledger.drop(slot)) break;
      for (const key of slot.attempts.flatMap(({ keys }) => keys)) this.#preparer.rest(key);
    }
    this.#ledger.save();
  }

  #tell(about: 'replaced' | 'ceiling' | 'foreign', sentence: string): void {
    this.#listen({ kind: 'warned', about, sentence });
  }
}
