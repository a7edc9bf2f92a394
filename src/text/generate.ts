import type { Engine, Session } from '../engine/engine.ts';
import { withCheckpoints } from '../program/blocks.ts';
import type { Program } from '../program/node.ts';
import type { TextModel } from './compile.ts';
import { PADDING } from './options.ts';
import { int32Bytes, tokenBytes } from './tokens.ts';

/** Finding the text that a model accepts. */

/** A request for a text, in the order of the model's inputs. */
export interface TextRequest {
  /** Tokens of the prompt, one at least. */
  readonly prompt: readonly number[];
  /** Seed of a model that draws tokens, two 32-bit words; 0 if left out. */
  readonly seed?: readonly [number, number];
  /** Temperature, for a model that draws tokens; 0 by default, which takes the likeliest token. */
  readonly temperature?: number;
  /** Number of likeliest tokens that a model draws from; 0, which is all, if left out. */
  readonly candidates?: number;
}

/** Says what a model chooses. */
export interface Chooser {
  /**
   * @param text tokens so far, as the model chose them
   * @param drafted tokens that may come next
   * @returns what the model chooses behind the text, and behind each drafted token if all before are right; no more
   * than the text has room for
   */
  choose(text: readonly number[], drafted: readonly number[]): Promise<readonly number[]>;
}

/**
 * Guesses tokens. A wrong guess costs the work of checking it.
 *
 * @param text tokens so far
 * @param most how many tokens there is room for
 */
export type Draft = (text: readonly number[], most: number) => Promise<readonly number[]>;

const nothing: Draft = async () => [];

/**
 * Generates the text that a model accepts: drafted tokens are kept as far as they are right, and the first wrong one is replaced
 * by the right one. So every step finds one token at least.
 *
 * @param listen is told tokens once they are certain
 * @returns as many tokens as the model's texts have, padded behind the end
 */
export async function generate(
  { options }: Pick<TextModel, 'options'>,
  chooser: Chooser,
  {
    draft = nothing,
    listen,
  }: { readonly draft?: Draft; readonly listen?: (tokens: readonly number[]) => void } = {},
): Promise<number[]> {
  const { tokens: room, ends = [] } = options;
  const text: number[] = [];
  while (text.length < room) {
    const drafted = (await draft(text, room - text.length)).slice(0, room - text.length);
    const choices = await chooser.choose(text, drafted);
    const wrong = choices.findIndex((choice, i) => choice !== drafted[i]);
    const right = wrong < 0 ? choices : choices.slice(0, wrong + 1);
    const end = right.findIndex((token) => ends.includes(token));
    const found = end < 0 ? right : right.slice(0, end + 1);
    text.push(...found);
    listen?.(found);
    if (end >= 0) break;
  }
  return [...text, ...new Array<number>(room - text.length).fill(PADDING)];
}

const filled = (numbers: readonly number[], size: number, filler: number): number[] => [
  ...numbers,
  ...new Array<number>(size - numbers.length).fill(filler),
];

/**
 * A request as the model's inputs.
 *
 * @throws RangeError for a prompt that the model does not take
 */
export function inputsOf(
  { options, vocabulary, width }: Pick<TextModel, 'options' | 'vocabulary' | 'width'>,
  { prompt, seed = [0, 0], temperature = 0, candidates = 0 }: TextRequest,
): Uint8Array[] {
  if (prompt.length === 0 || prompt.length > options.prompt) {
    throw new RangeError(`the prompt has ${prompt.length} tokens; the model takes 1 to ${options.prompt}`);
  }
  const outside = prompt.find((token) => !(Number.isInteger(token) && token >= 0 && token < vocabulary));
  if (outside !== undefined) {
    throw new RangeError(`the prompt has token ${outside}; the model's vocabulary has ${vocabulary}`);
  }
  const asked = [tokenBytes(filled(prompt, options.prompt, 0), width), int32Bytes([prompt.length])];
  if (!options.sampled) return asked;
  const heat = new Uint8Array(Float32Array.of(temperature).buffer);
  return [...asked, int32Bytes(seed), heat, int32Bytes([candidates])];
}

/** The part of the checked program that computes one of its nodes, with the text as one more input. */
export function programUpTo({ program }: Pick<TextModel, 'program'>, node: number): Program {
  const { nodes, inputs, answers = [] } = program;
  return withCheckpoints({
    nodes: nodes.slice(0, node + 1),
    inputs: [...inputs, ...answers],
    outputs: [node],
  });
}

/** The part of the checked program that says what is chosen. */
export const choiceProgram = (model: Pick<TextModel, 'program' | 'choices'>): Program =>
  programUpTo(model, model.choices);

/**
 * Whether the program accepts a text, by one pass as claims are checked.
 *
 * @param inputs of the request, as {@link inputsOf} makes them
 */
export async function isAccepted(
  { program, weights, width }: Pick<TextModel, 'program' | 'weights' | 'width'>,
  engine: Engine,
  inputs: readonly Uint8Array[],
  text: readonly number[],
): Promise<boolean> {
  const session = await engine.load(program, weights);
  try {
    const [accept] = await session.run([...inputs, tokenBytes(text, width)]);
    return accept!.bytes[0] === 1;
  } finally {
    await session.close();
  }
}

/** Chooses tokens by whole passes over prompt and text, as claims are checked; one token takes as long as all. */
export class PassChooser implements Chooser {
  readonly #model: TextModel;
  readonly #session: Session;
  readonly #inputs: readonly Uint8Array[];

  private constructor(model: TextModel, session: Session, inputs: readonly Uint8Array[]) {
    this.#model = model;
    this.#session = session;
    this.#inputs = inputs;
  }

  /** @returns makes a chooser for each request, on one session */
  static async load(model: TextModel, engine: Engine) {
    const session = await engine.load(choiceProgram(model), model.weights);
    return {
      session,
      on: (inputs: readonly Uint8Array[]): PassChooser => new PassChooser(model, session, inputs),
    };
  }

  async choose(text: readonly number[], drafted: readonly number[]): Promise<readonly number[]> {
    const { tokens } = this.#model.options;
    const whole = filled([...text, ...drafted], tokens, PADDING);
    const [choices] = await this.#session.run([...this.#inputs, tokenBytes(whole, this.#model.width)]);
    const all = new Int32Array(choices!.bytes.slice().buffer);
    return [...all.subarray(text.length, Math.min(tokens, text.length + drafted.length + 1))];
  }
}
