import { ensure } from '../../errors.ts';
import { type Expression, f32, fold, i32, indexValue, select } from '../../ir/expression.ts';
import { add, constantIndex, multiply, shift } from '../../ir/indices.ts';
import { TYPES } from '../../types.ts';
import { at, atOr, type Context, type Lowering, type Operators } from '../context.ts';

/** No number of the pool may be this one, which stands for what is outside the input. */
const OUTSIDE = -(2 ** 31);

interface Gram {
  readonly items: readonly number[];
  /** Its index in the output. */
  readonly index: number;
  readonly weight: number;
}

/** The n-grams of the lengths that are counted; `ngram_counts` says where those of each length start in the pool. */
function gramsOf(context: Context): { readonly grams: Gram[]; readonly size: number } {
  const pool = context.ints('pool_int64s');
  ensure(pool, 'strings cannot run; move this step in front of the model');
  const starts = context.ints('ngram_counts', []);
  const indexes = context.ints('ngram_indexes', []);
  const weights = context.floats('weights');
  const [least, most] = [context.int('min_gram_length', 1), context.int('max_gram_length', 1)];
  ensure(
    pool.every((item) => Number.isInteger(item) && item > OUTSIDE && item < 2 ** 31),
    'the pool has numbers outside 32-bit integers',
  );
  const grams: Gram[] = [];
  let next = 0;
  starts.forEach((start, i) => {
    const length = i + 1;
    const end = starts[i + 1] ?? pool.length;
    ensure(
      start >= 0 && start <= end && end <= pool.length && (end - start) % length === 0,
      `the pool has no whole n-grams of length ${length} from ${start} to ${end}`,
    );
    for (let from = start; from < end; from += length, next++) {
      const index = indexes[next];
      ensure(index !== undefined && index >= 0, `the n-gram ${next} has no index`);
      const gram = { items: pool.slice(from, from + length), index, weight: weights?.[next] ?? 1 };
      if (length >= least && length <= most) grams.push(gram);
    }
  });
  ensure(new Set(grams.map(({ index }) => index)).size === grams.length, 'two n-grams have one index');
  return { grams, size: Math.max(-1, ...indexes) + 1 };
}

/** Counts n-grams of integers, also with up to `max_skip_count` items left out between two of theirs. */
const TfIdfVectorizer: Lowering = (context) => {
  const x = context.input(0);
  ensure(x.type.family === 'integer', `"${x.name}" is of type ${x.type.name}, not integers`);
  const rank = x.shape.length;
  ensure(rank === 1 || rank === 2, `the input's rank is ${rank}, not 1 or 2`);
  const mode = context.string('mode', 'TF');
  ensure(['TF', 'IDF', 'TFIDF'].includes(mode), `mode ${mode} is not known`);
  const { grams, size } = gramsOf(context);
  const longest = Math.max(1, ...grams.map(({ items }) => items.length));
  const items = new Float64Array(size * longest);
  const lengths = new Float64Array(size);
  const weights = new Float64Array(size);
  for (const gram of grams) {
    items.set(gram.items, gram.index * longest);
    lengths[gram.index] = gram.items.length;
    weights[gram.index] = gram.weight;
  }
  const pool = context.constant(TYPES.int32, [size, longest], items);
  const length = context.constant(TYPES.int32, [size], lengths);
  const weight = context.constant(TYPES.float, [size], weights);
  const skips = context.int('max_skip_count', 0);
  ensure(skips >= 0, `max_skip_count ${skips} is negative`);
  const extent = x.shape.at(-1) as number;
  return context.define({
    type: TYPES.float,
    shape: [...x.shape.slice(0, -1), size],
    body: (indices) => {
      const own = indices.at(-1)!;
      const count = fold([skips + 1, extent], 0, ([skip, start], accumulator) => {
        const isThere = Array.from({ length: longest }, (_, i): Expression => {
          const position = shift(add(start!, multiply(skip!, i)), i);
          const item = atOr(x, [...indices.slice(0, -1), position], OUTSIDE);
          const isBeyond = i32.not(i32.lt(i32.of(i), at(length, [own])));
          return i32.or(isBeyond, i32.eq(item, at(pool, [own, constantIndex(i)])));
        }).reduce(i32.and);
        // A single item has nothing between, so it is counted once; positions without an n-gram count nothing.
        const isOnce = i32.or(
          i32.lt(i32.of(1), at(length, [own])),
          i32.and(i32.eq(at(length, [own]), i32.of(1)), i32.eq(indexValue(skip!), i32.of(0))),
        );
        return f32.add(accumulator, f32.fromI32(i32.and(isThere, isOnce)));
      });
      if (mode === 'TF') return count;
      const factor = at(weight, [own]);
      return mode === 'TFIDF' ? f32.mul(count, factor) : select(f32.lt(f32.of(0), count), factor, f32.of(0));
    },
  });
};

/** @see https://onnx.ai/onnx/operators/onnx__TfIdfVectorizer.html */
export const operators: Operators = { TfIdfVectorizer };
