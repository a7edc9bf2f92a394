import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { encodeGraph } from '../../examples/text/file.ts';
import { runHere } from '../support/commandHere.ts';
import { encodeGguf } from '../support/ggufFile.ts';
import { tinyGraph, tinyTokenizer } from '../support/tinyText.ts';

describe('prompts on the command line', () => {
  let folder: string;
  let model: string;
  const sizes = ['--text', '--prompt', '6', '--tokens', '4'];
  const at = (name: string): string => join(folder, name);
  const json = (name: string, value: unknown): string => {
    writeFileSync(at(name), JSON.stringify(value));
    return at(name);
  };

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'assay-'));
    model = at('tiny.onnx');
    writeFileSync(model, encodeGraph(tinyGraph(), 'tiny'));
    json('tokenizer.json', tinyTokenizer());
  });

  after(() => rmSync(folder, { recursive: true }));

  it('are refused with one line where no text can go on from them', async () => {
    const special = tinyTokenizer() as { added_tokens: object[] };
    special.added_tokens = [
      { id: 40, content: '<|end|>', special: true, single_word: false, lstrip: false, rstrip: false },
    ];
    const other = json('other.json', special);
    for (const [args, why] of [
      [['--ask', ''], 'the prompt is empty; a text goes on from at least one token'],
      [['--ask', '日本'], 'the prompt has no tokens: the tokenizer knows none of its characters'],
      [['--ask', 'abcabca'], /^assay: the prompt has 7 tokens, and the model takes 6; shorten it, or ask/],
      [['--ask', 'a<|end|>', '--tokenizer', other], /the tokenizer gives token 40, and the model has 40/],
      [[], 'there is no prompt; give one with --ask "…"'],
      [['--ask', 'a', '--tokenizer', at('none.json')], /none\.json/],
      [['--ask', 'a', '--tokenizer', json('bad.json', {})], /bad\.json: tokenizer: it cannot be used/],
      [['--ask', 'a', '--tokenizer', model], /tiny\.onnx: is not JSON/],
      [['--ask', 'a', '--seed', '3'], /--seed, --temperature and --top-k are about models that draw tokens/],
      [['--ask', 'a', '--sampled', '--temperature', 'hot'], /--temperature hot: write a number/],
      [['--ask', 'a', '--draft', 'ftp://x'], /--draft: write an http or https address/],
    ] as const) {
      const { code, out, err } = await runHere('run', model, ...sizes, ...args);
      expect([code === 1 || code === 2, out], err).to.deep.equal([true, '']);
      expect(err.split('\n'), err).to.have.length(1);
      expect(err).to.match(typeof why === 'string' ? new RegExp(`^assay: ${why}$`) : why);
    }
  });

  it('are refused for a GGUF file with the reason, not with the name of its format', async () => {
    const bytes = encodeGguf({ 'general.architecture': 'gemma' }, {});
    writeFileSync(at('gemma.gguf'), bytes);
    writeFileSync(at('half.gguf'), bytes.subarray(0, 40));
    writeFileSync(at('text.gguf'), 'hello');
    for (const [name, why] of [
      ['gemma', /its architecture is "gemma"; known are llama, qwen2/],
      ['half', /truncated/],
      ['text', /is not an ONNX or GGUF model; it is text/],
    ] as const) {
      const { code, err } = await runHere('inspect', at(`${name}.gguf`), ...sizes);
      expect([code, err.split('\n').length], err).to.deep.equal([1, 1]);
      expect(err).to.match(why);
    }
    const { err } = await runHere('inspect', at('gemma.gguf'));
    expect(err).to.contain('it is a GGUF model, which only --text takes');
  });

  it('are noted where the tokenizer reads something else', async () => {
    const { code, out, err } = await runHere('run', model, ...sizes, '--ask', 'aéb', '--json');
    expect([code, err]).to.deep.equal([0, 'assay: note: the tokenizer reads the prompt as "ab"']);
    expect(JSON.parse(out).prompt).to.deep.equal([0, 1]);
  });

  it('need a tokenizer beside the model', async () => {
    const alone = join(mkdtempSync(join(folder, 'alone-')), 'tiny.onnx');
    writeFileSync(alone, encodeGraph(tinyGraph(), 'tiny'));
    const { code, err } = await runHere('run', alone, ...sizes, '--ask', 'a');
    expect([code, err]).to.deep.equal([
      1,
      `assay: ${alone}: there is no tokenizer.json beside it; name one with --tokenizer`,
    ]);
  });

  it('are drawn from by a seed', async () => {
    const drawn = async (seed: string): Promise<string> => {
      const how = ['--sampled', '--seed', seed, '--temperature', '1.5', '--top-k', '20'];
      const { out } = await runHere('run', model, ...sizes, '--ask', 'abc', ...how, '--json');
      return JSON.parse(out).text;
    };
    const first = await drawn('18446744073709551615');
    expect(await drawn('18446744073709551615')).to.equal(first);
    expect(new Set([first, await drawn('1'), await drawn('2')]).size).to.be.greaterThan(1);
  });

  it('are what a client makes of the format that inspect prints', async () => {
    const { out } = await runHere('inspect', model, ...sizes, '--json');
    expect(JSON.parse(out).text).to.deep.equal({ prompt: 6, tokens: 4, vocabulary: 40 });
    const shown = await runHere('inspect', model, ...sizes, '--sampled');
    expect(shown.out).to.match(
      /^text {3}up to 4 tokens after a prompt of up to 6, from a vocabulary of 40, drawn by seed/m,
    );
  });
});
