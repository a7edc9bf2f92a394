import { expect } from 'chai';
import type { DisputeRecord, World } from '../../src/chain/contracts/world.ts';
import { encodeClock } from '../../src/dispute/clock.ts';
import { deathsOf, obstaclesOf, USUAL_LIMITS, type Vitals } from '../../src/operator/health.ts';
import { type Doings, heartbeat } from '../../src/operator/heartbeat.ts';
import { Outcomes } from '../../src/operator/outcomes.ts';
import { Overview } from '../../src/operator/overview.ts';
import { type Standing, standingOf } from '../../src/operator/standing.ts';
import { TERMS } from '../support/protocol.ts';

const NOW = 1_000_000_000;

const well: Vitals = {
  ...{ startedAt: NOW - 500_000, turnedAt: NOW - 1000, lookedAt: NOW - 1000 },
  ...{ failedLooks: 0, failure: undefined },
  ...{ headAgeMs: 12_000, funds: { balanceWei: 10n, reserveWei: 5n }, unplayable: [] },
};

describe('a heartbeat', () => {
  it('says that the node is unreadable as soon as readiness does', () => {
    let now = NOW;
    const overview = new Overview({
      ...{ account: `0x${'11'.repeat(20)}`, decimals: 18, hasSteadyBlocks: true, now: () => now },
      ...{ holds: () => true, status: () => ({}), failures: () => 0, clock: { now: () => 0n } },
    });
    overview.turned(5);
    expect(overview.heartbeat()).to.match(/^idle: no open claims/);
    now += 4000;
    overview.turned(5, 'no node answers');
    expect(overview.heartbeat()).to.match(/^idle: the last look failed, /);
    overview.turned(5, 'no node answers');
    expect(overview.heartbeat()).to.match(/^blind for 4 s: the last 2 looks failed, /);
    overview.turned(5);
    expect(overview.heartbeat()).to.match(/^idle: no open claims/);
  });
});

describe('health', () => {
  const cases: [string, Partial<Vitals>, RegExp | undefined][] = [
    ['nothing while all is well', {}, undefined],
    ['nothing about one look that failed', { failedLooks: 1, failure: 'no' }, undefined],
    ['a chain that was never read', { lookedAt: undefined }, /^the chain has not been read yet$/],
    [
      'a chain that was not read for a while',
      { lookedAt: NOW - 61_000 },
      /^the chain was last read 1 min 1 s ago$/,
    ],
    [
      'what keeps a chain from being read at all',
      { lookedAt: undefined, failedLooks: 1, failure: 'another sends' },
      /^the chain has not been read yet: another sends$/,
    ],
    [
      'what keeps a chain from being read for a while',
      { lookedAt: NOW - 61_000, failedLooks: 9, failure: 'no node answers' },
      /^the chain was last read 1 min 1 s ago: no node answers$/,
    ],
    [
      'looks that fail',
      { failedLooks: 2, failure: 'no node answers' },
      /^the last 2 looks at the chain failed: no node answers$/,
    ],
    ['an old head', { headAgeMs: 121_000 }, /^the latest block is 2 min 1 s old/],
    ['a clock that is behind', { headAgeMs: -16_000 }, /^this machine's clock is 16 s behind the chain's/],
    ['an empty account', { funds: { balanceWei: 0n, reserveWei: 0n } }, /^the account has no ether$/],
    ['less than is reserved', { funds: { balanceWei: 4n, reserveWei: 5n } }, /has less ether than the gas/],
    ['a dispute without its model', { unplayable: [7n] }, /^the model of dispute 7 is not held$/],
  ];
  for (const [what, vitals, reason] of cases) {
    it(`says ${what}`, () => {
      const reasons = obstaclesOf({ ...well, ...vitals }, USUAL_LIMITS, NOW);
      expect(reasons).to.have.length(reason ? 1 : 0);
      if (reason) expect(reasons[0]).to.match(reason);
      expect(deathsOf({ ...well, ...vitals }, USUAL_LIMITS, NOW)).to.deep.equal([]);
    });
  }

  it('says of a loop that hangs that it is dead, from its start on', () => {
    const reason = ['the loop has not come round for 2 min 1 s'];
    expect(deathsOf({ ...well, turnedAt: NOW - 121_000 }, USUAL_LIMITS, NOW)).to.deep.equal(reason);
    const fresh = { ...well, turnedAt: undefined, startedAt: NOW - 121_000 };
    expect(deathsOf(fresh, USUAL_LIMITS, NOW)).to.deep.equal(reason);
  });

  it('lets a chain stand still that has blocks only when they are needed', () => {
    const limits = { ...USUAL_LIMITS, headMs: undefined };
    expect(obstaclesOf({ ...well, headAgeMs: NOW }, limits, NOW)).to.deep.equal([]);
  });
});

