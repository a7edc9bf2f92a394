import { expect } from 'chai';
import { detector, detectorFile, LINE, PAGE, recogniser, recogniserFile } from '../../examples/ocr/models.ts';
import { page, WRITTEN } from '../../examples/ocr/page.ts';
import { lineImage, type Run, readPage } from '../../examples/ocr/read.ts';
import { textBoxes } from '../../examples/ocr/regions.ts';
import { normalised } from '../../examples/ocr/text.ts';
import { wasmEngine } from '../../src/engine/wasm/wasm.ts';
import { importOnnx } from '../../src/onnx/index.ts';
import { floats, value } from '../support/onnx.ts';
import { expectAgreement } from '../support/realModel.ts';

/** The networks need seconds to be imported. */
const TIMEOUT_MS = 60_000;

async function runOf(file: Uint8Array): Promise<Run> {
  const { program, weights } = importOnnx(file);
  const session = await wasmEngine.load(program, weights);
  return async (input) => (await session.run([input]))[0]!.bytes;
}

describe('the OCR example', function () {
  this.timeout(TIMEOUT_MS);

  it('reads what is written on the page, line by line', async () => {
    const lines = await readPage(page(), await runOf(detector()), await runOf(recogniser()));
    expect(lines.map(({ text }) => text)).to.deep.equal(WRITTEN);
  });

  it('finds probabilities of text as onnxruntime does', async () => {
    const { height, width } = PAGE;
    const x = floats([1, 3, height, width], normalised(page().pixels));
    await expectAgreement(detectorFile(), { dims: { 'x.0': 1, 'x.2': height, 'x.3': width } }, { x });
  });

  it('finds probabilities of characters, and the likeliest, as onnxruntime does', async () => {
    const { height, width } = LINE;
    // The line that the detector finds first when it reads the page.
    const image = lineImage(page(), { left: 19, top: 37, right: 199, bottom: 65 });
    const x = floats([1, 3, height, width], normalised(image));
    await expectAgreement(recogniserFile(), { dims: { 'x.0': 1, 'x.3': width } }, { x });
    await expectAgreement(recogniser(), {}, { image: value('uint8', [1, 1, height, width], [...image]) });
  });

  it('takes regions of the map for boxes: where they are, how large, in which order', () => {
    const map = new Uint8Array(40 * 40);
    const paint = (left: number, top: number, right: number, bottom: number, by: number) => {
      for (let y = top; y < bottom; y++) map.fill(by, y * 40 + left, y * 40 + right);
    };
    paint(10, 20, 30, 24, 250); // A = 80, P = 48: grows by 1.5 * 80 / 48 = 2.5.
    paint(4, 8, 12, 12, 200); // A = 32, P = 24: grows by 2.
    paint(20, 2, 30, 8, 120); // Unsure.
    paint(36, 36, 38, 40, 255); // Too thin.
    expect(textBoxes(map, 40, 40)).to.deep.equal([
      { left: 2, top: 6, right: 14, bottom: 14 },
      { left: 7, top: 17, right: 33, bottom: 27 },
    ]);
  });
});
