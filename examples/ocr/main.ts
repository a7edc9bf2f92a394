// Reads a page that it draws: the detector finds the lines, the recogniser spells each.
//
//   npx tsx examples/ocr/main.ts
import { wasmEngine } from '../../src/engine/wasm/wasm.ts';
import { importOnnx } from '../../src/onnx/index.ts';
import { detector, recogniser } from './models.ts';
import { page } from './page.ts';
import { type Run, readPage } from './read.ts';

async function runOf(file: Uint8Array): Promise<Run> {
  const { program, weights } = importOnnx(file);
  const session = await wasmEngine.load(program, weights);
  return async (input) => (await session.run([input]))[0]!.bytes;
}

for (const { text, box } of await readPage(page(), await runOf(detector()), await runOf(recogniser()))) {
  console.log(`${text.padEnd(12)} in ${box.left}, ${box.top} to ${box.right}, ${box.bottom}`);
}
process.exit();
