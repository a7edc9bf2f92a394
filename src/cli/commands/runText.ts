import { performance } from 'node:perf_hooks';
import type { Engine } from '../../engine/engine.ts';
import { InputError } from '../../files/inputError.ts';
import { hexOf } from '../../merkle/keccak.ts';
import { generate, inputsOf, isAccepted } from '../../text/generate.ts';
import { cautious, recall } from '../../text/recall.ts';
import { openSession } from '../../text/session/openSession.ts';
import type { Console } from '../console.ts';
import type { LoadedModel } from '../models/loadModel.ts';
import { draftFrom, parseDraftUrl } from '../text/draft.ts';
import { type LoadedText, promptTokens, refuseUnaccepted, tryCausality } from '../text/loadText.ts';
import { type DrawingArguments, parseDrawing, type TextArguments } from '../text/textOptions.ts';

export interface RunTextOptions extends TextArguments, DrawingArguments {
  readonly ask?: string;
  readonly draft?: string;
  readonly json?: boolean;
}

/** The prompt of `--ask`. @throws InputError without one */
export function requirePrompt(ask: string | undefined): string {
  if (ask === undefined) throw new InputError('there is no prompt; give one with --ask "…"', 2);
  return ask;
}

/** Writes the text that the model accepts after a prompt. @throws InputError if its program does not accept it */
export async function runText(
  path: string,
  loaded: LoadedModel & { readonly text: LoadedText },
  options: RunTextOptions,
  { engine, served }: { readonly engine: Engine; readonly served: () => string },
  console: Console,
): Promise<void> {
  const { text, model } = loaded;
  const prompt = promptTokens(text, requirePrompt(options.ask), console);
  const server = options.draft === undefined ? undefined : parseDraftUrl(options.draft);
  const drawing = parseDrawing(options);
  const tokenizer = text.tokenizer();
  await tryCausality(path, text, { always: false, console });
  const session = await openSession(text.model, engine, (sentence) => console.err(`assay: ${sentence}`));
  const inputs = inputsOf(text.model, { prompt, ...drawing });
  const chooser = session.on(inputs);
  let passes = 0;
  let found = 0;
  const start = performance.now();
  const tokens = await generate(
    text.model,
    {
      choose: (known, drafted) => {
        passes++;
        return chooser.choose(known, drafted);
      },
    },
    {
      draft: server
        ? draftFrom(server, tokenizer, prompt, (sentence) => console.err(`assay: ${sentence}`))
        : cautious(recall(prompt, text.model.options.tokens), session.rowsPerRead - 1),
      listen: (more) => {
        found += more.length;
        console.progress(`${found} of ${text.model.options.tokens} tokens`);
      },
    },
  );
  const seconds = (performance.now() - start) / 1000;
  // The check below may run on another one.
  const writer = served();
  await session.close();
  console.progress('checking the text');
  if (!(await isAccepted(text.model, engine, inputs, tokens))) await refuseUnaccepted(path, text, console);
  console.progress(undefined);
  const written = tokenizer.decode(tokens);
  if (options.json) {
    const id = hexOf(model.id);
    console.out(
      JSON.stringify({ model: id, engine: writer, seconds, passes, prompt, tokens, text: written }),
    );
    return;
  }
  console.out(
    `model ${hexOf(model.id)}, ${found} tokens by ${passes} passes in ${seconds.toFixed(2)} s on the ${writer} engine`,
  );
  console.out(written);
}
