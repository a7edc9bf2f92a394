/** A run that waits for a worker, as far as the order of runs needs to know it. */
export interface Waiting {
  readonly modelId: string;
  readonly what: string;
  /** Who the run's time is charged to: a model, or all models that strangers brought. */
  readonly share: string;
  /** Own money depends on it: a dispute that is being played. Such runs come first. */
  readonly isUrgent: boolean;
  /** Unix seconds; infinite if there is none. */
  readonly deadline: number;
}

/** Half-life of the time that a share has used, seconds. */
const HALF_LIFE_SECONDS = 600;

/**
 * Decides which run comes next: urgent ones first, then those of shares that have not used more than their part of the
 * time, then by deadline (earliest first), then in the order of arrival.
 *
 * Earliest deadline first keeps all deadlines if any order does (Liu and Layland, "Scheduling Algorithms for
 * Multiprogramming in a Hard-Real-Time Environment", JACM 20, 1973). Under overload it would serve whoever asks for the
 * shortest windows, so each share is held to an equal part then.
 */
export class RunQueue<J extends Waiting> {
  readonly #waiting = new Set<J>();
  readonly #running = new Map<string, number>();
  readonly #used = new Map<string, { seconds: number; at: number }>();

  get size(): number {
    return this.#waiting.size;
  }

  add(job: J): void {
    this.#waiting.add(job);
  }

  /** @returns whether it was waiting */
  remove(job: J): boolean {
    return this.#waiting.delete(job);
  }

  /** Takes out the run that comes next. @param now seconds, on any clock that does not go back */
  next(now: number): J | undefined {
    const chosen = this.#choose(now);
    if (!chosen) return undefined;
    this.#take(chosen);
    return chosen;
  }

  /** Other runs of the same model and kind that wait. */
  countAlike(run: J): number {
    return [...this.#waiting].filter(({ modelId, what }) => modelId === run.modelId && what === run.what)
      .length;
  }

  /** Takes out up to `most` other runs of the same model and kind, earliest deadline first. */
  takeAlike(run: J, most: number): J[] {
    const alike = [...this.#waiting]
      .filter(({ modelId, what }) => modelId === run.modelId && what === run.what)
      .sort((a, b) => a.deadline - b.deadline)
      .slice(0, most);
    for (const one of alike) this.#take(one);
    return alike;
  }

  #take(job: J): void {
    this.#waiting.delete(job);
    this.#running.set(job.share, (this.#running.get(job.share) ?? 0) + 1);
  }

  /** Whether an urgent run waits. */
  get hasUrgent(): boolean {
    return [...this.#waiting].some(({ isUrgent }) => isUrgent);
  }

  /** Notes that a run from {@link next} has ended, and its seconds. */
  ended({ share }: J, seconds: number, now: number): void {
    const count = (this.#running.get(share) ?? 1) - 1;
    if (count > 0) this.#running.set(share, count);
    else this.#running.delete(share);
    this.#used.set(share, { seconds: this.#usedBy(share, now) + seconds, at: now });
  }

  #usedBy(share: string, now: number): number {
    const used = this.#used.get(share);
    return used ? used.seconds * 2 ** ((used.at - now) / HALF_LIFE_SECONDS) : 0;
  }

  #choose(now: number): J | undefined {
    const jobs = [...this.#waiting];
    const urgent = jobs.filter(({ isUrgent }) => isUrgent);
    if (urgent.length > 0) return earliest(urgent);
    const shares = new Set([...this.#running.keys(), ...jobs.map(({ share }) => share)]);
    const used = new Map([...shares].map((share) => [share, this.#usedBy(share, now)]));
    const mean = [...used.values()].reduce((sum, seconds) => sum + seconds, 0) / Math.max(1, shares.size);
    const within = jobs.filter(({ share }) => used.get(share)! <= mean);
    return earliest(within.length > 0 ? within : jobs);
  }
}

const earliest = <J extends Waiting>(jobs: readonly J[]): J | undefined =>
  jobs.reduce<J | undefined>(
    (first, job) => (first === undefined || job.deadline < first.deadline ? job : first),
    undefined,
  );
