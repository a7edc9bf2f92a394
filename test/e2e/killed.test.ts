// Processes that are killed at random instants, and two with one key. `npm run chaos` kills 200 times.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { takeLease } from '../../src/chain/transactions/lease.ts';
import { watchService } from '../../src/watcher/watcher.ts';
import { killAtRandom } from '../support/chaos/kills.ts';
import { Rig } from '../support/chaos/rig.ts';
import { killAll, startCommand } from '../support/cliProcess.ts';
import { keyOf, TERMS } from '../support/protocol.ts';
import { Random } from '../support/randomProgram.ts';

const SCRIPT = join(import.meta.dirname, '../support/chaos/serviceProcess.ts');
const WATCHER = 2;

describe('processes that are killed', function () {
  this.timeout(240_000);
  let rig: Rig;
  let folder: string;
  beforeEach(async () => {
    rig = await Rig.start();
    folder = mkdtempSync(join(tmpdir(), 'assay-sent-'));
  });
  afterEach(async () => {
    killAll();
    await rig.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('attack 34: with SIGKILL at random instants lose nothing and send nothing twice', async () => {
    const random = new Random(5);
    rig.proxy.fault = () => (random.below(100) === 0 ? { status: 503 } : undefined);
    const terms = { ...TERMS, windowSeconds: 86_400n, clockSeconds: 86_400n };
    const figures = await killAtRandom(rig, random, { kills: 3, longestMs: 4000, terms });
    expect(figures.falsifiedLies).to.equal(figures.lies).and.greaterThan(0);
    expect(figures).to.include({
      finalLies: 0,
      lostClaims: 0,
      lostDisputes: 0,
      doubleChallenges: 0,
      twice: 0,
    });
  });

  it('attack 52: a second process with the same key is refused while the first lives', async () => {
    const args = ['watch', rig.proxy.url, rig.oracle, keyOf(WATCHER), folder];
    const first = startCommand('--import', ['tsx', SCRIPT, ...args]);
    const contracts = rig.at(WATCHER);
    await first.says('started');
    // The first one takes its lease with its first pass.
    while (!readdirSync(folder).some((name) => name.endsWith('.lease'))) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const second = (): Promise<number> =>
      watchService({ contracts, runner: rig.shelf, sending: { dataFolder: folder } }).pass();
    let refusal = '';
    while (refusal === '') {
      const service = watchService({ contracts, runner: rig.shelf, sending: { dataFolder: folder } });
      refusal = await service.pass().then(
        () => '',
        (failure: Error) => failure.message,
      );
      service.close();
    }
    expect(refusal).to.match(
      /^process \d+ on .* sends as 0x\w{40} already; end it first, or use another key/,
    );
    first.kill('SIGKILL');
    await first.ended();
    expect(await second()).to.equal(0);
  });

  it('a lease that was taken over ends the process that lost it', () => {
    const path = join(folder, 'lease');
    const first = takeLease(path, '0x12');
    rmSync(path);
    const other = takeLease(path, '0x12');
    expect(() => first.renew()).to.throw('another process has taken over sending as 0x12');
    first.release();
    other.renew();
    other.release();
  });
});
