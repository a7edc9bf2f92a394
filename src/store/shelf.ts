import type { Session } from '../engine/engine.ts';
import { bytesOfHex, hexOf } from '../merkle/keccak.ts';
import { commitInput, commitOutput, type Model, splitTensors } from '../merkle/model.ts';
import { concat } from '../merkle/tree.ts';
import { validate } from '../program/validate.ts';
import { commitmentOf } from '../trace/commitment.ts';
import type { Commitment, Trace } from '../trace/trace.ts';

/** Runs models by their id. What provider and watcher know of models; tests put liars in its place. */
export interface Runner {
  /** The model of an id, `undefined` if it is not held. */
  model(modelId: string): Model | undefined;
  /**
   * @param modelId of a model that is held
   * @param input all input tensors, one after the other, `0x…`
   * @returns all output tensors, one after the other, `0x…`
   */
  output(modelId: string, input: string): Promise<string>;
  /** What the root of the same run's trace commits to, for less than {@link trace}: only checkpoints are hashed. */
  commitment(modelId: string, input: string): Promise<Commitment>;
  /** The trace of the same run; its outputs are those of {@link output}. */
  trace(modelId: string, input: string): Promise<Trace>;
}

/** One run, as a player of a dispute about it asks for it. */
export const runOf = (runner: Runner, modelId: string, input: string) => ({
  commitment: (): Promise<Commitment> => runner.commitment(modelId, input),
  trace: (): Promise<Trace> => runner.trace(modelId, input),
});

export interface Held {
  readonly model: Model;
  readonly session: Session;
}

/** A run with somebody to tell its progress to lets others have their turn: signals, the node's answers. */
const nobody = (): void => undefined;

/** Traces kept: each holds every tensor of its run. */
const TRACES_KEPT = 4;

/** Commitments kept: each holds a hash or two for a node. */
const COMMITMENTS_KEPT = 64;

/** What came of the latest runs, or is on its way, by what was run. What fails is forgotten. */
class Latest<T> {
  readonly #most: number;
  readonly #made = new Map<string, Promise<T>>();

  constructor(most: number) {
    this.#most = most;
  }

  known(key: string): Promise<T> | undefined {
    return this.#made.get(key);
  }

  get(key: string, make: () => Promise<T>): Promise<T> {
    const known = this.known(key);
    if (known) return known;
    const made = make();
    this.#made.set(key, made);
    made.catch(() => this.#made.delete(key));
    for (const oldest of this.#made.keys()) {
      if (this.#made.size <= this.#most) break;
      this.#made.delete(oldest);
    }
    return made;
  }
}

/** Models held in memory, and the traces of the latest runs. */
export class Shelf implements Runner {
  readonly #held = new Map<string, Held>();
  readonly #traces = new Latest<Trace>(TRACES_KEPT);
  readonly #commitments = new Latest<Commitment>(COMMITMENTS_KEPT);
  readonly #traceOf: (model: Model, tensors: readonly Uint8Array[]) => Trace;
  /** A session runs one thing at a time. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(traceOf: (model: Model, tensors: readonly Uint8Array[]) => Trace) {
    this.#traceOf = traceOf;
  }

  /**
   * Puts a model on the shelf and returns its id.
   *
   * @throws RangeError if its program is malformed: a claim on it would lose whatever it says
   */
  put(held: Held): string {
    const [violation] = validate(held.model.program);
    if (violation) throw new RangeError(`the program is malformed: ${violation.message}`);
    const id = hexOf(held.model.id);
    this.#held.set(id, held);
    return id;
  }

  model(modelId: string): Model | undefined {
    return this.#held.get(modelId)?.model;
  }

  async output(modelId: string, input: string): Promise<string> {
    const outputs = await this.#run(modelId, input, ({ session }, inputs) => session.run(inputs, nobody));
    return hexOf(concat(outputs.map(({ bytes }) => bytes)));
  }

  commitment(modelId: string, input: string): Promise<Commitment> {
    const key = `${modelId}${input}`;
    const make = (): Promise<Commitment> =>
      this.#run(modelId, input, async ({ model, session }, inputs) =>
        commitmentOf(model, await session.runCheckpoints(inputs, nobody)),
      );
    return this.#traces.known(key) ?? this.#commitments.get(key, make);
  }

  trace(modelId: string, input: string): Promise<Trace> {
    const make = (): Promise<Trace> =>
      this.#run(modelId, input, async ({ model, session }, inputs) =>
        this.#traceOf(model, await session.runAll(inputs, nobody)),
      );
    return this.#traces.get(`${modelId}${input}`, make);
  }

  #get(modelId: string): Held {
    const held = this.#held.get(modelId);
    if (!held) throw new RangeError(`model ${modelId} is not held here`);
    return held;
  }

  async #run<T>(
    modelId: string,
    input: string,
    work: (held: Held, inputs: Uint8Array[]) => Promise<T>,
  ): Promise<T> {
    const held = this.#get(modelId);
    return this.#inTurn(() => work(held, splitTensors(held.model.inputs, bytesOfHex(input))));
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(work);
    this.#queue = done.catch(() => undefined);
    return done;
  }
}

/** What was handed over is not what the chain commits to: the node that said so is not to be believed. */
export class CommitmentError extends Error {
  override name = 'CommitmentError';
}

/**
 * The output of a run that somebody asked for on chain, with its commitment.
 *
 * @param request what the chain commits to
 * @param input what a node says was asked
 * @returns undefined if the model is not held
 * @throws CommitmentError if the input is not the one asked, so that whatever comes of it says nothing
 */
export async function answerTo(
  runner: Runner,
  request: { readonly modelId: string; readonly inputs: string },
  input: string,
): Promise<{ readonly output: string; readonly outputs: string } | undefined> {
  const model = runner.model(request.modelId);
  if (!model) return undefined;
  const size = model.inputs.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const bytes = bytesOfHex(input);
  if (bytes.length !== size || hexOf(commitInput(model, bytes)) !== request.inputs) {
    throw new CommitmentError(`the node gives an input that ${request.inputs} does not commit to`);
  }
  const output = await runner.output(request.modelId, input);
  return { output, outputs: hexOf(commitOutput(model, bytesOfHex(output))) };
}
