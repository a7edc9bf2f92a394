import { performance } from 'node:perf_hooks';

/** Runs a second, of runs one after the other for so long. */
export async function rateOf(run: () => Promise<unknown>, ms: number): Promise<number> {
  const start = performance.now();
  let runs = 0;
  let end = start;
  while (end - start < ms) {
    await run();
    runs++;
    end = performance.now();
  }
  return (1000 * runs) / (end - start);
}
