import {
  type Builder,
  f32,
  fold,
  type Index,
  i32,
  indexValue,
  reading,
  select,
  shift,
  type Tensor,
} from '../onnx/building.ts';
import { TYPES } from '../onnx/types.ts';
import { NEGATIVE_INFINITY_BITS } from '../scalar/float32.ts';

/**
 * The index of the greatest score of each row, the lowest of equal ones; in a row with a NaN the index of the first NaN.
 *
 * @param scores [rows, vocabulary]
 * @returns [rows], int32
 */
export function greatest(builder: Builder, scores: Tensor): Tensor {
  const [rows, vocabulary] = scores.shape as [number, number];
  const at = (row: Index, token: Index) => reading(scores, [row, token]);
  const most = builder.define({
    type: scores.type,
    shape: [rows],
    name: 'greatest score',
    body: ([row]) =>
      fold([vocabulary], NEGATIVE_INFINITY_BITS, ([token], accumulator) =>
        f32.max(accumulator, at(row!, token!)),
      ),
  });
  return builder.define({
    type: TYPES.int32,
    shape: [rows],
    range: { low: 0, high: vocabulary - 1 },
    name: 'choice',
    body: ([row]) =>
      fold([vocabulary], vocabulary - 1, ([token], accumulator) => {
        const score = at(row!, token!);
        const differs = i32.and(i32.not(f32.eq(score, reading(most, [row!]))), f32.eq(score, score));
        return select(differs, accumulator, i32.min(accumulator, indexValue(token!)));
      }),
  });
}

/** A number that is neither a token nor padding. */
const NOTHING = -2;

export interface Ending {
  /** Tokens that end a text. */
  readonly ends: readonly number[];
  /** The token that pads a text after its end. */
  readonly padding: number;
}

/**
 * Whether a text is what the model chooses: each token its choice, and nothing but padding after the end.
 *
 * @param text [tokens], int32
 * @param choices [tokens], int32: what follows the prompt and the tokens before, if those are right
 * @returns a scalar, uint8
 */
export function accept(builder: Builder, text: Tensor, choices: Tensor, { ends, padding }: Ending): Tensor {
  return builder.define({
    type: TYPES.uint8,
    shape: [],
    isOutput: true,
    name: 'accept',
    body: () =>
      fold(text.shape, 1, ([i], accumulator) => {
        const choice = reading(choices, [i!]);
        if (ends.length === 0) return i32.and(accumulator, i32.eq(reading(text, [i!]), choice));
        const before = reading(text, [shift(i!, -1)], NOTHING);
        // By induction: padding before is accepted only after an end.
        const hasEnded = [padding, ...ends].map((end) => i32.eq(before, i32.of(end))).reduce(i32.or);
        const right = select(hasEnded, i32.of(padding), choice);
        return i32.and(accumulator, i32.eq(reading(text, [i!]), right));
      }),
  });
}
