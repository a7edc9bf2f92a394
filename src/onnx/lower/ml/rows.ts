import { ensure } from '../../errors.ts';
import type { Tensor } from '../../ir/tensor.ts';
import type { Context } from '../context.ts';
import { reshaped } from '../Shapes.ts';

/** The first input as rows of features; a vector is one row. */
export function rowsOf(context: Context): Tensor {
  const x = context.input(0);
  ensure(x.shape.length === 1 || x.shape.length === 2, `features of rank ${x.shape.length} are no rows`);
  return x.shape.length === 1 ? reshaped(context, x, [1, x.shape[0] as number]) : x;
}
