import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { JsonRpcProvider } from 'ethers';
import { commandLine } from '../../src/cli/commandLine.ts';
import { hasDisks, startOnDisk } from '../support/cliProcess.ts';
import { runHere as assay } from '../support/commandHere.ts';
import { installCreateX } from '../support/createX.ts';
import { type DevelopmentChain, keyOf, startChain } from '../support/protocol.ts';

describe('the record of a deployment', () => {
  let folder: string;
  let chain: DevelopmentChain;
  let there: string[];
  let provider: JsonRpcProvider;
  const at = (name: string): string => join(folder, name);
  const RECORD = 'deployments/31337.json';
  const recordedOracle = (): string => JSON.parse(readFileSync(at(RECORD), 'utf8')).oracle;
  const sent = async (): Promise<number> => chain.account(0).getNonce();

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'assay-'));
    process.env['ASSAY_DEPLOYMENTS'] = at('deployments');
    writeFileSync(at('key'), keyOf(0), { mode: 0o600 });
    chain = await startChain('anvil');
    provider = chain.account(0).provider as JsonRpcProvider;
    there = ['--rpc', chain.url!, '--key-file', at('key')];
  });
  afterEach(async () => {
    await chain?.stop();
    rmSync(folder, { recursive: true });
    delete process.env['ASSAY_DEPLOYMENTS'];
  });

  it('is tried before anything is sent', async () => {
    const before = await sent();
    writeFileSync(at('file'), 'kept');
    mkdirSync(at('asFolder/31337.json'), { recursive: true });
    mkdirSync(at('damaged'));
    writeFileSync(at('damaged/31337.json'), '{');
    mkdirSync(at('other'));
    writeFileSync(at('other/31337.json'), '{"chainId": 1}');
    for (const [records, code, why] of [
      [at('file'), 1, /file: is a file, not a folder$/],
      ['/proc/x', 1, /\/proc\/x: no folder can be made there$/],
      [at('asFolder'), 1, /31337\.json: is a folder, not a file$/],
      [at('damaged'), 1, /31337\.json: it is no JSON; repair it or remove it$/],
      [at('other'), 1, /31337\.json: it is not about chain 31337; repair it or remove it$/],
      ['', 2, /ASSAY_DEPLOYMENTS is empty; name a folder, or unset it$/],
    ] as const) {
      process.env['ASSAY_DEPLOYMENTS'] = records;
      const { code: ended, out, err } = await assay('deploy', '--trial', ...there);
      expect(err)
        .to.match(why)
        .and.to.match(/^assay: [^\n]+$/);
      expect([ended, out]).to.deep.equal([code, '']);
    }
    expect(await sent()).to.equal(before);
    expect(readdirSync(at('damaged'))).to.deep.equal(['31337.json']);
    expect(readFileSync(at('file'), 'utf8')).to.equal('kept');
  });

  it('is tried on a disk that is full or read-only', async function () {
    mkdirSync(at('disk'));
    if (!hasDisks(at('disk'))) this.skip();
    const before = await sent();
    process.env['ASSAY_DEPLOYMENTS'] = at('disk');
    for (const [mount, why] of [
      ['nr_inodes=1', /disk is full\n$/],
      ['ro', /read-only\n$/],
    ] as const) {
      const cli = startOnDisk(at('disk'), mount, 'deploy', '--trial', '--data', at('data'), ...there);
      expect([await cli.ended(), cli.out]).to.deep.equal([1, '']);
      expect(cli.err).to.match(why);
    }
    expect(await sent()).to.equal(before);
  });

  it('that cannot be written afterwards costs no address', async () => {
    for (const format of [[], ['--json']]) {
      rmSync(at('deployments'), { recursive: true, force: true });
      const out: string[] = [];
      const err: string[] = [];
      const code = await commandLine(['deploy', '--trial', ...format, ...there], {
        out: (line) => out.push(line),
        err: (line) => err.push(line),
        progress: (doing) => {
          if (!doing?.startsWith('deploying') || !existsSync(at('deployments'))) return;
          rmSync(at('deployments'), { recursive: true });
          writeFileSync(at('deployments'), '');
        },
      });
      expect(code).to.equal(1);
      const text = out.join('\n');
      for (const part of ['oracle', 'game', 'registry', 'referee'])
        expect(text).to.match(new RegExp(`${part}\\W+0x\\w{40}`));
      expect(err.join('\n')).to.match(
        /^assay: could not be recorded in \S+deployments: is a file, not a folder; keep these lines$/,
      );
    }
  });

  it('of an oracle that is on the chain is replaced only on demand', async () => {
    expect((await assay('deploy', '--trial', ...there)).code).to.equal(0);
    const first = recordedOracle();
    const before = await sent();
    const refused = await assay('deploy', '--trial', ...there);
    expect([refused.code, refused.out]).to.deep.equal([2, '']);
    expect(refused.err).to.contain(`31337.json records the oracle ${first}, which services may be using;`);
    expect(refused.err).to.match(/add --replace to record another in its place, or set ASSAY_DEPLOYMENTS/);
    expect([await sent(), recordedOracle()]).to.deep.equal([before, first]);

    const replaced = await assay('deploy', '--trial', '--replace', ...there);
    expect([replaced.code, replaced.err]).to.deep.equal([0, '']);
    expect(recordedOracle()).not.to.equal(first);
    expect(readdirSync(at('deployments'))).to.deep.equal(['31337.json']);
  });

  it('of an oracle that a chain has lost is replaced', async () => {
    expect((await assay('deploy', '--trial', ...there)).code).to.equal(0);
    await provider.send('anvil_setCode', [recordedOracle(), '0x']);
    const lost = recordedOracle();
    expect((await assay('deploy', '--trial', ...there)).code).to.equal(0);
    expect(recordedOracle()).not.to.equal(lost);
  });

  it('of the same oracle is written again', async () => {
    await installCreateX(chain.account(0));
    expect((await assay('deploy', '--trial', ...there)).code).to.equal(0);
    const again = await assay('deploy', '--trial', ...there);
    expect([again.code, again.err]).to.deep.equal([0, '']);
    expect(again.out).to.match(/^everything was there already/);
    const other = await assay('deploy', '--bounds', 'safe', ...there);
    expect([other.code, other.out]).to.deep.equal([2, '']);
    expect(other.err).to.match(/add --replace/);
  });
});
