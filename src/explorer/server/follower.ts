import type { Contracts } from '../../chain/contracts/contracts.ts';
import type { Case, World } from '../../chain/contracts/world.ts';
import { EventIndex } from '../../chain/index/eventIndex.ts';
import { IndexStore } from '../../chain/index/store.ts';
import { repeat } from '../../chain/service/loop.ts';
import type { VerdictListener, Verdicts } from '../../monitor/verdicts.ts';
import { type BlockJson, type ForecastJson, type LookNews, MOST_NEWS, type OverviewJson } from '../api.ts';
import { forecastsOf } from '../records/forecasts.ts';
import { disputeRow } from '../records/rows.ts';
import { History } from './history.ts';

/** Rows of each list of the overview. */
const LATEST = 20;
/** Pause between two looks at the chain, ms. */
const PAUSE_MS = 1000;

export interface FollowerOptions {
  readonly fromBlock: number;
  /** Where the index and the history are kept; in memory if left out. */
  readonly folder?: string | undefined;
  readonly onNotice: (sentence: string) => void;
  /** Called with the reason when a look fails; the next look tries again. */
  readonly onFailure: (sentence: string) => void;
  readonly pauseMs?: number;
  /** Told, in each look, what the chain looks like. */
  readonly observe?: ((world: World) => void) | undefined;
  /** Makes what runs disputed claims again, for forecasts. */
  readonly judge?: ((listener: VerdictListener) => Verdicts) | undefined;
}

/** Follows a deployment, keeps its history and tells of each look that changed something. */
export class Follower {
  readonly history: History;
  readonly #index: EventIndex;
  readonly #options: FollowerOptions;
  readonly #listeners = new Set<(news: LookNews) => void>();
  readonly #verdicts: Verdicts | undefined;
  #forecasts: ReadonlyMap<string, ForecastJson> = new Map();
  #world: World | undefined;
  #shown: ReadonlyMap<bigint, Case> = new Map();
  #look = 0;
  #lookedAt = 0;

  constructor(contracts: Contracts, options: FollowerOptions) {
    const { fromBlock, folder, onNotice } = options;
    const { history, isNew } = History.open(folder);
    if (isNew && folder !== undefined) IndexStore.remove(folder);
    this.history = history;
    this.#options = options;
    this.#verdicts = options.judge?.({
      onVerdict: (_claim, verdict) => {
        // No forecast depends on an unknown one.
        if (verdict !== 'unknown') this.#tell([]);
      },
      onFailure: (claim, failure) => onNotice(`claim ${claim.claimId}: it cannot be run again: ${failure}`),
    });
    this.#index = new EventIndex(contracts, {
      ...{ fromBlock, folder, onNotice },
      onSettled: (cases) => history.put(entriesOf(cases), true),
    });
  }

  /** Looks at the chain until it is told to end. */
  run(signal: AbortSignal): Promise<void> {
    const { onFailure, pauseMs = PAUSE_MS } = this.#options;
    const pass = async (): Promise<number> => {
      await this.look();
      return 0;
    };
    return repeat(pass, { signal, pauseMs, onFailure });
  }

  /** Looks once. */
  async look(): Promise<void> {
    const world = await this.#index.update();
    const changed = this.#changesIn(world);
    const isFirst = this.#world === undefined;
    const isNewer = this.#world?.block.hash !== world.block.hash;
    this.#world = world;
    this.#options.observe?.(world);
    this.#lookedAt = Date.now();
    // A model may arrive while the chain stands still.
    this.#verdicts?.look([...world.disputes.values()].map(({ claim }) => claim));
    if (changed.length === 0 && !isNewer) return;
    this.history.put(changed.map((id) => [id, world.cases.get(id)]));
    this.#shown = new Map(world.cases);
    this.#tell(isFirst ? undefined : changed);
  }

  /** Makes every answer old, and says so. @param changed requests; undefined to tell nobody */
  #tell(changed: readonly bigint[] | undefined): void {
    const world = this.#world;
    if (!world) return;
    this.#forecasts = forecastsOf(world, (claim) => this.#verdicts?.on(claim) ?? 'unknown');
    this.#look++;
    if (!changed) return;
    const requests = changed.slice(-MOST_NEWS).map((id) => `${id}`);
    for (const tell of this.#listeners) tell({ look: this.#look, block: this.block, requests });
  }

  /** Forecast of a dispute; null if it has ended. */
  forecast(disputeId: string): ForecastJson | null {
    return this.#forecasts.get(disputeId) ?? null;
  }

  /** Requests whose records are others than those that were shown last. */
  #changesIn({ cases }: World): bigint[] {
    const changed = [...cases].flatMap(([id, one]) => (this.#shown.get(id) === one ? [] : [id]));
    for (const id of this.#shown.keys()) {
      // A request that is over leaves the index and stays in the history; one that a reorganisation has undone leaves both.
      if (!cases.has(id) && !this.history.isSettled(Number(id))) changed.push(id);
    }
    return changed;
  }

  /** Calls `tell` after each look that changed something. @returns what ends that */
  listen(tell: (news: LookNews) => void): () => void {
    this.#listeners.add(tell);
    return () => this.#listeners.delete(tell);
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  /** Counts looks that changed something: while it is the same, so is every answer. */
  get version(): number {
    return this.#look;
  }

  /** When the chain was last looked at with success, ms since 1970; 0 before the first time. */
  get lookedAt(): number {
    return this.#lookedAt;
  }

  get block(): BlockJson {
    const { number = 0, timestamp = 0n } = this.#world?.block ?? {};
    return { number, timestamp: Number(timestamp), since: null };
  }

  /** Everything about a request, of one that is over from the chain again. */
  case(requestId: bigint): Promise<Case | undefined> | Case | undefined {
    return this.#world?.cases.get(requestId) ?? this.#index.recall(requestId);
  }

  overview(): OverviewJson {
    const { history } = this;
    const open = [...(this.#world?.disputes.values() ?? [])].map(disputeRow);
    open.sort((a, b) => (a.turn?.deadline ?? 0) - (b.turn?.deadline ?? 0));
    const ended = history.disputes(LATEST).filter((one) => one.ended);
    const disputes = [...open, ...ended].slice(0, LATEST);
    return {
      block: this.block,
      counts: history.tally.counts,
      bondsWei: `${this.#bondsWei()}`,
      slashedWei: `${history.tally.slashedWei}`,
      latest: history.requests(LATEST),
      disputes,
      forecasts: disputes.flatMap(({ id }) => this.forecast(id) ?? []),
    };
  }

  /** Bonds of open claims and disputes, of one account or of all. */
  bondsWei(account: string): bigint {
    return this.#bondsWei(account);
  }

  #bondsWei(account?: string): bigint {
    const isHis = (one: string): boolean => account === undefined || one === account;
    let sum = 0n;
    for (const { claimant, request } of this.#world?.claims.values() ?? [])
      if (isHis(claimant)) sum += request.request.terms.claimBondWei;
    for (const { challenger, claim } of this.#world?.disputes.values() ?? [])
      if (isHis(challenger)) sum += claim.request.request.terms.challengeBondWei;
    return sum;
  }

  close(): void {
    this.#index.close();
    this.history.close();
  }
}

const entriesOf = (cases: readonly Case[]) => cases.map((one) => [one.request.requestId, one] as const);
