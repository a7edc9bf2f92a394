// Tests what is said of answers that no node gives that is right, and that they are bounded.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { objectionTo } from '../../src/chain/endpoints/answers.ts';
import { openEndpoints } from '../../src/chain/endpoints/endpoints.ts';
import { NodeFailure } from '../../src/chain/endpoints/failures.ts';
import { httpTransport } from '../../src/chain/endpoints/http.ts';
import { Reader, type Rpc } from '../../src/chain/index/reader.ts';
import { type Call, FakeNode } from '../support/fakeNode.ts';

const call = (method: string, params: unknown[] = []) => ({ id: 1, jsonrpc: '2.0' as const, method, params });
const ADDRESS = `0x${'11'.repeat(20)}`;
const LOG = {
  address: ADDRESS,
  topics: [],
  data: '0x',
  blockNumber: '0x5',
  blockHash: '0xb5',
  logIndex: '0x0',
};

describe('answers that cannot be true', () => {
  let nodes: FakeNode[];
  let urls: string[];
  beforeEach(async () => {
    nodes = [new FakeNode(), new FakeNode()];
    urls = await Promise.all(nodes.map((node) => node.start()));
  });
  afterEach(() => Promise.all(nodes.map((node) => node.stop())));

  it('are told with the method and the answer', () => {
    const told = (method: string, result: unknown) => objectionTo(call(method, ['latest']), result);
    expect(told('eth_getTransactionCount', `0x${'f'.repeat(64)}`)).to.match(
      /^answers eth_getTransactionCount with "0xff.*, which is no count$/,
    );
    expect(told('eth_blockNumber', null)).to.equal('answers eth_blockNumber with null, which is no count');
    expect(told('eth_gasPrice', '-0x1')).to.equal('answers eth_gasPrice with "-0x1", which is no number');
    expect(told('eth_getLogs', [null])).to.equal(
      'answers eth_getLogs with null in its list, which is no log',
    );
    expect(told('eth_getBlockByNumber', 'x')).to.equal(
      'answers eth_getBlockByNumber with "x", which is no block',
    );
    const good = { ...LOG, transactionHash: '0x' };
    expect(told('eth_getLogs', [good])).to.equal(undefined);
    expect(told('eth_getLogs', [{ ...good, blockNumber: `0x${'f'.repeat(30)}` }])).to.match(/no log$/);
    expect(told('eth_getBlockByNumber', null)).to.equal(undefined);
    expect(told('eth_getBalance', '0x0')).to.equal(undefined);
  });

  it('attack 35: has the next node asked, and the others first from then on', async () => {
    const [liar, honest] = nodes as [FakeNode, FakeNode];
    honest.delayMs = 10;
    const provider = await openEndpoints(urls);
    const usual = liar.result;
    liar.result = (one) => (one.method === 'eth_gasPrice' ? 'lots' : usual(one));
    expect(await provider.send('eth_gasPrice', [])).to.equal('0x64');
    liar.calls.length = 0;
    for (let i = 0; i < 3; i++) expect(await provider.send('eth_gasPrice', [])).to.equal('0x64');
    expect(liar.calls).to.deep.equal([]);
    provider.destroy();
  });

  it('attack 35: are no logs of a block that was not asked for', async () => {
    const send = async (): Promise<unknown> => [LOG, { ...LOG, blockNumber: '0xffffffffff' }];
    const { logs } = await new Reader([ADDRESS]).logsFrom({ send } as Rpc, 1, 10);
    expect(logs).to.deep.equal([LOG]);
    const failure = await new Reader([ADDRESS])
      .logsFrom({ send: async () => [null] }, 1, 10)
      .catch((error: Error) => error.message);
    expect(failure).to.equal('the node answered a request for logs with something that is no log');
  });

  it('are read up to a limit, above which fewer blocks are asked for', async () => {
    const [node] = nodes as [FakeNode];
    node.result = () => 'x'.repeat(3000);
    const transport = httpTransport(urls[0] as string, 1000);
    const signal = new AbortController().signal;
    const kind = (count: number) =>
      transport.exchange(Array(count).fill(call('a')), signal).catch((error: NodeFailure) => error.kind);
    expect([await kind(1), await kind(2)]).to.deep.equal(['size', 'batch']);
    const ranges: number[] = [];
    const send: Rpc['send'] = async (_, [{ fromBlock, toBlock }]) => {
      ranges.push(Number(toBlock) - Number(fromBlock) + 1);
      if (ranges.at(-1)! > 100) throw new NodeFailure('size', 'too long');
      return [];
    };
    await new Reader([ADDRESS]).logsBetween({ send }, 1, 1000);
    expect(ranges.slice(0, 5)).to.deep.equal([1000, 500, 250, 125, 62]);
  });
});

describe('a node that does not tell its chain', () => {
  const cases: Record<string, [status: number, body: string, said: RegExp]> = {
    'a key that is wrong': [
      401,
      'no',
      /^the node at http:\/\/127\S+ answered 401 Unauthorized \(no\); check its key$/,
    ],
    'a rate limit': [429, 'slow down', /takes no more requests for now \(slow down\)$/],
    'an error': [
      200,
      '{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"syncing"}}',
      /; it says: syncing$/,
    ],
    'an error that is a text': [
      200,
      '{"jsonrpc":"2.0","id":1,"error":"key expired"}',
      /; it says: key expired$/,
    ],
    'an error without words': [
      200,
      '{"jsonrpc":"2.0","id":1,"error":{"code":7}}',
      /; it says: \{"code":7\}$/,
    ],
    'no answer at all': [200, '{"jsonrpc":"2.0","id":1,"error":null}', /answers eth_chainId with nothing$/],
    'a web page': [200, '<html>', /answers with a web page; check the address$/],
    'a page that is not there': [404, '<html>', /answered 404 Not Found; check the address$/],
    garbage: [200, '{{', /answers with something that is no JSON-RPC$/],
    null: [
      200,
      '{"jsonrpc":"2.0","id":1,"result":null}',
      /on which chain it is; it answers eth_chainId with null$/,
    ],
  };
  for (const [what, [status, body, said]] of Object.entries(cases)) {
    it(`is named with the reason: ${what}`, async () => {
      const node = new FakeNode();
      const url = await node.start();
      node.instead = ([one], response) => {
        response.writeHead(status).end(body.replace('"id":1', `"id":${(one as Call).id}`));
        return true;
      };
      const told = await openEndpoints([url]).catch((failure: Error) => `${failure.message}`);
      expect(told)
        .to.match(said)
        .and.not.match(/no Ethereum node answers/);
      await node.stop();
    });
  }

  it('is named with where it redirects to', async () => {
    const page = createServer((_, response) => response.end('<html>'));
    await new Promise<void>((resolve) => page.listen(0, '127.0.0.1', resolve));
    const target = `http://127.0.0.1:${(page.address() as AddressInfo).port}`;
    const node = new FakeNode();
    const url = await node.start();
    node.instead = (_, response) => {
      response.writeHead(302, { location: `${target}/secret` }).end();
      return true;
    };
    const told = await openEndpoints([url]).catch((failure: Error) => failure.message);
    expect(told).to.contain(`a web page; check the address; it redirects to ${target}/…`);
    await node.stop();
    page.closeAllConnections();
    page.close();
  });
});
