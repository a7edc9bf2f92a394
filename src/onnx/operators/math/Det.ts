import { ensure } from '../../errors.ts';
import { type Expression, f32, fold, i32, indexValue, select } from '../../ir/expression.ts';
import { constantIndex, type Index, shift } from '../../ir/indices.ts';
import { reading, type Tensor } from '../../ir/tensor.ts';
import { TYPES } from '../../types.ts';
import { broadcastAt } from '../broadcast.ts';
import { at, type Context, type Lowering, type Operators } from '../context.ts';
import { elementwise, ensureFloat } from '../elementwise.ts';

/** Rows that elimination is written out for: each takes a few nodes of the program. */
const MAX_ROWS = 64;

/** The row whose first element is greatest, the first of those. */
function pivotRow(context: Context, x: Tensor): Tensor {
  const outer = x.shape.slice(0, -2);
  const rows = x.shape.at(-1) as number;
  const first = (indices: readonly Index[], row: Index): Expression =>
    f32.abs(at(x, [...indices, row, constantIndex(0)]));
  const most = context.define({
    type: x.type,
    shape: outer,
    body: (indices) => fold([rows], 0, ([k], accumulator) => f32.max(accumulator, first(indices, k!))),
  });
  return context.define({
    type: TYPES.int32,
    shape: outer,
    range: { low: 0, high: rows - 1 },
    body: (indices) =>
      fold([rows], rows - 1, ([k], accumulator) =>
        select(
          f32.eq(first(indices, k!), at(most, indices)),
          i32.min(accumulator, indexValue(k!)),
          accumulator,
        ),
      ),
  });
}

/** The determinant by elimination with row pivots: the product of the pivots, with a sign for each exchange. */
const Det: Lowering = (context) => {
  const x = context.input(0);
  ensureFloat(x);
  const rows = x.shape.at(-1);
  ensure(rows !== undefined && rows === x.shape.at(-2), `the matrices [${x.shape}] are not square`);
  ensure(rows <= MAX_ROWS, `matrices of ${rows} rows are too large; up to ${MAX_ROWS} are possible`);
  const outer = x.shape.slice(0, -2);
  let product = context.define({ type: x.type, shape: outer, body: () => f32.of(1) });
  let matrix = x;
  for (let size = rows; size > 0; size--) {
    const current = matrix;
    const pivot = pivotRow(context, current);
    const head = context.define({
      type: x.type,
      shape: [...outer, size],
      body: (indices) =>
        reading(
          current,
          [...indices.slice(0, -1), { gathered: at(pivot, indices.slice(0, -1)) }, indices.at(-1)!],
          0,
        ),
    });
    const value = context.define({
      type: x.type,
      shape: outer,
      body: (indices) => at(head, [...indices, constantIndex(0)]),
    });
    product = elementwise(context, [product, value, pivot], x.type, (before, factor, row) =>
      f32.mul(before!, select(i32.eq(row!, i32.of(0)), factor!, f32.neg(factor!))),
    );
    if (size === 1) break;
    matrix = context.define({
      type: x.type,
      shape: [...outer, size - 1, size - 1],
      body: (indices) => {
        const batch = indices.slice(0, -2);
        const [row, column] = [shift(indices.at(-2)!, 1), shift(indices.at(-1)!, 1)];
        // The first row moves to where the pivot's row was.
        const isPivot = i32.eq(indexValue(row), broadcastAt(pivot, batch));
        const own = (of: Index): Expression =>
          select(isPivot, at(current, [...batch, constantIndex(0), of]), at(current, [...batch, row, of]));
        const pivotValue = at(value, batch);
        // A pivot of 0 has only zeros below it, and makes the product 0 whatever follows.
        const factor = select(
          f32.eq(pivotValue, f32.of(0)),
          f32.of(0),
          f32.div(own(constantIndex(0)), pivotValue),
        );
        return f32.sub(own(column), f32.mul(factor, at(head, [...batch, column])));
      },
    });
  }
  return product;
};

/** @see https://onnx.ai/onnx/operators/onnx__Det.html */
export const operators: Operators = { Det };
