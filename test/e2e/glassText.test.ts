import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { expect } from 'chai';
import { type JsonRpcApiProvider, Wallet } from 'ethers';
import { encodeGraph } from '../../examples/text/file.ts';
import { glassGraph, glassTokenizer } from '../../examples/text/glass.ts';
import { rungs, textsOf } from '../../examples/text/rungs.ts';
import { as, type Contracts, connect } from '../../src/chain/contracts/contracts.ts';
import { REQUEST_STATUS } from '../../src/chain/contracts/status.ts';
import { openEndpoint } from '../../src/chain/endpoints/endpoints.ts';
import { EventIndex } from '../../src/chain/index/eventIndex.ts';
import { readText } from '../../src/client/text.ts';
import { wasmEngine } from '../../src/engine/wasm/wasm.ts';
import { bytesOfHex, hexOf } from '../../src/merkle/keccak.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { createProvider } from '../../src/provider/provider.ts';
import { Shelf } from '../../src/store/shelf.ts';
import type { TextModel } from '../../src/text/compile.ts';
import { tokenizerOf } from '../../src/text/tokenizer.ts';
import { tokenBytes } from '../../src/text/tokens.ts';
import { RunTrace } from '../../src/trace/run.ts';
import { createWatcher } from '../../src/watcher/watcher.ts';
import { availableOrSkip } from '../support/available.ts';
import { type CliProcess, killAll, startCli } from '../support/cliProcess.ts';
import { runHere } from '../support/commandHere.ts';
import { type HostileServer, hostileServer } from '../support/hostileServer.ts';
import { liar } from '../support/layers.ts';
import { type NodeProcess, startNode } from '../support/nodeProcess.ts';
import { keyOf } from '../support/protocol.ts';
import { withEnded } from '../support/records.ts';

