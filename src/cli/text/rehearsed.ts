import type { Engine } from '../../engine/engine.ts';
import { generate, inputsOf } from '../../text/generate.ts';
import { cautious, recall } from '../../text/recall.ts';
import { openSession } from '../../text/session/openSession.ts';
import { tokenBytes } from '../../text/tokens.ts';
import type { Console } from '../console.ts';
import { type LoadedText, promptTokens } from './loadText.ts';

/** The same prompt every time, where none is given: a token in the middle of the vocabulary. */
const promptOf = (text: LoadedText, ask: string | undefined, console: Console): number[] =>
  ask === undefined ? [Math.floor(text.model.vocabulary / 2)] : promptTokens(text, ask, console);

/**
 * Makes the program's inputs for the right text, and for a text with one wrong token in its middle.
 *
 * @param ask the prompt, if one is given
 */
export async function rehearsedTexts(
  text: LoadedText,
  ask: string | undefined,
  engine: Engine,
  console: Console,
): Promise<{ readonly right: readonly Uint8Array[]; readonly wrong: readonly Uint8Array[] }> {
  const { model } = text;
  const prompt = promptOf(text, ask, console);
  const inputs = inputsOf(model, { prompt });
  const session = await openSession(model, engine, (sentence) => console.err(`assay: ${sentence}`));
  let found = 0;
  const tokens = await generate(model, session.on(inputs), {
    draft: cautious(recall(prompt, model.options.tokens), session.rowsPerRead - 1),
    listen: (more) => {
      found += more.length;
      console.progress(`writing: ${found} of ${model.options.tokens} tokens`);
    },
  });
  await session.close();
  const place = Math.floor(tokens.filter((token) => token >= 0).length / 2);
  const changed = tokens.with(place, (tokens[place]! + 1) % model.vocabulary);
  return {
    right: [...inputs, tokenBytes(tokens, model.width)],
    wrong: [...inputs, tokenBytes(changed, model.width)],
  };
}
