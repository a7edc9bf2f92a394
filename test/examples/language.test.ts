import { expect } from 'chai';
import lande from 'lande';
import { frequenciesOf } from '../../examples/language/frequencies.ts';
import { encodeModel } from '../../examples/language/model.ts';
import { SENTENCES } from '../../examples/language/sentences.ts';
import { LANGUAGES, NGRAMS } from '../../examples/language/weights.ts';
import { importOnnx } from '../../src/onnx/index.ts';
import { expectNear } from '../support/near.ts';
import { floats, runCompiled } from '../support/onnx.ts';
import { expectAgreement } from '../support/realModel.ts';

const file = encodeModel();
const inputOf = (text: string) => floats([1, NGRAMS.length], [...frequenciesOf(text)]);

/** The package sums in doubles; its logits are near -900, where float32 has steps of 6e-5. */
const CLOSE = 1e-4;

describe('the language example', () => {
  it('gives every language the probability that the package itself gives it', async () => {
    const model = importOnnx(file);
    for (const text of [...Object.values(SENTENCES), '', 'a', 'x-ray  42!']) {
      const [language, probabilities] = await runCompiled(model, [inputOf(text)]);
      const theirs = new Map<string, number>(lande(text));
      LANGUAGES.forEach((code, i) => {
        expectNear(probabilities?.values[i] as number, theirs.get(code)!, CLOSE, `${code} of "${text}"`);
      });
      expect(LANGUAGES[language?.values[0] as number]).to.equal(lande(text)[0]?.[0]);
    }
  });

  it('knows the language of every sentence', async () => {
    const model = importOnnx(file);
    for (const [code, text] of Object.entries(SENTENCES)) {
      const [language] = await runCompiled(model, [inputOf(text)]);
      expect(LANGUAGES[language?.values[0] as number], text).to.equal(code);
    }
  });

  it('agrees with onnxruntime', async () => {
    for (const text of Object.values(SENTENCES)) {
      await expectAgreement(file, {}, { frequencies: inputOf(text) });
    }
  });
});
