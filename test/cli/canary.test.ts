import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { JsonRpcProvider } from 'ethers';
import { captured } from '../support/captured.ts';
import { installCreateX } from '../support/createX.ts';
import { buildWithoutClz } from '../support/editions.ts';
import { type DevelopmentChain, keyOf, startChain } from '../support/protocol.ts';

/** Runs a command in this process. */
async function assay(...args: string[]) {
  const { code, out, err } = await captured(...args);
  return { code, out: out.join('\n'), err: err.join('\n') };
}

describe('assay deploy and assay canary', function () {
  this.timeout(300_000);
  let folder: string;
  const at = (name: string): string => join(folder, name);
  before(() => {
    buildWithoutClz();
    folder = mkdtempSync(join(tmpdir(), 'assay-'));
    writeFileSync(at('key'), keyOf(0), { mode: 0o600 });
    process.env['ASSAY_DEPLOYMENTS'] = at('deployments');
  });
  after(() => {
    delete process.env['ASSAY_DEPLOYMENTS'];
    rmSync(folder, { recursive: true });
  });

  for (const kind of ['anvil', 'hardhat'] as const) {
    for (const hardfork of ['osaka', 'prague'] as const) {
      describe(`${kind}, ${hardfork}`, () => {
        let chain: DevelopmentChain;
        let there: string[];
        before(async () => {
          chain = await startChain(kind, hardfork);
          there = ['--rpc', chain.url!, '--key-file', at('key')];
        });
        after(() => chain?.stop());

        it('deploy what the chain can run, record it, and find it working by the record', async () => {
          const deployed = await assay('deploy', '--trial', ...there);
          expect([deployed.code, deployed.err]).to.deep.equal([0, '']);
          const record = JSON.parse(readFileSync(at('deployments/31337.json'), 'utf8'));
          expect([record.clz, record.bounds]).to.deep.equal([hardfork === 'osaka', 'trial']);
          expect(deployed.out)
            .to.contain(record.oracle)
            .and.to.match(/outlast 1 second of censorship/);

          const sung = await assay('canary', ...there);
          expect([sung.code, sung.err]).to.deep.equal([0, '']);
          expect(sung.out).to.match(/a false claim was challenged and lost at its leaf: \d+ transactions/);
          expect(sung.out).to.match(/a right claim became final[\s\S]*\nthis deployment works$/);
        });
      });
    }
  }

  it('with safe bounds, on contracts that are there, play the false claim alone', async () => {
    const chain = await startChain('anvil');
    try {
      const there = ['--rpc', chain.url!, '--key-file', at('key')];
      await installCreateX(chain.account(0));
      const first = await assay('deploy', '--bounds', 'safe', '--json', ...there);
      expect(JSON.parse(first.out)).to.include({ bounds: 'safe', sameEverywhere: true });
      rmSync(at('deployments/31337.json'));
      const again = await assay('deploy', ...there);
      expect(again.out).to.match(
        /^everything was there already: chain 31337, safe bounds, with CLZ, --from-block 0/,
      );
      const { works, final } = JSON.parse((await assay('canary', '--json', ...there)).out);
      expect([works, final]).to.deep.equal([true, null]);
    } finally {
      await chain.stop();
    }
  });

  it('say in one line what is wrong with a deployment that does not work', async () => {
    const chain = await startChain('anvil');
    const provider = chain.account(0).provider as JsonRpcProvider;
    try {
      const there = ['--rpc', chain.url!, '--key-file', at('key')];
      const { game } = JSON.parse((await assay('deploy', '--trial', '--json', ...there)).out);
      // A game that swallows every move and every challenge: STOP.
      await provider.send('anvil_setCode', [game, '0x00']);
      const { code, out, err } = await assay('canary', ...there);
      expect(code).to.equal(1);
      expect(err).to.match(/^assay: [^\n]+$/);
      expect(out).to.not.contain('works');
    } finally {
      await chain.stop();
    }
  });
});
