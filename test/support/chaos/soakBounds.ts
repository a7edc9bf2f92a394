// Limits that a soak keeps, or fails.
import type { SoakFigures } from './soak.ts';

/** What a process may hold more in the last quarter than in the second, of which the first is no part: it fills caches. */
export const MOST_GROWTH = 0.1;

/** Write-ahead logs of SQLite grow to 4 MB before they are used again, and there are two, with what they belong to. */
const FREE_FILE_MEGABYTES = 16;

const GROWTHS = {
  providerMegabytes: 'memory of the provider',
  watcherMegabytes: 'memory of the watcher',
  files: 'files in the data folders',
  fileMegabytes: 'bytes in the data folders',
} as const;

const NONE = {
  wrongAnswers: 'final answers that are wrong',
  finalLies: 'lies that became final',
  lostClaims: 'claims that the honest provider lost',
  lostDisputes: 'disputes that the honest watcher lost',
  doubleChallenges: 'challenges of what was challenged already',
  twice: 'calls that were sent twice',
} as const;

const keysOf = <T extends object>(table: T): (keyof T)[] => Object.keys(table) as (keyof T)[];
const percent = (share: number): string => `${Math.round(1000 * share) / 10} %`;

/** @returns each limit that was not kept, in a sentence */
export function soakExcess(figures: SoakFigures): string[] {
  const { growth, last, ended, requests, answered, lies, falsifiedLies } = figures;
  const excess: string[] = [];
  for (const key of keysOf(GROWTHS)) {
    // What is no number was not measured.
    if (!(growth[key] > MOST_GROWTH)) continue;
    if (key === 'fileMegabytes' && last.fileMegabytes <= FREE_FILE_MEGABYTES) continue;
    excess.push(`${GROWTHS[key]}: ${percent(growth[key])} more than before, ${percent(MOST_GROWTH)} at most`);
  }
  for (const key of keysOf(NONE)) if (figures[key] !== 0) excess.push(`${NONE[key]}: ${figures[key]}`);
  if (answered !== requests) excess.push(`requests without a final answer: ${requests - answered}`);
  if (falsifiedLies !== lies) excess.push(`lies that were not falsified: ${lies - falsifiedLies}`);
  for (const code of ended) if (code !== 0) excess.push(`a service ended with ${code} when it was told to`);
  return excess;
}
