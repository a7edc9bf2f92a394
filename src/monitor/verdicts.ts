import { type ClaimRecord, verdictKey, windowEnd } from '../chain/contracts/world.ts';
import { inputOf, type ReadInput } from '../chain/service/inputs.ts';
import type { Runner } from '../store/runner.ts';
import { isRight } from '../store/shelf.ts';
import type { Verdict } from './forecast.ts';

/** Runs that are waited for at once: the rest wait for their turn, the earliest window first. */
const MOST_RUNS = 8;
/** Verdicts that are remembered. */
const MOST_REMEMBERED = 100_000;
/** A verdict that could not be had is looked for again after this time, ms. */
const AGAIN_MS = 30_000;

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

/** Verdicts on claims, computed in the background. */
export class Verdicts {
  readonly #runner: Runner;
  readonly #readInput: ReadInput | undefined;
  readonly #listener: VerdictListener;
  readonly #now: () => number;
  readonly #known = new Map<string, { readonly verdict: Verdict; readonly at: number }>();
  readonly #running = new Map<string, Promise<void>>();

  /** @param now milliseconds, from any beginning */
  constructor(
    runner: Runner,
    readInput: ReadInput | undefined,
    listener: VerdictListener,
    now: () => number = () => performance.now(),
  ) {
    this.#runner = runner;
    this.#readInput = readInput;
    this.#listener = listener;
    this.#now = now;
  }

  /** The current verdict on a claim. */
  on(claim: ClaimRecord): Verdict {
    return this.#known.get(verdictKey(claim))?.verdict ?? 'unknown';
  }

  /** Runs that go on. */
  get running(): number {
    return this.#running.size;
  }

  /** Begins the runs of claims that are not known yet, the one with the earliest window first. */
  look(claims: Iterable<ClaimRecord>): void {
    const missing = [...claims].filter((claim) => this.#isMissing(verdictKey(claim)));
    missing.sort((a, b) => Number(windowEnd(a) - windowEnd(b)));
    for (const claim of missing.slice(0, Math.max(0, MOST_RUNS - this.#running.size))) this.#begin(claim);
  }

  /** Waits until no run goes on. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running.values());
  }

  #isMissing(key: string): boolean {
    if (this.#running.has(key)) return false;
    const known = this.#known.get(key);
    return !known || (known.verdict === 'unknown' && this.#now() >= known.at + AGAIN_MS);
  }

  #begin(claim: ClaimRecord): void {
    const key = verdictKey(claim);
    const run = judge(claim, this.#runner, this.#readInput)
      .catch((failure: unknown): Verdict => {
        this.#listener.onFailure(claim, failure);
        return 'unknown';
      })
      .then((verdict) => {
        if (this.#known.size >= MOST_REMEMBERED) this.#known.clear();
        const isNews = this.#known.get(key)?.verdict !== verdict;
        this.#known.set(key, { verdict, at: this.#now() });
        this.#running.delete(key);
        if (isNews) this.#listener.onVerdict(claim, verdict);
      });
    this.#running.set(key, run);
  }
}
