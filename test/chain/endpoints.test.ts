import type { ServerResponse } from 'node:http';
import { expect } from 'chai';
import { type Endpoints, openEndpoints } from '../../src/chain/endpoints/endpoints.ts';
import { NodeFailure } from '../../src/chain/endpoints/failures.ts';
import { EndpointNode } from '../../src/chain/endpoints/node.ts';
import { type Call, FakeNode } from '../support/fakeNode.ts';
import { withWallClock } from '../support/wallClock.ts';

const status =
  (code: number, headers: Record<string, string> = {}) =>
  (_: readonly Call[], response: ServerResponse): boolean => {
    response.writeHead(code, headers).end('no');
    return true;
  };

describe('several nodes as one endpoint', () => {
  let nodes: FakeNode[];
  let urls: string[];
  let endpoints: Endpoints | undefined;
  const notices: string[] = [];

  beforeEach(async () => {
    notices.length = 0;
    nodes = [new FakeNode(), new FakeNode()];
    urls = await Promise.all(nodes.map((node) => node.start()));
  });

  afterEach(async () => {
    endpoints?.destroy();
    await Promise.all(nodes.map((node) => node.stop()));
  });

  /** A node that does not answer is waited for, other than one that is slow because the machine is. */
  const open = async (chosen = urls, timeoutMs = 10_000): Promise<Endpoints> => {
    endpoints = await openEndpoints(chosen, { timeoutMs, onNotice: (sentence) => notices.push(sentence) });
    return endpoints;
  };

  it('attack 35: asks the next node when one hangs or fails', async () => {
    const provider = await open(urls, 4000);
    const [one, other] = nodes as [FakeNode, FakeNode];
    for (const instead of [() => true, status(500)]) {
      one.instead = instead;
      other.instead = () => false;
      expect(await provider.getBlockNumber()).to.equal(100);
      [one.instead, other.instead] = [other.instead, one.instead];
      expect(await provider.getBlockNumber()).to.equal(100);
    }
  });

  it('tries once more at once when a single node fails once', async () => {
    const provider = await open(urls.slice(0, 1));
    const [node] = nodes as [FakeNode];
    let failures = 1;
    node.instead = (calls, response) => failures-- > 0 && status(502)(calls, response);
    expect(await provider.getBlockNumber()).to.equal(100);
  });

  it('asks in halves for what a node fails to answer in one piece', async () => {
    // So much time that a busy machine is not taken for a node that is silent.
    const provider = await open(urls.slice(0, 1), 100_000);
    const [node] = nodes as [FakeNode];
    const asked = new Map<string, number>();
    // Every batch fails, and of each single request every other try: counted apart, or one could get all the failures.
    node.instead = (calls, response) => {
      const request = JSON.stringify(calls.map(({ method, params }) => [method, params]));
      const count = (asked.get(request) ?? 0) + 1;
      asked.set(request, count);
      return (calls.length > 1 || count % 2 !== 0) && status(500)(calls, response);
    };
    const numbers = await Promise.all(
      Array.from({ length: 10 }, (_, i) => provider.send('eth_getBalance', [`0x${i}`, 'latest'])),
    );
    expect(numbers).to.deep.equal(Array(10).fill('0x64'));
  }).timeout(30_000);

  it('asks a node again in time although this machine has set its clock back', async () => {
    let failure: NodeFailure | undefined;
    const transport = {
      batches: true,
      close: () => undefined,
      exchange: async (payloads: readonly { id: number | string }[]): Promise<unknown> => {
        if (failure) throw failure;
        return { jsonrpc: '2.0', id: payloads[0]?.id, result: '0x7' };
      },
    };
    await withWallClock(async (setBack) => {
      for (const kind of ['rate', 'server'] as const) {
        let now = 0;
        const node = new EndpointNode({ name: 'node', transport, timeoutMs: 500, now: () => now });
        const ask = (): Promise<unknown> => node.readChainId().catch((met: NodeFailure) => met.kind);
        failure = new NodeFailure(kind, 'no', { retryAfterMs: 1000 });
        for (let i = 0; i < 5; i++) {
          expect(await ask()).to.equal(kind);
          now += 500;
        }
        failure = undefined;
        setBack();
        expect(await ask(), 'left alone').to.equal(kind);
        now += 2000;
        expect(await ask()).to.equal(7n);
      }
    });
  });

  it('asks a node that fails now and then, and leaves alone one that goes on failing', async () => {
    let [asked, isBroken] = [0, true];
    const exchange = async (): Promise<unknown> => {
      asked++;
      if (isBroken) throw new NodeFailure('server', 'down');
      return { jsonrpc: '2.0', id: asked, result: '0x7' };
    };
    const transport = { exchange, batches: true, close: () => undefined };
    const node = new EndpointNode({ name: 'node', transport, timeoutMs: 500 });
    const ask = (): Promise<unknown> => node.readChainId().catch((failure: NodeFailure) => failure.kind);
    for (let i = 0; i < 5; i++) expect(await ask()).to.equal('server');
    expect(asked, 'each once more').to.equal(10);
    isBroken = false;
    await ask();
    expect(asked, 'asked after ten failures at once').to.equal(11);
    isBroken = true;
    const until = Date.now() + 2500;
    while (Date.now() < until) await ask();
    const before = asked;
    expect(await ask()).to.equal('server');
    expect(asked).to.equal(before);
  });

  it('asks the next node when one takes no more requests', async () => {
    const provider = await open();
    (nodes[0] as FakeNode).instead = status(429, { 'retry-after': '30' });
    for (let i = 0; i < 3; i++) expect(await provider.getBlockNumber()).to.equal(100);
  });

  it('takes Retry-After as seconds, and leaves the node alone so long', async () => {
    const provider = await open(urls.slice(0, 1));
    const [node] = nodes as [FakeNode];
    node.instead = status(429, { 'retry-after': '30' });
    const failure = await provider.getBlockNumber().catch((error: Error) => error.message);
    expect(failure).to.match(/takes no more requests for now/);
    const asked = node.calls.length;
    for (let i = 0; i < 5; i++) await provider.getBlockNumber().catch(() => undefined);
    expect(node.calls.length).to.equal(asked);
  });

  it('attack 47: leaves a node out that turns up on another chain, and says so', async () => {
    const provider = await open();
    const [one, other] = nodes as [FakeNode, FakeNode];
    one.chainId = 8;
    other.head = 101;
    await provider.look();
    while (!provider.status().some(({ state }) => state === 'wrongChain')) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(await (await provider.look()).getBlockNumber()).to.equal(101);
    for (const node of nodes) node.chainId = 8;
    for (let i = 0; i < 3; i++) await (await provider.look()).getBlockNumber().catch(() => undefined);
    const failure = await provider.getBlockNumber().catch((error: Error) => error.message);
    expect(failure).to.match(/is on chain 8, not on 7/);
    expect(notices.join('\n')).to.match(/is on chain 8, not on 7; it is left out until it is back/);
  });

  it('attack 47: shows nothing of another chain, and sends nothing to it', async () => {
    const provider = await open(urls.slice(0, 1));
    await provider.getBlockNumber();
    const [node] = nodes as [FakeNode];
    Object.assign(node, { chainId: 8, head: 5000 });
    const failure = await (await provider.look())
      .send('eth_blockNumber', [])
      .catch((error: Error) => error.message);
    expect(failure).to.match(/is on chain 8, not on 7/);
    expect(provider.status()[0]).to.include({ state: 'wrongChain', head: 100 });
    await provider.look();
    await provider.broadcast('0x02').catch(() => undefined);
    expect(node.calls).to.not.include('eth_sendRawTransaction');
  });

  it('refuses nodes of different chains at the start', async () => {
    (nodes[1] as FakeNode).chainId = 8;
    const failure = await open().catch((error: Error) => error.message);
    expect(failure).to.match(/is on chain 7 and .* on chain 8; name nodes of one chain/);
  });

  it('prefers a node that is not behind', async () => {
    const provider = await open();
    const [one, other] = nodes as [FakeNode, FakeNode];
    one.head = 90;
    await provider.look();
    while (provider.status().some(({ head }) => head === undefined)) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    other.calls.length = 0;
    expect(await (await provider.look()).getBlockNumber()).to.equal(100);
    expect(provider.status()[0]).to.include({ state: 'behind', lag: 10 });
    expect([provider.each().length, provider.each(true).length]).to.deep.equal([1, 2]);
  });

  const batchRefusals = {
    'by a status': (response: ServerResponse) =>
      response.writeHead(500).end('{"message":"Batch of more than 2 requests are not allowed"}'),
    'by an error that answers nothing': (response: ServerResponse) =>
      response.end('{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"batch limit"}}'),
  };
  for (const [how, refuse] of Object.entries(batchRefusals)) {
    it(`learns that a node takes batches of two and no longer, ${how}`, async () => {
      const provider = await open(urls.slice(0, 1));
      const [node] = nodes as [FakeNode];
      node.instead = (calls, response) => {
        if (calls.length <= 2) return false;
        refuse(response);
        return true;
      };
      const ask = () => Promise.all(Array.from({ length: 20 }, () => provider.send('eth_gasPrice', [])));
      expect(await ask()).to.deep.equal(Array(20).fill('0x64'));
      node.batches.length = 0;
      expect(await ask()).to.deep.equal(Array(20).fill('0x64'));
      expect(Math.max(...node.batches)).to.be.at.most(3);
    });
  }

  it("says the node's own words, and hides what may be a key in its address", async () => {
    const provider = await open([`${urls[0]}/v3/secret`]);
    const [node] = nodes as [FakeNode];
    node.instead = ([call], response) => {
      const error = { code: -32000, message: 'transaction indexing is in progress' };
      response.end(JSON.stringify({ jsonrpc: '2.0', id: call?.id, error }));
      return true;
    };
    const failure = await provider.send('eth_getTransactionReceipt', ['0x']).catch((error: Error) => error);
    expect(failure).to.include({ shortMessage: 'transaction indexing is in progress' });
    node.instead = status(500);
    const down = await provider.send('eth_gasPrice', []).catch((error: Error) => error.message);
    expect(down)
      .to.match(/\/… answered 500/)
      .and.not.match(/secret/);
  });

  it('hands transactions to all nodes, and to the relay alone if they are private', async () => {
    const relay = new FakeNode();
    const relayUrl = await relay.start();
    endpoints = await openEndpoints(urls, { privateRelay: relayUrl });
    const sent = (): boolean[] =>
      [...nodes, relay].map(({ calls }) => calls.includes('eth_sendRawTransaction'));
    await endpoints.broadcast('0x02', 'private');
    expect(sent()).to.deep.equal([false, false, true]);
    (nodes[0] as FakeNode).instead = status(500);
    expect(await endpoints.broadcast('0x02')).to.equal('0x64');
    while (sent().includes(false)) await new Promise((resolve) => setTimeout(resolve, 5));
    await relay.stop();
  });

  it('say at the start that the private relay is away, and refuse one of another chain', async () => {
    const relay = new FakeNode();
    const privateRelay = await relay.start();
    relay.chainId = 8;
    const refusal = await openEndpoints(urls, { privateRelay }).catch(({ message }: Error) => message);
    expect(refusal).to.equal(
      `the private relay ${privateRelay} is on chain 8 and ${urls[0]} on chain 7; name a relay of this chain`,
    );
    await relay.stop();
    const said: string[] = [];
    const onNotice = (sentence: string): number => said.push(sentence);
    (await openEndpoints(urls, { privateRelay, onNotice })).destroy();
    expect(said).to.deep.equal([
      `no Ethereum node answers at ${privateRelay}: the connection is refused; it is the private relay: until it answers, claims and challenges go to the nodes only after 6 blocks`,
    ]);
  });

  it('hand transactions to a relay that does not tell its chain, without a word', async () => {
    const relay = new FakeNode();
    relay.instead = ([call], response) => {
      if (call?.method !== 'eth_chainId') return false;
      const error = { code: -32601, message: 'the method eth_chainId does not exist' };
      response.end(JSON.stringify({ jsonrpc: '2.0', id: call.id, error }));
      return true;
    };
    const said: string[] = [];
    const privateRelay = await relay.start();
    endpoints = await openEndpoints(urls, { privateRelay, onNotice: (sentence) => said.push(sentence) });
    expect(await endpoints.broadcast('0x02', 'private')).to.equal('0x64');
    expect(said).to.deep.equal([]);
    await relay.stop();
  });
});
