import type { Audience } from '../endpoints/endpoints.ts';
import { PRIVATE_BLOCKS, WITHOUT_RELAY } from '../endpoints/relay.ts';
import { explain } from '../messages/explain.ts';
import type { Listener } from '../messages/report.ts';
import { type Fees, isUrgent } from './fees.ts';
import type { Look, SendingNode } from './node.ts';
import { refusalIn } from './refusal.ts';
import { type Attempt, plain, type Slot, type TransactionContent } from './slot.ts';

/** Signs attempts, hands them to the nodes that may see them, and notes in their slot how the nodes took them. */
export class Broadcaster {
  readonly #node: SendingNode;
  readonly #listen: Listener;

  constructor(node: SendingNode, listen: Listener) {
    this.#node = node;
    this.#listen = listen;
  }

  /** Signs content for the nonce of a slot, as its latest attempt. */
  async sign(slot: Slot, content: TransactionContent, fees: Fees, look: Look): Promise<Attempt> {
    const signed = await this.#node.sign(slot.nonce, content, fees, look.isDynamic);
    const attempt: Attempt = { ...plain(content), ...signed, fees, sentAtBlock: look.block };
    slot.attempts.push(attempt);
    slot.refusals = 0;
    slot.refusal = undefined;
    slot.lookedAtBlock = look.block;
    return attempt;
  }

  /** Who gets an attempt: the relay alone, until it had its time or the deadline is near. */
  audience(
    slot: Slot,
    { isPrivate }: TransactionContent,
    { block }: Look,
    secondsLeft: bigint | undefined,
  ): Audience {
    const hasTime = block < slot.openedAtBlock + PRIVATE_BLOCKS && !isUrgent(secondsLeft);
    return isPrivate && this.#node.hasRelay && hasTime ? 'private' : 'all';
  }

  /** Hands an attempt to nodes. A refusal is noted and reported, not thrown. */
  async broadcast(slot: Slot, attempt: Attempt, audience: Audience): Promise<void> {
    try {
      await this.#node.broadcast(attempt.raw, audience);
      this.#taken(slot, attempt);
    } catch (failure) {
      const refusal = refusalIn(failure);
      if (refusal === 'known') this.#taken(slot, attempt);
      // If the nonce is decided, the next look tells.
      if (refusal === 'known' || refusal === 'nonceUsed') return;
      if (audience === 'private') {
        // All nodes get it soon, so that a relay that is away holds nothing up for long.
        const why = `the private relay: ${explain(failure)}`;
        // That nobody answers is the same for all of them, so it is said once.
        const sentence = refusal === 'unanswered' ? `${why}; ${WITHOUT_RELAY}` : `${attempt.what}: ${why}`;
        this.#listen({ kind: 'warned', about: 'relay', sentence });
        return;
      }
      slot.refusal = refusal;
      slot.refusals++;
      this.#listen({ kind: 'failed', sentence: `${attempt.what}: ${explain(failure)}` });
    }
  }

  #taken(slot: Slot, { fees }: Attempt): void {
    slot.refusal = undefined;
    slot.refusals = 0;
    slot.isRemade = false;
    slot.taken = fees;
  }

  /** Sends an attempt again if the node has forgotten it. */
  async remind(slot: Slot, attempt: Attempt, look: Look, secondsLeft: bigint | undefined): Promise<void> {
    if (slot.lookedAtBlock >= look.block && slot.refusal === undefined) return;
    slot.lookedAtBlock = look.block;
    if (await this.#node.knows(attempt.hash)) this.#taken(slot, attempt);
    else await this.broadcast(slot, attempt, this.audience(slot, attempt, look, secondsLeft));
  }

  /** Whether a node still has an earlier attempt that pays at least the base fee. */
  async holdsEarlier({ attempts }: Slot, { market }: Look): Promise<boolean> {
    const paying = attempts.slice(0, -1).filter(({ fees }) => fees.maxFeePerGas >= market.baseFeeWei);
    for (const { hash } of paying.toReversed()) if (await this.#node.knows(hash)) return true;
    return false;
  }

  /** Whether no pool has a transaction that nobody wants any more, so that its nonce is free. Asked once a block. */
  async isLost(slot: Slot, attempt: Attempt, { block }: Look): Promise<boolean> {
    if (slot.lookedAtBlock === block) return false;
    slot.lookedAtBlock = block;
    return !(await this.#node.knows(attempt.hash));
  }
}
