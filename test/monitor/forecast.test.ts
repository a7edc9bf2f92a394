import { expect } from 'chai';
import type { ClaimRecord, DisputeRecord, World } from '../../src/chain/contracts/world.ts';
import { encodeClock } from '../../src/dispute/clock.ts';
import type { Phase } from '../../src/dispute/position.ts';
import { AlarmBook } from '../../src/monitor/alarmBook.ts';
import { type Alarm, alarmsIn, USUAL_THRESHOLDS } from '../../src/monitor/alarms.ts';
import { forecast, type Verdict } from '../../src/monitor/forecast.ts';
import { TERMS } from '../support/protocol.ts';

const CLAIMANT = '0xClaimant';
const CHALLENGER = '0xChallenger';
const CLAIM = 4294967297n;

interface Situation {
  readonly status?: ClaimRecord['status'];
  /** Whose move it is, by the phase. */
  readonly phase?: Phase;
  /** Seconds left of the mover's clock of an hour; no dispute if left out. */
  readonly clockLeft?: number;
  readonly windowLeft?: number;
}

const NOW = 100_000;

/** A world with one claim and at most one dispute. */
function worldWith({ status = 'open', phase = 'Root', clockLeft, windowLeft = 3600 }: Situation): World {
  const claimedAt = BigInt(NOW + windowLeft) - TERMS.windowSeconds;
  const request = { requestId: 1n, request: { modelId: '0x12', terms: TERMS } };
  const claim = { claimId: CLAIM, claimant: CLAIMANT, claimedAt, request, status } as unknown as ClaimRecord;
  const clock = encodeClock({
    lastMoveAt: NOW - 10_000,
    claimantSecondsLeft: 10_000 + (clockLeft ?? 0),
    challengerSecondsLeft: 10_000 + (clockLeft ?? 0),
    baseFeeAtOpenWei: 0n,
  });
  const dispute = {
    ...{ disputeId: 7n, claim, challenger: CHALLENGER, dispute: { clock }, ended: undefined },
    view: { position: { phase } },
  } as unknown as DisputeRecord;
  return {
    block: { number: 5, hash: '0x', timestamp: BigInt(NOW) },
    requests: new Map(),
    claims: new Map([[CLAIM, claim]]),
    disputes: new Map(clockLeft === undefined ? [] : [[7n, dispute]]),
  } as unknown as World;
}

function seen(situation: Situation, verdict: Verdict) {
  const found = forecast(worldWith(situation), () => verdict, NOW);
  return { ...found, alarms: alarmsIn(found, USUAL_THRESHOLDS) };
}

const names = (alarms: readonly Alarm[]): string[] =>
  alarms.map(({ name, severity }) => `${name} ${severity}`);

