import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pass } from 'node:timers/promises';
import { expect } from 'chai';
import type { OverviewJson } from '../../src/explorer/api.ts';
import { findChromium, openChromium } from '../support/chromium.ts';
import { type CliProcess, startCommand } from '../support/cliProcess.ts';

const root = join(import.meta.dirname, '../..');
const executable = findChromium();

/** Processes that run, and who started each; empty where there is no /proc. */
function processes(): ReadonlyMap<number, number> {
  const found = new Map<number, number>();
  let names: string[] = [];
  try {
    names = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {}
  for (const name of names) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (state !== 'Z') found.set(Number(name), Number(parent));
    } catch {
      // It has ended meanwhile.
    }
  }
  return found;
}

/** A process and all that it started, and they in turn. */
function family(pid: number): readonly number[] {
  const all = [...processes()];
  const found = [pid];
  for (const one of found) found.push(...all.filter(([, parent]) => parent === one).map(([child]) => child));
  return found;
}

/** Ends a program, and waits until nothing that it started runs. @returns what it ended with */
async function endAll(program: CliProcess): Promise<number | NodeJS.Signals> {
  const started = family(program.pid);
  if (processes().size > 0) expect(started.length).to.be.above(1);
  program.kill('SIGTERM');
  const how = await program.ended();
  while (started.some((pid) => processes().has(pid))) await pass(50);
  return how;
}

describe('npm run demo', function () {
  this.timeout(900_000);
  let folder: string;
  let demo: CliProcess;
  let url: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'assay-'));
    demo = startCommand('--import', ['tsx', join(root, 'scripts/demo.ts'), '--port', '0'], {
      TMPDIR: folder,
    });
    await demo.says('Open http://');
    url = /http:\/\/127\.0\.0\.1:\d+\//.exec(demo.out)![0];
  });

  after(async () => {
    demo?.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  it('shows a lie, and that it cost its bond', async () => {
    const overview = async (): Promise<OverviewJson> =>
      (await (await fetch(new URL('api/overview', url))).json()) as OverviewJson;
    let seen = await overview();
    while (seen.counts.falsified === 0) {
      await pass(250);
      seen = await overview();
    }
    expect(BigInt(seen.slashedWei)).to.equal(10n ** 18n);
    expect(demo.err).to.equal('');
  });

  it('lets whoever looks verify both claims', async function () {
    if (!executable) this.skip();
    const browser = await openChromium(executable);
    const page = await browser.context.newPage();
    try {
      await page.goto(`${url}#/disputes`);
      await page.getByText('challenger won').first().waitFor();
      await page.goto(`${url}#/request/2`);
      await page.getByText('false', { exact: true }).waitFor();
      await page.getByRole('heading', { name: 'Claim 2' }).waitFor();
      for (const button of await page.getByRole('button', { name: 'Verify in this browser' }).all())
        await button.click();
      await page.getByText('Wrong. The first difference').waitFor();
      await page.getByText('Right. Every bit').waitFor();
    } finally {
      await browser.close();
    }
  });

  it('ends when it is told to, and leaves nothing', async () => {
    expect(await endAll(demo)).to.equal(0);
    // The loader of TypeScript keeps what it compiled there.
    expect(readdirSync(folder).filter((name) => !/^tsx-\d+$/.test(name))).to.deep.equal([]);
  });

  it('is ended with the script that npm starts it by', async () => {
    const node = startCommand(join(root, 'scripts/bootstrap.mjs'), ['hardhat', 'node', '--port', '0']);
    await node.says('Started HTTP');
    await endAll(node);
  });
});
