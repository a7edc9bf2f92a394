import { wasmEngine } from '../../src/engine/wasm/wasm.ts';
import { importOnnx } from '../../src/onnx/index.ts';
import type { Run } from './detect.ts';
import { modelFile, options } from './model.ts';

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** The model on the fast engine. */
export async function runOnEngine(): Promise<Run> {
  const { program, weights } = importOnnx(modelFile(), options);
  const session = await wasmEngine.load(program, weights);
  return async (window, state) => {
    const [probability, next] = await session.run([bytesOf(window), bytesOf(state)]);
    return {
      probability: new Float32Array(probability!.bytes.slice().buffer)[0]!,
      state: new Float32Array(next!.bytes.slice().buffer),
    };
  };
}
