import { bytesOfHex, hexOf } from '../../merkle/keccak.ts';
import { modelOf, splitTensors } from '../../merkle/model.ts';
import type { HeldModel } from '../../store/library.ts';
import type { Runner } from '../../store/runner.ts';
import type { Solve } from '../../store/shelf.ts';
import type { TextModel } from '../../text/compile.ts';
import { type Chooser, choiceProgram, type Draft, generate } from '../../text/generate.ts';
import { PADDING } from '../../text/options.ts';
import { cautious, recall } from '../../text/recall.ts';
import type { RowMarks } from '../../text/session/rowModel.ts';
import { rowsPerRead } from '../../text/session/textSession.ts';
import { tokenBytes, tokensIn } from '../../text/tokens.ts';

/** Finds texts that models accept, by runs that others make. */

/** Holds models and runs them. */
type Holder = Runner & {
  put(model: HeldModel, options: { readonly share: string; readonly rows: RowMarks }): string;
};

export interface TextWriter {
  readonly model: TextModel;
  /** Guesses tokens after a prompt; what was said before is repeated if left out. */
  readonly draft?: (prompt: readonly number[]) => Draft;
}

const numbers = (bytes: Uint8Array): number[] => [...new Int32Array(bytes.slice().buffer)];

/** Chooses by runs of the program that says what is chosen. */
function chooserOf(runner: Runner, choiceId: string, { options, width }: TextModel, input: string): Chooser {
  return {
    choose: async (text, drafted) => {
      const whole = [...text, ...drafted];
      const padded = [...whole, ...new Array<number>(options.tokens - whole.length).fill(PADDING)];
      const output = await runner.output(choiceId, `${input}${hexOf(tokenBytes(padded, width)).slice(2)}`);
      return numbers(bytesOfHex(output)).slice(text.length, whole.length + 1);
    },
  };
}

/**
 * @param writers by the ids of their models
 * @returns finds the answers to requests on those models, in sessions; nobody claims one before one pass has accepted it
 */
export function solveTexts(holder: Holder, writers: ReadonlyMap<string, TextWriter>): Solve {
  const choiceIds = new Map<string, string>();
  for (const [modelId, { model }] of writers) {
    const { sequence, rowNumbers, weights } = model;
    const held = { model: modelOf(choiceProgram(model)), weights };
    // Its runs are charged to the model that they are for.
    choiceIds.set(modelId, holder.put(held, { share: modelId, rows: { sequence, rowNumbers } }));
  }
  return async (modelId, input) => {
    const writer = writers.get(modelId);
    const choiceId = choiceIds.get(modelId);
    const model = holder.model(modelId);
    if (!writer || !choiceId || !model) return undefined;
    const { width, options } = writer.model;
    const [promptBytes, length] = splitTensors(model.inputs, bytesOfHex(input));
    const prompt = tokensIn(promptBytes!, width);
    const count = Math.max(1, Math.min(prompt.length, numbers(length!)[0]!));
    const asked = prompt.slice(0, count);
    const draft =
      writer.draft?.(asked) ?? cautious(recall(asked, options.tokens), rowsPerRead(writer.model) - 1);
    const chooser = chooserOf(holder, choiceId, writer.model, input);
    return hexOf(tokenBytes(await generate(writer.model, chooser, { draft }), width));
  };
}
