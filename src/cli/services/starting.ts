import type { Console } from '../console.ts';

let endStart = (): void => undefined;

/** Leaves SIGINT and SIGTERM to a service that has started. */
export const started = (): void => endStart();

/**
 * Runs a service. Until it calls {@link started} it has nothing in hand, so SIGINT and SIGTERM end the process at once, with
 * code 0.
 *
 * @throws whatever the work throws
 */
export async function starting(console: Console, work: () => Promise<void>): Promise<void> {
  const end = (name: NodeJS.Signals): void => {
    console.progress(undefined);
    console.err(`assay: ${name}: ended before it had started`);
    process.exit(0);
  };
  endStart = () => {
    process.off('SIGINT', end);
    process.off('SIGTERM', end);
  };
  process.on('SIGINT', end);
  process.on('SIGTERM', end);
  try {
    await work();
  } finally {
    started();
  }
}
