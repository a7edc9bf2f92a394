import { followThroughFaults } from './followThroughFaults.ts';

/**
 * Follows random chains through nodes that answer wrongly.
 *
 * @returns whether what was shown was true at every look, and complete in the end, for every seed
 */
export async function followMany(seeds: number, first: number): Promise<boolean> {
  const wrong: number[] = [];
  let [looks, failed, events] = [0, 0, 0];
  for (let seed = first; seed < first + seeds; seed++) {
    try {
      const one = await followThroughFaults(seed);
      looks += one.looks;
      failed += one.failed;
      events += one.events;
    } catch (failure) {
      wrong.push(seed);
      console.error(`seed ${seed}:`, failure);
    }
  }
  console.log(`logs: ${JSON.stringify({ seeds, events, looks, withoutAnswer: failed, wrong })}`);
  return wrong.length === 0;
}
