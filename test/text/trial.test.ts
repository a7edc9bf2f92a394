import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { wasmEngine } from '../../src/engine/wasm/wasm.ts';
import { isCheaplyTried, requireCausal } from '../../src/text/causality.ts';
import { compileText } from '../../src/text/compile.ts';
import { generate, inputsOf, isAccepted, PassChooser } from '../../src/text/generate.ts';
import { runHere } from '../support/commandHere.ts';
import { mixedBytes, mixedGraph } from '../support/mixedText.ts';
import { tinyTokenizer } from '../support/tinyText.ts';

const isBefore = (position: number, other: number): boolean => other <= position;

/** What is said of a model, if it is refused. */
async function refusalOf(
  sizes: { readonly prompt: number; readonly tokens: number },
  ...[sees, options]: [Parameters<typeof mixedBytes>[1], Parameters<typeof mixedBytes>[2]?]
): Promise<string> {
  const model = compileText(mixedGraph(sizes.prompt + sizes.tokens, sees, options), 1000, sizes);
  return requireCausal(model, wasmEngine).then(
    () => 'none',
    (error: Error) => error.message,
  );
}

const NOT_CAUSAL = /^model: it is not causal: what it says in place of token \d+ changes with token/;

describe('the trial of whether a model is causal', () => {
  it('passes a model whose positions see what is before them', async () => {
    expect(await refusalOf({ prompt: 4, tokens: 8 }, isBefore)).to.equal('none');
    expect(await refusalOf({ prompt: 1, tokens: 1 }, isBefore)).to.equal('none');
    const nearby = (position: number, other: number) => isBefore(position, other) && other > position - 3;
    expect(await refusalOf({ prompt: 30, tokens: 40 }, nearby)).to.equal('none');
  });

  for (const [prompt, tokens] of [
    [4, 8],
    [16, 16],
    [1, 40],
    [40, 5],
  ] as const) {
    it(`finds odd or even positions that see the next, ${prompt} and ${tokens} tokens`, async () => {
      for (const parity of [0, 1]) {
        const pairs = (position: number, other: number) =>
          isBefore(position, other) || (position % 2 === parity && other === position + 1);
        expect(await refusalOf({ prompt, tokens }, pairs), `parity ${parity}`).to.match(NOT_CAUSAL);
      }
    });

    it(`finds first positions that see each other, ${prompt} and ${tokens} tokens`, async () => {
      for (const size of [2, 3, 5]) {
        const prefix = (position: number, other: number) => isBefore(position, other) || other < size;
        expect(await refusalOf({ prompt, tokens }, prefix), `${size}`).to.match(NOT_CAUSAL);
      }
    });
  }

  it('finds any position that sees the next one', async () => {
    for (let seeing = 0; seeing < 11; seeing++) {
      const one = (position: number, other: number) =>
        isBefore(position, other) || (position === seeing && other === seeing + 1);
      expect(await refusalOf({ prompt: 4, tokens: 8 }, one), `position ${seeing}`).to.match(NOT_CAUSAL);
    }
  });

  it('refuses a model whose logits are no numbers', async () => {
    expect(await refusalOf({ prompt: 4, tokens: 8 }, isBefore, { bias: Number.NaN })).to.match(
      /^model: every logit in place of token 0 is NaN, so it chooses nothing/,
    );
  });
});

describe('a language model that is not causal', () => {
  const sees = () => true;
  let folder: string;
  let file: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'assay-'));
    file = join(folder, 'open.onnx');
    writeFileSync(file, mixedBytes(12, sees));
    writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(tinyTokenizer()));
  });

  after(() => rmSync(folder, { recursive: true }));

  it('does not accept what it writes token by token', async () => {
    const model = compileText(mixedGraph(12, sees), 1000, { prompt: 4, tokens: 8 });
    const { session, on } = await PassChooser.load(model, wasmEngine);
    const inputs = inputsOf(model, { prompt: [7] });
    const text = await generate(model, on(inputs));
    await session.close();
    expect(await isAccepted(model, wasmEngine, inputs, text)).to.equal(false);
    expect(isCheaplyTried(model)).to.equal(true);
  });

  for (const [command, ...more] of [['run', '--ask', 'abc'], ['rehearse'], ['inspect']] as const) {
    it(`is refused by ${command} with one line`, async () => {
      const sizes = ['--text', '--prompt', '4', '--tokens', '8'];
      const { code, out, err } = await runHere(command, file, ...sizes, ...more);
      expect([code, out], err).to.deep.equal([1, '']);
      expect(err).to.match(/^assay: .*open\.onnx: model: it is not causal: [^\n]*$/);
    });
  }
});
