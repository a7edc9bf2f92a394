/** A chain that makes no blocks by itself is asked again after this time, ms. */
const NO_BLOCK_MS = 5000;

/** The latest block at some time. */
export interface Moment {
  readonly block: number;
  /** Milliseconds of the process's own clock. */
  readonly atMs: number;
}

export const momentAt = (block: number): Moment => ({ block, atMs: performance.now() });

/** Whether nothing new can have happened on the chain since then, or only just. */
export const isStillNow = (moment: Moment | undefined, block: number): boolean =>
  moment?.block === block && performance.now() < moment.atMs + NO_BLOCK_MS;
