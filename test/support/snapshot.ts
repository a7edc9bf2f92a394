// Committed measurements: a table of names and numbers in test/snapshots, compared or rewritten.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

export type Measurements = Readonly<Record<string, number>>;

export function readSnapshot(file: string): Measurements {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
}

export function writeSnapshot(file: string, measured: Measurements): void {
  const sorted = Object.fromEntries(
    Object.entries(measured).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)),
  );
  writeFileSync(file, `${JSON.stringify(sorted, null, 2)}\n`);
}

/** One line for each name whose number is not the committed one. */
export function differences(committed: Measurements, measured: Measurements): string[] {
  const names = [...new Set([...Object.keys(committed), ...Object.keys(measured)])].sort();
  return names
    .filter((name) => committed[name] !== measured[name])
    .map((name) => `${name}: ${committed[name] ?? 'absent'} → ${measured[name] ?? 'absent'}`);
}
