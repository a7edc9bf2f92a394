import { type ClaimForecast, type DisputeForecast, type Forecast, isAtRisk } from './forecast.ts';

/** All alarms; each has a page of the runbook with the same name. */
export const ALARMS = [
  'clock-running-out',
  'clock-out',
  'false-claim-unchallenged',
  'false-claim-final',
  'claim-unverified',
  'chain-unreadable',
] as const;

export type AlarmName = (typeof ALARMS)[number];

export interface Alarm {
  readonly name: AlarmName;
  /** `critical`: somebody who is right is about to lose money, or a false answer to become final. */
  readonly severity: 'warning' | 'critical';
  /** `dispute 5`; with the name it tells one alarm from another. */
  readonly subject: string;
  readonly sentence: string;
  /** Unix seconds until which something can be done; undefined if nothing runs out. */
  readonly deadline: number | undefined;
}

export interface Thresholds {
  /** Parts of a clock or window, 0 to 1, below which what is left is alarming. */
  readonly clockShare: number;
  readonly windowShare: number;
}

/** A quarter of a clock, half of a window. */
export const USUAL_THRESHOLDS: Thresholds = { clockShare: 0.25, windowShare: 0.5 };

/** From this part of the threshold on, what is alarming is critical. */
const CRITICAL_PART = 0.4;

const leftText = (seconds: number): string =>
  seconds < 120
    ? `${seconds} s`
    : seconds < 7200
      ? `${Math.floor(seconds / 60)} min`
      : `${Math.floor(seconds / 3600)} h`;

function clockAlarm(dispute: DisputeForecast, { clockShare }: Thresholds): Alarm[] {
  const { disputeId, claimId, mover, secondsLeft, clockSeconds, deadline, ifPlayed } = dispute;
  if (!isAtRisk(dispute)) return [];
  const subject = `dispute ${disputeId}`;
  const account = dispute[mover];
  const side = ifPlayed === undefined ? `the ${mover} ${account}` : `the ${mover} ${account}, who is right,`;
  if (secondsLeft < 0) {
    const sentence = `${subject} on claim ${claimId}: ${side} has let its clock run out; anybody can end it now`;
    return [{ name: 'clock-out', severity: 'critical', subject, sentence, deadline: undefined }];
  }
  const share = secondsLeft / clockSeconds;
  if (share > clockShare) return [];
  const severity = share <= clockShare * CRITICAL_PART ? 'critical' : 'warning';
  const sentence = `${subject} on claim ${claimId}: ${side} has ${leftText(secondsLeft)} of ${leftText(clockSeconds)} left to move`;
  return [{ name: 'clock-running-out', severity, subject, sentence, deadline }];
}

function claimAlarm(claim: ClaimForecast, { windowShare }: Thresholds): Alarm[] {
  const {
    claimId,
    requestId,
    verdict,
    windowSecondsLeft: left,
    windowSeconds,
    windowEndsAt,
    modelId,
  } = claim;
  const subject = `claim ${claimId}`;
  const share = left / windowSeconds;
  if (verdict === 'wrong' && claim.ends === 'final') {
    const what = `${subject} on request ${requestId}: it is wrong and`;
    return [
      left < 0
        ? {
            ...{ name: 'false-claim-final', severity: 'critical', subject, deadline: undefined },
            sentence: `${what} its window is over: nobody can stop it any more`,
          }
        : {
            ...{ name: 'false-claim-unchallenged', severity: 'critical', subject, deadline: windowEndsAt },
            sentence: `${what} nobody challenges it; ${leftText(left)} are left`,
          },
    ];
  }
  if (verdict !== 'unknown' || claim.openDisputes > 0 || left < 0 || share > windowShare) return [];
  const severity = share <= windowShare * CRITICAL_PART ? 'critical' : 'warning';
  const sentence = `${subject} on request ${requestId}: nobody here has checked it (model ${modelId}); ${leftText(left)} are left`;
  return [{ name: 'claim-unverified', severity, subject, sentence, deadline: windowEndsAt }];
}

/** Lists the alarms of a forecast, the most urgent first. */
export function alarmsIn({ claims, disputes }: Forecast, thresholds: Thresholds): Alarm[] {
  const alarms = [
    ...disputes.flatMap((dispute) => clockAlarm(dispute, thresholds)),
    ...claims.flatMap((claim) => claimAlarm(claim, thresholds)),
  ];
  const rank = ({ severity }: Alarm): number => (severity === 'critical' ? 0 : 1);
  const end = ({ deadline }: Alarm): number => deadline ?? 0;
  return alarms.toSorted((a, b) => rank(a) - rank(b) || end(a) - end(b));
}
