import { sizeOf } from '../../../program/node.ts';
import { ensure } from '../../errors.ts';
import { f32, fold, type IndexCoordinate } from '../../ir/expression.ts';
import { add, constantIndex, multiply, shift } from '../../ir/indices.ts';
import { reading } from '../../ir/tensor.ts';
import { at, atOr, type Lowering, type Operators } from '../context.ts';
import { ensureFloat } from '../elementwise.ts';
import { listOf } from '../list.ts';
import { reshaped } from '../tensor/Shapes.ts';

/** Operators on the spatial dimensions of images. */

/** Maps each position of an image by an affine map: theta times (x, y, 1) or (x, y, z, 1), within -1 and 1. */
const AffineGrid: Lowering = (context) => {
  const theta = context.input(0);
  ensureFloat(theta);
  const size = context.known(1, 'size');
  const spatial = size.slice(2);
  const rank = spatial.length;
  const [batch = 0] = size;
  ensure(rank === 2 || rank === 3, `size [${size}] is not one of an image or a volume`);
  ensure(
    `${theta.shape}` === `${[batch, rank, rank + 1]}`,
    `theta is of shape [${theta.shape}], not [${[batch, rank, rank + 1]}]`,
  );
  const isAligned = context.int('align_corners', 0) !== 0;
  // The first coordinate is that of the last dimension.
  const coordinates = spatial.map((extent) =>
    context.constant(
      theta.type,
      [extent],
      listOf(extent, (i) =>
        isAligned ? (extent === 1 ? 0 : -1 + (2 * i) / (extent - 1)) : -1 + (2 * i + 1) / extent,
      ),
    ),
  );
  return context.define({
    type: theta.type,
    shape: [batch, ...spatial, rank],
    body: (indices) => {
      const [n, own] = [indices[0]!, indices.at(-1)!];
      const products = coordinates.map((coordinate, i) =>
        f32.mul(at(theta, [n, own, constantIndex(rank - 1 - i)]), at(coordinate, [indices[1 + i]!])),
      );
      return [...products.reverse(), at(theta, [n, own, constantIndex(rank)])].reduce(f32.add);
    },
  });
};

/** Adds up the columns of blocks (ONNX operator Col2Im): the reverse of taking an image apart into windows. */
const Col2Im: Lowering = (context) => {
  const x = context.input(0);
  ensureFloat(x);
  const image = context.known(1, 'image_shape');
  const block = context.known(2, 'block_shape');
  const rank = image.length;
  const list = (name: string, otherwise: number[]): readonly number[] => {
    const given = context.ints(name) ?? [];
    const made = given.length > 0 ? given : otherwise;
    ensure(made.length === otherwise.length, `${name} has ${made.length} entries for ${rank} dimensions`);
    return made;
  };
  const ones = image.map(() => 1);
  const [strides, dilations] = [list('strides', ones), list('dilations', ones)];
  const pads = list('pads', [...ones, ...ones].fill(0));
  const steps = image.map((extent, i) => {
    const free = extent + pads[i]! + pads[rank + i]! - dilations[i]! * (block[i]! - 1) - 1;
    return Math.floor(free / strides[i]!) + 1;
  });
  const [batch = 0, rows = 0, columns] = x.shape;
  const channels = rows / sizeOf(block);
  ensure(
    x.shape.length === 3 && Number.isInteger(channels) && columns === sizeOf(steps),
    `shape [${x.shape}] is not one of ${steps.join('×')} blocks of ${block.join('×')}`,
  );
  const blocks = reshaped(context, x, [batch, channels, ...block, ...steps]);
  return context.define({
    type: x.type,
    shape: [batch, channels, ...image],
    body: ([n, c, ...spatial]) =>
      fold(block, 0, (tap, sum) => {
        const step = spatial.map((p, i): IndexCoordinate => {
          const from = shift(add(p, multiply(tap[i]!, -dilations[i]!)), pads[i]!);
          return { index: from, divisor: strides[i]!, exact: true };
        });
        return f32.add(sum, reading(blocks, [n!, c!, ...tap, ...step], 0));
      }),
  });
};

/** Cuts or pads each axis on both sides; what does not divide by two goes to its end. */
const CenterCropPad: Lowering = (context) => {
  const x = context.input(0);
  const wanted = context.known(1, 'shape');
  const axes = context.axes(context.ints('axes') ?? x.shape.map((_, i) => i), x.shape.length);
  ensure(wanted.length === axes.length, `${wanted.length} sizes for ${axes.length} axes`);
  const shape = x.shape.map((extent, i) => wanted[axes.indexOf(i)] ?? extent);
  const from = x.shape.map((extent, i) => {
    const more = (shape[i] as number) - extent;
    return more > 0 ? -Math.floor(more / 2) : Math.floor(-more / 2);
  });
  return context.define({
    type: x.type,
    shape,
    body: (indices) =>
      atOr(
        x,
        indices.map((index, i) => shift(index, from[i] as number)),
        0,
      ),
  });
};

/**
 * @see https://onnx.ai/onnx/operators/onnx__AffineGrid.html
 * @see https://onnx.ai/onnx/operators/onnx__Col2Im.html
 * @see https://onnx.ai/onnx/operators/onnx__CenterCropPad.html
 */
export const operators: Operators = { AffineGrid, Col2Im, CenterCropPad };
