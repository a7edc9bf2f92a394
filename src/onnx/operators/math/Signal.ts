import { ensure } from '../../errors.ts';
import { cosOfTurn, expOf, lnOf, sinOfTurn } from '../../functions/tables.ts';
import { f32, fold } from '../../ir/expression.ts';
import { add, type Index, multiply } from '../../ir/indices.ts';
import type { Tensor } from '../../ir/tensor.ts';
import { elementType } from '../../read/tensor.ts';
import type { ElementType } from '../../types.ts';
import { at, type Context, type Lowering, type Operators } from '../context.ts';
import { ensureFloat } from '../elementwise.ts';

/** Windows and Fourier transforms: sums over tables of sines that are known at import. */

/** Elements of a table of sines that a program may carry. */
const MAX_TABLE = 2 ** 26;

/**
 * a - b cos(2 pi i / n) + c cos(4 pi i / n), n being the size or, unless periodic, one less. Written with
 * 1 - cos t = 2 sin^2(t / 2), so that the ends of a long window keep their digits.
 *
 * @param end a - b + c
 */
const windowOf =
  (end: number, b: number, c: number): Lowering =>
  (context) => {
    const [size = 0] = context.known(0, 'size');
    ensure(size >= 0 && size <= MAX_TABLE, `a window of ${size} elements is not possible`);
    const n = context.int('periodic', 1) !== 0 ? size : size - 1;
    ensure(size === 0 || n > 0, 'a symmetric window of one element is 0 / 0');
    const values = Array.from(
      { length: size },
      (_, i) => end + 2 * b * sinOfTurn(i, 2 * n) ** 2 - 2 * c * sinOfTurn(i, n) ** 2,
    );
    return context.constant(elementType(context.int('output_datatype', 1)), [size], values);
  };

interface Transform {
  /** Samples that are transformed. */
  readonly length: number;
  /** Frequencies that are yielded. */
  readonly bins: number;
  readonly inverse: boolean;
  /** 1 for real samples, 2 for complex ones. */
  readonly parts: number;
}

/**
 * Contribution of each part of each sample to each part of each frequency: [bins, length, parts, 2]. The kernel is
 * e^(-2 pi i k n / N), or its conjugate for the inverse.
 */
function kernelOf(context: Context, type: ElementType, { length, bins, inverse, parts }: Transform): Tensor {
  const size = bins * length * parts * 2;
  ensure(size <= MAX_TABLE, `a transform of ${length} samples is too long to be written as sums`);
  const values = new Float64Array(size);
  for (let k = 0, next = 0; k < bins; k++) {
    for (let n = 0; n < length; n++) {
      const turn = (k * n) % length;
      const cos = cosOfTurn(turn, length);
      const sin = (inverse ? 1 : -1) * sinOfTurn(turn, length);
      const rows = [cos, sin, -sin, cos].slice(0, 2 * parts);
      for (const value of rows) values[next++] = value;
    }
  }
  return context.constant(type, [bins, length, parts, 2], values);
}

/**
 * Contribution of each part of each frequency of a half spectrum to each real sample: [length, bins, 2, 1]. Frequencies
 * that have a mirror image in the half left out count twice.
 */
function realKernelOf(context: Context, type: ElementType, length: number, bins: number): Tensor {
  const size = length * bins * 2;
  ensure(size <= MAX_TABLE, `a transform to ${length} samples is too long to be written as sums`);
  const values = new Float64Array(size);
  for (let n = 0, next = 0; n < length; n++) {
    for (let k = 0; k < bins; k++) {
      const weight = k === 0 || 2 * k === length ? 1 : 2;
      const turn = (k * n) % length;
      values[next++] = weight * cosOfTurn(turn, length);
      values[next++] = -weight * sinOfTurn(turn, length);
    }
  }
  return context.constant(type, [length, bins, 2, 1], values);
}

/** DFT(x, dft_length, axis): the axis is an attribute up to version 19. */
const DFT: Lowering = (context) => {
  const x = context.input(0);
  ensureFloat(x);
  const rank = x.shape.length;
  const parts = x.shape.at(-1) as number;
  ensure(rank >= 2 && (parts === 1 || parts === 2), `the input's last dimension is ${parts}, not 1 or 2`);
  const [given = 0] =
    context.version < 20 ? [context.int('axis', 1)] : (context.knownOr(2, 'the axis', [-2]) ?? []);
  const axis = context.axis(given, rank);
  ensure(axis < rank - 1, 'the last dimension holds real and imaginary parts, and cannot be transformed');
  const inverse = context.int('inverse', 0) !== 0;
  const isHalf = context.int('onesided', 0) !== 0;
  const extent = x.shape[axis] as number;
  const usual = isHalf && inverse ? 2 * (extent - 1) : extent;
  const [length = 0] = context.knownOr(1, 'dft_length', [usual]) ?? [];
  ensure(length >= 1, `dft_length ${length} is not positive`);
  ensure(!isHalf || parts === (inverse ? 2 : 1), 'onesided is between real samples and complex frequencies');
  const half = Math.floor(length / 2) + 1;
  // Numbers of elements read and yielded along the axis, and the parts of the latter.
  const [read, bins, made] = !isHalf ? [length, length, 2] : inverse ? [half, length, 1] : [length, half, 2];
  const kernel =
    isHalf && inverse
      ? realKernelOf(context, x.type, length, half)
      : kernelOf(context, x.type, { length, bins, inverse, parts });
  const used = Math.min(read, extent);
  return context.define({
    type: x.type,
    shape: x.shape.map((own, i) => (i === axis ? bins : i === rank - 1 ? made : own)),
    body: (indices) => {
      const [k, part] = [indices[axis]!, indices.at(-1)!];
      const sum = fold([used, parts], 0, ([n, j], accumulator) => {
        const element = indices.map((own, i) => (i === axis ? n! : i === rank - 1 ? j! : own));
        return f32.add(accumulator, f32.mul(at(x, element), at(kernel, [k, n!, j!, part])));
      });
      return inverse ? f32.div(sum, f32.of(length)) : sum;
    },
  });
};

