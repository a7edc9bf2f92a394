import { ensure } from '../errors.ts';
import { type Expression, f32 } from '../ir/expression.ts';
import type { Index } from '../ir/indices.ts';
import { reading, type Tensor } from '../ir/tensor.ts';
import { TYPES } from '../types.ts';
import { at, type Context, type Lowering } from './context.ts';
import { ensureFloat } from './elementwise.ts';
import { throughTables } from './Parts.ts';

/** Resize and Upsample: where each element comes from is known at import, and kept as tables along each axis. */

interface Axis {
  readonly extent: number;
  readonly size: number;
  readonly scale: number;
}

/** Place in the input of output place `p` (ONNX Resize, coordinate_transformation_mode). */
function sourceOf(mode: string, p: number, { extent, size, scale }: Axis): number {
  switch (mode) {
    case 'half_pixel':
      return (p + 0.5) / scale - 0.5;
    case 'pytorch_half_pixel':
      return size > 1 ? (p + 0.5) / scale - 0.5 : 0;
    case 'align_corners':
      return size > 1 ? (p * (extent - 1)) / (size - 1) : 0;
    case 'asymmetric':
      return p / scale;
    case 'half_pixel_symmetric': {
      const adjustment = size / (scale * extent);
      return (extent / 2) * (1 - adjustment) + (p + 0.5) / scale - 0.5;
    }
    default:
      ensure(false, `coordinate_transformation_mode ${mode} is not supported`);
  }
}

const ROUNDINGS: Readonly<Record<string, (x: number) => number>> = {
  round_prefer_floor: (x) => Math.ceil(x - 0.5),
  round_prefer_ceil: (x) => Math.floor(x + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

const clamp = (x: number, extent: number): number => Math.min(extent - 1, Math.max(0, x));

function axesOf(context: Context, x: Tensor): Axis[] {
  const isUpsample = context.node.operator === 'Upsample' || context.version < 11;
  const scaleInput = isUpsample ? 1 : 2;
  const rank = x.shape.length;
  const given = isUpsample && context.has('scales') ? context.floats('scales') : undefined;
  const scalesOf = (): readonly number[] => given ?? context.knownOr(scaleInput, 'scales', []) ?? [];
  const sizes = isUpsample ? undefined : context.knownOr(3, 'sizes', undefined);
  const chosen = context.axes(context.ints('axes') ?? x.shape.map((_, i) => i), rank);
  ensure(context.string('keep_aspect_ratio_policy', 'stretch') === 'stretch', 'only stretching is supported');
  const scales = sizes?.length ? undefined : scalesOf();
  ensure((sizes?.length ? sizes : scales)?.length === chosen.length, 'scales or sizes do not fit the axes');
  return x.shape.map((extent, i) => {
    const position = chosen.indexOf(i);
    if (position < 0) return { extent, size: extent, scale: 1 };
    const size = sizes?.length ? sizes[position]! : Math.floor(extent * scales![position]!);
    return { extent, size, scale: scales ? scales[position]! : size / extent };
  });
}

const Resize: Lowering = (context) => {
  const x = context.input(0);
  const axes = axesOf(context, x);
  const isOld = context.node.operator === 'Upsample' || context.version < 11;
  const mode = context.string('mode', 'nearest');
  const transformation = isOld
    ? 'asymmetric'
    : context.string('coordinate_transformation_mode', 'half_pixel');
  const places = axes.map((axis) =>
    Array.from({ length: axis.size }, (_, p) => sourceOf(transformation, p, axis)),
  );
  const isMoved = (axis: Axis) => axis.size !== axis.extent || axis.scale !== 1;
  if (mode === 'nearest') {
    const rounding = isOld ? 'floor' : context.string('nearest_mode', 'round_prefer_floor');
    const round = ROUNDINGS[rounding];
    ensure(round, `nearest_mode ${rounding} is not known`);
    // A place off by a rounding error of its own formula must not fall on the other side of a tie.
    const steady = (place: number) => Math.round(place * 2 ** 20) / 2 ** 20;
    const tables = places.map((own, i) =>
      isMoved(axes[i]!)
        ? own.map((place) => clamp(round(steady(place)), axes[i]!.extent))
        : own.map((_, p) => p),
    );
    return throughTables(context, x, tables);
  }
  ensure(mode === 'linear' || mode === 'cubic', `mode ${mode} is not known`);
  ensure(context.int('antialias', 0) === 0, 'antialias is not supported');
  ensureFloat(x);
  const weigh = mode === 'linear' ? linearTaps : cubicTaps(context.float('cubic_coeff_a', -0.75));
  const excludes = context.int('exclude_outside', 0) !== 0;
  // One axis after another: each is a weighted sum of a few elements.
  return axes.reduce((tensor, axis, i) => {
    if (!isMoved(axis)) return tensor;
    const taps = places[i]!.map((place) => weigh(place));
    return interpolated(context, tensor, i, axis, taps, excludes);
  }, x);
};

interface Tap {
  readonly at: number;
  readonly weight: number;
}

const linearTaps = (place: number): Tap[] => {
  const low = Math.floor(place);
  return [
    { at: low, weight: 1 - (place - low) },
    { at: low + 1, weight: place - low },
  ];
};

/** Keys' cubic convolution (R. Keys, 1981) with parameter a. */
const cubicTaps =
  (a: number) =>
  (place: number): Tap[] => {
    const low = Math.floor(place);
    return [-1, 0, 1, 2].map((offset) => {
      const d = Math.abs(place - (low + offset));
      // Products, not powers: `**` may round differently from machine to machine.
      const near = ((a + 2) * d - (a + 3)) * d * d + 1;
      const far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
      return { at: low + offset, weight: d <= 1 ? near : far };
    });
  };

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
  const column = (t: number, of: (own: readonly Tap[], t: number) => number) => taps.map((own) => of(own, t));
  const places = Array.from({ length: count }, (_, t) =>
    context.constant(
      TYPES.int32,
      [size],
      column(t, (own) => clamp(own[t]!.at, extent)),
    ),
  );
  const weights = Array.from({ length: count }, (_, t) =>
    context.constant(
      x.type,
      [size],
      column(t, (own) => weightsOf(own)[t]!),
    ),
  );
  return context.define({
    type: x.type,
    shape: x.shape.map((own, i) => (i === dimension ? size : own)),
    channelsLast: x.shape.length >= 3,
    body: (indices) => {
      const p = indices[dimension] as Index;
      return places
        .map((table, t): Expression => {
          const place = indices.map((index, i) => (i === dimension ? { gathered: at(table, [p]) } : index));
          return f32.mul(reading(x, place, 0), at(weights[t]!, [p]));
        })
        .reduce(f32.add);
    },
  });
}

export const Resizes: Readonly<Record<string, Lowering>> = { Resize, Upsample: Resize };
