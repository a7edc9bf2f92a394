import { ensure } from '../../errors.ts';
import { type Expression, f32, fold, i32, indexValue, select, word } from '../../ir/expression.ts';
import { add, constantIndex, type Index, unflatten } from '../../ir/indices.ts';
import { reading, type Tensor } from '../../ir/tensor.ts';
import { keys } from '../../tensors/doubleBits.ts';
import { type ElementType, TYPES } from '../../types.ts';
import { broadcastAt } from '../broadcast.ts';
import { comparable } from '../comparable.ts';
import { at, type Context, type Lowering, type Operators } from '../context.ts';
import { elementwise, ensureFloat, hull } from '../elementwise.ts';
import { indicesInto } from '../tensor/Gather.ts';
import type { Output } from '../value.ts';
import { asFloats } from './rows.ts';

/** Preparation of features and labels: scaling, encoding, picking columns. */

/** A list of one value for all columns, or of one for each. */
function byColumn(
  context: Context,
  x: Tensor,
  type: ElementType,
  name: string,
  list: readonly number[],
): Tensor {
  const columns = x.shape.at(-1) ?? 1;
  ensure(
    list.length === 1 || list.length === columns,
    `${name} has ${list.length} entries, for ${columns} columns`,
  );
  return context.constant(type, [list.length], list);
}

/** (x - offset) * scale */
const Scaler: Lowering = (context) => {
  const x = asFloats(context, context.input(0));
  const list = (name: string): Tensor => byColumn(context, x, TYPES.float, name, context.floats(name) ?? []);
  return elementwise(context, [x, list('offset'), list('scale')], TYPES.float, (value, offset, scale) =>
    f32.mul(f32.sub(value as Expression, offset as Expression), scale as Expression),
  );
};

/** Rows over their greatest element, their sum of magnitudes, or their length; rows of which that is 0 stay. */
const Normalizer: Lowering = (context) => {
  const x = asFloats(context, context.input(0));
  ensure(x.shape.length === 1 || x.shape.length === 2, `an input of rank ${x.shape.length} has no rows`);
  const norm = context.string('norm', 'MAX');
  ensure(['MAX', 'L1', 'L2'].includes(norm), `norm ${norm} is not known`);
  const columns = x.shape.at(-1) as number;
  const size = context.define({
    type: TYPES.float,
    shape: [...x.shape.slice(0, -1), 1],
    body: (indices) =>
      fold([columns], (norm === 'MAX' ? f32.of(-3.4028234663852886e38) : f32.of(0)).word, ([k], sum) => {
        const value = at(x, [...indices.slice(0, -1), k as Index]);
        if (norm === 'MAX') return f32.max(sum, value);
        return f32.add(sum, norm === 'L1' ? f32.abs(value) : f32.mul(value, value));
      }),
  });
  return elementwise(context, [x, size], TYPES.float, (value, by) => {
    const [v, s] = [value as Expression, by as Expression];
    const quotient = norm === 'L2' ? f32.sqrt(f32.div(f32.mul(v, v), s)) : f32.div(v, s);
    const signed = norm === 'L2' ? select(f32.lt(v, f32.of(0)), f32.neg(quotient), quotient) : quotient;
    return select(f32.eq(s, f32.of(0)), v, signed);
  });
};

/** 1 above the threshold, else 0. */
const Binarizer: Lowering = (context) => {
  const x = context.input(0);
  ensureFloat(x);
  const threshold = context.float('threshold', 0);
  const isAbove = comparable(context, x, 'above', threshold);
  return context.define({
    type: x.type,
    shape: x.shape,
    body: (indices) => select(isAbove(indices), f32.of(1), f32.of(0)),
  });
};

