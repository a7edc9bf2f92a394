import { NEGATIVE_INFINITY_BITS } from '../../../scalar/float32.ts';
import { ensure } from '../../errors.ts';
import { type Expression, f32, fold, i32, indexValue, select } from '../../ir/expression.ts';
import { NEGATIVE_INFINITY } from '../../ir/floatWords.ts';
import { add, constantIndex, type Index, multiply, quotient, remainder } from '../../ir/indices.ts';
import { reading, type Tensor } from '../../ir/tensor.ts';
import { TYPES } from '../../types.ts';
import { at, type Lowering, type Operators } from '../context.ts';
import { ensureFloat } from '../elementwise.ts';

/**
 * Images read at computed positions: for each dimension a table of the elements around a position, and one of
 * their weights; the result folds over all combinations of those taps.
 */

interface Taps {
  readonly count: number;
  /** Distance of the first tap from the element at or before the position. */
  readonly first: number;
  /** Weight of a tap, from the position's fraction and the tap's number. */
  readonly weigh: (fraction: Expression, tap: Index) => Expression;
}

const ONE = f32.of(1);
const ZERO = f32.of(0);
const HALF = f32.of(0.5);

export const linear: Taps = {
  count: 2,
  first: 0,
  weigh: (fraction, tap) => select(i32.eq(indexValue(tap), i32.of(0)), f32.sub(ONE, fraction), fraction),
};

/** Keys' cubic convolution (R. Keys, 1981) with a = -0.75. */
const cubic: Taps = {
  count: 4,
  first: -1,
  weigh: (fraction, tap) => {
    const a = -0.75;
    const d = f32.abs(f32.sub(f32.add(fraction, ONE), f32.fromI32(indexValue(tap))));
    const times = (x: Expression, by: number): Expression => f32.mul(x, f32.of(by));
    const near = f32.add(f32.mul(f32.mul(f32.sub(times(d, a + 2), f32.of(a + 3)), d), d), ONE);
    const far = f32.sub(
      f32.mul(f32.add(f32.mul(f32.sub(times(d, a), f32.of(5 * a)), d), f32.of(8 * a)), d),
      f32.of(4 * a),
    );
    return select(f32.le(d, ONE), near, far);
  },
};

const nearest: Taps = { count: 1, first: 0, weigh: () => ONE };

const MODES: Readonly<Record<string, Taps>> = { nearest, linear, bilinear: linear, cubic, bicubic: cubic };

const clamp = (x: Expression, low: number, high: number): Expression =>
  f32.max(f32.of(low), f32.min(f32.of(high), x));

/** x turned around at both ends as often as it takes; between the ends it stays as it is. */
function reflected(x: Expression, low: number, high: number): Expression {
  const range = high - low;
  if (range <= 0) return f32.of(low);
  const isBelow = f32.lt(x, f32.of(low));
  const beyond = select(isBelow, f32.sub(f32.of(low), x), f32.sub(x, f32.of(high)));
  const turns = f32.trunc(f32.div(beyond, f32.of(range)));
  const rest = f32.sub(beyond, f32.mul(turns, f32.of(range)));
  const half = f32.mul(turns, HALF);
  const isOdd = i32.not(f32.eq(f32.floor(half), half));
  const fromLow = i32.xor(isBelow, isOdd);
  const folded = select(fromLow, f32.add(f32.of(low), rest), f32.sub(f32.of(high), rest));
  return select(f32.lt(ZERO, beyond), folded, x);
}

/** Why positions of type double are not rounded to whole elements: they would be computed in float32. */
const roundedPositions = ({ name }: Tensor): string =>
  `"${name}" is of type double, and float32 may round its places to other elements; cast it to float in front of this node`;

