import { ensure } from '../../errors.ts';
import { type Expression, f32, fold, i32, select } from '../../ir/expression.ts';
import { constantIndex } from '../../ir/indices.ts';
import { reading, type Tensor } from '../../ir/tensor.ts';
import { TYPES } from '../../types.ts';
import { at, type Context, type Lowering, type Operators } from '../context.ts';
import { elementwise, ensureFloat } from '../elementwise.ts';
import { ensureInside, ensureRows } from '../inside.ts';
import { layerNormalized, rmsNormalized, operators as standard } from '../nn/Normalization.ts';

/** Normalisations of transformers with what precedes them. */

/** Input plus skip connection plus bias. */
function skipped(context: Context, bias: Tensor | undefined): Tensor {
  const [x, skip] = [context.input(0), context.input(1)];
  ensureFloat(x, skip);
  return elementwise(context, [x, skip, ...(bias ? [bias] : [])], x.type, (a, b, c) => {
    const sum = f32.add(a!, b!);
    return c ? f32.add(sum, c) : sum;
  });
}

const lastAxis = ({ shape }: Tensor): number[] => [shape.length - 1];

/** (input, skip, gamma, beta, bias) */
const SkipLayerNormalization: Lowering = (context) => {
  const sum = skipped(context, context.optional(4));
  const parameters = [sum, context.input(2), context.optional(3)] as const;
  const made = layerNormalized(context, parameters, lastAxis(sum), context.float('epsilon', 1e-12));
  return [...made, sum];
};

/** (input, skip, gamma, bias) */
const SkipSimplifiedLayerNormalization: Lowering = (context) => {
  const sum = skipped(context, context.optional(3));
  const { y } = rmsNormalized(
    context,
    [sum, context.input(2)],
    lastAxis(sum),
    context.float('epsilon', 1e-12),
  );
  return [y, undefined, undefined, sum];
};

/** Rows of a table by a tensor of numbers [batch, positions]; a row outside it is 0. */
const rowsOf = (context: Context, table: Tensor, numbers: Tensor, shape: readonly number[]): Tensor =>
  context.define({
    type: table.type,
    shape: [...shape, table.shape[1] as number],
    body: ([b, p, d]) => {
      const row = numbers.shape[0] === 1 ? constantIndex(0) : b!;
      return reading(table, [{ gathered: at(numbers, [row, p!]) }, d!], 0);
    },
  });

/** Embeddings of words, positions and segments added up and normalised. */
const EmbedLayerNormalization: Lowering = (context) => {
  const [words, segments, mask] = [context.input(0), context.optional(1), context.optional(7)];
  const [wordTable, positionTable, segmentTable] = [context.input(2), context.input(3), context.optional(4)];
  const positions = context.optional(8);
  if (context.wants(1)) context.only('mask_index_type', 1);
  context.disregard('mask_index_type');
  ensureFloat(wordTable, positionTable);
  ensure(words.shape.length === 2, `the input's rank is ${words.shape.length}, not 2`);
  const shape = words.shape;
  const [batch = 0, length = 0] = shape;
  if (positions) ensureInside(context, positionTable, 0, { rows: positions });
  else ensureRows(context, positionTable, 0, { low: 0, high: length - 1 });
  const parts = [
    rowsOf(context, wordTable, words, shape),
    positions
      ? rowsOf(context, positionTable, positions, shape)
      : context.define({
          type: positionTable.type,
          shape: [length, positionTable.shape[1] as number],
          body: ([p, d]) => at(positionTable, [p!, d!]),
        }),
    ...(segments && segmentTable ? [rowsOf(context, segmentTable, segments, shape)] : []),
  ];
  const sum = elementwise(context, parts, wordTable.type, (...elements) => elements.reduce(f32.add));
  const parameters = [sum, context.input(5), context.input(6)] as const;
  const [y] = layerNormalized(context, parameters, lastAxis(sum), context.float('epsilon', 1e-12));
  const lengths = context.define({
    type: TYPES.int32,
    shape: [batch],
    range: { low: 0, high: length },
    body: ([b]): Expression =>
      fold(mask ? [length] : [], 0, ([p], count) =>
        mask ? i32.add(count, select(at(mask, [b!, p!]), i32.of(1), i32.of(0))) : count,
      ),
  });
  return [y, lengths, sum];
};

/**
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.SkipLayerNormalization
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.SkipSimplifiedLayerNormalization
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.SimplifiedLayerNormalization
 * @see https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.EmbedLayerNormalization
 */
export const operators: Operators = {
  SkipLayerNormalization,
  SkipSimplifiedLayerNormalization,
  SimplifiedLayerNormalization: standard['RMSNormalization']!,
  EmbedLayerNormalization,
};
