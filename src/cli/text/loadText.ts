import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { wasmEngineWith } from '../../engine/wasm/wasm.ts';
import { ImportError, readGraph } from '../../onnx/index.ts';
import { requireCausal } from '../../text/causality.ts';
import { compileText, type TextModel } from '../../text/compile.ts';
import { GgufFile } from '../../text/gguf/file.ts';
import { endsOfGguf, graphOfGguf } from '../../text/gguf/llama.ts';
import { tokenizerOfGguf } from '../../text/gguf/tokenizer.ts';
import { type TextTokenizer, tokenizerOf } from '../../text/tokenizer.ts';
import { parseHalf } from '../arguments.ts';
import { readBytes } from '../files/bytes.ts';
import { filesIn } from '../files/external.ts';
import { InputError } from '../inputError.ts';
import { parseTextOptions, type TextArguments } from './textOptions.ts';

/** A model that writes text, and what its tokens mean. */
export interface LoadedText {
  readonly model: TextModel;
  /** @throws InputError if none was found beside the model */
  tokenizer(): TextTokenizer;
}

const GGUF = 'GGUF';
const TOKENIZER = 'tokenizer.json';

const isGguf = (bytes: Uint8Array): boolean =>
  [...GGUF].every((letter, i) => bytes[i] === letter.charCodeAt(0));

function readTokenizer(path: string): TextTokenizer {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(readBytes(path)));
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`${path}: is not JSON (${(error as Error).message})`);
  }
  try {
    return tokenizerOf(json);
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
  bytes: Uint8Array,
  given: TextArguments & { readonly half?: string },
): Promise<LoadedText> {
  const options = parseTextOptions(given);
  const half = parseHalf(given.half ?? 'round');
  const beside = given.tokenizer ?? join(dirname(path), TOKENIZER);
  const named = given.tokenizer !== undefined;
  if (isGguf(bytes)) {
    const file = await GgufFile.read(bytes);
    const graph = graphOfGguf(file, options.prompt + options.tokens);
    const model = compileText(graph, bytes.length, { ends: endsOfGguf(file), ...options }, half);
    return { model, tokenizer: () => (named ? readTokenizer(beside) : tokenizerOfGguf(file)) };
  }
  const model = compileText(readGraph(bytes, filesIn(dirname(path))), bytes.length, options, half);
  const tokenizer = (): TextTokenizer => {
    if (!named && !existsSync(beside)) {
      throw new InputError(`${path}: there is no ${TOKENIZER} beside it; name one with --tokenizer`);
    }
    return readTokenizer(beside);
  };
  return { model, tokenizer };
}

/** The tokens of a prompt, as the inputs of a request. @throws InputError for a prompt that the model does not take */
export function promptTokens({ model, tokenizer }: LoadedText, text: string): number[] {
  const tokens = tokenizer().encode(text);
  const { prompt: most } = model.options;
  if (tokens.length >= 1 && tokens.length <= most) return tokens;
  const why =
    tokens.length === 0 ? 'it has no tokens' : `it has ${tokens.length} tokens, --prompt is ${most}`;
  throw new InputError(`the prompt does not fit: ${why}`, 2);
}

/** @throws InputError for a model of which no text can be written from left to right */
export async function tryCausality(path: string, { model }: LoadedText): Promise<void> {
  try {
    await requireCausal(model, wasmEngineWith({ threads: availableParallelism() }));
  } catch (error) {
    if (error instanceof ImportError) throw new InputError(`${path}: ${error.message}`);
    throw error;
  }
}
