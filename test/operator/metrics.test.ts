import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect } from 'chai';
import type { World } from '../../src/chain/contracts/world.ts';
import { Overview, type Status } from '../../src/operator/overview.ts';

const yaml = createRequire(import.meta.url)('js-yaml') as { load(text: string): unknown };
const { groups } = yaml.load(readFileSync('docs/operating/prometheus/alerts.yml', 'utf8')) as {
  groups: { rules: { alert: string; expr: string }[] }[];
};
const rules = groups.flatMap((group) => group.rules);

const ACCOUNT = `0x${'11'.repeat(20)}`;
const START_SECONDS = 1_800_000_000;
const ETHER = 10n ** 18n;
const NODE = 'http://node';

/** What a service's parts say before any look: what nobody has counted is 0. */
const SERVICE: Status = {
  ...{ balanceWei: ETHER, reserveWei: 0n, inFlight: 0, oldestBlocks: 0, foreign: 0, runsQueued: 0 },
  endpoints: [{ endpoint: NODE, isUsed: false, lagBlocks: undefined, failures: 3 }],
};
const MONITOR: Status = {
  runsQueued: 0,
  endpoints: [{ endpoint: NODE, isUsed: true, lagBlocks: 0, failures: 0 }],
};
const EMPTY = {
  block: { number: 7, timestamp: BigInt(START_SECONDS) },
  ...{ claims: new Map(), disputes: new Map() },
} as unknown as World;

const overviewOf = (account: string | undefined, status: () => Status): Overview =>
  new Overview({
    ...{ account, decimals: 18, hasSteadyBlocks: true, holds: () => true, status, failures: () => 0 },
    ...{ unixMs: () => 1000 * START_SECONDS, clock: { now: () => BigInt(START_SECONDS) } },
  });

/** Values of the exposition text by series. */
async function samples({ registry }: Overview): Promise<Map<string, number>> {
  const lines = (await registry.metrics()).split('\n').filter((line) => line.startsWith('assay_'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}

const gauges = async (overview: Overview): Promise<string[]> => {
  const shown = [...(await samples(overview)).keys()];
  return shown.filter((name) => !/_total|_pass_seconds/.test(name)).toSorted();
};

/** Alarms whose rules hold at one time, where all counters stand still; AssayDown is about the scrape. */
async function firing(overview: Overview, afterSeconds: number): Promise<string[]> {
  const shown = await samples(overview);
  const now = START_SECONDS + afterSeconds;
  const valuesOf = (side: string): number[] => {
    if (/^[\d.]+$/.test(side)) return [Number(side)];
    if (side.startsWith('time() - ')) return valuesOf(side.slice(9)).map((value) => now - value);
    if (side.endsWith(' - time()')) return valuesOf(side.slice(0, -9)).map((value) => value - now);
    if (side.startsWith('increase(')) return [0];
    expect(side).to.match(/^assay_\w+$/);
    return [...shown].filter(([name]) => name.split('{')[0] === side).map(([, value]) => value);
  };
  const holds = (comparison: string): boolean => {
    const [, left, sign, right] = /^(.+) (<|>|==) (.+)$/.exec(comparison)!;
    const compare = (a: number, b: number): boolean =>
      sign === '<' ? a < b : sign === '>' ? a > b : a === b;
    return valuesOf(left!).some((a) => valuesOf(right!).some((b) => compare(a, b)));
  };
  return rules
    .filter(({ alert, expr }) => alert !== 'AssayDown' && expr.split(' or ').some(holds))
    .map(({ alert }) => alert);
}

describe('metrics', () => {
  it('of a service that cannot read its node show no gauge without a value', async () => {
    const overview = overviewOf(ACCOUNT, () => SERVICE);
    expect(await gauges(overview)).to.deep.equal(['assay_last_pass_timestamp_seconds']);
    overview.turned(5, 'no node answers');
    expect(await gauges(overview)).to.deep.equal([
      'assay_balance_ether',
      `assay_endpoint_failures{endpoint="${NODE}"}`,
      `assay_endpoint_up{endpoint="${NODE}"}`,
      'assay_failures',
      'assay_last_pass_timestamp_seconds',
      'assay_runs_queued',
    ]);
  });

  it('of such a service raise the alarms about its node, no other', async () => {
    const overview = overviewOf(ACCOUNT, () => SERVICE);
    expect(await firing(overview, 1)).to.deep.equal([]);
    overview.turned(5, 'no node answers');
    expect(await firing(overview, 1)).to.deep.equal(['AssayEndpointDown']);
    expect(await firing(overview, 181)).to.deep.equal(['AssayLoopStuck', 'AssayEndpointDown']);
  });

  it('of a service that is well show its account, and raise no alarm', async () => {
    let status: Status = { ...SERVICE, ...MONITOR, inFlight: 1, oldestBlocks: 2 };
    const overview = overviewOf(ACCOUNT, () => status);
    overview.observe(EMPTY, () => undefined);
    overview.turned(5);
    const shown = await samples(overview);
    for (const name of ['reserve_ether', 'own_claims', 'moves_overdue', 'foreign_transactions']) {
      expect(shown.get(`assay_${name}`), name).to.equal(0);
    }
    expect(shown.get('assay_pending_age_blocks')).to.equal(2);
    expect([...shown.keys()], 'no clock runs').to.not.include('assay_least_clock_ratio');
    expect(await firing(overview, 1)).to.deep.equal([]);
    status = { ...SERVICE, inFlight: 0, oldestBlocks: 0 };
    overview.turned(5);
    const later = [...(await samples(overview)).keys()];
    expect(later, 'nothing is pending').to.not.include('assay_pending_age_blocks');
    expect(later, 'a head that is not known').to.not.include(`assay_endpoint_lag_blocks{endpoint="${NODE}"}`);
  });

  it('of a monitor show nothing of an account, and raise no alarm', async () => {
    const overview = overviewOf(undefined, () => MONITOR);
    overview.observe(EMPTY, () => undefined);
    overview.turned(5);
    expect(await gauges(overview)).to.deep.equal([
      'assay_claims_unverified',
      `assay_endpoint_failures{endpoint="${NODE}"}`,
      `assay_endpoint_lag_blocks{endpoint="${NODE}"}`,
      `assay_endpoint_up{endpoint="${NODE}"}`,
      'assay_failures',
      'assay_head_block',
      'assay_head_timestamp_seconds',
      'assay_last_pass_timestamp_seconds',
      'assay_open_claims',
      'assay_open_windows',
      'assay_runs_queued',
    ]);
    expect(await firing(overview, 1)).to.deep.equal([]);
  });

  it('count from 0 each kind whose increase an alarm is about', async () => {
    const shown = await samples(overviewOf(ACCOUNT, () => SERVICE));
    const counted = rules.flatMap(({ expr }) => [...expr.matchAll(/increase\((assay_\w+\{.+?\})\[/g)]);
    expect(counted).to.have.length.above(2);
    for (const [, series] of counted) expect(shown.get(series!), series).to.equal(0);
  });
});
