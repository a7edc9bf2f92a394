import type { Session } from '../engine/engine.ts';
import { bytesOfHex, hexOf } from '../merkle/keccak.ts';
import { type Model, splitTensors } from '../merkle/model.ts';
import { concat } from '../merkle/tree.ts';
import { validate } from '../program/validate.ts';
import type { Trace } from '../trace/trace.ts';

/** Runs models by their id. What provider and watcher know of models; tests put liars in its place. */
export interface Runner {
  holds(modelId: string): boolean;
  /**
   * @param modelId of a model that is held
   * @param input all input tensors, one after the other, `0x…`
   * @returns all output tensors, one after the other, `0x…`
   */
  output(modelId: string, input: string): Promise<string>;
  /** The trace of the same run; its outputs are those of {@link output}. */
  trace(modelId: string, input: string): Promise<Trace>;
}

export interface Held {
  readonly model: Model;
  readonly session: Session;
}

/** A run with somebody to tell its progress to lets others have their turn: signals, the node's answers. */
const nobody = (): void => undefined;

/** Traces kept: each holds every tensor of its run. */
const TRACES_KEPT = 4;

/** Models held in memory, and the traces of the latest runs. */
export class Shelf implements Runner {
  readonly #held = new Map<string, Held>();
  readonly #traces = new Map<string, Promise<Trace>>();
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

  holds(modelId: string): boolean {
    return this.#held.has(modelId);
  }

  async output(modelId: string, input: string): Promise<string> {
    const { model, session } = this.#get(modelId);
    const outputs = await this.#inTurn(() =>
      session.run(splitTensors(model.inputs, bytesOfHex(input)), nobody),
    );
    return hexOf(concat(outputs.map(({ bytes }) => bytes)));
  }

  trace(modelId: string, input: string): Promise<Trace> {
    const key = `${modelId}${input}`;
    const known = this.#traces.get(key);
    if (known) return known;
    const { model, session } = this.#get(modelId);
    const trace = this.#inTurn(() =>
      session.runAll(splitTensors(model.inputs, bytesOfHex(input)), nobody),
    ).then((tensors) => this.#traceOf(model, tensors));
    this.#traces.set(key, trace);
    trace.catch(() => this.#traces.delete(key));
    for (const oldest of this.#traces.keys()) {
      if (this.#traces.size <= TRACES_KEPT) break;
      this.#traces.delete(oldest);
    }
    return trace;
  }

  #get(modelId: string): Held {
    const held = this.#held.get(modelId);
    if (!held) throw new RangeError(`model ${modelId} is not held here`);
    return held;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(work);
    this.#queue = done.catch(() => undefined);
    return done;
  }
}
