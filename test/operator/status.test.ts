import { expect } from 'chai';
import { type CliProcess, startCli } from '../support/cliProcess.ts';
import { DIGITS, type Scene, startScene } from '../support/scene.ts';

const PROVIDER = 1;
const WATCHER = 2;
const LIAR = 4;

describe('a watcher shows how it is', () => {
  let scene: Scene;
  let watcher: CliProcess;
  let base: string;

  before(async () => {
    scene = await startScene();
    watcher = startCli(
      ...['watch', DIGITS, ...scene.there, '--key-file', scene.keyFile(WATCHER), '--log', 'json'],
      ...['--metrics-port', '0', '--heartbeat-seconds', '1'],
    );
    await watcher.says('watching as');
    base = /http:\/\/127\.0\.0\.1:\d+/.exec(watcher.out)![0];
  });
  after(() => scene?.stop());

  /** The samples of a metric, by their labels. */
  async function metric(name: string): Promise<Record<string, number>> {
    const text = await (await fetch(`${base}/metrics`)).text();
    const lines = text
      .split('\n')
      .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
    return Object.fromEntries(
      lines.map((line) => {
        const at = line.lastIndexOf(' ');
        return [line.slice(name.length, at), Number(line.slice(at + 1))];
      }),
    );
  }

  const health = async (path: string): Promise<{ status: number; reasons: string[] }> => {
    const response = await fetch(`${base}${path}`);
    return { status: response.status, reasons: (await response.json()).reasons };
  };

  /** Looks until it holds; the test's own timeout ends it otherwise. */
  async function until(holds: () => Promise<boolean>): Promise<void> {
    while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 100));
  }

  it('is alive and ready, and says why nothing happens', async () => {
    await until(async () => (await health('/readyz')).status === 200);
    expect(await health('/healthz')).to.deep.equal({ status: 200, reasons: [] });
    await watcher.says('idle: no open claims, no deadline ahead');
    expect((await metric('assay_balance_ether'))['']).to.be.greaterThan(9000);
    expect(await metric('assay_least_clock_seconds')).to.deep.equal({});
    const node = `{endpoint="${scene.url}"}`;
    expect(await metric('assay_endpoint_up')).to.deep.equal({ [node]: 1 });
    const info = Object.keys(await metric('assay_info'))[0];
    expect(info)
      .to.contain('command="watch"')
      .and.to.contain(`account="${scene.addressOf(WATCHER)}"`);
  });

  it('counts while a dispute runs: bonds, clocks, disputes, and how it ended', async () => {
    await scene.answer(await scene.ask(), PROVIDER, 'right');
    await watcher.says(': right');
    await watcher.says('1 open claim, 1 checked, 1 window running, next deadline in ');
    const lied = await scene.ask();
    await scene.answer(lied, LIAR, 'wrong');
    await watcher.says('wrong; challenged under a bond of 0.5 ether');
    await until(async () => (await metric('assay_own_disputes'))[''] === 1);
    expect(await metric('assay_bonds_at_stake')).to.deep.equal({ '': 0.5 });
    expect(await metric('assay_claims_checked_total')).to.deep.equal({
      '{verdict="right"}': 1,
      '{verdict="wrong"}': 1,
    });
    await until(async () => {
      await scene.answer(lied, LIAR, 'wrong');
      return (await metric('assay_disputes_ended_total'))['{outcome="won"}'] === 1;
    });
    expect(await metric('assay_bonds_won_total'), 'half of a claim bond of 1 ether').to.deep.equal({
      '': 0.5,
    });
    expect(await metric('assay_bonds_lost_total')).to.deep.equal({ '': 0 });
    expect((await metric('assay_gas_used_total'))['']).to.be.greaterThan(100_000);
    expect((await metric('assay_passes_total'))['{outcome="done"}']).to.be.greaterThan(2);
  });

  it('attack 52: a second service says at /readyz who has the lease, and ends', async () => {
    const second = startCli(
      ...['watch', DIGITS, ...scene.there, '--key-file', scene.keyFile(WATCHER), '--metrics-port', '0'],
    );
    await second.says('; trying again');
    const [at] = /http:\/\/127\.0\.0\.1:\d+/.exec(second.out)!;
    const { reasons } = await (await fetch(`${at}/readyz`)).json();
    expect(reasons).to.have.length(1);
    expect(reasons[0]).to.match(
      new RegExp(`^the chain has not been read yet: process ${watcher.pid} on \\S+ sends as 0x`),
    );
    const text = await (await fetch(`${at}/metrics`)).text();
    expect(text).to.match(/^assay_balance_ether \d/m);
    expect(text).to.not.match(/^assay_(least_clock|head|open_|own_|moves|reserve|pending|foreign)\w* /m);
    expect(await second.ended()).to.equal(1);
    expect(second.err).to.match(/assay: process \d+ on [^\n]* already; end it first[^\n]*\n$/);
  });

  it('answers 404 and 405 for what is not there', async () => {
    expect((await fetch(`${base}/x`)).status).to.equal(404);
    expect((await fetch(`${base}/metrics`, { method: 'POST', body: 'x' })).status).to.equal(405);
  });

  it('is not ready, but alive, when its node goes away, and every line is JSON', async () => {
    await scene.chain.stop();
    await until(async () => (await health('/readyz')).status === 503);
    expect((await health('/readyz')).reasons[0]).to.match(/^the last \d+ looks at the chain failed: \S/);
    expect((await health('/healthz')).status).to.equal(200);
    watcher.kill('SIGTERM');
    expect(await watcher.ended()).to.equal(0);
    const lines = `${watcher.out}${watcher.err}`
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    for (const { time, level, msg } of lines) expect([time, level, msg]).to.not.include(undefined);
    const challenged = lines.find(({ kind }) => kind === 'challenged');
    expect(challenged).to.include.keys('claim', 'request', 'model', 'transaction', 'gas', 'block');
  });
});
