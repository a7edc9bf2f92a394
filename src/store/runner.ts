import type { MalformedProgram } from '../dispute/malformed.ts';
import { bytesOfHex } from '../merkle/keccak.ts';
import type { Model } from '../merkle/model.ts';
import type { Commitment, Trace } from '../trace/trace.ts';

/** Urgency of a run, and the certainty that its result needs. */
export interface RunOptions {
  /** Unix seconds after which the result is of no use: the run is dropped then, with {@link RunDropped}. */
  readonly deadline?: bigint;
  /** Drops the run, unless others wait for the same. */
  readonly signal?: AbortSignal;
  /**
   * Longest time that the run may take, seconds: it is ended then, with {@link RunTooLong}, unless others wait for the same
   * without a limit. Commitments and traces that have one are not of an own dispute yet, so they come after those that are.
   */
  readonly limitSeconds?: number;
  /** A bond will rest on the result, so no single stranger's word is enough for it. */
  readonly isBonded?: boolean;
}

/** A run was dropped: its time was over, or nobody waits for it any more. */
export class RunDropped extends Error {
  override name = 'RunDropped';
}

/** A run takes longer than it may. */
export class RunTooLong extends RunDropped {
  override name = 'RunTooLong';
}

/** Time that a dispute on a run takes here, seconds: measured, not guessed. */
export interface PlayTime {
  readonly commitmentSeconds: number;
  /** Of the trace, once for each time that it has to be computed. */
  readonly traceSeconds: number;
  /** Of the longest fold, the same. */
  readonly foldSeconds: number;
}

/** Runs models by their id. What provider and watcher know of models; tests put liars in its place. */
export interface Runner {
  /** The model of an id, `undefined` if it is not held. */
  model(modelId: string): Model | undefined;
  /** Set for a model whose program breaks a rule: every claim on it is false. */
  malformed?(modelId: string): MalformedProgram | undefined;
  /** Names whom runs of a model are charged to, where models share the time of the machine; each by itself if left out. */
  share?(modelId: string): string | undefined;
  /**
   * @param modelId of a model that is held
   * @param input all input tensors, and after them the answers if the model has any, one after the other, `0x…`
   * @returns all output tensors, one after the other, `0x…`
   */
  output(modelId: string, input: string, options?: RunOptions): Promise<string>;
  /** The same as bytes, of which a string takes at most 256 MiB. */
  outputBytes?(modelId: string, input: string, options?: RunOptions): Promise<Uint8Array>;
  /** The commitment of the same run's trace. It costs less than {@link trace}: only checkpoints are hashed. */
  commitment(modelId: string, input: string, options?: RunOptions): Promise<Commitment>;
  /** The trace of the same run; its outputs are those of {@link output}. */
  trace(modelId: string, input: string, options?: RunOptions): Promise<Trace>;
  /**
   * Measures what a dispute on a run takes, by making its commitment and its trace.
   *
   * @returns undefined for a model that may take any time, because the operator chose it
   * @throws RunTooLong if one of them takes longer than the options allow
   */
  playTime?(modelId: string, input: string, options?: RunOptions): Promise<PlayTime | undefined>;
}

/** The outputs of a run as bytes, from a runner that may know only text. */
export const outputBytes = async (
  runner: Runner,
  ...run: Parameters<Runner['output']>
): Promise<Uint8Array> =>
  runner.outputBytes ? runner.outputBytes(...run) : bytesOfHex(await runner.output(...run));
