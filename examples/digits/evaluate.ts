import * as ort from 'onnxruntime-web';
import { type Digit, SIDE } from './dataset.ts';

/** The model's reading of one digit. */
export interface Reading {
  readonly digit: number;
  readonly confidence: number;
}

/** Runs an ONNX file of the digits model in ONNX Runtime, an implementation independent of the training. */
export async function read(model: Uint8Array, digits: readonly Digit[]): Promise<Reading[]> {
  ort.env.wasm.numThreads = 1;
  const session = await ort.InferenceSession.create(model);
  const readings: Reading[] = [];
  for (const { pixels } of digits) {
    const image = new ort.Tensor('uint8', pixels, [1, 1, SIDE, SIDE]);
    const { digit, confidence } = await session.run({ image });
    readings.push({ digit: Number(digit!.data[0]), confidence: Number(confidence!.data[0]) });
  }
  await session.release();
  return readings;
}

/** Share of the digits that the model reads right, from 0 to 1. */
export async function accuracy(model: Uint8Array, digits: readonly Digit[]): Promise<number> {
  const readings = await read(model, digits);
  return readings.filter(({ digit }, i) => digit === digits[i]!.label).length / digits.length;
}
