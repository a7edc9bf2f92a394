import { TYPES } from '../../onnx/types.ts';
import { sizeOf } from '../../program/node.ts';
import type { FileTensor } from '../files/elementTypes.ts';

/** Tolerances of ONNX's own runner (onnx/backend/test/runner): |mine - theirs| <= ATOL + RTOL * |theirs|. */
const RTOL = 1e-3;
const ATOL = 1e-7;

const isClose = (mine: number, theirs: number): boolean =>
  Object.is(mine, theirs) ||
  mine === theirs ||
  (Number.isNaN(mine) && Number.isNaN(theirs)) ||
  // Infinities are equal or far apart; their difference says nothing.
  (Number.isFinite(theirs) && Math.abs(mine - theirs) <= ATOL + RTOL * Math.abs(theirs));

/** Of bfloat16 ONNX's runner allows two places since ONNX 1.23 (`output_rtol`), and its data are not always rounded. */
const isCloseBfloat16 = (mine: number, theirs: number): boolean =>
  isClose(mine, theirs) ||
  (Number.isFinite(theirs) && Math.abs(mine - theirs) <= ATOL + 2 ** -6 * Math.abs(theirs));

const listed = (shape: readonly number[]): string => `[${shape.join(', ')}]`;

/** How an output differs from the one expected; `undefined` if it does not. */
export function difference(
  name: string,
  onnxType: string,
  mine: FileTensor,
  expected: FileTensor,
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
    const same = expected.type.kind === 'float' ? close(Number(a), Number(b)) : BigInt(a) === BigInt(b);
    if (!same) return `output "${name}", element ${i}: ${a} in place of ${b}`;
  }
  return undefined;
}
