import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** Seconds of a pass or of a run of a model. */
const BUCKETS = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1800];

/** Everything that can be scraped. Names, units and labels are part of dashboard and alert rules: see docs/operating. */
export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  const gauge = <Label extends string = never>(name: string, help: string, labelNames: Label[] = []) => {
    const made = new Gauge<Label>({ name: `assay_${name}`, help, labelNames, registers });
    // RULE: a gauge is absent until it is set. prom-client shows one without labels as 0, which alert rules take for a value.
    if (labelNames.length === 0) made.remove();
    return made;
  };
  const counter = <Label extends string = never>(name: string, help: string, labelNames: Label[] = []) =>
    new Counter<Label>({ name: `assay_${name}`, help, labelNames, registers });
  const histogram = (name: string, help: string) =>
    new Histogram({ name: `assay_${name}`, help, buckets: BUCKETS, registers });
  collectDefaultMetrics({ register: registry });
  return {
    registry,
    info: gauge('info', 'Always 1; which command runs, on which chain, as whom.', [
      'command',
      'version',
      'chain',
      'oracle',
      'account',
    ]),
    passes: counter('passes_total', 'Looks at the chain, by how they ended: done or failed.', ['outcome']),
    passSeconds: histogram('pass_seconds', 'How long a look at the chain took, with what was sent.'),
    lastPass: gauge(
      'last_pass_timestamp_seconds',
      'When a look at the chain last ended well; before the first, the start.',
    ),
    headBlock: gauge('head_block', 'Number of the latest block that was read.'),
    headTimestamp: gauge('head_timestamp_seconds', 'Time of the latest block that was read.'),
    endpointLag: gauge('endpoint_lag_blocks', 'Blocks that a node is behind the best one.', ['endpoint']),
    endpointUp: gauge('endpoint_up', 'Whether a node is used: 1, or 0 while it is left alone.', ['endpoint']),
    endpointFailures: gauge('endpoint_failures', 'Exchanges with a node that failed since the start.', [
      'endpoint',
    ]),
    openClaims: gauge('open_claims', 'Claims of anybody that are neither final nor falsified.'),
    openWindows: gauge('open_windows', 'Claims of anybody that can still be challenged.'),
    ownClaims: gauge('own_claims', 'Open claims of this account.'),
    ownDisputes: gauge('own_disputes', 'Open disputes of this account.'),
    leastClock: gauge('least_clock_seconds', 'Least time left of a clock that runs against this account.'),
    leastClockRatio: gauge('least_clock_ratio', 'The same as a part of the whole clock, 0 to 1.'),
    movesDue: gauge('moves_due', 'Disputes in which it is the turn of this account.'),
    movesOverdue: gauge('moves_overdue', 'Those of which a tenth of the clock went by in this turn.'),
    disputesEnded: counter('disputes_ended_total', 'Disputes of this account that ended, by how.', [
      'outcome',
    ]),
    bondsWon: counter(
      'bonds_won_total',
      'Bonds of others that came to this account, in units of the currency.',
    ),
    bondsLost: counter('bonds_lost_total', 'Bonds that this account lost, in units of the currency.'),
    bondsAtStake: gauge('bonds_at_stake', 'Bonds of open claims and disputes, in units of the currency.'),
    balance: gauge('balance_ether', 'Ether of this account.'),
    reserve: gauge('reserve_ether', 'Ether of it that stays for the gas of what is open.'),
    pending: gauge('pending_transactions', 'Transactions on their way.'),
    pendingAge: gauge('pending_age_blocks', 'Blocks since the oldest of them was first sent.'),
    foreign: gauge('foreign_transactions', 'Transactions of this account that another program sent.'),
    claimsChecked: counter('claims_checked_total', 'Claims that were run again, by what came of it.', [
      'verdict',
    ]),
    claimsUnverified: gauge('claims_unverified', 'Open claims whose model or input is not to be had.'),
    runs: gauge('runs', 'Runs of models since the start, by how they ended.', ['outcome']),
    runsQueued: gauge('runs_queued', 'Runs that wait or go on.'),
    queueUp: gauge('queue_up', 'Whether the queue of runs answers: 1, or 0.', ['queue']),
    reports: counter('reports_total', 'Lines about what was done or found, by kind.', ['kind']),
    warnings: counter('warnings_total', 'Things that an operator should know of, by kind.', ['about']),
    gasUsed: counter('gas_used_total', 'Gas of the mined transactions of this account.'),
    failures: gauge('failures', 'Different failures that are going on.'),
    alarms: gauge('alarms', 'Alarms of `assay monitor` that are on, by name.', ['alarm']),
    webhookFailures: counter('webhook_failures_total', 'Messages that the webhook did not take.'),
  };
}

export type Metrics = ReturnType<typeof createMetrics>;
