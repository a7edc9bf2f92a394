import { followThroughFaults } from '../../support/chaos/followThroughFaults.ts';

/** `npm run chaos -- logs` follows a thousand. */
const SEEDS = 20;

describe('an index behind a node that answers wrongly', () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    it(`attack 47: shows what is true at every look, and all of it in the end; seed ${seed}`, async () => {
      await followThroughFaults(seed);
    });
  }
});
