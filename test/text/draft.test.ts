import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { draftFrom, parseDraftUrl } from '../../src/cli/text/draft.ts';
import { wasmEngine } from '../../src/engine/wasm/wasm.ts';
import { compileText } from '../../src/text/compile.ts';
import { generate, inputsOf, PassChooser } from '../../src/text/generate.ts';
import { tokenizerOf } from '../../src/text/tokenizer.ts';
import { tinyGraph, tinyTokenizer } from '../support/tinyText.ts';

/** A server like OpenAI's whose completions are what `complete` makes of the prompt. */
async function serving(complete: (prompt: string) => string | undefined) {
  const server: Server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const { prompt } = JSON.parse(Buffer.concat(parts).toString()) as { prompt: string };
    const text = request.url === '/v1/completions' ? complete(prompt) : undefined;
    response.writeHead(text === undefined ? 500 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(text === undefined ? {} : { choices: [{ text }] }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: parseDraftUrl(`http://127.0.0.1:${port}`), close: () => server.close() };
}

describe('drafts by a server', () => {
  const model = compileText(tinyGraph(), 1000, { prompt: 6, tokens: 10 });
  const tokenizer = tokenizerOf(tinyTokenizer());
  const prompt = tokenizer.encode('abc');

  async function written(complete?: (prompt: string) => string | undefined) {
    const { session, on } = await PassChooser.load(model, wasmEngine);
    const chooser = on(inputsOf(model, { prompt }));
    const server = complete && (await serving(complete));
    const told: string[] = [];
    let passes = 0;
    const counting = {
      choose: (...given: Parameters<PassChooser['choose']>) => {
        passes++;
        return chooser.choose(...given);
      },
    };
    const draft = server && draftFrom(server.url, tokenizer, prompt, (line) => told.push(line));
    const text = await generate(model, counting, draft ? { draft } : {});
    server?.close();
    await session.close();
    return { text: tokenizer.decode(text), passes, told };
  }

  it('change nothing about a text but how many passes find it', async () => {
    const { text, passes } = await written();
    expect(passes).to.equal(10);
    const whole = `abc${text}`;
    const right = await written((given) => whole.slice(given.length));
    expect(right).to.deep.equal({ text, passes: 1, told: [] });
    const nonsense = await written(() => '??????????????');
    expect(nonsense.text).to.equal(text);
    expect(nonsense.passes).to.be.within(5, 10);
  });

  it('are done without where the server fails, which is told once', async () => {
    const { text } = await written();
    const failing = await written(() => undefined);
    expect([failing.text, failing.passes]).to.deep.equal([text, 10]);
    expect(failing.told).to.have.length(1);
    expect(failing.told[0]).to.match(/^--draft http:.*: it answers 500; going on without it$/);
  });
});