const ME = '0xMe';
const SECONDS = 100_000;

function dispute(id: bigint, changes: object = {}, phase = 'Element', left = 3000): DisputeRecord {
  const clock = encodeClock({
    lastMoveAt: SECONDS - 600,
    claimantSecondsLeft: 600 + left,
    challengerSecondsLeft: 600 + left,
    baseFeeAtOpenWei: 0n,
  });
  const claim = {
    ...{ claimId: 1n, claimant: '0xLiar', status: 'open', claimedAt: BigInt(SECONDS) },
    request: { requestId: 1n, request: { modelId: '0x12', terms: TERMS } },
  };
  return {
    ...{ disputeId: id, claim, challenger: ME, dispute: { clock }, view: { position: { phase } } },
    ...{ ended: undefined, ...changes },
  } as unknown as DisputeRecord;
}

const worldOf = (...disputes: DisputeRecord[]): World =>
  ({
    claims: new Map(disputes.map(({ claim }) => [claim.claimId, claim])),
    disputes: new Map(disputes.map((one) => [one.disputeId, one])),
  }) as unknown as World;

describe('how an account stands', () => {
  it('counts its bonds and the clocks that run against it, the shortest first', () => {
    const world = worldOf(dispute(1n), dispute(2n, {}, 'Element', 30), dispute(3n, {}, 'Chunk', 10));
    const standing = standingOf(world, ME, SECONDS);
    expect(standing).to.include({ ownDisputes: 3, ownClaims: 0, overdue: 2, openClaims: 1 });
    expect(standing.bondsAtStakeWei).to.equal(3n * TERMS.challengeBondWei);
    expect(standing.clocks.map(({ disputeId, secondsLeft }) => [disputeId, secondsLeft])).to.deep.equal([
      [2n, 30],
      [1n, 3000],
    ]);
    expect(standing.next).to.deep.equal({ at: SECONDS + 10, what: 'their clock in dispute 3' });
  });

  it('tells once how each dispute ended, but for those a reorganisation took', () => {
    const outcomes = new Outcomes(ME);
    const open = worldOf(dispute(1n), dispute(2n), dispute(3n), dispute(4n));
    expect(outcomes.look(open, () => undefined)).to.deep.equal([]);
    const ended = worldOf(
      dispute(1n, { ended: { winner: ME, reason: 'WrongWord' } }),
      dispute(2n, { ended: { winner: '0xLiar', reason: 'ChallengerTimeout' } }),
    );
    const overtaken = dispute(3n, { ended: { winner: ME, reason: 'ClaimAlreadyFalsified' } });
    const found = outcomes.look(ended, (id) => (id === 3n ? overtaken : undefined));
    const { claimBondWei, challengeBondWei } = TERMS;
    expect(found).to.deep.equal([
      { outcome: 'won', wonWei: claimBondWei / 2n, lostWei: 0n },
      { outcome: 'lost', wonWei: 0n, lostWei: challengeBondWei },
      { outcome: 'overtaken', wonWei: 0n, lostWei: 0n },
    ]);
    expect(outcomes.look(ended, () => undefined)).to.deep.equal([]);
  });

  it('is said in one line, with why nothing happens', () => {
    const quiet: Doings = {
      checked: 0,
      unverified: 0,
      pending: 0,
      runs: 0,
      failures: 0,
      failedLooks: 0,
      blindMs: 0,
    };
    const nothing: Standing = standingOf(worldOf(), ME, SECONDS);
    expect(heartbeat(nothing, quiet, SECONDS)).to.equal('idle: no open claims, no deadline ahead');
    const some = { ...nothing, openClaims: 3, openWindows: 2, next: { at: SECONDS + 14_400, what: 'it' } };
    expect(heartbeat(some, { ...quiet, checked: 3 }, SECONDS)).to.equal(
      'idle: 3 open claims, 3 checked, 2 windows running, next deadline in 4 h: it',
    );
    const busy = standingOf(worldOf(dispute(1n)), ME, SECONDS);
    expect(heartbeat(busy, { ...quiet, pending: 1, failures: 2 }, SECONDS)).to.match(
      /^busy: 1 open claim, 0 checked, 1 window running, 1 dispute, 1 move due, 1 late, 1 transaction on the way, 2 failures, next deadline in 50 min: our clock in dispute 1$/,
    );
    expect(heartbeat(nothing, { ...quiet, failedLooks: 1 }, SECONDS)).to.match(
      /^idle: the last look failed, /,
    );
    expect(heartbeat(nothing, { ...quiet, failedLooks: 3, blindMs: 4000 }, SECONDS)).to.match(
      /^blind for 4 s: the last 3 looks failed, /,
    );
    expect(heartbeat(nothing, { ...quiet, blindMs: 90_000 }, SECONDS)).to.match(/^blind for 1 min 30 s: /);
  });
});