/** Replaces one value, NaN usually. */
const Imputer: Lowering = (context) => {
  const x = context.input(0);
  const isFloat = x.type.family === 'float';
  // Values for inputs of the other type.
  context.disregard(
    ...(isFloat
      ? ['imputed_value_int64s', 'replaced_value_int64']
      : ['imputed_value_floats', 'replaced_value_float']),
  );
  const name = isFloat ? 'imputed_value_floats' : 'imputed_value_int64s';
  const values = (isFloat ? context.floats(name) : context.ints(name)) ?? [];
  const replaced = isFloat
    ? context.float('replaced_value_float', 0)
    : context.int('replaced_value_int64', 0);
  const imputed = byColumn(context, x, x.type, name, values);
  const isReplaced = comparable(context, x, 'equal', replaced);
  const matches = (indices: readonly Index[]): Expression => {
    const value = at(x, indices);
    // A value outside int32 equals none of the elements.
    if (!isFloat) return replaced === (replaced | 0) ? i32.eq(value, i32.of(replaced)) : word(0);
    return Number.isNaN(replaced) ? f32.isNaN(value) : isReplaced(indices);
  };
  const range = x.range && hull([x.range.low, x.range.high, ...values]);
  return context.define({
    type: x.type,
    shape: x.shape,
    ...(range ? { range } : {}),
    body: (indices) => select(matches(indices), broadcastAt(imputed, indices), at(x, indices)),
  });
};

/** Elements of the last dimension, by known or computed indices. */
const ArrayFeatureExtractor: Lowering = (context) => {
  const [x, positions] = [context.input(0), context.input(1)];
  ensure(x.shape.length > 0, 'a scalar has no columns');
  const count = positions.shape.reduce((size, extent) => size * extent, 1);
  const flat = context.define({
    type: positions.type,
    shape: [count],
    ...(positions.range ? { range: positions.range } : {}),
    body: ([k]) => at(positions, unflatten(k as Index, positions.shape)),
  });
  const indices = indicesInto(context, x, x.shape.length - 1, flat);
  // A vector counts as a row.
  const outer = x.shape.length === 1 ? [1] : x.shape.slice(0, -1);
  return context.define({
    type: x.type,
    shape: [...outer, count],
    ...(x.range ? { range: hull([0, x.range.low, x.range.high]) } : {}),
    body: (element) => {
      const own = x.shape.length === 1 ? [] : element.slice(0, -1);
      return reading(x, [...own, { gathered: at(indices, [element.at(-1) as Index]) }], 0);
    },
  });
};

/** Columns side by side as floats, cut off or filled up to the given counts. */
const FeatureVectorizer: Lowering = (context) => {
  const parts = context.inputs().map((part) => asFloats(context, part));
  const widths = context.ints('inputdimensions', []);
  ensure(
    widths.length === parts.length,
    `inputdimensions has ${widths.length} entries for ${parts.length} inputs`,
  );
  const rows = parts[0]?.shape.length === 1 ? 1 : (parts[0]?.shape[0] as number);
  const total = widths.reduce((sum, width) => sum + width, 0);
  ensure(
    parts.every(
      ({ shape }) => shape.length >= 1 && shape.length <= 2 && (shape.length === 1 ? 1 : shape[0]) === rows,
    ),
    'its inputs are no rows of one number',
  );
  return context.define({
    type: TYPES.float,
    shape: [rows, total],
    body: ([row, column]) => {
      let from = 0;
      let value: Expression = f32.of(0);
      parts.forEach((part, i) => {
        const width = widths[i] as number;
        const own = Math.min(width, part.shape.at(-1) as number);
        const start = from;
        from += width;
        const position = add(column as Index, constantIndex(-start));
        const indices = part.shape.length === 1 ? [position] : [row as Index, position];
        const isHere = i32.ltU(indexValue(position), i32.of(own));
        value = select(isHere, reading(part, indices, 0), value);
      });
      return value;
    },
  });
};

/** 1 at the index of the category, 0 elsewhere. */
const OneHotEncoder: Lowering = (context) => {
  const x = context.input(0);
  const categories = context.ints('cats_int64s', []);
  ensure(categories.length > 0, 'categories of strings cannot run; export with integer categories');
  if (context.int('zeros', 1) === 0) context.note('a category that it does not know yields zeros');
  const table = context.constant(TYPES.int32, [categories.length], categories);
  return context.define({
    type: TYPES.float,
    shape: [...x.shape, categories.length],
    body: (indices) => {
      const raw = at(x, indices.slice(0, -1));
      const value = x.type.family === 'float' ? i32.fromF32(raw) : raw;
      return select(i32.eq(value, at(table, indices.slice(-1))), f32.of(1), f32.of(0));
    },
  });
};

