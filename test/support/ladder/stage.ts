import { availableParallelism } from 'node:os';
import type { KnownText } from '../../../examples/text/rungs.ts';
import type { Session } from '../../../src/engine/engine.ts';
import { wasmEngineWith } from '../../../src/engine/wasm/wasm.ts';
import { type Model, modelOf } from '../../../src/merkle/model.ts';
import { type Rehearsal, rehearseScript } from '../../../src/rehearsal/rehearsal.ts';
import type { TextModel } from '../../../src/text/compile.ts';
import { inputsOf } from '../../../src/text/generate.ts';
import { PADDING } from '../../../src/text/options.ts';
import { tokenBytes } from '../../../src/text/tokens.ts';
import { RunTrace } from '../../../src/trace/run.ts';

/** Checks texts of a model, and plays disputes about them. */
export class Stage {
  readonly model: TextModel;
  readonly committed: Model;
  readonly #session: Session;

  private constructor(model: TextModel, session: Session) {
    this.model = model;
    this.committed = modelOf(model.program);
    this.#session = session;
  }

  static async open(model: TextModel): Promise<Stage> {
    const engine = wasmEngineWith({ threads: availableParallelism() });
    return new Stage(model, await engine.load(model.program, model.weights));
  }

  /** @param tokens in place of the text's own */
  async accepts(text: KnownText, tokens = text.tokens): Promise<boolean> {
    return (await this.#session.run(this.#supplied(text, tokens)))[0]!.bytes[0] === 1;
  }

  /**
   * Plays a dispute about a lie at each node, on a chain in this process.
   *
   * @param wrong tokens that a liar claims in place of the text's own
   * @param falseChallenges whether every lie is told by a challenger, too
   * @param onLie is told the number of each lie before it is played
   */
  async dispute(
    text: KnownText,
    wrong: readonly number[],
    nodes: readonly number[],
    falseChallenges: boolean,
    onLie: (i: number) => void = () => undefined,
  ): Promise<Rehearsal> {
    const inputs = this.#supplied(text, text.tokens);
    const script = {
      honest: await this.#trace(inputs),
      wrong: await this.#trace(this.#supplied(text, wrong)),
      labels: this.model.labels,
      inputs,
      places: nodes.map((node) => ({ node, element: undefined })),
      falseChallenges,
      session: this.#session,
    };
    return rehearseScript(script, { onStart: () => undefined, onLie, onDispute: () => undefined });
  }

  close(): Promise<void> {
    return this.#session.close();
  }

  #supplied({ ids }: KnownText, tokens: readonly number[]): Uint8Array[] {
    const { options, width } = this.model;
    const padding = new Array<number>(options.tokens - tokens.length).fill(PADDING);
    return [...inputsOf(this.model, { prompt: ids }), tokenBytes([...tokens, ...padding], width)];
  }

  async #trace(inputs: readonly Uint8Array[]): Promise<RunTrace> {
    const { tensors, trees } = await this.#session.runTrace(inputs);
    return new RunTrace(this.committed, tensors, trees);
  }
}
