import type { ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import { expect } from 'chai';
import { draftFrom, parseDraftUrl } from '../../src/cli/text/draft.ts';
import { wasmEngine } from '../../src/engine/wasm/wasm.ts';
import { compileText } from '../../src/text/compile.ts';
import { generate, inputsOf, PassChooser } from '../../src/text/generate.ts';
import { tokenizerOf } from '../../src/text/tokenizer.ts';
import { hostileServer } from '../support/hostileServer.ts';
import { tinyGraph, tinyTokenizer } from '../support/tinyText.ts';

/** Answers one request for a completion. */
type Answer = (prompt: string, response: ServerResponse) => void;

const says =
  (complete: (prompt: string) => string): Answer =>
  (prompt, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ choices: [{ text: complete(prompt) }] }));
  };

const writes =
  (body: string, status = 200): Answer =>
  (_, response) => {
    response.writeHead(status);
    response.end(body);
  };

const endless: Answer = (_, response) => {
  const more = (): void => {
    while (response.write('x'.repeat(2 ** 16)));
    response.once('drain', more);
  };
  more();
};

describe('drafts by a server', () => {
  const model = compileText(tinyGraph(), 1000, { prompt: 6, tokens: 10 });
  const tokenizer = tokenizerOf(tinyTokenizer());
  const prompt = tokenizer.encode('abc');
  let text: string;

  async function written(answer?: Answer, patienceMs = 2000) {
    const { session, on } = await PassChooser.load(model, wasmEngine);
    const chooser = on(inputsOf(model, { prompt }));
    const server =
      answer &&
      (await hostileServer(async (request, response) => {
        const { prompt: asked } = (await json(request)) as { prompt: string };
        answer(asked, response);
      }));
    const told: string[] = [];
    let passes = 0;
    const counting = {
      choose: (...args: Parameters<PassChooser['choose']>) => {
        passes++;
        return chooser.choose(...args);
      },
    };
    const warn = (line: string): unknown => told.push(line);
    const draft = server && draftFrom(parseDraftUrl(server.url), tokenizer, prompt, warn, patienceMs);
    const tokens = await generate(model, counting, draft ? { draft } : {});
    const asked = server?.asked ?? [];
    await server?.stop();
    await session.close();
    return { text: tokenizer.decode(tokens), passes, told, asked };
  }

  before(async () => {
    const alone = await written();
    expect(alone.passes).to.equal(10);
    text = alone.text;
  });

  it('change nothing about a text but how many passes find it', async () => {
    const whole = `abc${text}`;
    const right = await written(says((tokens) => whole.slice(tokens.length)));
    expect(right).to.deep.equal({ text, passes: 1, told: [], asked: ['/v1/completions'] });
    // Every fourth letter is a lie.
    const liar = await written(
      says((tokens) =>
        [...whole.slice(tokens.length)].map((letter, i) => (i % 4 === 3 ? '?' : letter)).join(''),
      ),
    );
    expect([liar.text, liar.passes]).to.deep.equal([text, 3]);
    const nonsense = await written(says(() => '??????????????'));
    expect(nonsense.text).to.equal(text);
    expect(nonsense.passes).to.be.within(5, 10);
    const strange = await written(says(() => '\u0000日本\ud800'.repeat(3000)));
    expect(strange).to.deep.include({ text, told: [] });
  });

  it('are done without where the server fails, which is told once', async () => {
    for (const [answer, why] of [
      [writes('{}', 500), 'it answers 500'],
      [writes('{}'), 'its answer has no choices[0].text'],
      [writes('null'), 'its answer has no choices[0].text'],
      [writes('{"choices":[null]}'), 'its answer has no choices[0].text'],
      [writes('<html>'), /Unexpected token/],
      [endless, 'its answer is too long'],
      [
        (_: string, response: ServerResponse) => void response.destroy(),
        /^it ends the connection without an answer/,
      ],
      [() => undefined, 'it does not answer in time'],
    ] as const) {
      const failing = await written(answer, 300);
      expect([failing.text, failing.passes]).to.deep.equal([text, 10]);
      expect(failing.told).to.have.length(1);
      expect(failing.told[0]).to.match(/^--draft http:.*; going on without it$/);
      const reason = failing.told[0]!.replace(/^--draft \S+: |; going on without it$/g, '');
      if (typeof why === 'string') expect(reason).to.equal(why);
      else expect(reason).to.match(why);
      expect(failing.asked, 'asked once, then left alone').to.have.length(1);
    }
  });

  it('are done without where nothing listens', async () => {
    const told: string[] = [];
    const url = parseDraftUrl('http://127.0.0.1:1');
    expect(await draftFrom(url, tokenizer, prompt, (line) => told.push(line))([], 5)).to.deep.equal([]);
    expect(told).to.have.length(1);
  });
});
