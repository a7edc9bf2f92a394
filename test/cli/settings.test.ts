import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { captured } from '../support/captured.ts';

describe('settings from flags, environment and file', () => {
  let folder: string;
  const set = new Set<string>();

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'assay-'));
  });
  afterEach(() => {
    for (const name of set) delete process.env[name];
    set.clear();
  });
  after(() => rmSync(folder, { recursive: true }));

  function environment(values: Record<string, string>): void {
    for (const [name, value] of Object.entries(values)) {
      set.add(name);
      process.env[name] = value;
    }
  }

  const file = (text: string): string => {
    const path = join(folder, 'assay.toml');
    writeFileSync(path, text);
    return path;
  };

  async function assay(...args: string[]) {
    const { code, out, err } = await captured(...args);
    const lines = out.map((line) => line.replace(/ +#/, ' #'));
    return { code, lines, err: err.join('\n') };
  }

  const shown = async (...args: string[]): Promise<string[]> => {
    const { code, lines, err } = await assay('config', ...args);
    expect([code, err]).to.deep.equal([0, '']);
    return lines;
  };

  it('a flag wins over the environment, that over the file, that over the default', async () => {
    const path = file(
      'rpc = "http://file:1"\nlog = "json"\nlog-level = "warn"\nmin-fee-wei = 5\nthreads = 2\n' +
        'models = ["a.onnx", "b.onnx"]\n\n[provide]\nmin-fee-wei = 2_000_000_000_000_000_000\n',
    );
    environment({ ASSAY_LOG_LEVEL: 'debug', ASSAY_THREADS: '3' });
    const lines = await shown('provide', '--config', path, '--threads', '4');
    expect(lines).to.include.members([
      `rpc = ["http://file:1"] # ${path}: "rpc"`,
      `log = "json" # ${path}: "log"`,
      'log-level = "debug" # ASSAY_LOG_LEVEL',
      'threads = "4" # the command line',
      `min-fee-wei = "2000000000000000000" # ${path}: "min-fee-wei"`,
      'callbacks = "paid" # the default',
      `models = ["a.onnx", "b.onnx"] # ${path}: "models"`,
    ]);
    expect(await shown('watch', '--config', path)).to.include(`threads = "3" # ASSAY_THREADS`);
  });

  it('the file may be named by the environment, and a list of flags replaces its list', async () => {
    const path = file('rpc = "http://x"\ndim = ["a=1", "b=2"]\nmodels = "m.onnx"\n');
    environment({ ASSAY_CONFIG: path });
    expect(await shown('watch')).to.include(`dim = ["a=1", "b=2"] # ${path}: "dim"`);
    const lines = await shown('watch', 'n.onnx', '--dim', 'c=3', '--dim', 'd=4');
    expect(lines).to.include.members([
      'dim = ["c=3", "d=4"] # the command line',
      'models = ["n.onnx"] # the command line',
    ]);
    environment({ ASSAY_DIM: 'e=5,f=6', ASSAY_MODELS: 'p.onnx:q.onnx' });
    expect(await shown('watch')).to.include.members([
      'dim = ["e=5", "f=6"] # ASSAY_DIM',
      'models = ["p.onnx", "q.onnx"] # ASSAY_MODELS',
    ]);
  });

  it('verifiers that a provider trusts are a list', async () => {
    const path = file(
      'rpc = "http://x"\nmodels = "m.onnx"\n\n[provide]\ntrusted-verifier = ["0x1", "0x2"]\n',
    );
    const listed = (lines: readonly string[]) => lines.filter((line) => line.startsWith('trusted-verifier'));
    expect(listed(await shown('provide', '--config', path))).to.deep.equal([
      `trusted-verifier = ["0x1", "0x2"] # ${path}: "trusted-verifier"`,
    ]);
    environment({ ASSAY_TRUSTED_VERIFIER: '0x3,0x4' });
    expect(listed(await shown('provide', '--config', path))).to.deep.equal([
      'trusted-verifier = ["0x3", "0x4"] # ASSAY_TRUSTED_VERIFIER',
    ]);
    const flags = ['--trusted-verifier', '0x5', '--trusted-verifier', '0x6'];
    expect(listed(await shown('provide', '--config', path, ...flags))).to.deep.equal([
      'trusted-verifier = ["0x5", "0x6"] # the command line',
    ]);
  });

  it('the file may be YAML, and keeps every digit of a number', async () => {
    const path = join(folder, 'assay.yaml');
    const text =
      'rpc:\n  - http://a\n  - http://b\nlog: json\nmodels: m.onnx\n\nprovide:\n  min-fee-wei: 20000000000000000001\n';
    writeFileSync(path, `${text}watch:\n  all: true\n`);
    expect(await shown('provide', '--config', path)).to.include.members([
      `rpc = ["http://a", "http://b"] # ${path}: "rpc"`,
      `log = "json" # ${path}: "log"`,
      `min-fee-wei = "20000000000000000001" # ${path}: "min-fee-wei"`,
    ]);
    expect(await shown('watch', '--config', path)).to.include(`all = true # ${path}: "all"`);
    for (const [wrong, reason] of [
      ['rpc: [', /assay\.yaml:\d+:\d+: is no YAML: /],
      ['- rpc', /assay\.yaml: holds no settings/],
      ['trial: yes', /"trial" must be true or false/],
      ['rpc: !!js/function x', /is no YAML: unknown tag/],
      [`key: "0x${'12'.repeat(32)}"`, /a private key does not belong here/],
    ] as const) {
      writeFileSync(path, wrong);
      const { code, err } = await assay('config', 'deploy', '--config', path);
      expect(err).to.match(reason);
      expect([code, err.includes('\n')]).to.deep.equal([2, false]);
    }
  });

  it('config takes the file before the name of a command too', async () => {
    const path = file('log = "json"\n');
    const line = `log = "json" # ${path}: "log"`;
    expect(await shown('--config', path, 'watch', '--rpc', 'http://x')).to.include(line);
    expect(await shown(`--config=${path}`, 'watch', '--rpc', 'http://x')).to.include(line);
    expect((await shown('watch', '--rpc', 'http://x')).join()).not.to.contain('models');
    expect(await assay('config', '--config', path)).to.deep.include({ code: 2, lines: [] });
  });

  it('config refuses numbers and words that no command takes', async () => {
    const unfit: [string, string][] = [
      ['max-bond-wei = "abc"', 'write a number'],
      ['max-bond-wei = 1.5', 'write a whole number'],
      ['workers = -3', 'write a number'],
      ['metrics-port = 700000', 'write a port, at most 65535'],
      ['log-level = "loud"', 'write debug or info or warn or error'],
      ['engine = "gpu"', 'write wasm or webgpu or auto or reference'],
    ];
    for (const [line, why] of unfit) {
      const path = file(`${line}\n`);
      const { code, err } = await assay('config', 'watch', '--config', path, '--rpc', 'http://x');
      expect([code, err]).to.deep.equal([
        2,
        `assay: ${path}: "${line.split(' ')[0]}" ${/= "?([^"]+)/.exec(line)![1]}: ${why}`,
      ]);
    }
    const path = file('max-fee-gwei = 1.5\n');
    expect(await shown('watch', '--config', path, '--rpc', 'http://x')).to.include(
      `max-fee-gwei = "1.5" # ${path}: "max-fee-gwei"`,
    );
  });

  it('a list in a variable may have spaces, and Redis its own host', async () => {
    environment({ ASSAY_RPC: 'http://a, wss://b ,', ASSAY_QUEUE: 'redis:///0' });
    const lines = await shown('watch', 'm');
    expect(lines).to.include('rpc = ["http://a", "wss://b"] # ASSAY_RPC');
  });

  it('a variable may serve other commands, where a flag would be ignored', async () => {
    environment({
      ASSAY_PASSWORD_FILE: join(folder, 'password'),
      ASSAY_SIGNER_ADDRESS: `0x${'1'.repeat(40)}`,
    });
    await shown('watch', 'm', '--rpc', 'http://a', '--key-file', 'k');
    const { code, err } = await assay('config', 'finalize', '1', '--rpc', 'http://a', '--password-file', 'p');
    expect([code, err]).to.deep.equal([2, 'assay: --password-file is about a keystore: add --keystore FILE']);
  });

  it('switches are true or false', async () => {
    environment({ ASSAY_TRIAL: 'true', ASSAY_JSON: '0', ASSAY_RPC: 'http://x' });
    const lines = await shown('deploy');
    expect(lines).to.include('trial = true # ASSAY_TRIAL');
    expect(lines.join()).not.to.match(/json/);
    environment({ ASSAY_TRIAL: 'yes' });
    expect((await assay('deploy')).err).to.equal('assay: ASSAY_TRIAL is neither true nor false');
  });

  it('what is printed hides passwords and API keys, and says neither key nor password', async () => {
    environment({ ASSAY_KEY: `0x${'12'.repeat(32)}`, ASSAY_PASSWORD: 'open sesame' });
    const lines = await shown(
      ...['watch', 'm.onnx', '--rpc', 'https://me:secret@node.example/v3/0123456789?key=abc'],
      ...['--signer', 'http://127.0.0.1:9000'],
    );
    expect(lines).to.include('rpc = ["https://node.example/…"] # the command line');
    expect(lines).to.include('signer = "http://127.0.0.1:9000" # the command line');
    expect(lines.join('\n')).not.to.match(/secret|0123456789|abc|1212|sesame/);
  });

  const KEY = 'ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80';
  const PHRASE = 'test test test test test test test test test test test junk';
  const secrets: [flag: string, value: string, message: RegExp][] = [
    ['key-file', `0x${KEY}`, /: this is a private key, not the name of a file; put it into a file with mode/],
    ['key-file', KEY, /: this is a private key, not the name of a file;/],
    ['key-file', KEY.slice(2), /: this is a private key, not the name of a file;/],
    ['key-file', ` ${PHRASE}\n`, /: this is the phrase of a private key, not the name of a file; put it/],
    ['keystore', KEY, /: this is a private key, not the name of a file; .* name that with --key-file$/],
    ['data', KEY, /: this is a private key, not the name of a folder;/],
    ['oracle', `0x${KEY}`, /: this is a private key, not an address;/],
    ['signer', KEY, /: this is a private key, not an address;/],
    ['max-bond-wei', `0x${KEY}`, /: this is a private key; put the key into a file with mode 600/],
    ['config', KEY, /: this is a private key, not the name of a file;/],
    ['rpc', 'node.example/v3/KEY', /: write an http, https, ws or wss address$/],
    ['rpc', 'htps://user:KEY@host/v3/KEY', /: write an http, https, ws or wss address$/],
    ['rpc', 'user:KEY@host', /: write an http, https, ws or wss address$/],
    ['rpc', 'https:///', /: write an http, https, ws or wss address$/],
    ['private-relay', 'user:KEY@host', /: write an http, https, ws or wss address$/],
    ['webhook', 'hooks.example/KEY', /: write an http or https address$/],
    ['signer', 'ws://KEY@host', /: write an http or https address$/],
    ['draft', 'host/KEY', /: write an http or https address$/],
    ['ipfs-gateway', 'host/KEY', /: write an http or https address$/],
    ['mirror', 'host/KEY', /: write an http, https or ipfs address$/],
    ['queue', 'http://KEY@host', /: write it as redis:\/\/HOST:PORT or rediss/],
  ];
  for (const [flag, value, message] of secrets) {
    it(`refuse --${flag} ${value.trim().slice(0, 12)}… without the value`, async () => {
      const rest = flag === 'rpc' ? [] : ['--rpc', 'http://127.0.0.1:1'];
      const variable = `ASSAY_${flag.toUpperCase().replaceAll('-', '_')}`;
      const flags = ['m.onnx', ...rest, `--${flag}`, value];
      for (const [name, args] of [
        [`--${flag}`, flags],
        [variable, ['m.onnx', ...rest]],
      ] as const) {
        if (name === variable) environment({ [variable]: value });
        const command = flag === 'draft' ? 'provide' : 'watch';
        for (const words of [
          [command, ...args],
          ['config', command, ...args],
        ]) {
          const { code, lines, err } = await assay(...words);
          expect(err)
            .to.match(message)
            .and.to.match(new RegExp(`^assay: ${name}: [^\\n]+$`));
          expect(err).not.to.match(/0974|\bKEY\b|junk/);
          expect([code, lines]).to.deep.equal([2, []]);
        }
      }
    });
  }

  it('what may be a password in place of the name of its file is not printed', async () => {
    const flags = ['m.onnx', '--rpc', 'http://127.0.0.1:1', '--keystore', file(''), '--password-file'];
    expect(await shown('watch', ...flags, 'sesame')).to.include('password-file = "…" # the command line');
    const { code, err } = await assay('watch', ...flags, 'sesame');
    expect([code, err]).to.deep.equal([
      1,
      'assay: --password-file: there is no such file; write the name of a file that holds the password',
    ]);
  });

  it('a prompt may look like a key, and is not shown then', async () => {
    const flags = ['m.onnx', '--rpc', 'http://127.0.0.1:1', '--text', `0x${KEY}`];
    expect(await shown('request', ...flags)).to.include('text = "…" # the command line');
  });

  const empties: [string[], Record<string, string>, string][] = [
    [['watch', '--config', ''], {}, '--config: is empty; write the name of a file'],
    [['watch', '--config='], {}, '--config: is empty; write the name of a file'],
    [['watch'], { ASSAY_CONFIG: '' }, 'ASSAY_CONFIG: is empty; write the name of a file'],
    [['watch', 'm', '--key-file', ''], {}, '--key-file: is empty; write the name of a file'],
    [['watch', 'm'], { ASSAY_KEYSTORE: ' ' }, 'ASSAY_KEYSTORE: is empty; write the name of a file'],
    [['doctor'], { ASSAY_DATA: '' }, 'ASSAY_DATA: is empty; write the name of a folder'],
    [['doctor', '--oracle', ''], {}, '--oracle: is empty; write an address'],
    [['run', ''], {}, 'MODEL.onnx: is empty; name one'],
    [['watch', 'm', ''], {}, 'MODEL: is empty; name one'],
    [['watch', 'm'], { ASSAY_RPC: '' }, 'no node is named; add --rpc URL, or set ASSAY_RPC'],
    [
      ['fetch', `0x${'12'.repeat(32)}`],
      { ASSAY_RPC: ',' },
      'no node is named; add --rpc URL, or set ASSAY_RPC',
    ],
  ];
  for (const [args, variables, message] of empties) {
    it(`refuse an empty value: ${[...args, ...Object.keys(variables)].join(' ').slice(0, 40)}`, async () => {
      environment({ ASSAY_RPC: 'http://127.0.0.1:1', ...variables });
      const { code, err } = await assay(...args);
      expect([code, err]).to.deep.equal([2, `assay: ${message}`]);
    });
  }

  const mistakes: [string, string, RegExp][] = [
    [
      'an unknown key, with the nearest known one',
      'max-bonds-we = 1',
      /"max-bonds-we" is no setting; did you mean "max-bond/,
    ],
    ['a key with two letters swapped', 'rcp = "x"', /"rcp" is no setting; did you mean "rpc"\?$/],
    [
      'a table with two letters swapped',
      '[wacth]\nrpc = "x"',
      /\[wacth\] is no command that reads this file; did you mean \[watch\]\?$/,
    ],
    ['a key of another command in a table', '[watch]\nmin-fee-wei = 1', /"watch\.min-fee-wei" is no setting/],
    [
      'a table of no command',
      '[wach]\nrpc = "x"',
      /\[wach\] is no command that reads this file; did you mean \[watch\]\?/,
    ],
    ['what is no TOML, with the place', 'rpc = "x"\nlog json', /assay\.toml:2:\d+: is no TOML: /],
    ['a list where one value is', 'rpc = [["x"]]', /"rpc" must be text/],
    ['a text for a switch', 'trial = "yes"', /"trial" must be true or false/],
    [
      'a private key',
      `key = "0x${'12'.repeat(32)}"`,
      /"key": a private key does not belong here; name a file/,
    ],
    ['a password', 'password = "x"', /"password": a password does not belong here/],
    [
      'a value that the command refuses, by its place',
      'log = "loud"\nrpc="http://x"\nmodels="x"',
      /assay\.toml: "log" loud: write one of text, json$/,
    ],
  ];
  for (const [what, text, message] of mistakes) {
    it(`refuse ${what}`, async () => {
      const { code, err } = await assay('watch', '--config', file(text));
      expect(err)
        .to.match(message)
        .and.to.match(/^assay: [^\n]*$/)
        .and.not.to.match(/1212/);
      expect(code).to.equal(2);
    });
  }

  it('refuse a misspelt variable and a missing file, and leave foreign variables', async () => {
    environment({ ASSAY_KEYFILE: 'x' });
    expect(await assay('watch')).to.deep.include({
      code: 2,
      err: 'assay: the environment variable ASSAY_KEYFILE is no setting; did you mean ASSAY_KEY_FILE?',
    });
    delete process.env['ASSAY_KEYFILE'];
    environment({ ASSAY_SERVICE_PORT_8545_TCP_ADDR: '10.0.0.1' });
    expect((await assay('watch', 'm', '--config', join(folder, 'none'))).err).to.match(/no such file$/);
  });
});