describe('the forecast of a dispute', () => {
  it('says who wins if both play right or the mover idles, and which bond moves', () => {
    const [dispute] = seen({ clockLeft: 3000, phase: 'TracePick' }, 'right').disputes;
    expect(dispute).to.deep.include({ mover: 'challenger', ifPlayed: 'claimant', ifIdle: 'claimant' });
    expect(dispute).to.deep.include({ secondsLeft: 3000, clockSeconds: 3600, deadline: NOW + 3000 });
    expect(dispute?.loss).to.deep.equal({
      ...{ loser: CHALLENGER, bondWei: TERMS.challengeBondWei },
      ...{ winner: CLAIMANT, winsWei: TERMS.challengeBondWei },
    });
    const [lost] = seen({ clockLeft: 3000 }, 'wrong').disputes;
    expect(lost?.loss).to.deep.equal({
      ...{ loser: CLAIMANT, bondWei: TERMS.claimBondWei },
      ...{ winner: CHALLENGER, winsWei: TERMS.claimBondWei / 2n },
    });
  });

  it('goes by the clock alone where nobody knows who is right', () => {
    expect(seen({ clockLeft: 3000 }, 'unknown').disputes[0]?.loss).to.equal(undefined);
    expect(seen({ clockLeft: 3000 }, 'unknown').claims[0]?.ends).to.equal(undefined);
    const out = seen({ clockLeft: -1 }, 'unknown');
    expect(out.disputes[0]?.loss?.loser).to.equal(CLAIMANT);
    expect(out.claims[0]?.ends).to.equal('falsified');
  });

  it('at exactly the last second the mover can still move', () => {
    expect(seen({ clockLeft: 0 }, 'right').disputes[0]?.loss?.loser).to.equal(CHALLENGER);
    expect(seen({ clockLeft: -1 }, 'right').disputes[0]?.loss?.loser).to.equal(CLAIMANT);
  });

  it('moves no bond in a dispute that another one has overtaken', () => {
    const [dispute] = seen({ clockLeft: -5, status: 'falsified' }, 'wrong').disputes;
    expect([dispute?.isOvertaken, dispute?.loss]).to.deep.equal([true, undefined]);
  });

  const ends: [string, Situation, Verdict, 'final' | 'falsified' | undefined][] = [
    ['a right claim that nobody challenges becomes final', {}, 'right', 'final'],
    ['a wrong claim that nobody challenges becomes final too', {}, 'wrong', 'final'],
    ['a challenged wrong claim is falsified', { clockLeft: 9 }, 'wrong', 'falsified'],
    ['a challenged right claim becomes final', { clockLeft: 9 }, 'right', 'final'],
    ['a right claim whose claimant is out of time is falsified', { clockLeft: -9 }, 'right', 'falsified'],
    [
      'a wrong claim whose challenger is out of time becomes final',
      { clockLeft: -9, phase: 'Element' },
      'wrong',
      'final',
    ],
  ];
  for (const [what, situation, verdict, end] of ends) {
    it(what, () => expect(seen(situation, verdict).claims[0]?.ends).to.equal(end));
  }
});

describe('alarms', () => {
  const cases: [string, Situation, Verdict, string[]][] = [
    ['while a clock is long', { clockLeft: 901 }, 'right', []],
    [
      'for a clock of somebody right below a quarter',
      { clockLeft: 900 },
      'right',
      ['clock-running-out warning'],
    ],
    [
      'as critical for the same clock below a tenth',
      { clockLeft: 360 },
      'right',
      ['clock-running-out critical'],
    ],
    ['where who is wrong idles', { clockLeft: 10 }, 'wrong', []],
    [
      'for a clock where nobody knows who is right',
      { clockLeft: 900 },
      'unknown',
      ['clock-running-out warning'],
    ],
    ['for a clock of somebody right that is out', { clockLeft: -1 }, 'right', ['clock-out critical']],
    ['for a false claim that nobody challenges', {}, 'wrong', ['false-claim-unchallenged critical']],
    [
      'for a false claim that nobody can challenge any more',
      { windowLeft: -1 },
      'wrong',
      ['false-claim-final critical'],
    ],
    ['for an unchecked claim in its first half', { windowLeft: 1801 }, 'unknown', []],
    [
      'for an unchecked claim in its second half',
      { windowLeft: 1800 },
      'unknown',
      ['claim-unverified warning'],
    ],
    ['for an unchecked claim near its end', { windowLeft: 700 }, 'unknown', ['claim-unverified critical']],
    ['for a right claim', { windowLeft: 1 }, 'right', []],
  ];
  for (const [what, situation, verdict, expected] of cases) {
    it(`${expected.length > 0 ? 'are' : 'are not'} raised ${what}`, () =>
      expect(names(seen(situation, verdict).alarms)).to.deep.equal(expected));
  }

  it('are told when they start or grow, ever less often, and when over', () => {
    const book = new AlarmBook();
    const at = (clockLeft: number): readonly Alarm[] => seen({ clockLeft }, 'right').alarms;
    const told: string[] = [];
    for (let now = 0; now <= 2000; now += 10) {
      const { started, lasting, over } = book.update(at(now < 1900 ? (now < 100 ? 900 : 300) : 3000), now);
      told.push(...names(started).map((name) => `${now} ${name}`));
      told.push(...names(lasting).map((name) => `${now} again ${name}`));
      told.push(...names(over).map((name) => `${now} over ${name}`));
    }
    expect(told).to.deep.equal([
      '0 clock-running-out warning',
      '100 clock-running-out critical',
      '400 again clock-running-out critical',
      '1000 again clock-running-out critical',
      '1900 over clock-running-out critical',
    ]);
  });
});
