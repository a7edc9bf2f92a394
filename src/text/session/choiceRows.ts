import type { Engine, Weights } from '../../engine/engine.ts';
import type { Program } from '../../program/node.ts';
import { PADDING } from '../options.ts';
import { tokensIn } from '../tokens.ts';
import { type RowMarks, type RowModel, rowModelOf } from './rowModel.ts';
import { TextSession } from './textSession.ts';

/** Runs a program that says what is chosen in a session: rows that an earlier run had are not computed again. */
export class ChoiceRows {
  readonly #model: RowModel;
  readonly #session: TextSession;

  private constructor(model: RowModel, session: TextSession) {
    this.#model = model;
    this.#session = session;
  }

  /** @throws Refusal for a program whose rows are not understood */
  static async load(
    program: Program,
    weights: Weights,
    marks: RowMarks,
    engine: Engine,
  ): Promise<ChoiceRows> {
    const model = rowModelOf(program, weights, marks);
    return new ChoiceRows(model, await TextSession.load(model, engine));
  }

  /**
   * @param inputs of the program, the text last
   * @returns the program's output, up to the place behind the text; 0 where only padding is seen
   */
  async run(inputs: readonly Uint8Array[]): Promise<Uint8Array> {
    const { options, width } = this.#model;
    const padded = tokensIn(inputs.at(-1)!, width);
    const end = padded.indexOf(PADDING);
    const text = end < 0 ? padded : padded.slice(0, end);
    const choices = new Int32Array(options.tokens);
    choices.set(await this.#session.on(inputs.slice(0, -1)).choose([], text));
    return new Uint8Array(choices.buffer);
  }

  close(): Promise<void> {
    return this.#session.close();
  }
}
