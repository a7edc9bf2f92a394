import { expect } from 'chai';
import { as } from '../../src/chain/contracts/contracts.ts';
import { request } from '../../src/client/client.ts';
import { readTensorFile } from '../../src/files/formats/tensorFile.ts';
import { hexOf } from '../../src/merkle/keccak.ts';
import { tensorRoot } from '../../src/merkle/tensor.ts';
import { createProvider } from '../../src/provider/provider.ts';
import { runHere } from '../support/commandHere.ts';
import { type HostileServer, hostileServer } from '../support/hostileServer.ts';
import { TERMS } from '../support/protocol.ts';
import { DIGITS, type Scene, startScene, THREE } from '../support/scene.ts';

const PROVIDER = 1;
const ASKER = 3;
const LIAR = 4;
/** Longer than a service waits for an input in one look. */
const SLOW_MS = 2500;

describe('a command that checks once', () => {
  let scene: Scene;
  let server: HostileServer;
  const pixels = readTensorFile(THREE).bytes;
  let isAway = false;

  before(async () => {
    scene = await startScene();
    server = await hostileServer(({ url }, response) => {
      if (isAway || url?.startsWith('/none')) response.writeHead(404).end();
      else if (url?.startsWith('/slow')) setTimeout(() => response.end(pixels), SLOW_MS);
    });
  });

  after(async () => {
    await server.stop();
    await scene.stop();
  });

  /** Asks with an input at a path of the server, and has it answered. */
  async function answered(path: string): Promise<string> {
    const byRoot = { roots: [hexOf(tensorRoot(pixels))], uri: `${server.url}/${path}` };
    const asker = as(scene.contracts, scene.chain.account(ASKER));
    const { requestId } = await request(asker, scene.modelId, byRoot, TERMS, 0n);
    await createProvider({
      contracts: as(scene.contracts, scene.chain.account(PROVIDER)),
      runner: scene.shelf,
      readInput: async () => hexOf(pixels),
      accepts: (one) => one.requestId === requestId,
    })();
    return `${requestId}`;
  }

  let folders = 0;
  const flags = (): string[] => [
    ...[DIGITS, ...scene.there, '--allow-private'],
    ...['--data', scene.at(`data${++folders}`)],
  ];
  const once = (...args: string[]) => runHere('monitor', '--once', ...flags(), ...args);
  const verify = (id: string, ...args: string[]) => runHere('verify', id, ...flags(), ...args);

  it('attack 53: waits for an input whose server is slow', async () => {
    const id = await answered('slow');
    const { code, out } = await verify(id);
    expect([code, out]).to.satisfy(([, line]: [number, string]) => code === 0 && /: right; /.test(line));
    const seen = await once();
    expect(seen.out).to.match(new RegExp(`on request ${id}: right; `));
    expect(seen.code).to.equal(0);
  });

  it('attack 53: tells an input that takes too long from one that cannot be had', async () => {
    const [absent, endless] = [await answered('none'), await answered('endless')];
    const none = await verify(absent);
    expect(none.code).to.equal(4);
    expect(none.out).to.match(/unverified; its input is given by root and cannot be had: \S+ has no bytes/);
    const late = await verify(endless, '--fetch-seconds', '1');
    expect(late.code).to.equal(4);
    expect(late.out).to.match(/unverified; its input .* was not there after 1 s; wait longer with --fetch/);
    const seen = await once('--fetch-seconds', '1');
    expect(seen.code).to.equal(4);
    // Of the three servers one says at once that it has nothing.
    expect(seen.err).to.match(/ warn {2}2 claims were not checked and 0 models not fetched after 1 s; give/);
  });

  it('checks every claim, however many there are', async () => {
    isAway = true;
    for (let i = 0; i < 9; i++) await scene.answer(await scene.ask(), LIAR, 'wrong');
    const { code, out } = await once('--json');
    const wrong = JSON.parse(out).claims.filter(({ verdict }: { verdict: string }) => verdict === 'wrong');
    expect([code, wrong.length]).to.deep.equal([3, 9]);
  });
});
