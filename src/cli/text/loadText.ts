import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { wasmEngineWith } from '../../engine/wasm/wasm.ts';
import { readBytes } from '../../files/bytes.ts';
import { InputError } from '../../files/inputError.ts';
import { GGUF, type ModelFile } from '../../files/modelFile.ts';
import { ImportError, OWN_FILE, readGraph } from '../../onnx/index.ts';
import { isCheaplyTried, requireCausal } from '../../text/causality.ts';
import { compileText, type TextModel } from '../../text/compile.ts';
import { GgufFile } from '../../text/gguf/file.ts';
import { endsOfGguf, graphOfGguf } from '../../text/gguf/llama.ts';
import { tokenizerOfGguf } from '../../text/gguf/tokenizer.ts';
import { encodePrompt, InvalidPrompt } from '../../text/prompt.ts';
import { type TextTokenizer, tokenizerOf } from '../../text/tokenizer.ts';
import { parseHalf } from '../arguments.ts';
import type { Console } from '../console.ts';
import { parseTextOptions, parseWeightForm, type TextArguments } from './textOptions.ts';

/** A model that writes text, and what its tokens mean. */
export interface LoadedText {
  readonly model: TextModel;
  /** @throws InputError if none was found beside the model */
  tokenizer(): TextTokenizer;
}

const TOKENIZER = 'tokenizer.json';

const isGguf = (bytes: Uint8Array): boolean => GGUF.every((byte, i) => bytes[i] === byte);

function readTokenizer(path: string): TextTokenizer {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(readBytes(path)));
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`${path}: is not JSON (${(error as Error).message})`);
  }
  return about(path, () => tokenizerOf(json));
}

/** @throws InputError in place of an ImportError */
function about<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof ImportError) throw new InputError(`${path}: ${error.message}`);
    throw error;
  }
}

/**
 * Compiles a language model, of an ONNX or a GGUF file, to one that checks texts.
 *
 * @throws ImportError for a model that cannot be compiled
 * @throws InputError for an option that is none, or a tokenizer that cannot be read
 */
export async function loadText(
  path: string,
  { bytes, size, readExternal }: ModelFile,
  given: TextArguments & { readonly half?: string },
): Promise<LoadedText> {
  const options = parseTextOptions(given);
  const half = parseHalf(given.half ?? 'round');
  const beside = given.tokenizer ?? join(dirname(path), TOKENIZER);
  const named = given.tokenizer !== undefined;
  if (isGguf(bytes)) {
    const isWhole = bytes.length === size;
    const file = await (isWhole
      ? GgufFile.read(bytes)
      : GgufFile.open(size, (offset, length) => readExternal(OWN_FILE, offset, length)));
    const form = parseWeightForm(given.weights ?? 'float32');
    const graph = graphOfGguf(file, options.prompt + options.tokens, form);
    const model = compileText(graph, size, { ends: endsOfGguf(file), ...options }, half);
    return {
      model,
      tokenizer: once(() => (named ? readTokenizer(beside) : about(path, () => tokenizerOfGguf(file)))),
    };
  }
  if (given.weights !== undefined) {
    throw new InputError(
      '--weights is about GGUF files; the weights of an ONNX file are taken as they are',
      2,
    );
  }
  const model = compileText(readGraph(bytes, readExternal), size, options, half);
  const tokenizer = once(() => {
    if (!named && !existsSync(beside)) {
      throw new InputError(`${path}: there is no ${TOKENIZER} beside it; name one with --tokenizer`);
    }
    return readTokenizer(beside);
  });
  return { model, tokenizer };
}

/** Reads a tokenizer when it is asked for the first time. */
function once(read: () => TextTokenizer): () => TextTokenizer {
  let known: TextTokenizer | undefined;
  return () => (known ??= read());
}

/**
 * The tokens of a prompt. Where the tokenizer reads something else than was written, the user is told.
 *
 * @throws InputError for a prompt that the model does not take
 */
export function promptTokens({ model, tokenizer }: LoadedText, text: string, console: Console): number[] {
  const { options, vocabulary } = model;
  try {
    const { tokens, read } = encodePrompt(tokenizer(), text, { prompt: options.prompt, vocabulary });
    if (read !== text) console.err(`assay: note: the tokenizer reads the prompt as ${JSON.stringify(read)}`);
    return tokens;
  } catch (error) {
    if (error instanceof InvalidPrompt) throw new InputError(error.message, 2);
    throw error;
  }
}

/**
 * Tries whether a model is causal. Where that takes minutes, only its publisher waits for it; others check by one pass that
 * the program accepts what they wrote.
 *
 * @throws InputError for a model of which no text can be written from left to right
 */
export async function tryCausality(
  path: string,
  { model }: LoadedText,
  { always, console }: { readonly always: boolean; readonly console: Console },
): Promise<void> {
  if (!always && !isCheaplyTried(model)) return;
  console.progress('trying whether the model is causal');
  try {
    await requireCausal(model, wasmEngineWith({ threads: availableParallelism() }));
  } catch (error) {
    if (error instanceof ImportError) throw new InputError(`${path}: ${error.message}`);
    throw error;
  } finally {
    console.progress(undefined);
  }
}

/** Says why a program does not accept the text that its model wrote token by token. @throws InputError always */
export async function refuseUnaccepted(path: string, text: LoadedText, console: Console): Promise<never> {
  await tryCausality(path, text, { always: true, console });
  throw new InputError(
    `${path}: the program does not accept the text that the model writes token by token, so no claim on it would hold`,
  );
}
