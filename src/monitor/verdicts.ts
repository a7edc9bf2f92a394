import { type ClaimRecord, verdictKey, windowEnd } from '../chain/contracts/world.ts';
import { inputOf, type ReadInput } from '../chain/service/inputs.ts';
import type { Runner } from '../store/runner.ts';
import { isRight } from '../store/shelf.ts';
import { nextTurn, type Turn } from '../store/turns.ts';
import type { Verdict } from './forecast.ts';

/** Runs of one lane that go on at the same time. */
const MOST_RUNS = 8;
/** Of those, runs of claims whose window is over. */
const MOST_LATE_RUNS = 4;
/** Verdicts that are remembered of claims that are not open any more. */
const MOST_REMEMBERED = 100_000;
/** Claims on models that are not held of which one look tells: each may have a model fetched. */
const MOST_TOLD = 256;
/** A claim whose input could not be had is tried again after this time, ms. */
const AGAIN_MS = 30_000;
/** Longest pause after runs that failed, each of which doubles it, ms. */
const LONGEST_PAUSE_MS = 600_000;

/**
 * Runs one claim again.
 *
 * @throws whatever keeps the run from giving an answer: a node that gives other bytes than the chain commits to, say
 */
export async function judge(
  claim: ClaimRecord,
  runner: Runner,
  readInput: ReadInput | undefined,
): Promise<Verdict> {
  const { request } = claim.request;
  if (runner.malformed?.(request.modelId)) return 'wrong';
  const model = runner.model(request.modelId);
  const input = model && (await inputOf(claim.request, readInput));
  const right = input === undefined ? undefined : await isRight(runner, request, input, claim);
  return right === undefined ? 'unknown' : right ? 'right' : 'wrong';
}

/** Who is told what was found out. */
export interface VerdictListener {
  onVerdict(claim: ClaimRecord, verdict: Verdict): void;
  onFailure(claim: ClaimRecord, failure: unknown): void;
}

/** A claim that waits for its run. */
interface Waiting extends Turn {
  readonly claim: ClaimRecord;
}

/**
 * Claims that take runs from each other: on models that share the time of the worker threads, with inputs from one kind of
 * place. So slow models hold up no others, and servers that are slow or away hold up no claim whose input is on chain.
 */
interface Lane {
  running: number;
  waiting: Waiting[];
  /** Claims whose window is over. */
  late: Waiting[];
}

/** Takes out the claim that comes next. */
function take(waiting: Waiting[], running: number, slots: number): Waiting | undefined {
  const next = nextTurn(waiting, running, slots);
  if (next) waiting.splice(waiting.indexOf(next), 1);
  return next;
}

/** A verdict, and how it was come by. */
interface Known {
  readonly verdict: Verdict;
  readonly tries: number;
  /** Of the latest runs, those that failed in a row. */
  readonly failures: number;
  /** Time of the next run of a claim that is unknown, ms. */
  readonly notBefore: number;
}

const NOT_TRIED: Known = { verdict: 'unknown', tries: 0, failures: 0, notBefore: Number.NEGATIVE_INFINITY };

/** Verdicts on claims, computed in the background. */
export class Verdicts {
  readonly #runner: Runner;
  readonly #readInput: ReadInput | undefined;
  readonly #listener: VerdictListener;
  readonly #now: () => number;
  readonly #againMs: number;
  readonly #known = new Map<string, Known>();
  readonly #running = new Map<string, Promise<void>>();
  readonly #lanes = new Map<string, Lane>();
  #isEnded = false;

  /**
   * @param now milliseconds, from any beginning
   * @param againMs after it a claim that could not be judged is tried again; infinite: each is tried once
   */
  constructor(
    runner: Runner,
    readInput: ReadInput | undefined,
    listener: VerdictListener,
    now: () => number = () => performance.now(),
    againMs = AGAIN_MS,
  ) {
    this.#runner = runner;
    this.#readInput = readInput;
    this.#listener = listener;
    this.#now = now;
    this.#againMs = againMs;
  }

  /** The current verdict on a claim. */
  on(claim: ClaimRecord): Verdict {
    return this.#known.get(verdictKey(claim))?.verdict ?? 'unknown';
  }

