import { isUnknownBlock, rpcErrorIn } from '../endpoints/failures.ts';
import { soon } from '../endpoints/opinions.ts';
import type { Counts, Facts, StateReader } from './facts.ts';
import type { Rpc } from './reader.ts';
import type { Header } from './tables.ts';
import { UnusableAnswer } from './untrue.ts';

/** Looks in a row at blocks that the other nodes do not have, after which a look is at another node. */
const MOST_ALONE = 8;

const KINDS = ['requests', 'disputes'] as const;

/** What a node says of a block: requests whose records are not so there. */
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

/** What more than half say, if they do. */
function mostSaid(values: readonly bigint[]): bigint | undefined {
  return values.find((one) => 2 * values.filter((other) => other === one).length > values.length);
}

/** The other nodes, of which one is asked at each look whether it has the same state at the same block. */
export class Witnesses {
  readonly #state: StateReader;
  #turn = 0;
  #looksAlone = 0;
  #beyond: { readonly node: Rpc; readonly counts: Counts } | undefined;

  constructor(state: StateReader) {
    this.#state = state;
  }

  /** A node that counts more than the one of the look, where no majority decides. */
  get beyond(): { readonly node: Rpc; readonly counts: Counts } | undefined {
    return this.#beyond;
  }

  /** The node whose turn it is. */
  among(others: readonly Rpc[]): Rpc | undefined {
    return others[this.#turn % Math.max(1, others.length)];
  }

  /** Gives the turn to the next node. */
  next(): void {
    this.#turn++;
  }

  /**
   * The counts of the node of a look, which another one is asked for as well, and all of them if that says something else.
   *
   * @throws UnusableAnswer if most nodes contradict it
   */
  async counts(rpc: Rpc, at: Header, others: readonly Rpc[]): Promise<Counts> {
    const witness = this.among(others);
    const [counts, its] = await Promise.all([
      this.#state.counts(rpc, at),
      witness && this.#countsAt(witness, at),
    ]);
    this.#beyond = undefined;
    if (its === undefined) return counts;
    this.#looksAlone = its === 'unknown' ? this.#looksAlone + 1 : 0;
    if (its === 'unknown') {
      // A node that is always ahead would never be compared with any.
      if (this.#looksAlone % MOST_ALONE === 0) rpc.distrust?.();
      return counts;
    }
    if (KINDS.some((kind) => its[kind] !== counts[kind])) await this.#compare(at, counts, others);
    return counts;
  }

  async #compare(at: Header, counts: Counts, others: readonly Rpc[]): Promise<void> {
    const asked = await Promise.all(
      others.map(async (node) => ({ node, counts: await this.#countsAt(node, at) })),
    );
    const heard = asked.flatMap(({ node, counts: its }) =>
      its === undefined || its === 'unknown' ? [] : [{ node, counts: its }],
    );
    for (const kind of KINDS) {
      const most = mostSaid([counts, ...heard.map((one) => one.counts)].map((one) => one[kind]));
      if (most !== undefined && most !== counts[kind])
        throw new UnusableAnswer(
          `the node says that there are ${counts[kind]} ${kind} at block ${at.number}, and most others say ${most}`,
        );
      for (const { node, counts: its } of heard) {
        if (most !== undefined && its[kind] !== most) node.distrust?.();
        if (most === undefined && its[kind] > counts[kind]) this.#beyond = { node, counts: its };
      }
    }
  }

  async #countsAt(node: Rpc, at: Header): Promise<Counts | 'unknown' | undefined> {
    try {
      return await soon(this.#state.counts(node, at));
    } catch (failure) {
      const refusal = rpcErrorIn(failure);
      return refusal && isUnknownBlock(refusal) ? 'unknown' : undefined;
    }
  }

  /** What other nodes say of some requests; those that do not answer soon have no say. */
  async opinions(
    nodes: readonly Rpc[],
    denialsOf: (node: Rpc) => Promise<ReadonlyMap<bigint, Facts>>,
  ): Promise<Opinion[]> {
    const settled = await Promise.allSettled(
      nodes.map(async (node) => ({ node, denials: await soon(denialsOf(node)) })),
    );
    return settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  }
}
