import { toQuantity } from 'ethers';
import { countIn } from '../endpoints/answers.ts';
import { isMissingState, isUnknownBlock, rpcErrorIn } from '../endpoints/failures.ts';
import { FAR_BLOCKS } from '../endpoints/heads.ts';
import { soon, TooLate } from '../endpoints/opinions.ts';
import type { Counts, Facts, StateReader } from './facts.ts';
import type { Rpc } from './reader.ts';
import type { Header } from './tables.ts';
import { UnusableAnswer } from './untrue.ts';

/** Heads of a node that none of the others has, one after another, after which a look is at another node. */
const MOST_ALONE = 3;
/** Looks for which a node is left alone that took too long. */
const LATE_LOOKS = 8;

const KINDS = ['requests', 'disputes'] as const;

/** The requests whose records differ from a node's state at some block. */
export interface Opinion {
  readonly node: Rpc;
  readonly denials: ReadonlyMap<bigint, Facts>;
}

/** Of the nodes that confirm a record and those that deny it, the fewer; undefined if they are as many. */
export function minorityOn(id: bigint, opinions: readonly Opinion[]): readonly Rpc[] | undefined {
  const denying = opinions.filter(({ denials }) => denials.has(id));
  const confirming = opinions.filter(({ denials }) => !denials.has(id));
  if (denying.length === confirming.length) return undefined;
  return (denying.length < confirming.length ? denying : confirming).map(({ node }) => node);
}

/** The value that more than half of the nodes give, if there is one. */
function mostSaid(values: readonly bigint[]): bigint | undefined {
  return values.find((one) => 2 * values.filter((other) => other === one).length > values.length);
}

/** A head of a node at some look, and what it counted there. */
interface Seen {
  readonly at: Header;
  readonly counts: Counts;
}

/** A node that counts more than the one of the look, as of a block. */
interface Beyond extends Seen {
  readonly node: Rpc;
}

type Heard = Counts | 'unknown' | undefined;

const isHeard = (one: Heard): one is Counts => typeof one === 'object';

/** The other nodes, of which one is asked at each look whether it has the same state at the same block. */
export class Witnesses {
  readonly #state: StateReader;
  #turn = 0;
  /** Heads of each node, without those that are so old that no node is still before them. */
  readonly #seen = new WeakMap<Rpc, readonly Seen[]>();
  /** Nodes that took too long, and for how many looks they are left alone. */
  readonly #late = new Map<Rpc, number>();
  #witness: { readonly node: Rpc; readonly at: Header } | undefined;
  #beyond: Beyond | undefined;

  constructor(state: StateReader) {
    this.#state = state;
  }

  /** A node that counts more than the one of the look, where no majority decides. */
  get beyond(): Beyond | undefined {
    return this.#beyond;
  }

  /**
   * The node that has answered for this look, and the block at which the others are compared: the head, or an earlier one if
   * they do not have that yet.
   */
  get witness(): { readonly node: Rpc; readonly at: Header } | undefined {
    return this.#witness;
  }

  /** Whether it is the turn of the node of the look itself, as what an earlier one said may be wrong. */
  isOwnTurn(others: readonly Rpc[]): boolean {
    return this.#turn % (others.length + 1) === 0;
  }

  /** Begins the second part of a look, in which records are compared. */
  startCheck(): void {
    for (const [node, looks] of this.#late) {
      if (looks > 1) this.#late.set(node, looks - 1);
      else this.#late.delete(node);
    }
  }

  /** Gives the turn to the next node. */
  next(): void {
    this.#turn++;
  }

