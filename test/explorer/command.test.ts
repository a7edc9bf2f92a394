import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import type { OverviewJson } from '../../src/explorer/api.ts';
import { startCli } from '../support/cliProcess.ts';
import { runHere } from '../support/commandHere.ts';
import { type Scene, startScene } from '../support/scene.ts';

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
    const [url = ''] = /http:\/\/127\.0\.0\.1:\d+\//.exec(explorer.out + explorer.err) ?? [];
    const page = await fetch(url);
    expect(await page.text()).to.include('<script type="module" src="page.js">');
    for (const name of ['page.js', 'page.css', 'check.js', 'icon.svg'])
      expect((await fetch(new URL(name, url))).status, name).to.equal(200);
    const overview = async () => (await (await fetch(new URL('api/overview', url))).json()) as OverviewJson;
    while ((await overview()).counts.requests === 0) await new Promise((resolve) => setTimeout(resolve, 50));
    expect((await overview()).latest[0]?.id).to.equal('1');
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

  it('refuses a port that is none', async () => {
    const { code, err } = await runHere('explorer', ...scene.there, '--port', '70000');
    expect(code).to.equal(2);
    expect(err).to.match(/--port 70000: write a whole number from 0 to 65535/);
  });
});
