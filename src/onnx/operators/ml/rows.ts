import { ensure } from '../../errors.ts';
import { f32 } from '../../ir/expression.ts';
import type { Tensor } from '../../ir/tensor.ts';
import { TYPES } from '../../types.ts';
import type { Context } from '../context.ts';
import { elementwise } from '../elementwise.ts';
import { reshaped } from '../tensor/Shapes.ts';

/** The first input as rows of features; a vector is one row. */
export function rowsOf(context: Context): Tensor {
  const x = context.input(0);
  ensure(x.shape.length === 1 || x.shape.length === 2, `features of rank ${x.shape.length} are no rows`);
  return x.shape.length === 1 ? reshaped(context, x, [1, x.shape[0] as number]) : x;
}

/** A tensor of numbers as floats, rounded to nearest where integers are large. */
export function asFloats(context: Context, x: Tensor): Tensor {
  if (x.type.family === 'float') return x;
  ensure(x.type.family === 'integer', `features of type ${x.type.name} are no numbers`);
  return elementwise(context, [x], TYPES.float, f32.fromI32);
}

/** The first input as rows of float features. */
export const floatRowsOf = (context: Context): Tensor => asFloats(context, rowsOf(context));