  /**
   * The counts of the node of a look, which another one is asked for as well, and all of them if that says something else.
   *
   * @throws UnusableAnswer if most nodes contradict it, or none of them has the last blocks that it named
   */
  async counts(rpc: Rpc, at: Header, others: readonly Rpc[]): Promise<Counts> {
    [this.#beyond, this.#witness] = [undefined, undefined];
    const prompt = others.filter((node) => !this.#late.has(node));
    const first = prompt[this.#turn % Math.max(1, prompt.length)];
    const [counts, its] = await Promise.all([
      this.#state.counts(rpc, at),
      first && this.#countsAt(first, at),
    ]);
    if (!first) return counts;
    const head = { at, counts };
    this.#note(rpc, head);
    const rest = isHeard(its) ? [] : prompt.filter((node) => node !== first);
    const heard = [
      { node: first, its },
      ...(await Promise.all(rest.map(async (node) => ({ node, its: await this.#countsAt(node, at) })))),
    ];
    const answers = heard.map((one) => ({ ...one, of: head }));
    if (await this.#compareOne(answers, prompt)) return counts;
    // RULE: that a node does not have a block says nothing against it or against who names it; it may be a moment behind.
    const behind = heard.flatMap(({ node, its: said }) => (said === 'unknown' ? [node] : []));
    await this.#lookBack(rpc, behind, prompt);
    return counts;
  }

  /** Compares what the first node says that answers. @returns whether one does */
  async #compareOne(
    answers: readonly { readonly node: Rpc; readonly its: Heard; readonly of: Seen }[],
    others: readonly Rpc[],
  ): Promise<boolean> {
    for (const { node, its, of } of answers) {
      if (!isHeard(its)) continue;
      this.#witness = { node, at: of.at };
      if (KINDS.some((kind) => its[kind] !== of.counts[kind])) await this.#compare(of.at, of.counts, others);
      return true;
    }
    return false;
  }

  #note(rpc: Rpc, head: Seen): void {
    const before = (this.#seen.get(rpc) ?? []).filter(({ at }) => at.hash !== head.at.hash);
    this.#seen.set(rpc, [...before.slice(1 - FAR_BLOCKS), head]);
  }

  /** Compares the newest head of earlier looks that nodes have reached which do not have that of this look. */
  async #lookBack(rpc: Rpc, behind: readonly Rpc[], others: readonly Rpc[]): Promise<void> {
    const answers = await Promise.all(
      behind.map(async (node) => {
        const newest = (await this.#blockAt(node, 'latest'))?.number ?? -1;
        const reached = (this.#seen.get(rpc) ?? []).filter(({ at }) => at.number <= newest);
        const of = reached.at(-1);
        return of ? [{ node, of, reached, its: await this.#countsAt(node, of.at) }] : [];
      }),
    );
    const newestFirst = answers.flat().toSorted((a, b) => b.of.at.number - a.of.at.number);
    for (const { its, reached } of newestFirst) {
      if (its !== 'unknown' || reached.length < MOST_ALONE) continue;
      const last = reached.slice(-MOST_ALONE);
      const alone = await Promise.all(last.map(({ at }) => this.#isAlone(at, others)));
      if (alone.every(Boolean))
        throw new UnusableAnswer(
          `the other nodes have other blocks than the node names, such as ${last.map(({ at }) => at.number).join(', ')}`,
        );
    }
    await this.#compareOne(newestFirst, others);
  }

  /** Whether nodes that have a block of this number have another one, all of them. */
  async #isAlone({ number, hash }: Header, nodes: readonly Rpc[]): Promise<boolean> {
    const blocks = await Promise.all(nodes.map((node) => this.#blockAt(node, toQuantity(number))));
    const hashes = blocks.flatMap((one) => one?.hash ?? []);
    return hashes.length > 0 && !hashes.includes(hash);
  }

  async #blockAt(node: Rpc, block: string): Promise<{ number: number; hash: string } | undefined> {
    const answer = await this.#promptly(node, node.send('eth_getBlockByNumber', [block, false])).catch(
      () => undefined,
    );
    const { number: text, hash } = (answer ?? {}) as Record<string, unknown>;
    const number = countIn(text);
    return number === undefined || typeof hash !== 'string' ? undefined : { number, hash };
  }

  async #compare(at: Header, counts: Counts, others: readonly Rpc[]): Promise<void> {
    const asked = await Promise.all(
      others.map(async (node) => ({ node, counts: await this.#countsAt(node, at) })),
    );
    const heard = asked.flatMap(({ node, counts: its }) => (isHeard(its) ? [{ node, counts: its }] : []));
    for (const kind of KINDS) {
      const most = mostSaid([counts, ...heard.map((one) => one.counts)].map((one) => one[kind]));
      if (most !== undefined && most !== counts[kind])
        throw new UnusableAnswer(
          `the node says that there are ${counts[kind]} ${kind} at block ${at.number}, and most others say ${most}`,
        );
      for (const { node, counts: its } of heard) {
        if (most !== undefined && its[kind] !== most) node.distrust?.();
        if (most === undefined && its[kind] > counts[kind]) this.#beyond = { node, at, counts: its };
      }
    }
  }

  async #countsAt(node: Rpc, at: Header): Promise<Heard> {
    try {
      return await this.#promptly(node, this.#state.counts(node, at));
    } catch (failure) {
      const refusal = rpcErrorIn(failure);
      return refusal && isUnknownBlock(refusal) && !isMissingState(refusal) ? 'unknown' : undefined;
    }
  }

  /** Waits for a node, and notes if it takes too long. */
  async #promptly<T>(node: Rpc, work: Promise<T>): Promise<T> {
    try {
      return await soon(work);
    } catch (failure) {
      if (failure instanceof TooLate) this.#late.set(node, LATE_LOOKS);
      throw failure;
    }
  }

  /** Compares records with the state of other nodes. One that is late, or was late in this look, is left out. */
  async opinions(
    nodes: readonly Rpc[],
    denialsOf: (node: Rpc) => Promise<ReadonlyMap<bigint, Facts>>,
  ): Promise<Opinion[]> {
    const prompt = nodes.filter((node) => (this.#late.get(node) ?? 0) < LATE_LOOKS - 1);
    const settled = await Promise.allSettled(
      prompt.map(async (node) => ({ node, denials: await this.#promptly(node, denialsOf(node)) })),
    );
    return settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  }
}
