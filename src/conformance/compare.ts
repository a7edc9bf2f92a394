import type { FileTensor } from '../files/formats/elementTypes.ts';
import { TYPES } from '../onnx/types.ts';
import { sizeOf } from '../program/node.ts';

/** Tolerances of ONNX's own runner (onnx/backend/test/runner): |mine - theirs| <= ATOL + RTOL * |theirs|. */
const RTOL = 1e-3;
const ATOL = 1e-7;

/**
 * ONNX allows more for Fourier transforms where it runs its own tests (onnx/test/test_backend_reference.py), since NumPy
 * transforms in binary32: where the exact value is 0, its data hold what was rounded on the way.
 */
const TRANSFORM_ATOL = 1e-6;

/** Absolute tolerance for the outputs of a test, by its name. */
export const toleranceOf = (test: string): number =>
  /(^|\/)test_dft(_|$)/.test(test) ? TRANSFORM_ATOL : ATOL;

const isClose = (mine: number, theirs: number, absolute: number): boolean =>
  Object.is(mine, theirs) ||
  mine === theirs ||
  (Number.isNaN(mine) && Number.isNaN(theirs)) ||
  // Infinities are equal or far apart; their difference says nothing.
  (Number.isFinite(theirs) && Math.abs(mine - theirs) <= absolute + RTOL * Math.abs(theirs));

/** ONNX's runner allows bfloat16 two places since ONNX 1.23 (`output_rtol`); its data are not always rounded. */
const isCloseBfloat16 = (mine: number, theirs: number, absolute: number): boolean =>
  isClose(mine, theirs, absolute) ||
  (Number.isFinite(theirs) && Math.abs(mine - theirs) <= absolute + 2 ** -6 * Math.abs(theirs));

const listed = (shape: readonly number[]): string => `[${shape.join(', ')}]`;

/** Describes the difference between an output and the expected one; `undefined` if there is none. */
export function difference(
  name: string,
  onnxType: string,
  mine: FileTensor,
  expected: FileTensor,
  absolute = ATOL,
): string | undefined {
  if (TYPES[onnxType as keyof typeof TYPES].code !== expected.type.onnx) {
    return `output "${name}" is of type ${onnxType}, not ${expected.type.name}`;
  }
  if (listed(mine.shape) !== listed(expected.shape)) {
    return `output "${name}" has the shape ${listed(mine.shape)}, not ${listed(expected.shape)}`;
  }
  const ours = new DataView(mine.bytes.buffer, mine.bytes.byteOffset, mine.bytes.byteLength);
  const theirs = new DataView(expected.bytes.buffer, expected.bytes.byteOffset, expected.bytes.byteLength);
  const close = onnxType === 'bfloat16' ? isCloseBfloat16 : isClose;
  for (let i = 0; i < sizeOf(mine.shape); i++) {
    const a = mine.type.read(ours, i * mine.type.bytes);
    const b = expected.type.read(theirs, i * expected.type.bytes);
    const same =
      expected.type.kind === 'float' ? close(Number(a), Number(b), absolute) : BigInt(a) === BigInt(b);
    if (!same) return `output "${name}", element ${i}: ${a} in place of ${b}`;
  }
  return undefined;
}