/** STFT(signal, frame_step, window, frame_length): the transform of each frame of a signal. */
const STFT: Lowering = (context) => {
  const [given, window] = [context.input(0), context.optional(2)];
  ensureFloat(given);
  const [batch = 0, samples = 0, parts = 1] = given.shape;
  ensure(given.shape.length === 2 || given.shape.length === 3, `the signal's rank is ${given.shape.length}`);
  ensure(parts === 1 || parts === 2, `the signal's last dimension is ${parts}, not 1 or 2`);
  const [step = 0] = context.known(1, 'frame_step');
  const [length = 0] = context.knownOr(3, 'frame_length', window?.shape.slice(0, 1)) ?? [];
  ensure(
    step >= 1 && length >= 1 && length <= samples,
    `frames of ${length} by ${step} in ${samples} samples`,
  );
  ensure(
    !window || `${window.shape}` === `${length}`,
    `the window is of shape [${window?.shape}], not [${length}]`,
  );
  const isHalf = context.int('onesided', 1) !== 0;
  ensure(!isHalf || parts === 1, 'onesided is for real signals');
  const bins = isHalf ? Math.floor(length / 2) + 1 : length;
  const sines = kernelOf(context, given.type, { length, bins, inverse: false, parts });
  const kernel = window
    ? context.define({
        type: sines.type,
        shape: sines.shape,
        body: (indices) => f32.mul(at(sines, indices), at(window, [indices[1]!])),
      })
    : sines;
  return context.define({
    type: given.type,
    shape: [batch, Math.floor((samples - length) / step) + 1, bins, 2],
    body: ([b, frame, k, part]) =>
      fold([length, parts], 0, ([n, j], accumulator) => {
        const element: Index[] = [b!, add(multiply(frame!, step), n!)];
        const sample = at(given, given.shape.length === 3 ? [...element, j!] : element);
        return f32.add(accumulator, f32.mul(sample, at(kernel, [k!, n!, j!, part!])));
      }),
  });
};

/** Weights that turn the bins of a spectrum into bins of the mel scale, 2595 log10(1 + f / 700): triangles. */
const MelWeightMatrix: Lowering = (context) => {
  const one = (i: number, what: string): number => context.known(i, what)[0] as number;
  const count = one(0, 'num_mel_bins');
  const length = one(1, 'dft_length');
  const rate = one(2, 'sample_rate');
  const [low, high] = [one(3, 'lower_edge_hertz'), one(4, 'upper_edge_hertz')];
  const bins = Math.floor(length / 2) + 1;
  ensure(
    count >= 1 && bins >= 1 && count * bins <= MAX_TABLE,
    `a matrix of ${bins} × ${count} is not possible`,
  );
  const [start, end] = [lnOf(1 + low / 700), lnOf(1 + high / 700)];
  const edges = Array.from({ length: count + 2 }, (_, i) => {
    const hertz = 700 * (expOf(start + (i * (end - start)) / (count + 2)) - 1);
    return Math.floor(((length + 1) * hertz) / rate);
  });
  ensure(
    edges.every((edge) => edge >= 0 && edge < bins),
    `the frequencies from ${low} to ${high} Hz do not lie in the spectrum`,
  );
  const values = new Float64Array(bins * count);
  for (let mel = 0; mel < count; mel++) {
    const [left, centre, right] = edges.slice(mel, mel + 3) as [number, number, number];
    for (let bin = left; bin <= centre; bin++) {
      values[bin * count + mel] = centre === left ? 1 : (bin - left) / (centre - left);
    }
    for (let bin = centre; bin < right; bin++) values[bin * count + mel] = (right - bin) / (right - centre);
  }
  return context.constant(elementType(context.int('output_datatype', 1)), [bins, count], values);
};

/**
 * @see https://onnx.ai/onnx/operators/onnx__HannWindow.html
 * @see https://onnx.ai/onnx/operators/onnx__HammingWindow.html
 * @see https://onnx.ai/onnx/operators/onnx__BlackmanWindow.html
 * @see https://onnx.ai/onnx/operators/onnx__DFT.html
 * @see https://onnx.ai/onnx/operators/onnx__STFT.html
 * @see https://onnx.ai/onnx/operators/onnx__MelWeightMatrix.html
 */
export const operators: Operators = {
  // The coefficients of the Hamming window are those that ONNX gives: 25/46 and 21/46.
  HannWindow: windowOf(0, 0.5, 0),
  HammingWindow: windowOf(4 / 46, 21 / 46, 0),
  // 0.42 - 0.5 + 0.08 is 0.
  BlackmanWindow: windowOf(0, 0.5, 0.08),
  DFT,
  STFT,
  MelWeightMatrix,
};
