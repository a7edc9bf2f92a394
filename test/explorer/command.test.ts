import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { encodeGraph } from '../../examples/text/file.ts';
import { publish } from '../../src/client/client.ts';
import type { OverviewJson } from '../../src/explorer/api.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { importOnnx } from '../../src/onnx/index.ts';
import { textPath, writeBundle } from '../../src/store/bundle.ts';
import { describeText, parseDescription } from '../../src/text/description.ts';
import { createWatcher } from '../../src/watcher/watcher.ts';
import { type CliProcess, startCli } from '../support/cliProcess.ts';
import { runHere } from '../support/commandHere.ts';
import { asAccount } from '../support/protocol.ts';
import { DIGITS, type Scene, startScene } from '../support/scene.ts';
import { hostFolder } from '../support/staticHost.ts';
import { tinyGraph, tinyTokenizer } from '../support/tinyText.ts';

const PUBLISHER = 0;
const WATCHER = 2;
const LIAR = 4;

const addressIn = ({ out, err }: CliProcess): string =>
  /http:\/\/127\.0\.0\.1:\d+\//.exec(out + err)?.[0] ?? '';

/** Asks an explorer for its overview until it shows what is waited for. */
async function overviewOf(url: string, isThere: (overview: OverviewJson) => boolean): Promise<OverviewJson> {
  for (;;) {
    const overview = (await (await fetch(new URL('api/overview', url))).json()) as OverviewJson;
    if (isThere(overview)) return overview;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe('assay explorer', function () {
  this.timeout(600_000);
  let scene: Scene;

  before(async () => {
    scene = await startScene();
  });

  after(async () => {
    await scene?.stop();
  });

  it('serves the page and the API until it is told to end', async () => {
    await scene.ask();
    const explorer = startCli('explorer', ...scene.there, '--port', '0', '--data', scene.at('data'));
    await explorer.says('is at http://');
    const url = addressIn(explorer);
    const page = await fetch(url);
    expect(await page.text()).to.include('<script type="module" src="page.js">');
    for (const name of ['page.js', 'page.css', 'check.js', 'icon.svg'])
      expect((await fetch(new URL(name, url))).status, name).to.equal(200);
    const { latest } = await overviewOf(url, ({ counts }) => counts.requests > 0);
    expect(latest[0]?.id).to.equal('1');
    explorer.kill('SIGTERM');
    expect(await explorer.ended()).to.equal(0);
  });

  it('writes the page as files for any host', async () => {
    const writing = startCli('explorer', ...scene.there, '--static', scene.at('site'));
    expect(await writing.ended()).to.equal(0);
    expect(writing.out).to.include(`whoever opens it asks ${scene.url}, and can read that address`);
    const html = readFileSync(scene.at('site/index.html'), 'utf8');
    expect(html).to.include('<meta name="assay-site" content="{&quot;rpc&quot;');
    expect(html).to.include(`connect-src 'self' ${scene.url} https:;`);
    expect(readFileSync(scene.at('site/_headers'), 'utf8')).to.include('cross-origin-embedder-policy');
    const refused = startCli('explorer', ...scene.there, '--static', scene.at('site/index.html'));
    expect(await refused.ended()).to.equal(1);
    expect(refused.err).to.match(/--static .*index.html: /);
  });

  it('judges disputed claims with --judge, on models that it fetches', async () => {
    const { program, weights } = importOnnx(readFileSync(DIGITS));
    await writeBundle(scene.at('bundle'), { model: modelOf(program), weights }, 'digits.onnx');
    const host = await hostFolder(scene.at('bundle'));
    await publish(scene.contracts, modelOf(program), host.url);
    const requestId = await scene.ask();
    await scene.answer(requestId, LIAR, 'wrong');
    const watcher = asAccount(scene.contracts, scene.chain, WATCHER);
    await createWatcher({ contracts: watcher, runner: scene.shelf })();
    const flags = ['--judge', '--allow-private', '--port', '0', '--data', scene.at('judging')];
    const explorer = startCli('explorer', ...scene.there, ...flags);
    await explorer.says('is at http://');
    const isJudged = ({ forecasts }: OverviewJson): boolean =>
      forecasts.some(({ verdict }) => verdict !== 'unknown');
    const { forecasts } = await overviewOf(addressIn(explorer), isJudged);
    expect(forecasts).to.have.length(1);
    expect(forecasts[0]).to.include({ dispute: '1', verdict: 'wrong', ifPlayed: 'challenger' });
    // No other process that only looks uses these.
    expect(readdirSync(scene.at('judging/found'))).to.deep.equal([`explorer-31337-${scene.oracle}`]);
    explorer.kill('SIGTERM');
    expect(await explorer.ended()).to.equal(0);
    host.close();
  });

  it('shows the words of a text model by what `publish --bundle` writes', async () => {
    const model = scene.at('tiny.onnx');
    writeFileSync(model, encodeGraph(tinyGraph(), 'tiny'));
    writeFileSync(scene.at('tokenizer.json'), JSON.stringify(tinyTokenizer()));
    const sizes = ['--text', '--prompt', '8', '--tokens', '6'];
    const bundle = ['--bundle', scene.at('texts'), '--json'];
    const key = ['--key-file', scene.keyFile(PUBLISHER)];
    const published = await runHere('publish', model, ...sizes, ...scene.there, ...key, ...bundle);
    expect(published.code, published.err).to.equal(0);
    const id = JSON.parse(published.out).model;
    const description = parseDescription(readFileSync(scene.at(`texts/${textPath(id)}`), 'utf8'));
    const format = { prompt: 8, tokens: 6, vocabulary: 40 };
    expect(description).to.deep.equal(describeText(format, tinyTokenizer()));
  });

  it('refuses a port that is none', async () => {
    const { code, err } = await runHere('explorer', ...scene.there, '--port', '70000');
    expect(code).to.equal(2);
    expect(err).to.match(/--port 70000: write a whole number from 0 to 65535/);
  });
});
