import {
  type Builder,
  constantIndex,
  type Expression,
  f32,
  fold,
  type Index,
  i32,
  indexValue,
  NEGATIVE_INFINITY,
  reading,
  SIGN,
  select,
  type Tensor,
  word,
} from '../onnx/building.ts';
import { TYPES } from '../onnx/types.ts';
import { gumbel, threefry } from './noise.ts';

/** The sampling parameters of a request. */
export interface Drawing {
  /** Key of the noise, two int32 words. */
  readonly seed: Tensor;
  /** Scalar float; not above 0: the likeliest token is taken. */
  readonly temperature: Tensor;
  /** Scalar int32: number of likeliest tokens to draw from; not above 0: all. */
  readonly candidates: Tensor;
}

/** A word that is greater, unsigned, for greater floats: IEEE 754 is in the order of its bits but for the sign. */
const ordered = (x: Expression): Expression => i32.xor(x, i32.or(i32.shrS(x, i32.of(31)), SIGN));

/**
 * The least key that one of the k greatest scores of each row has, found bit by bit: a bit is set if k scores are at
 * least as great with it. 0 if there is a choice of all.
 */
function thresholds(builder: Builder, logits: Tensor, candidates: Tensor): Tensor {
  const [rows, vocabulary] = logits.shape as [number, number];
  const count = () => reading(candidates, []);
  let found: Tensor | undefined;
  for (let bit = 31; bit >= 0; bit--) {
    const before = found;
    found = builder.define({
      type: TYPES.int32,
      shape: [rows],
      name: `bit ${bit} of the least score`,
      body: ([row]) => {
        const known: Expression = before ? reading(before, [row!]) : word(0);
        const tried = i32.or(known, word(2 ** bit));
        const reached = fold([vocabulary], 0, ([token], accumulator) =>
          i32.add(accumulator, i32.not(i32.ltU(ordered(reading(logits, [row!, token!])), tried))),
        );
        const isLeast = i32.and(i32.lt(i32.of(0), count()), i32.not(i32.lt(reached, count())));
        return select(isLeast, tried, known);
      },
    });
  }
  return found as Tensor;
}

/**
 * Scores whose greatest is a sample: logits over the temperature plus noise, of the likeliest tokens.
 *
 * @param logits [rows, vocabulary]
 * @returns [rows, vocabulary]
 */
export function drawn(builder: Builder, logits: Tensor, { seed, temperature, candidates }: Drawing): Tensor {
  const { shape } = logits;
  const key = (i: number) => reading(seed, [constantIndex(i)]);
  const bits = builder.define({
    type: TYPES.int32,
    shape,
    name: 'noise',
    body: ([row, token]) => threefry([key(0), key(1)], [indexValue(row!), indexValue(token!)]),
  });
  const least = thresholds(builder, logits, candidates);
  return builder.define({
    type: logits.type,
    shape,
    name: 'scores',
    body: ([row, token]: readonly Index[]) => {
      const place = [row!, token!];
      const logit = reading(logits, place);
      const heat = reading(temperature, []);
      const noisy = f32.add(f32.div(logit, heat), gumbel(reading(bits, place)));
      const score = select(f32.lt(f32.of(0), heat), noisy, logit);
      const isOut = i32.ltU(ordered(logit), reading(least, [row!]));
      return select(isOut, NEGATIVE_INFINITY, score);
    },
  });
}
