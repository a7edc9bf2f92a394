import { readFileSync } from 'node:fs';
import onnxProto from 'onnx-proto';
import { wasmEngine } from '../../src/engine/wasm/wasm.ts';
import { importOnnx } from '../../src/onnx/index.ts';
import { SIDE } from '../digits/dataset.ts';
import { wrapOnnx } from '../onnx.ts';

/** The float network of examples/digits: its weights, and what its layers yield. */

export const floatFile = (): Uint8Array => readFileSync(new URL('../digits/digits.onnx', import.meta.url));

/** Weights by name. */
export function floatWeights(): Map<string, Float32Array> {
  const { graph } = onnxProto.onnx.ModelProto.decode(floatFile());
  return new Map(
    (graph?.initializer ?? []).map(({ name, rawData }) => [
      name ?? '',
      new Float32Array(new Uint8Array(rawData ?? []).buffer),
    ]),
  );
}

/** Layers whose greatest (and least) values decide how they are made integers. */
export const LAYERS = ['relu1', 'relu2', 'relu3', 'logits'] as const;
export type LayerName = (typeof LAYERS)[number];

export interface Range {
  readonly low: number;
  readonly high: number;
}

/** Least and greatest value of each layer over some images. The engine's bits are the same on any machine. */
export async function rangesOver(images: readonly Uint8Array[]): Promise<Record<LayerName, Range>> {
  const file = wrapOnnx(floatFile(), {
    inputs: { image: { type: 'uint8', shape: [1, 1, SIDE, SIDE] } },
    before: [],
    after: [],
    outputs: LAYERS,
  });
  const { program, weights } = importOnnx(file);
  const session = await wasmEngine.load(program, weights);
  const ranges = LAYERS.map(() => ({ low: 0, high: 0 }));
  for (const image of images) {
    const outputs = await session.run([image]);
    outputs.forEach(({ bytes }, i) => {
      const range = ranges[i]!;
      for (const value of new Float32Array(bytes.slice().buffer)) {
        range.low = Math.min(range.low, value);
        range.high = Math.max(range.high, value);
      }
    });
  }
  await session.close();
  return Object.fromEntries(LAYERS.map((name, i) => [name, ranges[i]])) as Record<LayerName, Range>;
}
