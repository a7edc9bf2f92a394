import { sizeOf } from '../../../program/node.ts';
import { ensure } from '../../errors.ts';
import { type Expression, fold, i32, indexValue, select } from '../../ir/expression.ts';
import { flatten, type Index } from '../../ir/indices.ts';
import { at, type Lowering, type Operators } from '../context.ts';
import { ensureFloat } from '../elementwise.ts';

/**
 * MaxUnpool(x, indices, output_shape): the elements at their positions in what MaxPool had been given, 0 elsewhere.
 * Each element of the result folds over those of its own channel, as the indices of a MaxPool are; an index of
 * another channel writes nothing.
 */
const MaxUnpool: Lowering = (context) => {
  const [x, indices] = [context.input(0), context.input(1)];
  ensureFloat(x);
  ensure(`${x.shape}` === `${indices.shape}`, `indices of shape [${indices.shape}] for [${x.shape}]`);
  const [batch, channels, ...spatial] = x.shape as [number, number, ...number[]];
  const rank = spatial.length;
  const kernel = context.ints('kernel_shape') ?? [];
  const strides = context.ints('strides') ?? kernel.map(() => 1);
  const pads = context.ints('pads') ?? new Array<number>(2 * rank).fill(0);
  ensure(
    kernel.length === rank && strides.length === rank && pads.length === 2 * rank,
    `kernel_shape, strides and pads do not fit ${rank} spatial dimensions`,
  );
  // The shape of the MaxPool's input with these attributes; the indices are positions in it.
  const inferred = spatial.map(
    (extent, i) => (extent - 1) * strides[i]! + kernel[i]! - pads[i]! - pads[rank + i]!,
  );
  const wanted = context.knownOr(2, 'output_shape', undefined) ?? [batch, channels, ...inferred];
  ensure(
    wanted.length === x.shape.length && wanted[0] === batch && wanted[1] === channels,
    `output_shape [${wanted}] does not fit an input of shape [${x.shape}]`,
  );
  const extents = [batch, channels, ...inferred];
  ensure(sizeOf(extents) < 2 ** 31, `positions in [${extents}] do not fit int32`);
  return context.define({
    type: x.type,
    shape: wanted,
    channelsLast: true,
    body: (own) => {
      const [n, c] = own as [Index, Index, ...Index[]];
      const position = indexValue(flatten(own, extents));
      const unpooled = fold(
        spatial,
        0,
        (k, accumulator) => {
          const isHere = i32.eq(at(indices, [n, c, ...k]), position);
          return select(isHere, at(x, [n, c, ...k]), accumulator);
        },
        { ordered: true },
      );
      // Beyond what the attributes say, output_shape only adds zeros.
      const isInside = own
        .slice(2)
        .flatMap((index, i) =>
          wanted[2 + i]! > inferred[i]! ? [i32.ltU(indexValue(index), i32.of(inferred[i]!))] : [],
        );
      return isInside.reduce<Expression>((value, inside) => select(inside, value, i32.of(0)), unpooled);
    },
  });
};

/** @see https://onnx.ai/onnx/operators/onnx__MaxUnpool.html */
export const operators: Operators = { MaxUnpool };
