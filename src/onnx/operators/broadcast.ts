import { ensure } from '../errors.ts';
import type { Reading } from '../ir/expression.ts';
import { constantIndex, type Index } from '../ir/indices.ts';
import { reading, type Tensor } from '../ir/tensor.ts';

/** Multidirectional broadcasting (ONNX, "Broadcasting in ONNX"). */
export function broadcastShapes(shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(0, ...shapes.map(({ length }) => length));
  return Array.from({ length: rank }, (_, i) => {
    let extent = 1;
    for (const shape of shapes) {
      const own = shape[i - rank + shape.length];
      if (own === undefined || own === 1) continue;
      ensure(
        extent === 1 || extent === own,
        `shapes ${shapes.map((s) => `[${s}]`).join(' and ')} do not broadcast`,
      );
      extent = own;
    }
    return extent;
  });
}

/** The element of a tensor that is broadcast to the shape that `indices` run over. */
export const broadcastAt = (tensor: Tensor, indices: readonly Index[]): Reading => {
  const skip = indices.length - tensor.shape.length;
  return reading(
    tensor,
    tensor.shape.map((extent, i) => (extent === 1 ? constantIndex(0) : (indices[skip + i] as Index))),
  );
};
