import type { Engine, Session, Weights } from '../engine/engine.ts';
import { concat } from '../merkle/tree.ts';
import { batched } from '../program/batch.ts';
import { byteLengthOf, type Program } from '../program/node.ts';

/** Outputs of one run, one after the other. */
const outputOf = async (session: Session, inputs: readonly Uint8Array[]): Promise<Uint8Array> =>
  concat((await session.run(inputs)).map(({ bytes }) => bytes));

/**
 * Computes outputs of several inputs, in one run where that is faster: it is tried out on the first full batch, because
 * how much it gains depends on the model, from nothing to several times.
 */
export class Batcher {
  readonly #engine: Engine;
  readonly #program: Program;
  readonly #weights: Weights;
  readonly #single: Session;
  readonly #size: number;
  /** Undefined until it was tried out, null if it does not pay or cannot be. */
  #batch: Session | null | undefined;

  /**
   * @param single the session of the program itself
   * @param size runs of one batch
   */
  constructor(engine: Engine, program: Program, weights: Weights, single: Session, size: number) {
    this.#engine = engine;
    this.#program = program;
    this.#weights = weights;
    this.#single = single;
    this.#size = size;
    if (size < 2) this.#batch = null;
  }

  /** @returns for each of the inputs all outputs, one after the other */
  async run(inputs: readonly (readonly Uint8Array[])[]): Promise<Uint8Array[]> {
    const outputs: Uint8Array[] = [];
    for (let at = 0; at < inputs.length; ) {
      const part = inputs.slice(at, at + this.#size);
      outputs.push(...(await this.#part(part)));
      at += part.length;
    }
    return outputs;
  }

  async close(): Promise<void> {
    await this.#batch?.close();
  }

  async #part(inputs: readonly (readonly Uint8Array[])[]): Promise<Uint8Array[]> {
    if (this.#batch === null || inputs.length < this.#size) return this.#each(inputs);
    if (this.#batch) return this.#together(this.#batch, inputs);
    this.#batch = null;
    const program = batched(this.#program, this.#size);
    if (!program) return this.#each(inputs);
    // The first run of a session is slower than all others, so both have had one.
    await outputOf(this.#single, inputs[0]!);
    const session = await this.#engine.load(program, this.#weights).catch(() => undefined);
    if (!session) return this.#each(inputs);
    await this.#together(session, inputs);
    const startedAt = performance.now();
    const outputs = await this.#each(inputs);
    const apartMs = performance.now() - startedAt;
    const togetherFrom = performance.now();
    await this.#together(session, inputs);
    if (performance.now() - togetherFrom < apartMs) this.#batch = session;
    else await session.close();
    return outputs;
  }

  async #each(inputs: readonly (readonly Uint8Array[])[]): Promise<Uint8Array[]> {
    const outputs: Uint8Array[] = [];
    for (const one of inputs) outputs.push(await outputOf(this.#single, one));
    return outputs;
  }

  async #together(session: Session, inputs: readonly (readonly Uint8Array[])[]): Promise<Uint8Array[]> {
    const joined = inputs[0]!.map((_, slot) => concat(inputs.map((one) => one[slot]!)));
    const results = await session.run(joined);
    return inputs.map((_, i) =>
      concat(
        results.map(({ bytes }, output) => {
          const length = byteLengthOf(this.#program.nodes[this.#program.outputs[output]!]!);
          return bytes.subarray(i * length, (i + 1) * length);
        }),
      ),
    );
  }
}
