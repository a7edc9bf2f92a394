import type { Address } from '../contracts/types.ts';
import type { Case } from '../contracts/world.ts';
import { CaseReader } from './caseReader.ts';
import { type Denial, denialsIn, ids, isNone } from './denials.ts';
import { agrees, type Counts, type Facts, StateReader } from './facts.ts';
import { EventsMissing, type Gap, idsIn, isOwed, keyOf } from './gaps.ts';
import type { Reader, Rpc } from './reader.ts';
import type { IndexStore } from './store.ts';
import type { Header } from './tables.ts';
import type { Unreadable } from './unreadable.ts';
import { blame, UnusableAnswer } from './untrue.ts';
import { minorityOn, type Opinion, Witnesses } from './witnesses.ts';

/** Cases that are compared in one look besides those that have changed; all have their turn. */
const CHECKS_PER_LOOK = 50;
/** Gaps, or requests of which nodes contradict each other, that are read again before it is seen whether that closes any. */
const GAPS_AT_ONCE = 8;
/** Times that a node is asked for what it owes before the index goes on without: a few looks. */
const MOST_TRIES = 20;
/** Looks between two times that something is asked for which may not be there, at most. */
const LONGEST_WAIT = 64;

/** The records that a checker compares and mends. */
export interface Records {
  readonly store: IndexStore;
  /** Requests whose records have changed since they were last compared. */
  readonly changed: ReadonlySet<bigint>;
  /** The records, and whether their events are without gaps as far as those tell. */
  find(requestId: bigint): { readonly case: Case; readonly isWhole: boolean } | undefined;
  /** Makes the records of requests anew from their events. */
  derive(requestIds: Iterable<bigint>): void;
}

/** Compares records with what the contracts say at the same block, and reads again what is not so. */
export class Checker {
  readonly #cases: CaseReader;
  readonly #state: StateReader;
  readonly #unreadable: Unreadable;
  readonly #witnesses: Witnesses;
  #doubtful = new Set<bigint>();
  #contested = new Set<bigint>();
  /** Requests that were read again in vain: how often, and how many looks they are left alone. */
  readonly #vain = new Map<bigint, { readonly tries: number; readonly waits: number }>();
  /** Gaps by their first ids: how often each was read, and how many looks it is left alone. */
  readonly #gaps = new Map<string, { readonly tries: number; readonly waits: number }>();
  #unseen: readonly Gap[] = [];
  /** Requests that are still to have their turn. */
  #turn: bigint[] = [];

  constructor(reader: Reader, oracle: Address, game: Address, unreadable: Unreadable) {
    this.#cases = new CaseReader(reader, unreadable);
    this.#unreadable = unreadable;
    this.#state = new StateReader(oracle, game);
    this.#witnesses = new Witnesses(this.#state);
  }

  /** Requests whose records are not what the contracts say. */
  get doubtful(): ReadonlySet<bigint> {
    return this.#doubtful;
  }

  /** Requests of which as many nodes say one thing as another. */
  get contested(): ReadonlySet<bigint> {
    return this.#contested;
  }

  /** Requests and disputes whose events the node owes and does not give, after it was asked often enough. */
  get unseen(): readonly Gap[] {
    return this.#unseen;
  }

  /**
   * Counts requests and disputes as of a block.
   *
   * @throws UnusableAnswer if most of the other nodes contradict this one
   */
  counts(rpc: Rpc, at: Header, others: readonly Rpc[]): Promise<Counts> {
    return this.#witnesses.counts(rpc, at, others);
  }

