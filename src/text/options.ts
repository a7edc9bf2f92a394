/** Sizes and rules of a text model, all of them part of its id. */
export interface TextOptions {
  /** Most tokens of a prompt. */
  readonly prompt: number;
  /** Most tokens of a text. */
  readonly tokens: number;
  /** Tokens that end a text; after the first of them there is only {@link PADDING}. */
  readonly ends?: readonly number[];
  /** Whether requests give a seed, a temperature and a number of candidates; else each token is the likeliest one. */
  readonly sampled?: boolean;
}

/**
 * The format of a model's matrices: 32-bit floats, integers of 8 bits with a scale for each row, or integers of
 * 4 bits with a factor for each block of a row, where rows have whole blocks.
 */
export const WEIGHT_FORMS = ['float32', 'int8', 'int4'] as const;
export type WeightForm = (typeof WEIGHT_FORMS)[number];

/** Pads a text after its end. No token is negative. */
export const PADDING = -1;
