import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { glassGraph } from '../../examples/text/glass.ts';
import { wasmEngine } from '../../src/engine/wasm/wasm.ts';
import { compileText, type TextModel } from '../../src/text/compile.ts';
import { generate, inputsOf, PassChooser } from '../../src/text/generate.ts';
import { recall } from '../../src/text/recall.ts';
import { TextSession } from '../../src/text/session/textSession.ts';
import { tokenBytes } from '../../src/text/tokens.ts';
import { availableOrSkip } from '../support/available.ts';

/** What the Python package itself writes, by `scripts/glassTexts.sh`. */
const texts = JSON.parse(
  readFileSync(new URL('../snapshots/glassTexts.json', import.meta.url), 'utf8'),
) as readonly {
  readonly prompt: string;
  readonly ids: readonly number[];
  readonly tokens: readonly number[];
}[];

describe('the language model of glassllm', () => {
  let model: TextModel;

  before(async function () {
    this.timeout(120_000);
    const graph = await availableOrSkip(this, glassGraph);
    model = compileText(graph, 2 ** 22, { prompt: 8, tokens: 120 });
  });

  it('accepts what the package writes after 20 prompts, and nothing near it', async () => {
    const session = await wasmEngine.load(model.program, model.weights);
    const accepts = async (prompt: readonly number[], text: readonly number[]): Promise<number> =>
      (await session.run([...inputsOf(model, { prompt }), tokenBytes(text, model.width)]))[0]!.bytes[0]!;
    expect(texts).to.have.length(20);
    for (const [i, { prompt, ids, tokens }] of texts.entries()) {
      expect(await accepts(ids, tokens), prompt).to.equal(1);
      const changed = tokens.with(6 * i, (tokens[6 * i]! + 1) % model.vocabulary);
      expect(await accepts(ids, changed), `${prompt}, changed`).to.equal(0);
    }
    await session.close();
  });

  it('writes the same token by token', async () => {
    const { on, session } = await PassChooser.load(model, wasmEngine);
    const { ids, tokens } = texts[0]!;
    expect(await generate(model, on(inputsOf(model, { prompt: ids })))).to.deep.equal(tokens);
    await session.close();
  });

  it('writes the same in a session, token by token and with drafts', async () => {
    const session = await TextSession.load(model, wasmEngine);
    for (const [i, { ids, tokens, prompt }] of texts.entries()) {
      const draft = i % 2 === 0 ? {} : { draft: recall(ids, 7) };
      expect(
        await generate(model, session.on(inputsOf(model, { prompt: ids })), draft),
        prompt,
      ).to.deep.equal(tokens);
    }
    await session.close();
  });

  it('writes the same by fewer passes where it repeats itself', async () => {
    const { on, session } = await PassChooser.load(model, wasmEngine);
    let passes = 0;
    for (const { ids, tokens } of texts.slice(0, 4)) {
      const chooser = on(inputsOf(model, { prompt: ids }));
      const counting = {
        choose: (...args: Parameters<PassChooser['choose']>) => {
          passes++;
          return chooser.choose(...args);
        },
      };
      expect(await generate(model, counting, { draft: recall(ids, 120) })).to.deep.equal(tokens);
    }
    expect(passes).to.be.below(300);
    await session.close();
  });
});
