import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type JsonRpcApiProvider, Wallet } from 'ethers';
import type { Contracts } from '../../src/chain/contracts/contracts.ts';
import { openEndpoint } from '../../src/chain/endpoints/endpoints.ts';
import { INSTRUCTION_SET_VERSION } from '../../src/scalar/instructions.ts';
import { runHere } from '../support/commandHere.ts';
import { type DevelopmentChain, deployed, keyOf, startChain } from '../support/protocol.ts';

const MODEL = join(import.meta.dirname, '../../examples/digits/digits.onnx');
const THREE = join(import.meta.dirname, '../../examples/digits/three.npy');

describe('commands that go to a chain refuse in one line', () => {
  let folder: string;
  let chain: DevelopmentChain;
  let endpoint: JsonRpcApiProvider;
  let contracts: Contracts;
  let oracle: string;
  const at = (name: string): string => join(folder, name);
  let stranger: string;

  before(async () => {
    delete process.env['ASSAY_KEY'];
    folder = mkdtempSync(join(tmpdir(), 'assay-'));
    process.env['ASSAY_DEPLOYMENTS'] = at('deployments');
    chain = await startChain('anvil');
    endpoint = await openEndpoint(chain.url!);
    contracts = await deployed(chain);
    oracle = await contracts.oracle.getAddress();
    writeFileSync(at('key'), keyOf(0), { mode: 0o600 });
    writeFileSync(at('empty'), '');
    writeFileSync(at('short'), keyOf(0).slice(0, -1));
    writeFileSync(at('zero'), `0x${'00'.repeat(32)}`);
    writeFileSync(at('long'), 'x'.repeat(2000));
    for (const name of ['empty', 'short', 'zero', 'long']) chmodSync(at(name), 0o600);
    // So that it is the terms that a request is refused for.
    const published = await assay('publish', MODEL, ...there);
    expect([published.code, published.err]).to.deep.equal([0, '']);
    const poor = Wallet.createRandom();
    stranger = poor.address;
    writeFileSync(at('poor'), poor.privateKey, { mode: 0o600 });
  });

  after(async () => {
    endpoint?.destroy();
    await chain?.stop();
    rmSync(folder, { recursive: true });
    delete process.env['ASSAY_DEPLOYMENTS'];
  });

  /** Runs a command in this process. URL, ORACLE and FOLDER stand for what is known later. */
  async function assay(...args: string[]) {
    const values = { URL: chain.url!, ORACLE: oracle, FOLDER: folder };
    const named = (arg: string): string =>
      Object.entries(values).reduce((text, [name, is]) => text.replace(name, is), arg);
    return runHere(...args.map(named));
  }

  const rpc = ['--rpc', 'URL'];
  const key = ['--key-file', 'FOLDER/key'];
  const there = ['--oracle', 'ORACLE', ...rpc, ...key];
  const mistakes: [string, string[], number, RegExp][] = [
    [
      'an id that is no number',
      ['verify', '1e3', '--oracle', 'ORACLE', ...rpc],
      2,
      /REQUEST_ID 1e3: write a whole/,
    ],
    [
      'an id that no request has',
      ['verify', '18446744073709551617', '--oracle', 'ORACLE', ...rpc],
      1,
      /request 18446744073709551617 is unknown at the oracle/,
    ],
    [
      'a claim that is not there',
      ['finalize', '4294967297', ...there],
      1,
      /claim 4294967297 is unknown at the/,
    ],
    ['a request to cancel that is not there', ['cancel', '7', ...there], 1, /request 7 is unknown at the/],
    ['a callback of nothing', ['callback', '7', ...there], 1, /request 7 is unknown at the oracle/],
    [
      'a model that nobody published',
      ['fetch', `0x${'ab'.repeat(32)}`, '--oracle', 'ORACLE', ...rpc],
      1,
      /model 0x(ab){32} is not published here$/,
    ],

    ['no node', ['deploy', ...key], 2, /required option '--rpc <URL>' not specified$/],
    [
      'what is no address of a node',
      ['deploy', '--rpc', 'x', ...key],
      2,
      /--rpc: write an http, https, ws or wss address$/,
    ],
    ['a dead node', ['deploy', '--rpc', 'http://127.0.0.1:1', ...key], 1, /no Ethereum node answers/],
    [
      'no key',
      ['deploy', ...rpc],
      2,
      /add --key-file FILE, --keystore FILE or --signer URL, or set ASSAY_KEY to a private key$/,
    ],
    ['a missing key file', ['deploy', ...rpc, '--key-file', 'FOLDER/none'], 1, /there is no such file$/],
    ['a folder as key file', ['deploy', ...rpc, '--key-file', 'FOLDER'], 1, /is a folder, not a file$/],
    ['an empty key file', ['deploy', ...rpc, '--key-file', 'FOLDER/empty'], 1, /holds no private key/],
    ['a key cut short', ['deploy', ...rpc, '--key-file', 'FOLDER/short'], 1, /holds no private key/],
    ['a key of zero', ['deploy', ...rpc, '--key-file', 'FOLDER/zero'], 1, /holds no private key/],
    ['a long key file', ['deploy', ...rpc, '--key-file', 'FOLDER/long'], 1, /too long for a file/],
    ['an account without ether', ['deploy', ...rpc, '--key-file', 'FOLDER/poor'], 1, /has no ether/],
    [
      'no oracle',
      ['publish', MODEL, ...rpc, ...key],
      2,
      /no oracle is recorded for chain 31337: add --oracle/,
    ],
    ['bounds that are no set', ['deploy', '--bounds', 'x', ...rpc, ...key], 2, /write safe, rollup, trial$/],
    [
      'two sets of bounds',
      ['deploy', '--trial', '--bounds', 'safe', ...rpc, ...key],
      2,
      /exclude each other/,
    ],
    ['no confirmations', ['deploy', '--confirmations', '0', ...rpc, ...key], 2, /from 1 to 1000$/],
    ['what is no address', ['watch', MODEL, '--oracle', '0x12', ...rpc, ...key], 2, /write an address, 0x/],
    [
      'an address with a typing mistake',
      ['watch', MODEL, '--oracle', `0x${'Ab'.repeat(20)}`, ...rpc, ...key],
      2,
      /the capitals in this address do not fit it/,
    ],
    [
      'an address without a contract',
      ['provide', MODEL, '--oracle', `0x${'12'.repeat(20)}`, ...rpc, ...key],
      1,
      /there is no contract at 0x1212/,
    ],
    ['a missing model', ['provide', 'FOLDER/none.onnx', ...there], 1, /none\.onnx: there is no such file$/],
    ['no model', ['watch', ...there], 2, /name a model, or add --all to take those that claims name$/],
    [
      'a block that is no number',
      ['watch', MODEL, ...there, '--from-block', '-1'],
      2,
      /write a whole number/,
    ],
    [
      'a fee that is no number',
      ['provide', MODEL, ...there, '--min-fee-wei', '1e3'],
      2,
      /write a whole number/,
    ],
    [
      'a trusted verifier that is no address',
      ['provide', MODEL, ...there, '--trusted-verifier', '0x12'],
      2,
      /--trusted-verifier 0x12: write an address, 0x/,
    ],
    [
      'a URI of a model that nobody follows',
      ['publish', MODEL, ...there, '--uri', 'javascript:alert(1)'],
      2,
      /--uri: "javascript:alert\(1\)" is not followed: it begins with none of http:\/\/, https:\/\/ and ipfs/,
    ],
    [
      'a URI of an input that nobody follows',
      [
        'request',
        MODEL,
        ...there,
        '--input',
        `image=${THREE}`,
        '--input-uri',
        'file:///etc/passwd\u001b[2J\u202e',
      ],
      2,
      /--input-uri: "file:\/\/\/etc\/passwd\\u001b\[2J\\u202e" is not followed/,
    ],
    [
      'a first block that the chain does not have',
      ['monitor', '--once', '--oracle', 'ORACLE', ...rpc, '--from-block', '999999999'],
      2,
      /--from-block 999999999: the chain has only \d+ blocks; give one before the first request$/,
    ],
    [
      'a queue of another kind',
      ['watch', MODEL, ...there, '--queue', 'mongodb://127.0.0.1'],
      2,
      /--queue: write it as redis:\/\/HOST:PORT or rediss:\/\/HOST:PORT$/,
    ],
    [
      'a data folder that is a file',
      ['watch', MODEL, ...there, '--data', 'FOLDER/key'],
      1,
      /--data .*key: .*key is a file, not a folder; name a folder$/,
    ],
    [
      'a data folder that cannot be, of a command that sends nothing',
      ['monitor', '--once', '--oracle', 'ORACLE', ...rpc, '--data', '/proc/x'],
      1,
      /--data \/proc\/x: no folder can be made there; name another folder$/,
    ],
    [
      'a bundle in a place that takes none',
      ['publish', MODEL, ...there, '--bundle', '/proc/xx'],
      1,
      /\/proc\/xx\S*: no folder can be made there$/,
    ],
    [
      'an id longer than any',
      ['verify', '9'.repeat(79), '--oracle', 'ORACLE', ...rpc],
      2,
      /REQUEST_ID 9{78}…: write a number below 2\^256$/,
    ],
    [
      'a provider with a typing mistake',
      ['request', MODEL, ...there, '--provider', `0x${'Ab'.repeat(20)}`],
      2,
      /--provider 0x\w+: the capitals in this address do not fit it; copy it again$/,
    ],
    [
      'a fee that does not fit the contracts',
      ['request', MODEL, ...there, '--fee-wei', '9'.repeat(47)],
      2,
      /--fee-wei 9+: write at most 79228162514264337593543950335$/,
    ],
    [
      'a request with options of a text, but none',
      ['request', MODEL, ...there, '--input', `image=${THREE}`, '--top-k', 'z'],
      2,
      /--top-k is about models that write text: add --text$/,
    ],
    ['a request without input', ['request', MODEL, ...there], 2, /add --input image=FILE/],
    [
      'an input outside its range',
      ['request', MODEL, ...there, '--input', `image=${THREE}`, '--range', 'image=0..100'],
      1,
      /three\.npy: element \d+ is \d+, outside the 0 … 100 that the model takes$/,
    ],
    [
      'a range of no input',
      ['watch', MODEL, ...there, '--range', 'picture=0..100'],
      1,
      /--range "picture": the model's inputs are "image"$/,
    ],
    [
      'terms out of bounds',
      ['request', MODEL, ...there, '--input', `image=${THREE}`, '--window-seconds', '0'],
      1,
      /requesting an inference: the term windowSeconds is 0, allowed are 1 to/,
    ],
    [
      'terms that do not fit the contracts',
      ['request', MODEL, ...there, '--input', `image=${THREE}`, '--window-seconds', '999999999999'],
      2,
      /--window-seconds 999999999999: write at most 4294967295$/,
    ],
  ];
  for (const [what, args, code, message] of mistakes) {
    it(what, async () => {
      const result = await assay(...args);
      expect(result.err).to.match(message);
      expect(result.err).to.match(/^assay: [^\n]*$/);
      expect([result.code, result.out]).to.deep.equal([code, '']);
    });
  }

  it('a record of the deployment that cannot be used, by the name of its file', async () => {
    const file = at('deployments/31337.json');
    mkdirSync(at('deployments'));
    const record = { chainId: 31337, fromBlock: 0, oracle, game: oracle, registry: oracle, referee: oracle };
    const wrong: [string, RegExp][] = [
      ['{', /it is no JSON/],
      ['null', /it is no record of a deployment/],
      [JSON.stringify({ ...record, chainId: 1 }), /it is not about chain 31337/],
      [JSON.stringify({ ...record, game: '0x12' }), /its "game" is no address/],
      [JSON.stringify({ ...record, oracle: 7 }), /its "oracle" is no address/],
      [JSON.stringify({ ...record, fromBlock: -1 }), /its "fromBlock" is no number of a block/],
    ];
    for (const [text, message] of wrong) {
      writeFileSync(file, text);
      const { code, err } = await assay('watch', MODEL, ...rpc, ...key);
      expect(err)
        .to.match(message)
        .and.to.contain(`assay: ${file}: `)
        .and.to.match(/give --oracle ADDRESS$/);
      expect(code).to.equal(1);
    }
    rmSync(file);
  });

  it('attack 40: a contract that is no oracle, and one of another instruction set', async () => {
    const registry = await contracts.registry.getAddress();
    const other = await assay('provide', MODEL, '--oracle', registry, ...rpc, ...key);
    expect([other.code, other.err]).to.deep.equal([
      1,
      `assay: the contract at ${registry} is not an InferenceOracle`,
    ]);
    // Answers every call with 9: PUSH1 9, PUSH1 0, MSTORE, PUSH1 32, PUSH1 0, RETURN.
    const code = await endpoint.getCode(registry);
    await endpoint.send('anvil_setCode', [registry, '0x600960005260206000f3']);
    for (const command of ['provide', 'watch', 'publish', 'request']) {
      const { code, out, err } = await assay(command, MODEL, ...there);
      const versions = `instruction set 9, this program for ${INSTRUCTION_SET_VERSION}`;
      expect([code, out, err]).to.deep.equal([
        1,
        '',
        `assay: the registry of the oracle at ${oracle} is for ${versions}`,
      ]);
    }
    await endpoint.send('anvil_setCode', [registry, code]);
  });

  it('a key that others may open, with what to do; never the key itself', async () => {
    for (const mode of [0o644, 0o640, 0o660, 0o602]) {
      chmodSync(at('poor'), mode);
      const refused = await assay('deploy', ...rpc, '--key-file', 'FOLDER/poor');
      expect([refused.code, refused.err]).to.deep.equal([
        1,
        `assay: ${at('poor')}: others than its owner may open it (mode ${mode.toString(8)}); run \`chmod 600 ${at('poor')}\`, and replace the secret if somebody may have read it`,
      ]);
    }
    chmodSync(at('poor'), 0o600);
    const short = await assay('deploy', ...rpc, '--key-file', 'FOLDER/short');
    expect(short.err).not.to.contain(keyOf(0).slice(4, 40));
    process.env['ASSAY_KEY'] = 'abc';
    try {
      const malformed = await assay('deploy', ...rpc);
      expect([malformed.code, malformed.err]).to.deep.equal([
        2,
        'assay: ASSAY_KEY: holds no private key; that is 0x and 64 hexadecimal digits',
      ]);
      process.env['ASSAY_KEY'] = readFileSync(at('poor'), 'utf8');
      expect((await assay('deploy', ...rpc)).err).to.contain(`the account ${stranger} has no ether`);
    } finally {
      delete process.env['ASSAY_KEY'];
    }
  });
});
