// Services whose disk is full, read-only or taken away: they say so, and keep every clock.
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { EventIndex } from '../../src/chain/index/eventIndex.ts';
import { fileJournal } from '../../src/chain/transactions/journal.ts';
import { LeaseTaken, takeLease } from '../../src/chain/transactions/lease.ts';
import { emptySlot, filler } from '../../src/chain/transactions/slot.ts';
import { type CliProcess, hasDisks, startCli, startOnDisk } from '../support/cliProcess.ts';
import { DIGITS, type Scene, startScene } from '../support/scene.ts';
import { untilWorld } from '../support/untilWorld.ts';

const [WATCHER, LIAR] = [2, 4];

describe('a disk that fails', function () {
  this.timeout(120_000);
  let scene: Scene;
  let data: string;

  before(async () => {
    scene = await startScene();
  });
  beforeEach(() => {
    data = mkdtempSync(join(tmpdir(), 'assay-data-'));
  });
  afterEach(() => rmSync(data, { recursive: true, force: true }));
  after(() => scene?.stop());

  const flags = (): string[] => [
    ...['watch', DIGITS, ...scene.there, '--key-file', scene.keyFile(WATCHER)],
    ...['--data', join(data, 'assay')],
  ];

  /** Has the watcher win a dispute, and ends it. @returns all that it said on stderr */
  async function wins(watcher: CliProcess): Promise<string> {
    const lied = await scene.ask();
    await scene.answer(lied, LIAR, 'wrong');
    await watcher.says('wrong; challenged under a bond of 0.5 ether');
    const index = new EventIndex(scene.contracts);
    await untilWorld(index, (world) => world.claimsOn(lied).every(({ status }) => status === 'falsified'), {
      meanwhile: async () => {
        await scene.answer(lied, LIAR, 'wrong');
        return 0;
      },
    });
    watcher.kill('SIGTERM');
    expect(await watcher.ended()).to.equal(0);
    return watcher.err;
  }

  it('loses no dispute when it is full, because the index goes on in memory', async function () {
    if (!hasDisks(data)) this.skip();
    mkdirSync(join(data, 'assay'));
    const watcher = startOnDisk(join(data, 'assay'), 'size=24k', ...flags());
    await watcher.says('watching as');
    const said = await wins(watcher);
    expect(said).to.match(/index\S+: cannot be used \(.*(full|disk).*\); what is read is kept in memory/);
    expect(said).not.to.match(/ENOSPC|SQLITE|\n\s+at /);
  });

  it('loses no dispute when it is read-only from the start on', async function () {
    if (!hasDisks(data)) this.skip();
    mkdirSync(join(data, 'assay'));
    const watcher = startOnDisk(join(data, 'assay'), 'ro', ...flags());
    await watcher.says('watching as');
    const said = await wins(watcher);
    expect(said)
      .to.match(/read-only; a second process with the same key is not noticed at once/)
      .and.match(/read-only; a restart has to learn from the chain what was sent/);
    expect(said).not.to.match(/EROFS|SQLITE|\n\s+at /);
  });

  /** A watcher that has looked and kept something. */
  async function started(): Promise<CliProcess> {
    const watcher = startCli(...flags());
    await watcher.says('watching as');
    await scene.answer(await scene.ask(), LIAR, 'right');
    await watcher.says(': right');
    return watcher;
  }

  it('loses no dispute when the folder is taken away while a service runs', async () => {
    const watcher = await started();
    rmSync(join(data, 'assay'), { recursive: true });
    const said = await wins(watcher);
    expect(said).to.contain('cannot be used (it was taken away); what is read is kept in memory');
    expect(said).not.to.match(/another process has taken over/);
  });

  it('loses no dispute when the folder becomes a file while a service runs', async () => {
    const watcher = await started();
    rmSync(join(data, 'assay'), { recursive: true });
    writeFileSync(join(data, 'assay'), '');
    const said = await wins(watcher);
    expect(said).to.match(/a part of the path is a file, not a folder; a restart has to learn/);
    expect(said).not.to.match(/ENOTDIR|EEXIST/);
  });

  it('is refused where a file is in the place of the folder', async () => {
    writeFileSync(join(data, 'assay'), '');
    const watcher = startCli(...flags());
    expect(await watcher.ended()).to.equal(1);
    const path = join(data, 'assay');
    expect(watcher.err.trim()).to.equal(
      `assay: --data ${path}: ${path} is a file, not a folder; name a folder`,
    );
  });

  it('is refused where no folder can be made, also by a command that sends once', async function () {
    // A folder can be made nowhere there, whoever asks.
    const path = '/proc/assay';
    if (!existsSync('/proc/self')) this.skip();
    const publishing = ['publish', DIGITS, ...scene.there, '--key-file', scene.keyFile(WATCHER)];
    for (const args of [flags().slice(0, -2), publishing]) {
      const refused = startCli(...args, '--data', path);
      expect(await refused.ended()).to.equal(1);
      expect(refused.err.trim()).to.equal(
        `assay: --data ${path}: no folder can be made there; name another folder: without one, a second process with the same key is not noticed`,
      );
    }
  });

  it('keeps a lease as far as it can, and still yields to whoever holds it', () => {
    const path = join(data, 'sent', 'lease');
    const troubles: string[] = [];
    const onTrouble = ({ message }: Error): void => void troubles.push(message);
    writeFileSync(join(data, 'sent'), '');
    const lease = takeLease(path, '0x12', onTrouble);
    expect(troubles).to.have.length(1);
    rmSync(join(data, 'sent'));
    lease.renew();
    expect(() => takeLease(path, '0x12')).to.throw(LeaseTaken, 'sends as 0x12 already');
    rmSync(join(data, 'sent'), { recursive: true });
    const other = takeLease(path, '0x12');
    expect(() => lease.renew()).to.throw(LeaseTaken, 'another process has taken over');
    other.release();
    expect(troubles).to.have.length(1);
  });

  it('has a journal that is written again as soon as it can be', () => {
    const path = join(data, 'sent', 'transactions.json');
    const troubles: string[] = [];
    const journal = fileJournal(path, ({ message }) => troubles.push(message));
    const slot = emptySlot(3, 1);
    const fees = { maxFeePerGas: 2n, maxPriorityFeePerGas: 1n };
    slot.attempts.push({ ...filler(3, '0x12'), hash: '0x34', raw: '0x56', fees, sentAtBlock: 1 });
    writeFileSync(join(data, 'sent'), '');
    journal.write([slot]);
    expect([troubles.length, journal.read()]).to.deep.equal([1, []]);
    rmSync(join(data, 'sent'));
    journal.write([slot]);
    expect(journal.read()).to.deep.equal([{ nonce: 3, attempts: slot.attempts }]);
  });
});
