import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { WeightForm } from '../../../src/text/options.ts';

/**
 * The first run of a process, after its model was opened, and later ones, on one thread and by the processor time of that
 * thread. A first run meets code that V8 has not compiled yet, and pages of memory that nobody has touched.
 */
export interface FirstRun {
  readonly firstMs: number;
  /** The median of later runs. */
  readonly laterMs: number;
}

/** The work to time: one run of a model, one pass that checks a text, or writing a whole text token by token. */
export type FirstRunWork =
  | { readonly kind: 'model'; readonly name: string }
  | { readonly kind: 'check' | 'write'; readonly name: string; readonly form: WeightForm };

/** Times a first run in several processes, one after the other. @returns that with the median ratio */
export async function firstRunOf(work: FirstRunWork, processes: number): Promise<FirstRun> {
  const found: FirstRun[] = [];
  for (let i = 0; i < processes; i++) found.push(await inProcess(work));
  found.sort((a, b) => timesAsLong(a) - timesAsLong(b));
  return found[Math.floor((processes - 1) / 2)]!;
}

/** The time of the first run divided by that of a later one. */
export const timesAsLong = ({ firstMs, laterMs }: FirstRun): number => firstMs / laterMs;

function inProcess(work: FirstRunWork): Promise<FirstRun> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL('firstRunProcess.ts', import.meta.url)), [JSON.stringify(work)]);
    child.once('message', (found) => resolve(found as FirstRun));
    child.once('error', reject);
    child.once('exit', (code) =>
      reject(new Error(`a process ended with ${code} before its first run was timed`)),
    );
  });
}
