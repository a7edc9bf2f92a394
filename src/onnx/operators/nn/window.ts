import { sizeOf } from '../../../program/node.ts';
import { ensure } from '../../errors.ts';
import { add, type Index, multiply, shift } from '../../ir/indices.ts';
import type { Context } from '../context.ts';

/** Sliding windows of convolutions and pools over the dimensions after batch and channel. */
export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Padding before each dimension. */
  readonly padsBefore: readonly number[];
  readonly padsAfter: readonly number[];
  /** Places of the window in each dimension. */
  readonly output: readonly number[];
}

/** kernel_shape, strides, dilations, pads, auto_pad and ceil_mode for an input of these spatial extents. */
export function windowOf(context: Context, spatial: readonly number[], kernel: readonly number[]): Window {
  const rank = spatial.length;
  const list = (name: string, otherwise: number): readonly number[] => {
    const values = context.ints(name) ?? [];
    const made = values.length === 0 ? kernel.map(() => otherwise) : values;
    ensure(made.length === rank, `${name} has ${made.length} entries for ${rank} spatial dimensions`);
    return made;
  };
  ensure(kernel.length === rank, `kernel_shape has ${kernel.length} entries for ${rank} spatial dimensions`);
  const strides = list('strides', 1);
  const dilations = list('dilations', 1);
  ensure(
    [...strides, ...dilations, ...kernel].every((value) => value >= 1),
    'strides, dilations and kernel_shape must be positive',
  );
  const extentOfKernel = kernel.map((k, i) => (k - 1) * (dilations[i] as number) + 1);
  const mode = context.string('auto_pad', 'NOTSET');
  let padsBefore = spatial.map(() => 0);
  let padsAfter = spatial.map(() => 0);
  const given = context.ints('pads') ?? [];
  if (mode === 'SAME_UPPER' || mode === 'SAME_LOWER') {
    const total = spatial.map((extent, i) => {
      const stride = strides[i] as number;
      return Math.max(0, (Math.ceil(extent / stride) - 1) * stride + (extentOfKernel[i] as number) - extent);
    });
    const small = total.map((pad) => Math.floor(pad / 2));
    const large = total.map((pad) => Math.ceil(pad / 2));
    [padsBefore, padsAfter] = mode === 'SAME_UPPER' ? [small, large] : [large, small];
  } else if (mode !== 'VALID') {
    ensure(mode === 'NOTSET' || mode === '', `auto_pad ${mode} is not known`);
    const pads = given.length === 0 ? new Array<number>(2 * rank).fill(0) : given;
    ensure(pads.length === 2 * rank, `pads has ${pads.length} entries for ${rank} spatial dimensions`);
    padsBefore = pads.slice(0, rank);
    padsAfter = pads.slice(rank);
  }
  ensureSamePads(given, [...padsBefore, ...padsAfter], mode);
  // Without padding, windows are whole ones.
  const isCeiled = context.int('ceil_mode', 0) === 1 && mode !== 'VALID';
  const round = isCeiled ? Math.ceil : Math.floor;
  const output = spatial.map((extent, i) => {
    const stride = strides[i] as number;
    const before = padsBefore[i] as number;
    const padded = extent + before + (padsAfter[i] as number);
    let positions = round((padded - (extentOfKernel[i] as number)) / stride) + 1;
    // A window that would start beyond the input and its leading padding is left out.
    if (isCeiled && (positions - 1) * stride >= extent + before) positions--;
    ensure(
      positions >= 1,
      `the window of ${extentOfKernel[i]} is larger than dimension ${i + 2} of ${padded} with its padding`,
    );
    return positions;
  });
  ensure(sizeOf(kernel) < 2 ** 31, 'kernel_shape is too large');
  return { kernel, strides, dilations, padsBefore, padsAfter, output };
}

/** The standard allows one of `pads` and `auto_pad`; files with both are taken if they agree or pads are 0. */
export const ensureSamePads = (given: readonly number[], pads: readonly number[], mode: string): void =>
  ensure(
    given.every((pad) => pad === 0) || `${given}` === `${pads}`,
    `pads [${given}] are not those of auto_pad ${mode}, [${pads}]`,
  );

/** Index in the input of a tap of the window at `position`, in dimension `i`. */
export const tapAt = (
  { strides, dilations, padsBefore }: Window,
  i: number,
  position: Index,
  tap: Index,
): Index =>
  shift(
    add(multiply(position, strides[i] as number), multiply(tap, dilations[i] as number)),
    -(padsBefore[i] as number),
  );
