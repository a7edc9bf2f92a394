import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type JsonRpcApiProvider, Wallet } from 'ethers';
import { claim } from '../../src/chain/actions/actions.ts';
import { as, type Contracts, connect } from '../../src/chain/contracts/contracts.ts';
import type { World } from '../../src/chain/contracts/world.ts';
import { openEndpoint } from '../../src/chain/endpoints/endpoints.ts';
import { EventIndex } from '../../src/chain/index/eventIndex.ts';
import type { Pass } from '../../src/chain/service/loop.ts';
import { publish, request } from '../../src/client/client.ts';
import { hexOf } from '../../src/merkle/keccak.ts';
import { type Model, modelOf } from '../../src/merkle/model.ts';
import { createProvider } from '../../src/provider/provider.ts';
import { writeBundle } from '../../src/store/bundle.ts';
import { FolderBlobs } from '../../src/store/folder.ts';
import { type HeldModel, saveModel } from '../../src/store/library.ts';
import { type CliProcess, killAll, runCli, startCli } from '../support/cliProcess.ts';
import { layers, layersInput, layersShelf, liar } from '../support/layers.ts';
import { type NodeProcess, startNode } from '../support/nodeProcess.ts';
import { i32Bytes, matMul } from '../support/programs.ts';
import { keyOf, TERMS } from '../support/protocol.ts';
import { claimsIn } from '../support/records.ts';
import { slowModel } from '../support/slowModel.ts';
import { untilWorld } from '../support/untilWorld.ts';

const PUBLISHER = 0;
const WATCHER = 2;
const LIAR = 4;

const addressOf = (index: number): string => new Wallet(keyOf(index)).address;

/** {@link layers}, with an output that reads a node behind it. */
function malformedModel(): HeldModel {
  const { program, weights } = layers();
  const nodes = [...program.nodes];
  nodes[2] = matMul(0, 3, 2, 200, 3);
  return { model: modelOf({ ...program, nodes }), weights };
}

