// Answers by root from the outside: a provider keeps them, a server shows them, and the requester checks what it gets.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { tensorRoot } from '../../src/merkle/tensor.ts';
import { Answers } from '../../src/store/answers.ts';
import { runCli, startCli } from '../support/cliProcess.ts';
import { DIGITS, PUBLISHER, type Scene, startScene, THREE } from '../support/scene.ts';

const [PROVIDER, WATCHER, LATER] = [1, 2, 4];

describe('answers by root', () => {
  let scene: Scene;
  before(async () => {
    scene = await startScene();
  });
  after(() => scene?.stop());

  it('can be had where their provider says, and only if they are what was claimed', async () => {
    const data = scene.at('data');
    const folder = join(data, 'answers');
    const keys = (index: number) => [...scene.there, '--key-file', scene.keyFile(index)];
    await new Answers({ folder, uri: '', maxTotalBytes: 100 }).put(
      [new Uint8Array(4)],
      [tensorRoot(new Uint8Array(4))],
    );
    const server = startCli('serve', folder, '--port', '0');
    await server.says('serving at ');
    const uri = /http:\S+/.exec(server.out)![0];
    const provider = startCli(
      ...['provide', DIGITS, '--min-fee-wei', '0', '--data', data, '--answers-uri', uri, ...keys(PROVIDER)],
    );
    const watcher = startCli('watch', DIGITS, '--data', scene.at('watcher'), ...keys(WATCHER));
    await Promise.all([provider.says('providing as'), watcher.says('watching as')]);
    const ask = () =>
      runCli(
        ...['request', DIGITS, '--input', `image=${THREE}`, '--answer-by-root', '--window-seconds', '3'],
        ...['--wait', '--allow-private', ...keys(PUBLISHER)],
      );
    const first = await ask();
    expect(first.err).to.equal('');
    expect(first.out).to.match(/digit: int64 \[1\]\n {2}3\n/);
    expect(watcher.out).to.match(/claim \d+: right/);
    const files = readdirSync(join(folder, 'tensor'));
    expect(files).to.have.length(3);
    for (const name of files) {
      const path = join(folder, 'tensor', name);
      writeFileSync(
        path,
        readFileSync(path).map((byte) => byte ^ 1),
      );
    }
    const second = await ask();
    expect(second.code).to.equal(1);
    expect(second.err).to.match(
      /^assay: request 2 has its final answer, with the roots 0x\S+ 0x\S+, and it cannot be had: .* is corrupt/,
    );
  });

  it('have a folder that can be served once their provider runs', async () => {
    const data = scene.at('early');
    const folder = join(data, 'answers');
    const none = await runCli('serve', folder);
    expect(none.code).to.equal(1);
    expect(none.err).to.match(
      /no such folder; .*`assay provide … --answers-uri URI\/` makes the folder answers/,
    );
    const provider = startCli(
      ...['provide', DIGITS, '--data', data, '--answers-uri', 'https://answers.example/'],
      ...[...scene.there, '--key-file', scene.keyFile(LATER)],
    );
    await provider.says('providing as');
    const server = startCli('serve', folder, '--port', '0');
    await server.says('serving at ');
  });

  it('warn of a folder that cannot be made, and let their provider start', async () => {
    const data = scene.at('full');
    mkdirSync(data);
    writeFileSync(join(data, 'answers'), '');
    const provider = startCli(
      ...['provide', DIGITS, '--data', data, '--answers-uri', 'https://answers.example/'],
      ...[...scene.there, '--key-file', scene.keyFile(LATER)],
    );
    await provider.says('providing as');
    expect(provider.err).to.match(/no answer by root can be kept for others: a part of the path is a file/);
  });

  it('are kept within a bound, the oldest not for ever', async () => {
    const folder = scene.at('bounded');
    const tensor = (value: number): Uint8Array => new Uint8Array(40).fill(value);
    const answers = new Answers({ folder, uri: 'https://a/', maxTotalBytes: 100 });
    const put = (value: number): Promise<string> => answers.put([tensor(value)], [tensorRoot(tensor(value))]);
    for (const value of [1, 2, 2, 3]) expect(await put(value)).to.equal('https://a/');
    const names = readdirSync(join(folder, 'tensor'));
    expect(names).to.have.length(2);
    const again = new Answers({ folder, uri: 'https://a/', maxTotalBytes: 40 });
    await again.put([tensor(4)], [tensorRoot(tensor(4))]);
    expect(readdirSync(join(folder, 'tensor'))).to.have.length(1);
    const huge = new Uint8Array(200);
    const failure = await again.put([huge], [tensorRoot(huge)]).catch((error: Error) => error.message);
    expect(failure).to.equal('an answer of 200 bytes is more than the 40 that are kept');
  });
});