  /** Claims whose runs go on, or wait for those. */
  get pending(): number {
    const lanes = [...this.#lanes.values()];
    return lanes.reduce((sum, lane) => sum + lane.running + lane.waiting.length + lane.late.length, 0);
  }

  /**
   * Has claims run that are not known yet, of each lane in the order of {@link nextTurn}. A claim whose model is not held
   * waits for no run: it is unknown.
   *
   * @param late claims whose window is over: the others come first
   */
  look(claims: readonly ClaimRecord[], late: readonly ClaimRecord[] = []): void {
    if (this.#isEnded) return;
    for (const [name, lane] of this.#lanes) {
      [lane.waiting, lane.late] = [[], []];
      if (lane.running === 0) this.#lanes.delete(name);
    }
    const keys = new Set<string>();
    let told = 0;
    for (const [list, all] of Object.entries({ waiting: claims, late }) as [
      'waiting' | 'late',
      typeof late,
    ][]) {
      for (const claim of all) {
        const key = verdictKey(claim);
        if (keys.has(key)) continue;
        keys.add(key);
        if (this.#isHeld(claim)) {
          const { tries } = this.#known.get(key) ?? NOT_TRIED;
          if (this.#isMissing(key)) this.#laneOf(claim)[list].push({ claim, tries, ...turnOf(claim) });
        } else if (!this.#known.has(key) && told++ < MOST_TOLD) this.#learn(claim, NOT_TRIED);
      }
    }
    if (this.#known.size > MOST_REMEMBERED)
      for (const key of this.#known.keys()) if (!keys.has(key)) this.#known.delete(key);
    for (const lane of this.#lanes.values()) this.#fill(lane);
  }

  /** Waits until no run goes on and no claim waits for one. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running.values());
  }

  /** Begins no run any more, and tells nothing of those that go on. */
  end(): void {
    this.#isEnded = true;
    this.#lanes.clear();
  }

  #isHeld({ request: { request } }: ClaimRecord): boolean {
    return !!(this.#runner.malformed?.(request.modelId) ?? this.#runner.model(request.modelId));
  }

  #isMissing(key: string): boolean {
    if (this.#running.has(key)) return false;
    const { verdict, notBefore } = this.#known.get(key) ?? NOT_TRIED;
    return verdict === 'unknown' && this.#now() >= notBefore;
  }

  #laneOf({ request: { request, input } }: ClaimRecord): Lane {
    const name = `${this.#runner.share?.(request.modelId) ?? request.modelId} ${input.kind}`;
    const lane = this.#lanes.get(name) ?? { running: 0, waiting: [], late: [] };
    this.#lanes.set(name, lane);
    return lane;
  }

  #fill(lane: Lane): void {
    for (;;) {
      const next =
        take(lane.waiting, lane.running, MOST_RUNS) ?? take(lane.late, lane.running, MOST_LATE_RUNS);
      if (!next) return;
      this.#begin(lane, next.claim);
    }
  }

  #begin(lane: Lane, claim: ClaimRecord): void {
    const key = verdictKey(claim);
    lane.running++;
    let hasFailed = false;
    const run = judge(claim, this.#runner, this.#readInput)
      .catch((failure: unknown): Verdict => {
        hasFailed = true;
        if (!this.#isEnded) this.#listener.onFailure(claim, failure);
        return 'unknown';
      })
      .then((verdict) => {
        this.#running.delete(key);
        lane.running--;
        if (this.#isEnded) return;
        const { tries, failures } = this.#known.get(key) ?? NOT_TRIED;
        const inRow = hasFailed ? failures + 1 : 0;
        const pauseMs = Math.max(this.#againMs, Math.min(LONGEST_PAUSE_MS, this.#againMs * 2 ** inRow));
        const notBefore = this.#now() + pauseMs;
        this.#learn(claim, { verdict, tries: tries + 1, failures: inRow, notBefore });
        this.#fill(lane);
      });
    this.#running.set(key, run);
  }

  #learn(claim: ClaimRecord, known: Known): void {
    const key = verdictKey(claim);
    const isNews = this.#known.get(key)?.verdict !== known.verdict;
    this.#known.set(key, known);
    if (isNews) this.#listener.onVerdict(claim, known.verdict);
  }
}

/** What the order of claims goes by, besides tries. */
const turnOf = (claim: ClaimRecord): Omit<Turn, 'tries'> => ({
  isBonded: false,
  deadline: Number(windowEnd(claim)),
  stakeWei: claim.request.request.terms.claimBondWei,
});
