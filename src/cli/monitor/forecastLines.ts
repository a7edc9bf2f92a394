import { amountText, type Unit } from '../../chain/contracts/unit.ts';
import type { Alarm } from '../../monitor/alarms.ts';
import type { ClaimForecast, DisputeForecast, Forecast } from '../../monitor/forecast.ts';
import { durationText } from '../../operator/duration.ts';

const left = (seconds: number): string =>
  seconds >= 0 ? `in ${durationText(1000 * seconds)}` : `${durationText(-1000 * seconds)} ago`;

function claimLine(claim: ClaimForecast): string {
  const { claimId, requestId, verdict, windowSecondsLeft, openDisputes, ends } = claim;
  const checked = { right: 'right', wrong: 'wrong', unknown: 'not checked' }[verdict];
  const disputes = openDisputes === 0 ? 'nobody challenges it' : `${openDisputes} disputes open`;
  const end = {
    final: 'will be final',
    falsified: 'will be falsified',
    unknown: 'how it ends depends on who is right',
  };
  return `claim ${claimId} on request ${requestId}: ${checked}; ${disputes}; window ${windowSecondsLeft >= 0 ? 'ends' : 'ended'} ${left(windowSecondsLeft)}; ${end[ends ?? 'unknown']}`;
}

function disputeLine(dispute: DisputeForecast, unit: Unit): string {
  const { disputeId, claimId, mover, secondsLeft, ifPlayed, ifIdle, isOvertaken, loss } = dispute;
  const start = `dispute ${disputeId} on claim ${claimId}`;
  if (isOvertaken) return `${start}: overtaken by another one; the challenger's bond comes back`;
  const turn =
    secondsLeft >= 0
      ? `the ${mover} has ${durationText(1000 * secondsLeft)} to move`
      : `the ${mover}'s clock ran out ${left(secondsLeft)}`;
  const played =
    ifPlayed === undefined ? 'who is right is not known' : `the ${ifPlayed} wins if both play right`;
  const money = loss
    ? `; ${loss.loser} loses ${amountText(unit, loss.bondWei)}, ${loss.winner} gets ${amountText(unit, loss.winsWei)}`
    : '';
  return `${start}: ${turn}; ${secondsLeft < 0 ? `the ${ifIdle} wins` : `${played}, the ${ifIdle} if nothing more is done`}${money}`;
}

export const alarmLine = ({ name, severity, sentence }: Alarm): string =>
  `alarm ${name} (${severity}): ${sentence}`;

/** A forecast for people, one line for each claim, dispute and alarm. */
export function forecastLines(
  { block, claims, disputes }: Forecast,
  alarms: readonly Alarm[],
  unit: Unit,
): string[] {
  return [
    `block ${block.number}: ${claims.length} open claims, ${disputes.length} open disputes, ${alarms.length} alarms`,
    ...claims.map(claimLine),
    ...disputes.map((dispute) => disputeLine(dispute, unit)),
    ...alarms.map(alarmLine),
  ];
}

/** Formats a value as JSON, with bigints as strings. */
export const jsonText = (value: unknown): string =>
  JSON.stringify(value, (_key, one: unknown) => (typeof one === 'bigint' ? `${one}` : one));
