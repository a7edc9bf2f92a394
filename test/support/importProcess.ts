import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { Order, Outcome } from './importWorker.ts';

/** Limits of an import: processor time and heap. */
export const IMPORT_BOUNDS = { SECONDS: 10, HEAP_MEGABYTES: 1024 } as const;
/** Time after which an import counts as hung, with room for a busy machine. */
const HANG_SECONDS = 120;

/** Imports in a process of its own, started anew when it had to be ended. */
export class ImportProcess {
  #child: ChildProcess | undefined;

  /** @returns the outcome, or a crash that says how the process ended */
  run(order: Order): Promise<Outcome> {
    this.#child ??= fork(join(import.meta.dirname, 'importWorker.ts'), {
      execArgv: ['--import', 'tsx', `--max-old-space-size=${IMPORT_BOUNDS.HEAP_MEGABYTES}`],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const child = this.#child;
    return new Promise((resolve) => {
      const lost = (crash: string): void => {
        clearTimeout(timer);
        child.removeAllListeners();
        child.kill('SIGKILL');
        this.#child = undefined;
        resolve({ crash, seconds: Number.POSITIVE_INFINITY, megabytes: Number.POSITIVE_INFINITY });
      };
      const timer = setTimeout(() => lost(`not finished after ${HANG_SECONDS} seconds`), HANG_SECONDS * 1000);
      child.once('message', (outcome: Outcome) => {
        clearTimeout(timer);
        child.removeAllListeners();
        resolve(outcome);
      });
      child.once('exit', (code, signal) => lost(`the process ended (${code ?? signal}), out of memory?`));
      child.send(order);
    });
  }

  stop(): void {
    this.#child?.removeAllListeners();
    this.#child?.kill('SIGKILL');
    this.#child = undefined;
  }
}
