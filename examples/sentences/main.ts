// Compares sentences by meaning, with the encoder on the fast engine.
//
//   npx tsx examples/sentences/main.ts "a sentence" "another" …
import { wasmEngine } from '../../src/engine/wasm/wasm.ts';
import { importOnnx } from '../../src/onnx/index.ts';
import { encodeModel } from './model.ts';
import { similarity } from './similarity.ts';
import { tokenizer } from './tokens.ts';

const given = process.argv.slice(2);
const sentences =
  given.length > 1 ? given : ['How old are you?', 'What is your age?', 'The cat sleeps on the warm roof.'];
const file = encodeModel();
const tokensOf = tokenizer();

async function embedded(text: string): Promise<Float32Array> {
  const tokens = tokensOf(text);
  // One program a length: there is no padding.
  const { program, weights } = importOnnx(file, { dims: { tokens: tokens.length } });
  const session = await wasmEngine.load(program, weights);
  const [vector] = await session.run([new Uint8Array(Int32Array.from(tokens).buffer)]);
  return new Float32Array(vector!.bytes.slice().buffer);
}

const vectors = await Promise.all(sentences.map(embedded));
vectors.forEach((vector, i) => {
  for (let k = i + 1; k < vectors.length; k++) {
    console.log(`${similarity(vector, vectors[k]!).toFixed(3)}  ${sentences[i]} | ${sentences[k]}`);
  }
});
process.exit();