/** The value that belongs to a key, or the default. */
const LabelEncoder: Lowering = (context): readonly Output[] => {
  const x = context.input(0);
  const list = (what: string) =>
    context.ints(`${what}_int64s`) ??
    context.floats(`${what}_floats`) ??
    Array.from(context.tensor(`${what}_tensor`)?.values ?? []);
  const labels = list('keys');
  // Defaults for values of other types.
  context.disregard('default_string', 'default_float', 'default_int64');
  if (context.has('values_strings'))
    return [{ omitted: 'has strings as values; export with integer labels' }];
  const values = list('values');
  ensure(
    !context.has('keys_strings') && labels.length > 0,
    'keys of strings cannot run; export with integer labels',
  );
  ensure(labels.length === values.length, `${labels.length} keys for ${values.length} values`);
  const type =
    context.tensor('values_tensor')?.type ?? (context.has('values_int64s') ? TYPES.int64 : TYPES.float);
  const isFloat = type.family === 'float';
  const given = context.tensor('default_tensor')?.values[0];
  const otherwise =
    given ?? (isFloat ? context.float('default_float', -0) : context.int('default_int64', -1));
  const keyTable = context.constant(
    x.type.family === 'float' ? x.type : TYPES.int32,
    [labels.length],
    labels,
  );
  const [exact, exactLabels] = [context.doubles.exactKeys(x), context.doubles.exactKeys(keyTable)];
  const valueTable = context.constant(isFloat ? TYPES.float : TYPES.int32, [labels.length], values);
  // From version 4 on, NaN is a key like others.
  const same = (indices: readonly Index[], k: Index): Expression => {
    const [a, b] = [at(x, indices), at(keyTable, [k])];
    if (x.type.family !== 'float') return i32.eq(a, b);
    const equal = exact && exactLabels ? keys.eq(exact(indices), exactLabels([k])) : f32.eq(a, b);
    return context.version < 4 ? equal : i32.or(equal, i32.and(f32.isNaN(a), f32.isNaN(b)));
  };
  const made = context.define({
    type,
    shape: x.shape,
    ...(isFloat ? {} : { range: hull([otherwise, ...values]) }),
    body: (indices) =>
      fold([labels.length], (isFloat ? f32.of(otherwise) : word(otherwise)).word, ([k], found) =>
        select(same(indices, k as Index), at(valueTable, [k as Index]), found),
      ),
  });
  return [made];
};

/** Its sequence of maps from label to value is given as the tensor of the values. */
const ZipMap: Lowering = (context) => {
  context.disregard('classlabels_strings', 'classlabels_int64s');
  context.note(
    'its maps from class to score are given as a tensor: one row of scores, in the order of the classes',
  );
  return context.input(0);
};

/**
 * @see https://onnx.ai/onnx/operators/onnx_aionnxml_ArrayFeatureExtractor.html
 * @see https://onnx.ai/onnx/operators/onnx_aionnxml_Binarizer.html
 * @see https://onnx.ai/onnx/operators/onnx_aionnxml_FeatureVectorizer.html
 * @see https://onnx.ai/onnx/operators/onnx_aionnxml_Imputer.html
 * @see https://onnx.ai/onnx/operators/onnx_aionnxml_LabelEncoder.html
 * @see https://onnx.ai/onnx/operators/onnx_aionnxml_Normalizer.html
 * @see https://onnx.ai/onnx/operators/onnx_aionnxml_OneHotEncoder.html
 * @see https://onnx.ai/onnx/operators/onnx_aionnxml_Scaler.html
 * @see https://onnx.ai/onnx/operators/onnx_aionnxml_ZipMap.html
 */
export const operators: Operators = {
  'ai.onnx.ml.ArrayFeatureExtractor': ArrayFeatureExtractor,
  'ai.onnx.ml.Binarizer': Binarizer,
  'ai.onnx.ml.FeatureVectorizer': FeatureVectorizer,
  'ai.onnx.ml.Imputer': Imputer,
  'ai.onnx.ml.LabelEncoder': LabelEncoder,
  'ai.onnx.ml.Normalizer': Normalizer,
  'ai.onnx.ml.OneHotEncoder': OneHotEncoder,
  'ai.onnx.ml.Scaler': Scaler,
  'ai.onnx.ml.ZipMap': ZipMap,
};
