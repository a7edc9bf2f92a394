import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type JsonRpcApiProvider, Wallet } from 'ethers';
import { encodeGraph } from '../../examples/text/file.ts';
import { as, type Contracts, connect } from '../../src/chain/contracts/contracts.ts';
import { openEndpoint } from '../../src/chain/endpoints/endpoints.ts';
import { EventIndex } from '../../src/chain/index/eventIndex.ts';
import { wasmEngine } from '../../src/engine/wasm/wasm.ts';
import { bytesOfHex, hexOf } from '../../src/merkle/keccak.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { readGraph } from '../../src/onnx/index.ts';
import { createProvider } from '../../src/provider/provider.ts';
import { Shelf } from '../../src/store/shelf.ts';
import { compileText } from '../../src/text/compile.ts';
import { RunTrace } from '../../src/trace/run.ts';
import { type CliProcess, killAll, startCli } from '../support/cliProcess.ts';
import { runHere } from '../support/commandHere.ts';
import { liar } from '../support/layers.ts';
import { type NodeProcess, startNode } from '../support/nodeProcess.ts';
import { keyOf } from '../support/protocol.ts';
import { withEnded } from '../support/records.ts';
import { tinyGraph, tinyTokenizer } from '../support/tinyText.ts';

const SIZES = ['--text', '--prompt', '6', '--tokens', '12'];
const ROLES = { publisher: 0, provider: 1, watcher: 2, asker: 3, liar: 4 } as const;

describe('texts as claims, with provider and watcher as commands', () => {
  const bytes = encodeGraph(tinyGraph(), 'tiny');
  let folder: string;
  let node: NodeProcess;
  let endpoint: JsonRpcApiProvider;
  let contracts: Contracts;
  let provider: CliProcess;
  let watcher: CliProcess;
  let written: string;
  const at = (name: string): string => join(folder, name);
  const account = (role: keyof typeof ROLES): string[] => ['--rpc', node.url, '--key-file', at(role)];
  const model = (): string => at('tiny.onnx');
  let oracle: string[];
  const pass = async (seconds: number): Promise<void> => {
    await endpoint.send('evm_increaseTime', [seconds]);
    await endpoint.send('evm_mine', []);
  };

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'assay-'));
    for (const [role, index] of Object.entries(ROLES)) writeFileSync(at(role), keyOf(index), { mode: 0o600 });
    writeFileSync(model(), bytes);
    writeFileSync(at('tokenizer.json'), JSON.stringify(tinyTokenizer()));
    process.env['ASSAY_DEPLOYMENTS'] = at('deployments');
    node = await startNode('anvil');
    endpoint = await openEndpoint(node.url);
    const deployed = await runHere('deploy', '--trial', '--json', ...account('publisher'));
    oracle = ['--oracle', JSON.parse(deployed.out).oracle];
    contracts = await connect(oracle[1]!, new Wallet(keyOf(ROLES.asker), endpoint));
    const published = await runHere('publish', model(), ...SIZES, ...oracle, ...account('publisher'));
    expect([published.code, published.err]).to.deep.equal([0, '']);
    watcher = startCli('watch', model(), ...SIZES, ...oracle, ...account('watcher'));
    await watcher.says('watching as');
  });

  after(async () => {
    killAll();
    endpoint?.destroy();
    await node?.stop();
    rmSync(folder, { recursive: true });
    delete process.env['ASSAY_DEPLOYMENTS'];
  });

  it('are printed by a run', async () => {
    const ran = await runHere('run', model(), ...SIZES, '--ask', 'abc', '--json');
    const { tokens, text, passes } = JSON.parse(ran.out);
    expect([ran.code, tokens.length]).to.deep.equal([0, 12]);
    expect(passes).to.be.within(1, 12);
    expect(text).to.have.length(12);
    written = text;
  });

  it('of a liar that changes a letter are falsified by one dispute', async () => {
    const compiled = compileText(readGraph(bytes), bytes.length, { prompt: 6, tokens: 12 });
    const shelf = new Shelf((held, tensors) => new RunTrace(held, tensors));
    const { program, weights } = compiled;
    const modelId = shelf.put({ model: modelOf(program), session: await wasmEngine.load(program, weights) });
    const ran = await runHere('run', model(), ...SIZES, '--ask', 'ab', '--json');
    const changed = Uint8Array.from(JSON.parse(ran.out).tokens as number[]);
    changed[5] = (changed[5]! + 1) % compiled.vocabulary;
    const asked = await runHere(
      'request',
      model(),
      '--text',
      'ab',
      ...SIZES.slice(1),
      ...oracle,
      ...account('asker'),
    );
    expect([asked.code, asked.err]).to.deep.equal([0, '']);
    const lying = createProvider({
      contracts: as(contracts, new Wallet(keyOf(ROLES.liar), endpoint)),
      runner: liar(shelf, { node: program.outputs[0]!, element: 0, xor: 1 }),
      solve: async (id) => (id === modelId ? hexOf(changed) : undefined),
    });
    const history = new EventIndex(contracts);
    for (;;) {
      await lying();
      const { claims, disputes } = withEnded(await history.update());
      const [claim] = [...claims.values()];
      if (claim?.status !== 'falsified') {
        await new Promise((resolve) => setTimeout(resolve, 100));
        continue;
      }
      expect([...disputes.values()]).to.have.length(1);
      expect([...disputes.values()][0]!.ended?.reason).to.equal('WrongWord');
      break;
    }
  });

  it('are claimed by a provider, verified by the watcher, printed by who asked', async () => {
    provider = startCli(
      'provide',
      model(),
      '--min-fee-wei',
      '0',
      ...SIZES,
      ...oracle,
      ...account('provider'),
    );
    await provider.says('providing as');
    const asked = startCli(
      ...['request', model(), '--text', 'abc', ...SIZES.slice(1), ...oracle, ...account('asker')],
      ...['--window-seconds', '60', '--wait'],
    );
    await provider.says('request 2: claimed');
    await watcher.says('right');
    await pass(61);
    expect(await asked.ended(), asked.err).to.equal(0);
    expect(asked.out.split('\n').slice(1).join('\n')).to.equal(`${written}\n`);
    expect(bytesOfHex(await contracts.oracle.result(2n))).to.have.length(12);
  });
});