/** GridSample(x, grid): the grid has positions within -1 and 1, the coordinate of the last dimension first. */
const GridSample: Lowering = (context) => {
  const [x, grid] = [context.input(0), context.input(1)];
  ensureFloat(x, grid);
  const spatial = x.shape.slice(2);
  const rank = spatial.length;
  ensure(
    grid.shape.length === x.shape.length && grid.shape.at(-1) === rank && grid.shape[0] === x.shape[0],
    `a grid of shape [${grid.shape}] does not fit an input of shape [${x.shape}]`,
  );
  ensure(
    spatial.every((extent) => extent > 0),
    `there is nothing to sample in [${x.shape}]`,
  );
  const mode = context.string('mode', context.version < 20 ? 'bilinear' : 'linear');
  const padding = context.string('padding_mode', 'zeros');
  const isAligned = context.int('align_corners', 0) !== 0;
  const taps = MODES[mode];
  ensure(taps, `mode ${mode} is not known`);
  ensure(taps !== nearest || grid.type !== TYPES.double, roundedPositions(grid));
  ensure(['zeros', 'border', 'reflection'].includes(padding), `padding_mode ${padding} is not known`);
  const outer = [x.shape[0] as number, ...grid.shape.slice(1, -1)];

  const dimensions = spatial.map((extent, d) => {
    const [low, high] = isAligned ? [0, extent - 1] : [-0.5, extent - 0.5];
    const coordinate = context.define({
      type: x.type,
      shape: outer,
      body: (indices) => {
        const unit = f32.add(at(grid, [...indices, constantIndex(rank - 1 - d)]), ONE);
        const scaled = isAligned
          ? f32.mul(f32.mul(unit, HALF), f32.of(extent - 1))
          : f32.mul(f32.sub(f32.mul(unit, f32.of(extent)), ONE), HALF);
        const own = taps === nearest ? f32.nearest(scaled) : scaled;
        if (padding === 'border') return clamp(own, 0, extent - 1);
        return padding === 'reflection' ? reflected(own, low, high) : own;
      },
    });
    const floor = (indices: readonly Index[]): Expression => f32.floor(at(coordinate, indices.slice(0, -1)));
    const positions = context.define({
      type: TYPES.int32,
      shape: [...outer, taps.count],
      body: (indices) => {
        const offset = f32.fromI32(i32.add(indexValue(indices.at(-1)!), i32.of(taps.first)));
        const element = f32.add(floor(indices), offset);
        if (padding === 'zeros') return i32.fromF32(element);
        return i32.fromF32(
          padding === 'border' ? clamp(element, 0, extent - 1) : reflected(element, low, high),
        );
      },
    });
    const weights = context.define({
      type: x.type,
      shape: [...outer, taps.count],
      body: (indices) =>
        taps.weigh(f32.sub(at(coordinate, indices.slice(0, -1)), floor(indices)), indices.at(-1)!),
    });
    return { positions, weights };
  });
  return context.define({
    type: x.type,
    shape: [outer[0] as number, x.shape[1] as number, ...outer.slice(1)],
    channelsLast: true,
    body: (indices) => {
      const [n, c, ...own] = indices as [Index, Index, ...Index[]];
      const element = (tap: readonly Index[]): Expression =>
        reading(
          x,
          [
            n,
            c,
            ...dimensions.map(({ positions }, d) => ({ gathered: at(positions, [n, ...own, tap[d]!]) })),
          ],
          0,
        );
      if (taps === nearest) return element(spatial.map(() => constantIndex(0)));
      return fold(
        spatial.map(() => taps.count),
        0,
        (tap, accumulator) => {
          const weight = dimensions
            .map(({ weights }, d): Expression => at(weights, [n, ...own, tap[d]!]))
            .reduce(f32.mul);
          return f32.add(accumulator, f32.mul(weight, element(tap)));
        },
      );
    },
  });
};

