// Tells the language of a text, with the network on the fast engine; without a text, of some sentences.
//
//   npx tsx examples/language/main.ts ["a text"]
import { wasmEngine } from '../../src/engine/wasm/wasm.ts';
import { importOnnx } from '../../src/onnx/index.ts';
import { frequenciesOf } from './frequencies.ts';
import { encodeModel } from './model.ts';
import { SENTENCES } from './sentences.ts';
import { LANGUAGES } from './weights.ts';

const { program, weights } = importOnnx(encodeModel());
const session = await wasmEngine.load(program, weights);
const given = process.argv[2];
for (const text of given === undefined ? Object.values(SENTENCES) : [given]) {
  const [language, probabilities] = await session.run([new Uint8Array(frequenciesOf(text).buffer)]);
  const place = new DataView(language!.bytes.slice().buffer).getInt32(0, true);
  const share = new Float32Array(probabilities!.bytes.slice().buffer)[place]!;
  console.log(`${LANGUAGES[place]}  ${share.toFixed(3)}  ${text}`);
}
process.exit();
