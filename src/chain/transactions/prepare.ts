import { isUnanswered } from '../endpoints/failures.ts';
import { contractError, explain } from '../messages/explain.ts';
import type { Listener } from '../messages/report.ts';
import type { Due, Parcel } from './due.ts';
import { gasLimitOver } from './gasLimit.ts';
import { isStillNow, type Moment, momentAt } from './moment.ts';
import type { SendingNode } from './node.ts';
import type { TransactionContent } from './slot.ts';

/** Calldata of one transaction, bytes: public pools take 128 KiB. */
const MOST_BYTES = 96 * 1024;
/** Refusals that only mean: not yet. The node's idea of now is a little behind ours. */
const TOO_EARLY: readonly string[] = ['ClockRuns', 'WindowOpen', 'PatienceLasts', 'OpenedNow'];
/** Longest wait before a due that would revert is tried again, blocks. */
const LONGEST_REST_BLOCKS = 32;
/** Dues that are remembered as failed. */
const REMEMBERED = 10_000;

/** Not due any more, or not yet: nothing to tell. */
export class NotNow extends Error {
  override name = 'NotNow';
}

interface Rest {
  readonly untilBlock: number;
  readonly tries: number;
}

/** Builds the call that carries several calls of the game. */
export type Join = (calls: readonly string[]) => { readonly to: string; readonly data: string };

/** Makes transactions of dues that the chain would take now; what it would not take is tried less and less often. */
export class Preparer {
  readonly #node: SendingNode;
  readonly #join: Join;
  readonly #listen: Listener;
  readonly #alone = new Set<string>();
  readonly #rests = new Map<string, Rest>();
  readonly #early = new Map<string, Moment>();
  /** Number of the latest block. */
  block = 0;

  constructor(node: SendingNode, join: Join, listen: Listener) {
    this.#node = node;
    this.#join = join;
    this.#listen = listen;
  }

  isResting(key: string): boolean {
    if (isStillNow(this.#early.get(key), this.block)) return true;
    const blocks = (this.#rests.get(key)?.untilBlock ?? 0) - this.block;
    // A longer rest began in a block that has not come: a node was wrong about the newest one.
    return blocks > 0 && blocks <= LONGEST_REST_BLOCKS;
  }

  /** Whether a call has to travel alone, because it failed in company. */
  isAlone(key: string): boolean {
    return this.#alone.has(key);
  }

  /** Notes that a transaction was mined and reverted. */
  noteReverted(keys: readonly string[]): void {
    if (keys.length > 1) this.setApart(keys);
    else for (const key of keys) this.rest(key);
  }

  /** Sends each of these calls in a transaction of its own from now on. */
  setApart(keys: readonly string[]): void {
    if (this.#alone.size > REMEMBERED) this.#alone.clear();
    for (const key of keys) this.#alone.add(key);
  }

  /** The calls of a parcel as one transaction; one by one if they do not go together. */
  async prepareAll(parcel: Parcel): Promise<TransactionContent[]> {
    const whole = await this.prepare(parcel);
    if (whole || parcel.length === 1) return whole ? [whole] : [];
    const parts = await Promise.all(parcel.map((due) => this.prepare([due])));
    const good = parcel.filter((_, i) => parts[i] !== undefined);
    const [first, ...others] = good;
    if (!first) return [];
    const rest = await this.prepare([first, ...others]);
    return rest ? [rest] : parts.filter((part) => part !== undefined);
  }

  /** @returns undefined if the chain would refuse it now, which is told for a single call */
  async prepare(parcel: Parcel): Promise<TransactionContent | undefined> {
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
        gasLimit: gasLimitOver(estimate),
        keys: parcel.map(({ key }) => key),
        what: single ? first.what : `${first.what} and ${parcel.length - 1} more`,
        isPrivate: parcel.some((due) => due.isPrivate ?? false),
      };
    } catch (failure) {
      if (single) this.#refuse(first, failure);
      return undefined;
    }
  }

  #refuse({ key, what }: Due, failure: unknown): void {
    if (failure instanceof NotNow) return;
    const error = contractError(failure)?.name;
    const isTooEarly = error !== undefined && TOO_EARLY.includes(error);
    const isTold = isTooEarly || (isUnanswered(failure) && this.#early.get(key)?.block === this.block);
    if (isTooEarly || isUnanswered(failure)) this.#askSoon(key);
    else this.rest(key);
    if (!isTold) this.#listen({ kind: 'failed', sentence: `${what}: ${explain(failure)}` });
  }

  /** Tries a due again in a later pass or at the next block. */
  #askSoon(key: string): void {
    if (this.#early.size > REMEMBERED) this.#early.clear();
    this.#early.set(key, momentAt(this.block));
  }

  /** Tries a due less and less often. */
  rest(key: string): void {
    const tries = (this.#rests.get(key)?.tries ?? 0) + 1;
    const blocks = Math.min(LONGEST_REST_BLOCKS, 2 ** (tries - 1));
    if (this.#rests.size > REMEMBERED) this.#rests.clear();
    this.#rests.set(key, { tries, untilBlock: this.block + blocks });
  }
}