const SIZES = ['--prompt', '8', '--tokens', '120'];
const CLOCK_SECONDS = 600;
const ROLES = { publisher: 0, provider: 1, watcher: 2, asker: 3, liar: 4, doubter: 5 } as const;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('texts by a real model, each party a process of its own', () => {
  const rung = rungs[0]!;
  const texts = textsOf(rung);
  let model: TextModel;
  let shelf: Shelf;
  let modelId: string;
  let folder: string;
  let node: NodeProcess;
  let endpoint: JsonRpcApiProvider;
  let contracts: Contracts;
  let drafts: HostileServer;
  let watcher: CliProcess;
  let oracle: string[];
  /** How the drafting server answers. */
  let draft: (prompt: string, response: ServerResponse) => void;
  const tokenizer = () => tokenizerOf(glassTokenizer());
  const at = (name: string): string => join(folder, name);
  const account = (role: keyof typeof ROLES): string[] => ['--rpc', node.url, '--key-file', at(role)];
  const sender = (role: keyof typeof ROLES): Contracts =>
    as(contracts, new Wallet(keyOf(ROLES[role]), endpoint));
  const pass = async (seconds: number): Promise<void> => {
    await endpoint.send('evm_increaseTime', [seconds]);
    await endpoint.send('evm_mine', []);
  };
  /** Asks for the text after one of the known prompts. */
  const ask = async (which: number): Promise<void> => {
    const terms = ['--window-seconds', '60', '--clock-seconds', `${CLOCK_SECONDS}`];
    const args = [...SIZES, ...terms, ...oracle, ...account('asker')];
    const asked = await runHere('request', at('glass.onnx'), '--text', texts[which]!.prompt, ...args);
    expect([asked.code, asked.err]).to.deep.equal([0, '']);
  };
  const written = (which: number): Uint8Array => tokenBytes(texts[which]!.tokens, model.width);

  before(async function () {
    this.timeout(180_000);
    const graph = await availableOrSkip(this, glassGraph);
    model = await rung.compile();
    const { program, weights } = model;
    shelf = new Shelf((held, tensors) => new RunTrace(held, tensors));
    modelId = shelf.put({ model: modelOf(program), session: await wasmEngine.load(program, weights) });
    folder = mkdtempSync(join(tmpdir(), 'assay-'));
    for (const [role, index] of Object.entries(ROLES)) writeFileSync(at(role), keyOf(index), { mode: 0o600 });
    writeFileSync(at('glass.onnx'), encodeGraph(graph, 'glass'));
    writeFileSync(at('tokenizer.json'), JSON.stringify(glassTokenizer()));
    drafts = await hostileServer(async (request, response) => {
      const { prompt } = (await json(request)) as { prompt: string };
      draft(prompt, response);
    });
    process.env['ASSAY_DEPLOYMENTS'] = at('deployments');
    node = await startNode('anvil');
    endpoint = await openEndpoint(node.url);
    const deployed = await runHere('deploy', '--trial', '--json', ...account('publisher'));
    oracle = ['--oracle', JSON.parse(deployed.out).oracle];
    contracts = await connect(oracle[1]!, new Wallet(keyOf(ROLES.asker), endpoint));
    const args = ['--text', ...SIZES, ...oracle];
    const published = await runHere('publish', at('glass.onnx'), ...args, ...account('publisher'));
    expect([published.code, published.err]).to.deep.equal([0, '']);
    watcher = startCli('watch', at('glass.onnx'), ...args, ...account('watcher'));
    await watcher.says('watching as');
  });

  after(async () => {
    killAll();
    endpoint?.destroy();
    await drafts?.stop();
    await node?.stop();
    if (folder) rmSync(folder, { recursive: true });
    delete process.env['ASSAY_DEPLOYMENTS'];
  });

  it('are exact whoever drafted them, and read by who asked', async () => {
    const provider = startCli(
      ...['provide', at('glass.onnx'), '--text', ...SIZES, '--min-fee-wei', '0', '--draft', drafts.url],
      ...[...oracle, ...account('provider')],
    );
    await provider.says('providing as');
    /** What the model goes on to write behind a beginning, as a good server has it. */
    const rest = (beginning: string): string => {
      const writtenTexts = texts.map(({ ids, tokens }) => tokenizer().decode([...ids, ...tokens]));
      return writtenTexts.find((whole) => whole.startsWith(beginning))?.slice(beginning.length) ?? '';
    };
    const complete = (text: string, response: ServerResponse): void =>
      void response.end(JSON.stringify({ choices: [{ text }] }));
    const servers: (typeof draft)[] = [
      // It lies at every seventh letter,
      (prompt, response) =>
        complete([...rest(prompt)].map((letter, i) => (i % 7 === 6 ? 'q' : letter)).join(''), response),
      // says nonsense,
      (_, response) => complete('the the the the', response),
      // dies in the middle of an answer.
      (_, response) => {
        response.write('{"choices":');
        setTimeout(() => response.destroy(), 50);
      },
    ];
    for (const [which, server] of servers.entries()) {
      draft = server;
      await ask(which);
      await provider.says(`request ${which + 1}: claimed`);
    }
    expect(drafts.asked.length).to.be.greaterThan(3);
    expect(provider.err).to.match(/--draft http:.*; going on without it/);
    while ((watcher.out + watcher.err).split('right').length <= servers.length) await pause(100);
    await pass(61);
    for (const which of servers.keys()) {
      while ((await contracts.oracle.progress(which + 1)).status !== REQUEST_STATUS.answered)
        await pause(100);
      const answer = bytesOfHex(await contracts.oracle.result(which + 1));
      const { tokens, text } = readText(
        { ...model.options, vocabulary: model.vocabulary, tokenizer: tokenizer() },
        answer,
      );
      expect(tokens).to.deep.equal(texts[which]!.tokens);
      expect(text).to.equal(tokenizer().decode(texts[which]!.tokens));
    }
    provider.kill('SIGTERM');
    expect(await provider.ended()).to.equal(0);
  });

  it('with one word changed are falsified by the watcher', async () => {
    await ask(3);
    const { tokens } = texts[3]!;
    const changed = tokens.with(60, (tokens[60]! + 1) % model.vocabulary);
    const lying = createProvider({
      contracts: sender('liar'),
      runner: liar(shelf, { node: model.outputs[0]!.node, element: 0, xor: 1 }),
      solve: async (id) => (id === modelId ? hexOf(tokenBytes(changed, model.width)) : undefined),
    });
    const history = new EventIndex(contracts);
    for (;;) {
      await lying();
      const { claims, disputes } = withEnded(await history.update());
      const claim = [...claims.values()].find(
        ({ claimant }) => claimant === new Wallet(keyOf(ROLES.liar)).address,
      );
      const ended = [...disputes.values()].at(-1)?.ended;
      if (claim?.status === 'falsified' && ended) {
        expect(ended.reason).to.equal('WrongWord');
        break;
      }
      await pause(100);
    }
  });

  it('that are right are defended against a false challenge', async () => {
    const provider = startCli(
      ...['provide', at('glass.onnx'), '--text', ...SIZES, '--min-fee-wei', '0'],
      ...[...oracle, ...account('provider')],
    );
    await provider.says('providing as');
    await ask(4);
    for (const claimed of ['request 4: claimed', 'request 5: claimed']) await provider.says(claimed);
    let refusals = 0;
    const doubting = createWatcher({
      contracts: sender('doubter'),
      runner: liar(shelf, { node: model.outputs[0]!.node, element: 0, xor: 1 }),
      listen: ({ kind }) => {
        if (kind === 'failed') refusals++;
      },
    });
    const doubter = new Wallet(keyOf(ROLES.doubter)).address;
    const history = new EventIndex(contracts);
    for (;;) {
      await doubting();
      const disputes = [...withEnded(await history.update()).disputes.values()].filter(
        ({ challenger }) => challenger === doubter,
      );
      // It doubts two answers. Its last proofs are refused, so that its clocks run out; before, the provider's would.
      if (disputes.length > 0 && refusals >= disputes.length) await pass(CLOCK_SECONDS);
      const ended = disputes.find((dispute) => dispute.ended)?.ended;
      if (ended) {
        expect(ended.winner).to.equal(new Wallet(keyOf(ROLES.provider)).address);
        break;
      }
      await pause(100);
    }
    await pass(CLOCK_SECONDS);
    while ((await contracts.oracle.progress(5)).status !== REQUEST_STATUS.answered) await pause(100);
    expect(await contracts.oracle.result(5)).to.equal(hexOf(written(4)));
  });
});