  /**
   * @param others nodes that are compared with this one
   * @param at the block up to which everything was read
   * @param counts as of that block
   * @throws EventsMissing if the node leaves out a request or a dispute
   * @throws UnusableAnswer if most of the other nodes contradict this one
   */
  async check(rpc: Rpc, others: readonly Rpc[], at: Header, counts: Counts, records: Records): Promise<void> {
    this.#witnesses.startCheck();
    await this.#readBeyond(counts, records);
    await this.#closeGaps(rpc, at, counts, records);
    const touched = new Set<bigint>();
    const mended: Records = {
      ...records,
      derive: (some) => {
        for (const id of some) touched.add(id);
        records.derive(some);
      },
    };
    let wrong = await this.#wrong(rpc, others, at, mended);
    // First missing events are added; if the records still differ, all events of the request are replaced.
    for (const mend of ['add', 'replace'] as const) {
      const due = wrong.filter(({ id }) => this.#isDue(id));
      for (const { id, facts } of due) await this.#readAgain(rpc, at, mended, id, facts, mend);
      // Replacing drops a request's events first, so a dispute that the node now leaves out has become a gap.
      if (due.length > 0 && (mend === 'replace' || due.some(({ facts }) => isNone(facts))))
        await this.#closeGaps(rpc, at, counts, mended);
      // An event may have taken the place of another request's, whose records were right before.
      const displaced = [...touched].filter((id) => !this.#contested.has(id));
      if (due.length === 0 && displaced.length === 0) break;
      wrong = await this.#disagreeing(rpc, at, records, [...new Set([...ids(wrong), ...displaced])]);
      touched.clear();
    }
    this.#doubtful = new Set(ids(wrong));
    for (const id of this.#doubtful) if (this.#isDue(id)) this.#noteVain(id, 0);
    for (const [id, { tries, waits }] of this.#vain) {
      if (!this.#doubtful.has(id) && !this.#contested.has(id)) this.#vain.delete(id);
      else this.#vain.set(id, { tries, waits: Math.max(0, waits - 1) });
    }
  }

  #isDue(id: bigint): boolean {
    return (this.#vain.get(id)?.waits ?? 0) === 0;
  }

  /** Notes that a request was read again in vain. @param waits looks that it is left alone, if that was not often */
  #noteVain(id: bigint, waits: number): void {
    const tries = (this.#vain.get(id)?.tries ?? 0) + 1;
    this.#vain.set(id, { tries, waits: tries < MOST_TRIES ? waits : LONGEST_WAIT });
  }

  /** Requests whose records have to be compared for no other reason than that it is their turn. */
  #nextTurn({ store, find }: Records): bigint[] {
    if (this.#turn.length === 0) {
      this.#turn = store.requestsKept().filter((id) => find(id) !== undefined);
      // Not at each look, or each node would always have the same requests before it.
      this.#witnesses.next();
    }
    return this.#turn.splice(0, CHECKS_PER_LOOK);
  }

  /**
   * Finds records that are not what the contracts say. Those that have their turn are compared at another node, or at this one
   * when all others had theirs; all nodes are asked about those that one denies.
   */
  async #wrong(rpc: Rpc, others: readonly Rpc[], at: Header, records: Records): Promise<Denial[]> {
    const compare = (some: readonly bigint[]) => this.#disagreeing(rpc, at, records, some);
    const { node: witness, at: shared = at } = this.#witnesses.witness ?? {};
    const isComparable = (id: bigint): boolean =>
      shared.hash === at.hash || records.store.isUnchangedSince(id, shared);
    const turn = this.#nextTurn(records);
    const isOwn = !witness || this.#witnesses.isOwnTurn(others);
    const atOther = isOwn ? [] : turn.filter(isComparable);
    const due = new Set([...records.changed, ...this.#doubtful, ...(isOwn ? turn : [])]);
    const [own, [its]] = await Promise.all([
      compare([...due]),
      this.#opinionsOn(atOther.length > 0 ? [witness as Rpc] : [], shared, records, atOther),
    ]);
    const asked = its ? [...its.denials.keys()] : atOther;
    const rest = await compare(asked.filter((id) => !due.has(id)));
    const wrong = [...own, ...rest];
    const denied = [...new Set([...ids(wrong), ...(its?.denials.keys() ?? [])])].filter(isComparable);
    this.#contested = new Set();
    if (others.length === 0 || denied.length === 0) return wrong;
    const ownThere = shared === at ? wrong : await this.#disagreeing(rpc, shared, records, denied);
    const opinions = [
      { node: rpc, denials: denialsIn(ownThere) },
      ...(await this.#opinionsOn(others, shared, records, denied)),
    ];
    for (const id of denied) {
      const minority = minorityOn(id, opinions);
      if (!minority) this.#contested.add(id);
      if (minority?.includes(rpc)) {
        // The next look, at another node, is to compare it.
        this.#doubtful.add(id);
        throw new UnusableAnswer(
          `most other nodes contradict this one about request ${id} at block ${shared.number}`,
        );
      }
      for (const node of minority ?? []) node.distrust?.();
    }
    // RULE: where nothing decides, a record that a node confirms stays, and what the other one has more of is added.
    const left = wrong.filter(({ id }) => !this.#contested.has(id));
    return [...left, ...(await this.#hear(rpc, opinions, shared, at, records))];
  }

  #opinionsOn(
    nodes: readonly Rpc[],
    at: Header,
    records: Records,
    some: readonly bigint[],
  ): Promise<Opinion[]> {
    return this.#witnesses.opinions(nodes, async (node) =>
      denialsIn(await this.#disagreeing(node, at, records, some)),
    );
  }

  /** Adds the events of nodes that deny contested records. @returns what then no node confirms */
  async #hear(
    rpc: Rpc,
    opinions: readonly Opinion[],
    shared: Header,
    at: Header,
    records: Records,
  ): Promise<Denial[]> {
    const wrong: Denial[] = [];
    for (const id of [...this.#contested].filter((one) => this.#isDue(one)).slice(0, GAPS_AT_ONCE)) {
      const teller = opinions.find(({ denials }) => denials.has(id));
      const confirming = opinions.find(({ denials }) => !denials.has(id));
      const facts = teller?.denials.get(id);
      if (!teller || !confirming || !facts || isNone(facts)) continue;
      this.#noteVain(id, Math.min(2 ** (this.#vain.get(id)?.tries ?? 0), LONGEST_WAIT));
      try {
        await this.#readAgain(teller.node, shared, records, id, facts, 'add');
        if ((await this.#disagreeing(teller.node, shared, records, [id])).length === 0) continue;
      } catch (failure) {
        blame(teller.node, failure);
      }
      const { node } = confirming;
      if (node === rpc) wrong.push(...(await this.#disagreeing(rpc, at, records, [id])));
      else await this.#restore(node, shared, id, records);
    }
    return wrong;
  }

  /** Reads a request again where it was confirmed before others added to it, if it is not any more. */
  async #restore(node: Rpc, at: Header, id: bigint, records: Records): Promise<void> {
    try {
      for (const { facts } of await this.#disagreeing(node, at, records, [id]))
        await this.#readAgain(node, at, records, id, facts, 'replace');
    } catch (failure) {
      blame(node, failure);
    }
  }

  /** Reads, where a node counts more than this one and nothing decides, what it has more. */
  async #readBeyond(counts: Counts, records: Records): Promise<void> {
    const { beyond } = this.#witnesses;
    if (!beyond) return;
    const { store, derive } = records;
    const { node, at, counts: more } = beyond;
    const gapsNow = (): Gap[] =>
      store.gapsIn(more, at.number).filter(({ kind, last }) => last > counts[`${kind}s`]);
    try {
      store.counts = more;
      for (const gap of gapsNow().slice(0, GAPS_AT_ONCE)) {
        const events = await this.#cases.eventsIn(node, gap);
        const changed = store.atomically(() => events.flatMap((event) => store.put(event)));
        derive(changed);
        // The gap held first events only. The rest is read at the same node, as the other one denies the request.
        for (const { id, facts } of await this.#disagreeing(node, at, records, [...new Set(changed)]))
          await this.#readAgain(node, at, records, id, facts, 'add');
      }
      if (gapsNow().length > 0) node.distrust?.();
    } catch (failure) {
      blame(node, failure);
    } finally {
      store.counts = counts;
    }
  }

  async #disagreeing(rpc: Rpc, at: Header, records: Records, some: readonly bigint[]): Promise<Denial[]> {
    const compared = await Promise.all(
      some.map(async (id) => {
        const found = records.find(id);
        if (!found) return [];
        const facts = await this.#state.facts(rpc, at, found.case);
        return found.isWhole && agrees(found.case, facts) ? [] : [{ id, facts }];
      }),
    );
    return compared.flat();
  }

  /** Gets everything of one request by the ids in its events, without the other events of those blocks. */
  async #readAgain(
    rpc: Rpc,
    at: Header,
    records: Records,
    id: bigint,
    facts: Facts,
    mend: 'add' | 'replace',
  ): Promise<void> {
    const { store } = records;
    if (isNone(facts)) {
      // Nothing can be read of what is not there. If it is, it is a gap now, which is read.
      store.atomically(() => store.drop(id));
      records.derive([id]);
      return;
    }
    // The block in which it seems to begin may be part of what is wrong.
    const known = mend === 'add' ? store.eventsOn(id)[0]?.place.blockNumber : undefined;
    const from = known ?? store.earliestBlock(id);
    const events = await this.#cases.eventsOf(rpc, id, facts.claims, from, at.number);
    const isWhole = events.some(({ content: { name } }) => name === 'Requested');
    const changed = store.atomically(() => {
      if (mend === 'replace' && isWhole) store.forget(id);
      return [id, ...events.flatMap((event) => store.put(event))];
    });
    records.derive(changed);
  }

  /** A case from the chain alone, with its bytes in memory. */
  readCase(rpc: Rpc, requestId: bigint, from: number, to: number): Promise<Case | undefined> {
    return this.#cases.readCase(rpc, requestId, from, to);
  }

  /** Reads the gaps between ids again, until that closes no more of them. */
  async #closeGaps(rpc: Rpc, at: Header, counts: Counts, { store, derive }: Records): Promise<void> {
    const gapsNow = (): Gap[] => store.gapsIn(counts, at.number);
    let [gaps, before] = [gapsNow(), Number.POSITIVE_INFINITY];
    for (let due = this.#due(gaps); due.length > 0 && idsIn(gaps) < before; due = this.#due(gaps)) {
      before = idsIn(gaps);
      for (const gap of due) {
        this.#note(gap, isOwed(gap, gaps));
        const events = await this.#cases.eventsIn(rpc, gap);
        derive(store.atomically(() => events.flatMap((event) => store.put(event))));
      }
      gaps = gapsNow();
    }
    for (const [key, { tries, waits }] of this.#gaps) {
      if (!gaps.some((gap) => keyOf(gap) === key)) this.#gaps.delete(key);
      else this.#gaps.set(key, { tries, waits: Math.max(0, waits - 1) });
    }
    const owed = gaps.filter((gap) => isOwed(gap, gaps));
    const refused = owed.find((gap) => this.#triesOf(gap) < MOST_TRIES && !this.#unreadable.isAll(gap));
    if (refused) throw new EventsMissing(refused);
    this.#unseen = owed;
  }

  #triesOf(gap: Gap): number {
    return this.#gaps.get(keyOf(gap))?.tries ?? 0;
  }

  /** The gaps to read now; those that were asked for least come first. */
  #due(gaps: readonly Gap[]): Gap[] {
    return gaps
      .filter((gap) => (this.#gaps.get(keyOf(gap))?.waits ?? 0) === 0)
      .sort((a, b) => this.#triesOf(a) - this.#triesOf(b))
      .slice(0, GAPS_AT_ONCE);
  }

  /** Notes that a gap is read. What may not be there at all, or was asked for in vain, is read less and less often. */
  #note(gap: Gap, isOwed: boolean): void {
    const tries = this.#triesOf(gap) + 1;
    const waits = isOwed && tries < MOST_TRIES ? 0 : Math.min(2 ** tries, LONGEST_WAIT);
    this.#gaps.set(keyOf(gap), { tries, waits });
  }
}
