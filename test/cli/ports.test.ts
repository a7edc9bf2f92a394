import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:net';
import { expect } from 'chai';
import { addressRefused, parsePort } from '../../src/cli/ports.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { writeBundle } from '../../src/store/bundle.ts';
import { runHere } from '../support/commandHere.ts';
import { layers } from '../support/layers.ts';
import { DIGITS, type Scene, startScene } from '../support/scene.ts';

describe('a port that another program uses', () => {
  let scene: Scene;
  let other: Server;
  let port: string;

  before(async () => {
    scene = await startScene();
    other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    port = `${(other.address() as AddressInfo).port}`;
    const { program, weights } = layers();
    await writeBundle(scene.at('bundle'), { model: modelOf(program), weights }, 'layers.onnx');
  });
  after(async () => {
    other?.close();
    await scene?.stop();
  });

  const commands: readonly [name: string, flag: string, args: () => string[]][] = [
    ['serve', '--port', () => [scene.at('bundle')]],
    ['monitor', '--metrics-port', () => scene.there as string[]],
    ['watch', '--metrics-port', () => [DIGITS, ...scene.there, '--key-file', scene.keyFile(2)]],
  ];
  for (const [name, flag, args] of commands) {
    it(`is told in one line by assay ${name}, with the flag that names another`, async () => {
      const { code, err } = await runHere(name, ...args(), flag, port);
      expect(code).to.equal(1);
      const said = err.split('\n').filter((line) => !/ info | warn /.test(line));
      expect(said).to.deep.equal([
        `assay: ${flag} ${port} on 127.0.0.1: another program uses it; choose another one with ${flag}`,
      ]);
    });
  }

  it('is not the only reason for which an address is refused', () => {
    const flags = { port: '--port', host: '--host' };
    const said = (code: string): string =>
      addressRefused(flags, 80, 'here', Object.assign(new Error('other words'), { code })).message;
    expect(said('EACCES')).to.equal(
      '--port 80 on here: this account may not use it; choose another one with --port',
    );
    expect(said('EADDRNOTAVAIL')).to.match(/no such address; choose another one with --host$/);
    expect(said('EELSE')).to.match(/other words; choose another one with --port$/);
    expect(() => parsePort('--port', '65536')).to.throw('--port 65536: write a whole number from 0 to 65535');
  });
});
