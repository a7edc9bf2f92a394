/** Sizes and rules of a text model, all of them part of its id. */
export interface TextOptions {
  /** Tokens of a prompt, most. */
  readonly prompt: number;
  /** Tokens of a text, most. */
  readonly tokens: number;
  /** Tokens that end a text; after the first of them there is only {@link PADDING}. */
  readonly ends?: readonly number[];
  /** Whether requests give a seed, a temperature and a number of candidates; else each token is the likeliest one. */
  readonly sampled?: boolean;
}

/** What the matrices of a model are held in: 32-bit floats, or integers of 8 bits with a scale for each row. */
export type WeightForm = 'float32' | 'int8';

/** Pads a text after its end. No token is negative. */
export const PADDING = -1;
