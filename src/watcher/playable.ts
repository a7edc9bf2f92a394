import { type ClaimRecord, type DisputeRecord, verdictKey, windowEnd } from '../chain/contracts/world.ts';
import { explain } from '../chain/messages/explain.ts';
import { needInput, type ReadInput } from '../chain/service/inputs.ts';
import { clockEnd } from '../chain/service/play.ts';
import type { Scene } from '../chain/service/service.ts';
import { type PlayTime, type Runner, RunTooLong } from '../store/runner.ts';
import { runOf } from '../store/shelf.ts';

/** A clock must be so many times as long as the time that all own disputes compute, with this one. */
const CLOCK_TIMES = 4;

/** The time that a dispute takes here; a sentence if it is more than was measured; none where nothing bounds it. */
type Measured = PlayTime | string | undefined;

const secondsIn = ({ commitmentSeconds, traceSeconds, foldSeconds }: PlayTime): number =>
  commitmentSeconds + traceSeconds + foldSeconds;

const inWords = (time: PlayTime): string =>
  `a dispute takes ${secondsIn(time).toFixed(1)} s of computing here (commitment ${time.commitmentSeconds.toFixed(1)}, traces ${time.traceSeconds.toFixed(1)}, folds ${time.foldSeconds.toFixed(1)})`;

/**
 * Knows which wrong claims this machine can dispute within their clocks. A stranger chooses models and clocks: a challenge
 * whose moves come too late loses its bond.
 */
export class Playable {
  readonly #runner: Runner;
  readonly #readInput: ReadInput | undefined;
  /** Seconds that disputes on claims take, as far as they were measured. */
  readonly #seconds = new Map<string, number>();

  constructor(runner: Runner, readInput: ReadInput | undefined) {
    this.#runner = runner;
    this.#readInput = readInput;
  }

  /**
   * Seconds that open disputes compute, together, as far as they were measured: those that were opened before a restart are
   * measured now. Claims without any are forgotten.
   */
  load(open: readonly DisputeRecord[], wrong: readonly ClaimRecord[], scene: Scene): number {
    const disputed = new Set(open.map(({ claim }) => verdictKey(claim)));
    const known = new Set([...disputed, ...wrong.map(verdictKey)]);
    for (const key of this.#seconds.keys()) if (!known.has(key)) this.#seconds.delete(key);
    for (const dispute of open) this.#learn(dispute, scene);
    return [...disputed].reduce((sum, key) => sum + this.seconds(key), 0);
  }

  #learn(dispute: DisputeRecord, { background }: Scene): void {
    const { claim } = dispute;
    const { modelId, terms } = claim.request.request;
    const key = verdictKey(claim);
    if (this.#seconds.has(key) || !this.#isMeasured(modelId) || !this.#runner.model(modelId)) return;
    const deadline = clockEnd(dispute);
    const limitSeconds = Number(terms.clockSeconds) / CLOCK_TIMES;
    const outcome = background.ask(`load/${key}`, deadline, () =>
      this.#measure(claim, { deadline, limitSeconds }),
    );
    // A failure is told by the dispute's moves, which need the same runs.
    if (outcome?.kind !== 'done') return;
    const time = outcome.value;
    this.#seconds.set(key, typeof time === 'string' ? limitSeconds : time ? secondsIn(time) : 0);
  }

  /** Whether disputes about a model are measured: one that the operator chose may take any time, a malformed one none. */
  #isMeasured(modelId: string): boolean {
    return this.#runner.playTime !== undefined && !this.#runner.malformed?.(modelId);
  }

  /** Seconds that a dispute on a claim takes; 0 if it may take any time. */
  seconds(key: string): number {
    return this.#seconds.get(key) ?? 0;
  }

  /**
   * Whether a wrong claim can be disputed in time, as far as it is known yet. If not, it is reported once, as unverified.
   *
   * @param load seconds of the disputes that are open or about to be
   */
  admits(claim: ClaimRecord, load: number, { background, listen, once }: Scene): boolean {
    const key = verdictKey(claim);
    const { modelId, terms } = claim.request.request;
    if (!this.#isMeasured(modelId)) return true;
    const clockSeconds = Number(terms.clockSeconds);
    const options = { deadline: windowEnd(claim), limitSeconds: clockSeconds / CLOCK_TIMES };
    const outcome = background.ask(`play/${key}`, options.deadline, () => this.#measure(claim, options));
    if (!outcome) return false;
    if (outcome.kind === 'failed') {
      const sentence = `claim ${claim.claimId}: wrong, and not challenged yet: ${explain(outcome.failure)}`;
      listen({ kind: 'failed', sentence });
      return false;
    }
    const time = outcome.value;
    if (time === undefined) return true;
    const refuse = (why: string): false => {
      const figures = `${why}; its clock of ${clockSeconds} s would have to be ${CLOCK_TIMES} times as long as all of that`;
      once(`slow/${key}`, () => listen({ kind: 'unverified', claim, missing: 'time', figures }));
      return false;
    };
    if (typeof time === 'string') return refuse(time);
    if (CLOCK_TIMES * (load + secondsIn(time)) > clockSeconds)
      return refuse(`${inWords(time)}, and other disputes ${load.toFixed(1)} s`);
    this.#seconds.set(key, secondsIn(time));
    return true;
  }

  async #measure(claim: ClaimRecord, options: { deadline: bigint; limitSeconds: number }): Promise<Measured> {
    const { request, answer } = claim;
    const { modelId } = request.request;
    const input = () => needInput(request, this.#readInput);
    try {
      return await runOf(this.#runner, modelId, input, answer, options).playTime();
    } catch (error) {
      if (error instanceof RunTooLong)
        return `its commitment or trace takes more than ${options.limitSeconds} s of computing here`;
      throw error;
    }
  }
}