/** RoiAlign(x, rois, batch_indices): each region in a grid of bins, each bin by samples inside it. */
const RoiAlign: Lowering = (context) => {
  const [x, rois, batches] = [context.input(0), context.input(1), context.input(2)];
  ensureFloat(x, rois);
  ensure(x.shape.length === 4, `the input's rank is ${x.shape.length}, not 4`);
  const count = rois.shape[0] as number;
  ensure(
    `${rois.shape}` === `${[count, 4]}` && `${batches.shape}` === `${count}`,
    `regions of shape [${rois.shape}] and batch indices of shape [${batches.shape}] do not fit`,
  );
  const samples = context.int('sampling_ratio', 0);
  ensure(
    samples > 0,
    'sampling_ratio 0 makes the number of samples depend on data; export with a positive sampling_ratio',
  );
  const mode = context.string('mode', 'avg');
  ensure(mode === 'avg' || mode === 'max', `mode ${mode} is not known`);
  const transformation =
    context.version < 16
      ? 'output_half_pixel'
      : context.string('coordinate_transformation_mode', 'half_pixel');
  const isHalf = transformation === 'half_pixel';
  ensure(
    isHalf || transformation === 'output_half_pixel',
    `coordinate_transformation_mode ${transformation} is not known`,
  );
  const scale = f32.of(context.float('spatial_scale', 1));
  const bins = [context.int('output_height', 1), context.int('output_width', 1)];
  const extents = x.shape.slice(2);

  // In a region, its first coordinate is that of the width.
  const dimensions = extents.map((extent, d) => {
    const bin = bins[d] as number;
    const corner = (region: Index, end: 0 | 2): Expression => {
      const scaled = f32.mul(at(rois, [region, constantIndex(1 - d + end)]), scale);
      return isHalf ? f32.sub(scaled, HALF) : scaled;
    };
    /** Where each sample is, -1 and less or the extent and more being outside. */
    const coordinate = context.define({
      type: x.type,
      shape: [count, bin * samples],
      body: ([region, sample]) => {
        const start = corner(region!, 0);
        const size = f32.sub(corner(region!, 2), start);
        const step = f32.div(isHalf ? size : f32.max(size, ONE), f32.of(bin));
        const inBin = f32.add(f32.fromI32(indexValue(remainder(sample!, samples))), HALF);
        const whole = f32.fromI32(indexValue(quotient(sample!, samples)));
        return f32.add(f32.add(start, f32.mul(whole, step)), f32.div(f32.mul(inBin, step), f32.of(samples)));
      },
    });
    const last = f32.of(extent - 1);
    const inside = (indices: readonly Index[]): Expression =>
      f32.min(f32.max(at(coordinate, indices.slice(0, 2)), ZERO), last);
    const shape = [count, bin * samples, 2];
    const positions = context.define({
      type: TYPES.int32,
      shape,
      range: { low: 0, high: extent - 1 },
      body: (indices) => {
        const low = i32.fromF32(f32.floor(inside(indices)));
        return i32.min(i32.add(low, indexValue(indices[2]!)), i32.of(extent - 1));
      },
    });
    const weights = context.define({
      type: x.type,
      shape,
      body: (indices) => {
        const raw = at(coordinate, indices.slice(0, 2));
        const isOutside = i32.or(f32.lt(raw, f32.of(-1)), f32.lt(f32.of(extent), raw));
        const own = inside(indices);
        return select(isOutside, ZERO, linear.weigh(f32.sub(own, f32.floor(own)), indices[2]!));
      },
    });
    return { positions, weights };
  });
  const [rows, columns] = dimensions as [(typeof dimensions)[0], (typeof dimensions)[0]];
  return context.define({
    type: x.type,
    shape: [count, x.shape[1] as number, ...bins],
    channelsLast: true,
    body: ([region, channel, row, column]) => {
      const parts = ([i, j, u, v]: readonly Index[]): Expression => {
        const vertical = [region!, sampleOf(row!, i!, samples), u!];
        const horizontal = [region!, sampleOf(column!, j!, samples), v!];
        const element = reading(
          x,
          [
            { gathered: at(batches, [region!]) },
            channel!,
            { gathered: at(rows.positions, vertical) },
            { gathered: at(columns.positions, horizontal) },
          ],
          0,
        );
        return f32.mul(f32.mul(at(rows.weights, vertical), at(columns.weights, horizontal)), element);
      };
      const taps = [samples, samples, 2, 2];
      if (mode === 'max') {
        return fold(taps, NEGATIVE_INFINITY_BITS, (k, accumulator) => f32.max(accumulator, parts(k)));
      }
      const sum = fold(taps, 0, (k, accumulator) => f32.add(accumulator, parts(k)));
      return f32.div(sum, f32.of(samples * samples));
    },
  });
};

