import { ensure, quoted } from '../../errors.ts';
import { type Expression, f32, fold, i32, select } from '../../ir/expression.ts';
import { constantIndex, type Index } from '../../ir/indices.ts';
import { reading, type Tensor } from '../../ir/tensor.ts';
import { TYPES } from '../../types.ts';
import { at, type Context, type Lowering, type Operators } from '../context.ts';
import { ensureFloat } from '../elementwise.ts';
import { listOf } from '../list.ts';
import { throughTables } from '../tensor/Parts.ts';

/** Resize and Upsample: where each element comes from is known at import, and kept as tables along each axis. */

interface Axis {
  readonly extent: number;
  readonly size: number;
  /** Size over extent, before the size was rounded. */
  readonly scale: number;
  /** Start and end of the region that is resized, as fractions of the axis. */
  readonly region: readonly [number, number];
}

/** Position in the input of output position `p` (ONNX Resize, coordinate_transformation_mode). */
function sourceOf(mode: string, p: number, { extent, size, scale, region: [start, end] }: Axis): number {
  // The size before rounding; it differs from a whole number by the error of its own formula at most.
  const exact = Math.abs(extent * scale - size) < 1e-6 * size ? size : extent * scale;
  switch (mode) {
    case 'half_pixel':
      return (p + 0.5) / scale - 0.5;
    case 'pytorch_half_pixel':
      return size > 1 ? (p + 0.5) / scale - 0.5 : 0;
    case 'align_corners':
      return exact === 1 ? 0 : (p * (extent - 1)) / (exact - 1);
    case 'asymmetric':
      return p / scale;
    case 'tf_half_pixel_for_nn':
      return (p + 0.5) / scale;
    case 'half_pixel_symmetric':
      return (extent / 2) * (1 - size / exact) + (p + 0.5) / scale - 0.5;
    case 'tf_crop_and_resize': {
      const last = extent - 1;
      if (size === 1) return 0.5 * (start + end) * last;
      return start * last + (p * (end - start) * last) / (size - 1);
    }
    default:
      ensure(false, `coordinate_transformation_mode ${mode} is not known`);
  }
}

