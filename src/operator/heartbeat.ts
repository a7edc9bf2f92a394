import { durationText } from './duration.ts';
import type { Standing } from './standing.ts';

/** The activity of a service, without the state of its account. */
export interface Doings {
  /** Open claims with a verdict, and those that nothing is known about. */
  readonly checked: number;
  readonly unverified: number;
  readonly pending: number;
  readonly runs: number;
  readonly failures: number;
  /** Looks at the chain that failed since the last one that ended well. */
  readonly failedLooks: number;
  /** Time since the last successful read if reads fail now, ms; 0 if all is well. */
  readonly blindMs: number;
}

const count = (n: number, one: string): string => `${n} ${one}${n === 1 ? '' : 's'}`;

/**
 * Writes one line that says what the service does, or why it does nothing.
 *
 * @param now Unix seconds
 */
export function heartbeat(standing: Standing, doings: Doings, now: number): string {
  const { openClaims, openWindows, ownDisputes, clocks, overdue, next } = standing;
  const { checked, unverified, pending, runs, failures, failedLooks, blindMs } = doings;
  const parts = [
    failedLooks > 0 ? `the last ${failedLooks === 1 ? 'look' : `${failedLooks} looks`} failed` : '',
    openClaims === 0 ? 'no open claims' : `${count(openClaims, 'open claim')}, ${checked} checked`,
    unverified > 0 ? `${unverified} not to be checked` : '',
    openWindows > 0 ? `${count(openWindows, 'window')} running` : '',
    ownDisputes > 0 ? count(ownDisputes, 'dispute') : '',
    clocks.length > 0 ? `${count(clocks.length, 'move')} due${overdue > 0 ? `, ${overdue} late` : ''}` : '',
    pending > 0 ? `${count(pending, 'transaction')} on the way` : '',
    runs > 0 ? `${count(runs, 'run')} waiting or going on` : '',
    failures > 0 ? count(failures, 'failure') : '',
    next ? `next deadline in ${durationText(1000 * (next.at - now))}: ${next.what}` : 'no deadline ahead',
  ];
  const isBusy = clocks.length > 0 || pending > 0 || runs > 0;
  const state = blindMs > 0 ? `blind for ${durationText(blindMs)}` : isBusy ? 'busy' : 'idle';
  return `${state}: ${parts.filter((part) => part !== '').join(', ')}`;
}
