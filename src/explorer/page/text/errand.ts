/** Messages between a page and the worker that knows tokenizers. */

/** Draws tokens, for models that draw them. */
export interface SamplingText {
  readonly seed: string;
  readonly temperature: string;
  readonly candidates: string;
}

export type Errand =
  /** Makes the input of a request. */
  | {
      readonly kind: 'pack';
      readonly description: Uint8Array;
      readonly text: string;
      readonly sampling: SamplingText | undefined;
    }
  /** Reads the prompt in an input, and answers. */
  | {
      readonly kind: 'read';
      readonly description: Uint8Array;
      readonly input: Uint8Array | undefined;
      readonly answers: readonly (Uint8Array | undefined)[];
    }
  /** Says what there is to know without its tokenizer. */
  | { readonly kind: 'format'; readonly description: Uint8Array };

export interface Packed {
  readonly kind: 'packed';
  readonly input: Uint8Array;
  readonly tokens: number;
  /** The prompt as its tokens say it. */
  readonly read: string;
}

/** A text in words, or why there are none. */
export type Words = { readonly text: string } | { readonly why: string };

export interface ReadTexts {
  readonly kind: 'texts';
  readonly prompt: Words | undefined;
  readonly answers: readonly (Words | undefined)[];
}

export interface Format {
  readonly kind: 'format';
  readonly prompt: number;
  readonly tokens: number;
  readonly sampled: boolean;
}

export type ErrandOutcome = Packed | ReadTexts | Format | { readonly kind: 'failed'; readonly why: string };
