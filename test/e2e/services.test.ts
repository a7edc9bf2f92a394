import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type JsonRpcApiProvider, Wallet } from 'ethers';
import { heldOut } from '../../examples/digits/dataset.ts';
import { as, type Contracts, connect } from '../../src/chain/contracts/contracts.ts';
import type { World } from '../../src/chain/contracts/world.ts';
import { openEndpoint } from '../../src/chain/endpoints/endpoints.ts';
import { EventIndex } from '../../src/chain/index/eventIndex.ts';
import type { Pass } from '../../src/chain/service/loop.ts';
import { request } from '../../src/client/client.ts';
import { referenceEngine } from '../../src/engine/reference/reference.ts';
import { hexOf } from '../../src/merkle/keccak.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { importOnnx } from '../../src/onnx/index.ts';
import { createProvider } from '../../src/provider/provider.ts';
import { Shelf } from '../../src/store/shelf.ts';
import { RunTrace } from '../../src/trace/run.ts';
import { type CliProcess, killAll, runCli, startCli } from '../support/cliProcess.ts';
import { liar } from '../support/layers.ts';
import { type NodeProcess, startNode } from '../support/nodeProcess.ts';
import { keyOf, TERMS } from '../support/protocol.ts';
import { claimsIn, disputesIn } from '../support/records.ts';
import { untilWorld } from '../support/untilWorld.ts';

const MODEL = join(import.meta.dirname, '../../examples/digits/digits.onnx');
const THREE = join(import.meta.dirname, '../../examples/digits/three.npy');
const PUBLISHER = 0;
const PROVIDER = 1;
const WATCHER = 2;
const ASKER = 3;
const LIAR = 4;

/** The output node that the lie is about: the digit itself. */
const LIE = { node: 13, element: 0, xor: 1 };

const addressOf = (index: number): string => new Wallet(keyOf(index)).address;