describe('a watcher of all models, as a command on a node of its own', function () {
  this.timeout(120_000);
  let folder: string;
  let node: NodeProcess;
  let endpoint: JsonRpcApiProvider;
  let contracts: Contracts;
  let oracle: string;
  let server: CliProcess;
  let watcher: CliProcess;
  let uri: string;
  const at = (name: string): string => join(folder, name);
  const account = (index: number): string[] => ['--rpc', node.url, '--key-file', at(`key${index}`)];
  const lyingContracts = (): Contracts => as(contracts, new Wallet(keyOf(LIAR), endpoint));

  const until = (done: (world: World) => boolean, meanwhile?: Pass): Promise<World> =>
    untilWorld(new EventIndex(contracts), done, { meanwhile });

  const isFalsified =
    (requestId: bigint) =>
    (world: World): boolean =>
      claimsIn(world).some((claim) => claim.request.requestId === requestId && claim.status === 'falsified');

  /** A request, and a claim of zeros on it. */
  async function claimZeros(model: Model, input: Uint8Array): Promise<bigint> {
    const { requestId } = await request(contracts, hexOf(model.id), input, TERMS, 0n);
    const { requests } = await new EventIndex(contracts).update();
    const bytes = model.outputs.reduce((sum, { byteLength }) => sum + byteLength, 0);
    await claim(lyingContracts(), requests.get(requestId)!, new Uint8Array(bytes));
    return requestId;
  }

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'assay-found-'));
    for (let i = 0; i <= LIAR; i++) writeFileSync(at(`key${i}`), keyOf(i), { mode: 0o600 });
    node = await startNode('anvil');
    endpoint = await openEndpoint(node.url);
    const deployed = await runCli('deploy', '--trial', '--json', ...account(PUBLISHER));
    oracle = JSON.parse(deployed.out).oracle;
    contracts = await connect(oracle, new Wallet(keyOf(PUBLISHER), endpoint));
    const { program, weights } = layers();
    await writeBundle(at('bundle'), { model: modelOf(program), weights }, 'layers.onnx');
    server = startCli('serve', at('bundle'), '--port', '0');
    await server.says('serving at http');
    uri = /serving at (\S+)/.exec(server.out)?.[1] as string;
    watcher = startCli(
      ...['watch', '--all', '--oracle', oracle, '--data', at('data'), '--allow-private'],
      ...['--max-run-steps', '1000000', ...account(WATCHER)],
    );
    await watcher.says(`watching as ${addressOf(WATCHER)}`);
  });

  after(async () => {
    killAll();
    endpoint?.destroy();
    await node?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('fetches the model of a false claim from its publisher, and falsifies the claim', async () => {
    const model = modelOf(layers().program);
    const id = await publish(contracts, model, uri);
    const { requestId } = await request(contracts, id, layersInput(1), TERMS, 0n);
    const runner = liar(await layersShelf(), { node: 2, element: 5, step: 199, xor: 0x00400000 });
    const lying = createProvider({ contracts: lyingContracts(), runner });
    const world = await until(isFalsified(requestId), lying);
    const disputes = world.claimsOn(requestId).flatMap(({ claimId }) => world.disputesOn(claimId));
    expect(disputes.map(({ ended }) => ended)).to.deep.equal([
      { winner: addressOf(WATCHER), reason: 'WrongWord' },
    ]);
    expect(watcher.out).to.match(new RegExp(`model ${id} is not held here`));
    expect(watcher.out).to.match(new RegExp(`model ${id}: fetched, \\d+ bytes`));
  });

  it('attack 20: falsifies a claim on a malformed program by itself', async () => {
    const malformed = malformedModel();
    await saveModel(new FolderBlobs(at('bundle')), malformed);
    const id = await publish(contracts, malformed.model, uri);
    const requestId = await claimZeros(malformed.model, layersInput(2));
    await until(isFalsified(requestId));
    await watcher.says(`model ${id}: malformed, so every claim on it is false`);
  });

  it('attack 27: calls a claim unverified whose model cannot be had, until it can be', async () => {
    const late = slowModel(10, 1);
    const id = await publish(contracts, late.model, uri);
    const requestId = await claimZeros(late.model, i32Bytes([1]));
    await watcher.says(`model ${id}: cannot be had`);
    expect(watcher.out).not.to.match(new RegExp(`request ${requestId}[^\\n]*right`));
    await writeBundle(at('bundle'), late, 'late.onnx');
    await watcher.says(`model ${id}: fetched`);
    // A lie without a defence: the clock ends the dispute.
    await watcher.says('wrong; challenged');
  });

  it('attack 60: leaves a model that takes too much, or lies at an address within', async () => {
    const slow = slowModel(2_000_000, 2);
    await writeBundle(at('bundle'), slow, 'slow.onnx');
    const id = await publish(contracts, slow.model, uri);
    await claimZeros(slow.model, i32Bytes([1]));
    await watcher.says(`model ${id} takes 2000000 fold steps a run, and at most 1000000 are allowed`);
    const guarded = await runCli(
      ...['fetch', hexOf(modelOf(layers().program).id), '--rpc', node.url, '--oracle', oracle],
      ...['--data', at('guarded')],
    );
    expect(guarded.code).to.equal(1);
    expect(guarded.err).to.match(/^assay: .*no address of the public internet.*--allow-private.*\n$/);
  });

  it('is done by hand too: fetched once, and watched by its id', async () => {
    const id = hexOf(modelOf(layers().program).id);
    const fetching = [
      'fetch',
      id,
      '--rpc',
      node.url,
      '--oracle',
      oracle,
      '--data',
      at('hand'),
      '--allow-private',
    ];
    const fetched = await runCli(...fetching, '--json');
    expect([fetched.code, fetched.err]).to.deep.equal([0, '']);
    expect(JSON.parse(fetched.out)).to.include({ model: id, kind: 'model' });
    server.kill('SIGTERM');
    expect(await server.ended()).to.equal(0);
    await rm(at('bundle'), { recursive: true });
    const again = await runCli(...fetching);
    expect([again.code, again.err], 'from the folder alone').to.deep.equal([0, '']);
    const watcher = startCli('watch', id, '--oracle', oracle, '--data', at('hand'), ...account(PUBLISHER));
    await watcher.says(`model ${id}: fetched`);
    await watcher.says('watching as');
    watcher.kill('SIGTERM');
    expect(await watcher.ended()).to.equal(0);
  });
});