const ROUNDINGS: Readonly<Record<string, (x: number) => number>> = {
  round_prefer_floor: (x) => Math.ceil(x - 0.5),
  round_prefer_ceil: (x) => Math.floor(x + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

const clamp = (x: number, extent: number): number => Math.min(extent - 1, Math.max(0, x));

interface Scaled {
  readonly size: number;
  readonly scale: number;
}

/** Sizes by keep_aspect_ratio_policy: one scale for all axes unless they may be stretched. */
function scaledTo(policy: string, extents: readonly number[], sizes: readonly number[]): Scaled[] {
  const scales = sizes.map((size, i) => size / (extents[i] as number));
  if (policy === 'stretch') return sizes.map((size, i) => ({ size, scale: scales[i] as number }));
  ensure(
    policy === 'not_larger' || policy === 'not_smaller',
    `keep_aspect_ratio_policy ${policy} is not known`,
  );
  const scale = policy === 'not_larger' ? Math.min(...scales) : Math.max(...scales);
  return extents.map((extent) => ({ size: Math.floor(scale * extent + 0.5), scale }));
}

/** Scales where they are attributes: of images up to version 6 of Upsample, of all dimensions in 7. */
function attributeScales(context: Context, rank: number): readonly number[] | undefined {
  if (context.operator !== 'Upsample' || context.version >= 7) return context.floats('scales');
  ensure(rank === 4, `the input's rank is ${rank}, not 4`);
  return [1, 1, context.float('height_scale', 1), context.float('width_scale', 1)];
}

function axesOf(context: Context, x: Tensor, isCropped: boolean): Axis[] {
  const isUpsample = context.operator === 'Upsample' || context.version < 11;
  const scaleInput = isUpsample ? 1 : 2;
  const rank = x.shape.length;
  const given = isUpsample ? attributeScales(context, rank) : undefined;
  const scales = given ?? context.knownOr(scaleInput, 'scales', []) ?? [];
  const asked = isUpsample ? undefined : context.knownOr(3, 'sizes', undefined);
  const chosen = context.axes(context.ints('axes') ?? x.shape.map((_, i) => i), rank);
  const extents = chosen.map((axis) => x.shape[axis] as number);
  ensure(!asked?.length || scales.length === 0, 'both scales and sizes are given');
  const wanted = asked?.length ? asked : scales;
  ensure(wanted.length === chosen.length, 'scales or sizes do not fit the axes');
  const policy = context.string('keep_aspect_ratio_policy', 'stretch');
  const scaled = asked?.length
    ? scaledTo(policy, extents, asked)
    : wanted.map((scale, i) => ({ size: Math.floor(extents[i]! * scale), scale }));
  const least = context.operator === 'Upsample' ? 1 : Number.MIN_VALUE;
  ensure(
    asked?.length || scales.every((scale) => scale >= least),
    `scales [${scales}] are not ${context.operator === 'Upsample' ? '1 and more' : 'positive'}`,
  );
  const regions = isCropped ? context.known(1, 'roi') : undefined;
  ensure(!regions || regions.length === 2 * chosen.length, 'roi does not fit the axes');
  // The standard's text has the sizes shrink with the region, its inference of shapes does not.
  const isWhole = (start: number, i: number) => start === 0 && regions![chosen.length + i] === 1;
  ensure(
    !regions || asked?.length || regions.slice(0, chosen.length).every(isWhole),
    'regions with scales are not supported; give sizes',
  );
  return x.shape.map((extent, i) => {
    const position = chosen.indexOf(i);
    if (position < 0) return { extent, size: extent, scale: 1, region: [0, 1] };
    const region = [regions?.[position] ?? 0, regions?.[chosen.length + position] ?? 1] as const;
    return { extent, ...scaled[position]!, region };
  });
}

const Resize: Lowering = (context) => {
  const x = context.input(0);
  const isOld = context.operator === 'Upsample' || context.version < 11;
  const transformation = isOld
    ? 'asymmetric'
    : context.string('coordinate_transformation_mode', 'half_pixel');
  const isCropped = transformation === 'tf_crop_and_resize';
  if (!isOld && !isCropped) {
    context.disregard('extrapolation_value');
    context.disregardInput(1);
  }
  const axes = axesOf(context, x, isCropped);
  const positions = axes.map((axis) => listOf(axis.size, (p) => sourceOf(transformation, p, axis)));
  const isMoved = ({ size, extent, scale, region: [start, end] }: Axis) =>
    size !== extent || scale !== 1 || start !== 0 || end !== 1;
  const mode = readMode(context);
  if (mode === 'nearest') context.disregard('antialias', 'exclude_outside');
  else context.disregard('nearest_mode');
  if (mode !== 'cubic') context.disregard('cubic_coeff_a');
  const resized = mode === 'nearest' ? nearest : weighted;
  const made = resized(context, x, axes, positions, isMoved);
  return isCropped ? extrapolated(context, made, axes, positions) : made;
};

/** The mode, of which the first version of Upsample has another name. */
function readMode(context: Context): string {
  const mode = context.string('mode', 'nearest');
  return context.operator === 'Upsample' && context.version < 7 && mode === 'bilinear' ? 'linear' : mode;
}

type Resized = (
  context: Context,
  x: Tensor,
  axes: readonly Axis[],
  positions: readonly (readonly number[])[],
  isMoved: (axis: Axis) => boolean,
) => Tensor;

const nearest: Resized = (context, x, axes, positions, isMoved) => {
  const isOld = context.operator === 'Upsample' || context.version < 11;
  const rounding = isOld ? 'floor' : context.string('nearest_mode', 'round_prefer_floor');
  const known = ROUNDINGS[rounding];
  ensure(known, `nearest_mode ${quoted(rounding)} is not known`);
  // Version 10 leaves it open; ONNX 1.5's own test of a smaller result rounds up.
  const roundingOf = ({ scale }: Axis) => (isOld && scale < 1 ? Math.ceil : known);
  // A position off by a rounding error of its own formula must not fall on the other side of a tie.
  const steady = (position: number) => Math.round(position * 2 ** 20) / 2 ** 20;
  const tables = positions.map((own, i) =>
    isMoved(axes[i]!)
      ? own.map((position) => clamp(roundingOf(axes[i]!)(steady(position)), axes[i]!.extent))
      : own.map((_, p) => p),
  );
  return throughTables(context, x, tables);
};

/** One axis after another: each element is a weighted sum of a few. */
const weighted: Resized = (context, x, axes, positions, isMoved) => {
  const mode = readMode(context);
  ensure(mode === 'linear' || mode === 'cubic', `mode ${mode} is not known`);
  ensureFloat(x);
  const kernel = mode === 'linear' ? LINEAR : cubic(context.float('cubic_coeff_a', -0.75));
  const widens = context.int('antialias', 0) !== 0;
  const excludes = context.int('exclude_outside', 0) !== 0;
  return axes.reduce((tensor, axis, i) => {
    if (!isMoved(axis)) return tensor;
    const taps = positions[i]!.map((position) =>
      tapsOf(kernel, position, widens ? Math.min(1, axis.scale) : 1),
    );
    return interpolated(context, tensor, i, axis, taps, excludes);
  }, x);
};

/** Elements of the region outside the input are `extrapolation_value`. */
function extrapolated(
  context: Context,
  y: Tensor,
  axes: readonly Axis[],
  positions: readonly (readonly number[])[],
): Tensor {
  const value = context.float('extrapolation_value', 0);
  const isInside = positions.map((own, i) => {
    const flags = own.map((position) => (position >= 0 && position <= axes[i]!.extent - 1 ? 1 : 0));
    return flags.every((flag) => flag === 1)
      ? undefined
      : context.constant(TYPES.bool, [flags.length], flags);
  });
  const outside = y.type.family === 'float' ? f32.of(value) : i32.of(value);
  return context.define({
    type: y.type,
    shape: y.shape,
    body: (indices) =>
      isInside.reduce<Expression>(
        (element, flags, i) => (flags ? select(at(flags, [indices[i]!]), element, outside) : element),
        at(y, indices),
      ),
  });
}

interface Tap {
  readonly at: number;
  readonly weight: number;
}

/** Weight by distance, none from `support` on. */
interface Kernel {
  readonly support: number;
  readonly weight: (distance: number) => number;
}

const LINEAR: Kernel = { support: 1, weight: (distance) => Math.max(0, 1 - distance) };

/** Keys' cubic convolution (R. Keys, 1981) with parameter a. */
const cubic = (a: number): Kernel => ({
  support: 2,
  // Products, not powers: `**` may round differently from machine to machine.
  weight: (d) => {
    if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
    return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
  },
});

/**
 * Elements around a position and their weights, as many for every position.
 *
 * @param scale below 1 the kernel is widened by it, so that every element counts (antialias)
 */
function tapsOf({ support, weight }: Kernel, position: number, scale: number): Tap[] {
  const reach = Math.ceil(support / scale);
  const low = Math.floor(position);
  const taps = listOf(2 * reach, (i) => {
    const at = low - reach + 1 + i;
    return { at, weight: weight(Math.abs(position - at) * scale) };
  });
  if (scale === 1) return taps;
  const sum = taps.reduce((total, tap) => total + tap.weight, 0);
  return taps.map((tap) => ({ at: tap.at, weight: tap.weight / sum }));
}

/** Elements that one expression adds; more are folded over. */
const UNFOLDED_TAPS = 4;

function interpolated(
  context: Context,
  x: Tensor,
  dimension: number,
  { extent, size }: Axis,
  taps: readonly Tap[][],
  excludesOutside: boolean,
): Tensor {
  const count = taps[0]?.length ?? 0;
  const weightsOf = (own: readonly Tap[]): number[] => {
    if (!excludesOutside) return own.map(({ weight }) => weight);
    const inside = own.map((tap) => (tap.at >= 0 && tap.at < extent ? tap.weight : 0));
    const sum = inside.reduce((a, b) => a + b, 0);
    return inside.map((weight) => weight / sum);
  };
  const shape = [size, count];
  const positions = context.constant(
    TYPES.int32,
    shape,
    taps.flatMap((own) => own.map((tap) => clamp(tap.at, extent))),
  );
  const weights = context.constant(x.type, shape, taps.flatMap(weightsOf));
  return context.define({
    type: x.type,
    shape: x.shape.map((own, i) => (i === dimension ? size : own)),
    channelsLast: x.shape.length >= 3,
    body: (indices) => {
      const tap = (t: Index): Expression => {
        const own = [indices[dimension]!, t];
        const coordinates = indices.map((index, i) =>
          i === dimension ? { gathered: at(positions, own) } : index,
        );
        return f32.mul(reading(x, coordinates, 0), at(weights, own));
      };
      if (count > UNFOLDED_TAPS) return fold([count], 0, ([t], sum) => f32.add(sum, tap(t!)));
      return Array.from({ length: count }, (_, t) => tap(constantIndex(t))).reduce(f32.add);
    },
  });
}

/**
 * @see https://onnx.ai/onnx/operators/onnx__Resize.html
 * @see https://onnx.ai/onnx/operators/onnx__Upsample.html
 */
export const operators: Operators = { Resize, Upsample: Resize };