describe('a provider and a watcher as commands on a node of their own', () => {
  let folder: string;
  let node: NodeProcess;
  let endpoint: JsonRpcApiProvider;
  let oracle: string;
  let contracts: Contracts;
  let modelId: string;
  let provider: CliProcess;
  let watcher: CliProcess;
  const at = (name: string): string => join(folder, name);
  const account = (index: number): string[] => ['--rpc', node.url, '--key-file', at(`key${index}`)];
  const pass = async (seconds: number): Promise<void> => {
    await endpoint.send('evm_increaseTime', [seconds]);
    await endpoint.send('evm_mine', []);
  };

  const until = (done: (world: World) => boolean, meanwhile?: Pass): Promise<World> =>
    untilWorld(new EventIndex(contracts), done, { meanwhile });

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'assay-'));
    for (let i = 0; i <= LIAR; i++) writeFileSync(at(`key${i}`), ` ${keyOf(i)}\n`, { mode: 0o600 });
    node = await startNode('anvil');
    endpoint = await openEndpoint(node.url);
    const deployed = await runCli('deploy', '--trial', '--json', ...account(PUBLISHER));
    expect([deployed.code, deployed.err]).to.deep.equal([0, '']);
    oracle = JSON.parse(deployed.out).oracle;
    contracts = await connect(oracle, new Wallet(keyOf(ASKER), endpoint));
    const published = await runCli('publish', MODEL, '--json', '--oracle', oracle, ...account(PUBLISHER));
    expect([published.code, published.err]).to.deep.equal([0, '']);
    modelId = JSON.parse(published.out).model;
    const kept = ['--oracle', oracle, '--data', at('data')];
    provider = startCli('provide', MODEL, '--min-fee-wei', '0', ...kept, ...account(PROVIDER));
    watcher = startCli('watch', MODEL, ...kept, ...account(WATCHER));
    await provider.says(`providing as ${addressOf(PROVIDER)}`);
    await watcher.says(`watching as ${addressOf(WATCHER)}`);
  });

  after(async () => {
    killAll();
    endpoint?.destroy();
    await node?.stop();
    rmSync(folder, { recursive: true });
  });

  it('attack 52: refuse to start a second time with the same key', async () => {
    await watcher.says('watching as');
    const second = startCli('watch', MODEL, '--oracle', oracle, '--data', at('data'), ...account(WATCHER));
    expect(await second.ended()).to.equal(1);
    expect(second.err).to.match(
      /assay: process \d+ on [^\n]* sends as 0x\w{40} already; end it first[^\n]*\n$/,
    );
  });

  it('answer a request from the command line, which prints the digit when it is final', async () => {
    const asked = startCli(
      ...['request', MODEL, '--input', `image=${THREE}`, '--oracle', oracle, ...account(ASKER)],
      ...['--fee-wei', '1000', '--window-seconds', '60', '--wait', '--json'],
    );
    await provider.says('request 1: claimed an answer under a bond of 0.002 ether');
    await watcher.says('right');
    await pass(61);
    expect(await asked.ended(), asked.err).to.equal(0);
    const { requestId, model, outputs } = JSON.parse(asked.out);
    expect([requestId, model]).to.deep.equal(['1', modelId]);
    expect(outputs[0]).to.deep.equal({ name: 'digit', type: 'int64', shape: [1], first: ['3'] });
    await provider.says('withdrew 0.002000000000001 ether');
  });

  it('falsify a lie, and the honest answer becomes final', async () => {
    const { program, weights } = importOnnx(readFileSync(MODEL));
    const shelf = new Shelf((model, tensors) => new RunTrace(model, tensors));
    shelf.put({ model: modelOf(program), session: await referenceEngine.load(program, weights) });
    const { pixels } = heldOut()[700]!;
    const { requestId } = await request(contracts, modelId, pixels, TERMS, 0n);
    const lying = createProvider({
      contracts: as(contracts, new Wallet(keyOf(LIAR), endpoint)),
      runner: liar(shelf, LIE),
    });
    const settled = await until(
      (world) => claimsIn(world).some(({ status }) => status === 'falsified'),
      lying,
    );
    const [dispute, ...others] = disputesIn(settled);
    expect(others, 'one dispute, on the lie only').to.deep.equal([]);
    expect(dispute?.claim.claimant).to.equal(addressOf(LIAR));
    expect(dispute?.ended).to.deep.equal({ winner: addressOf(WATCHER), reason: 'WrongWord' });
    await watcher.says('wrong; challenged under a bond of 0.5 ether');
    await watcher.says('The challenger wins: the chain computed another word.');
    await watcher.says('withdrew 1.0 ether');
    await pass(Number(TERMS.windowSeconds) + 1);
    await until((world) => world.request(requestId)?.status === 'answered');
    expect(await contracts.oracle.result(requestId)).to.equal(await shelf.output(modelId, hexOf(pixels)));
  });

  it('go on when nobody reads their lines any more', async () => {
    watcher.closeOutput();
    const { program, weights } = importOnnx(readFileSync(MODEL));
    const shelf = new Shelf((model, tensors) => new RunTrace(model, tensors));
    shelf.put({ model: modelOf(program), session: await referenceEngine.load(program, weights) });
    const { requestId } = await request(contracts, modelId, heldOut()[701]!.pixels, TERMS, 0n);
    const lying = createProvider({
      contracts: as(contracts, new Wallet(keyOf(LIAR), endpoint)),
      runner: liar(shelf, LIE),
    });
    const isFalsified = (world: World): boolean =>
      claimsIn(world).some((claim) => claim.status === 'falsified' && claim.request.requestId === requestId);
    expect(disputesIn(await until(isFalsified, lying)).at(-1)?.ended?.winner).to.equal(addressOf(WATCHER));
    await watcher.says('assay: standard output: nobody reads it any more; going on without it');
  });

  it('end with exit code 0 when they are told to, and have complained of nothing else', async () => {
    watcher.kill('SIGTERM');
    expect(await watcher.ended()).to.equal(0);
    // Its stdout was closed above, and with it went the line about the signal.
    expect(watcher.err).to.match(/^[^\n]*going on without it\n$/);
    expect(provider.err).to.equal('');
  });

  it('tell of a node that went away in one line, and still end with exit code 0', async () => {
    await node.stop();
    await provider.says('trying again');
    provider.kill('SIGINT');
    expect(await provider.ended()).to.equal(0);
    expect(provider.err).to.match(
      /^[-0-9T:.]+Z error [^\n]*the connection is refused[^\n]*; trying again\n$/,
    );
    expect(provider.out).to.match(/Z info {2}SIGINT: ending once the work in hand is done\n$/);
  });
});