/** MaxRoiPool(x, rois): the greatest element of each bin of a region that is given in whole elements. */
const MaxRoiPool: Lowering = (context) => {
  const [x, rois] = [context.input(0), context.input(1)];
  ensureFloat(x, rois);
  ensure(x.shape.length === 4, `the input's rank is ${x.shape.length}, not 4`);
  ensure(rois.type !== TYPES.double, roundedPositions(rois));
  const count = rois.shape[0] as number;
  ensure(`${rois.shape}` === `${[count, 5]}`, `regions of shape [${rois.shape}], not [${[count, 5]}]`);
  const bins = context.ints('pooled_shape') ?? [];
  ensure(bins.length === 2 && bins.every((bin) => bin >= 1), `pooled_shape [${bins}] is not two sizes`);
  const scale = f32.of(context.float('spatial_scale', 1));
  const extents = x.shape.slice(2);
  /** Halves are rounded away from 0. */
  const rounded = (value: Expression): Expression => {
    const magnitude = f32.floor(f32.add(f32.abs(value), HALF));
    return select(f32.lt(value, ZERO), f32.neg(magnitude), magnitude);
  };
  // The first element of each bin and the one after its last, inside the input.
  const bounds = extents.map((extent, d) =>
    context.define({
      type: TYPES.int32,
      shape: [count, bins[d] as number, 2],
      range: { low: 0, high: extent },
      body: ([region, bin, end]) => {
        const corner = (i: number) => rounded(f32.mul(at(rois, [region!, constantIndex(i)]), scale));
        const start = corner(2 - d);
        const size = f32.max(f32.add(f32.sub(corner(4 - d), start), ONE), ONE);
        const step = f32.div(size, f32.of(bins[d] as number));
        const low = f32.floor(f32.mul(f32.fromI32(indexValue(bin!)), step));
        const high = f32.ceil(f32.mul(f32.fromI32(i32.add(indexValue(bin!), i32.of(1))), step));
        const own = select(i32.eq(indexValue(end!), i32.of(0)), low, high);
        return i32.fromF32(clamp(f32.add(own, start), 0, extent));
      },
    }),
  );
  const batches = context.define({
    type: TYPES.int32,
    shape: [count],
    body: ([region]) => i32.fromF32(at(rois, [region!, constantIndex(0)])),
  });
  return context.define({
    type: x.type,
    shape: [count, x.shape[1] as number, ...bins],
    channelsLast: true,
    body: ([region, channel, ...bin]) => {
      const most = fold(extents, NEGATIVE_INFINITY_BITS, (spatial, accumulator) => {
        const isInside = spatial
          .map((own, d): Expression => {
            const bound = (end: number) => at(bounds[d] as Tensor, [region!, bin[d]!, constantIndex(end)]);
            const index = indexValue(own);
            return i32.and(i32.not(i32.lt(index, bound(0))), i32.lt(index, bound(1)));
          })
          .reduce(i32.and);
        const element = reading(x, [{ gathered: at(batches, [region!]) }, channel!, ...spatial], 0);
        return select(isInside, f32.max(accumulator, element), accumulator);
      });
      // A bin without elements is 0.
      return select(f32.eq(most, NEGATIVE_INFINITY), ZERO, most);
    },
  });
};

const sampleOf = (bin: Index, sample: Index, samples: number): Index => add(multiply(bin, samples), sample);

/**
 * @see https://onnx.ai/onnx/operators/onnx__GridSample.html
 * @see https://onnx.ai/onnx/operators/onnx__RoiAlign.html
 * @see https://onnx.ai/onnx/operators/onnx__MaxRoiPool.html
 */
export const operators: Operators = { GridSample, RoiAlign, MaxRoiPool };
