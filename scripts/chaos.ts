// `npm run chaos [PROFILE…]`: the long forms of test/e2e/faults, crowd and killed, with their figures. Without a name, all.
import { DEEP_FAULT, deepModel } from '../test/support/chaos/deepModel.ts';
import { playDrains } from '../test/support/chaos/drains.ts';
import { playFees } from '../test/support/chaos/fees.ts';
import { readFirstAlone } from '../test/support/chaos/firstRead.ts';
import { followMany } from '../test/support/chaos/followMany.ts';
import { killAtRandom } from '../test/support/chaos/kills.ts';
import { DAY_TERMS, playDisputes, playLies } from '../test/support/chaos/playCrowd.ts';
import { playReorganisations } from '../test/support/chaos/reorganisations.ts';
import { Rig, type RigOptions } from '../test/support/chaos/rig.ts';
import { digitsModel, SOAK_BLOCK_SECONDS, soak as soakFor } from '../test/support/chaos/soak.ts';
import { soakExcess } from '../test/support/chaos/soakBounds.ts';
import { Random } from '../test/support/randomProgram.ts';

const count = (name: string, usual: number): number => Number(process.env[name] ?? usual);

const say = (profile: string, figures: object): void => console.log(`${profile}: ${JSON.stringify(figures)}`);

async function withRig(work: (rig: Rig) => Promise<void>, options: RigOptions): Promise<void> {
  const rig = await Rig.start(options);
  try {
    await work(rig);
  } finally {
    await rig.stop();
  }
}

/** So long that nothing becomes final, and is counted as over, in the middle of a profile. */
const LONG_TERMS = { ...DAY_TERMS, windowSeconds: 30n * 86_400n };

/** 1,000 disputes against one claim of one provider. */
const disputes = (): Promise<void> =>
  withRig(async (rig) => say('disputes', await playDisputes(rig, count('DISPUTES', 1000))), {
    blockMs: 1000,
  });

/** 1,000 false claims at once against one watcher. */
const claims = (): Promise<void> =>
  withRig(async (rig) => say('claims', await playLies(rig, count('CLAIMS', 1000))), { blockMs: 1000 });

/** Processes killed 200 times, on a node that fails now and then. */
const kills = (): Promise<void> =>
  withRig(
    async (rig) => {
      const random = new Random(1);
      rig.proxy.fault = () => (random.below(25) === 0 ? { status: 503 } : undefined);
      const chosen = { kills: count('KILLS', 200), longestMs: 4000, terms: LONG_TERMS };
      say('kills', await killAtRandom(rig, random, chosen));
    },
    { blockMs: 100 },
  );

/** Reorganisations of 1 to 64 blocks at every state of a dispute, transactions given back or lost. */
const reorganisations = async (): Promise<void> => {
  const depths = [1, 2, 3, 5, 8, 13, 21, 34, 64].slice(0, count('DEPTHS', 9));
  for (const givesBack of [true, false]) {
    // Anvil loses states that it moves to the disk, and a reorganisation to one of them leaves it without accounts.
    const kept = ['--prune-history', '300'];
    const options = { blockMs: 100, model: await deepModel(), arguments: kept };
    await withRig(async (rig) => {
      const chosen = { depths, givesBack, fault: DEEP_FAULT, terms: LONG_TERMS };
      const onReorganised = (depth: number, requests: number): void => say('depth', { depth, requests });
      say('reorganisations', await playReorganisations(rig, chosen, onReorganised));
    }, options);
  }
};

/** A thousand random chains read through nodes that answer wrongly. */
const logs = async (): Promise<void> => {
  if (!(await followMany(count('SEEDS', 1000), count('FIRST', 1)))) process.exitCode = 1;
};

/** 100,000 requests in 10 million blocks, read for the first time and again after a restart, at 50 ms a call. */
const index = async (): Promise<void> => {
  const [requests, blocks] = [count('REQUESTS', 100_000), count('BLOCKS', 10_000_000)];
  const chain = { requests, blocks, delayMs: count('DELAY_MS', 50), range: count('RANGE', 2000) };
  say('index', await readFirstAlone(chain));
};

/** Base fees that rise twentyfold and fall, a pool that forgets and takes no low tips, clocks of ten minutes. */
const fees = (): Promise<void> =>
  withRig(async (rig) => say('fees', await playFees(rig, count('REQUESTS', 40))), { blockMs: 300 });

/** Hostile requesters with more ether than their victims, of whom none may gain anything. */
const drains = async (): Promise<void> => {
  const found: string[] = [];
  const onFound = (sentence: string): void => {
    found.push(sentence);
    console.error(`drains: ${sentence}`);
  };
  say('drains', await playDrains(count('FIRST', 1), count('SEEDS', 500), onFound));
  if (found.length > 0) process.exitCode = 1;
};

/** Eight hours of chain time with faults and requests all the time; a block takes as long as all need to look at it. */
const soak = async (): Promise<void> =>
  withRig(
    async (rig) => {
      const onSample = (sample: object): void => say('sample', sample);
      const figures = await soakFor(rig, count('HOURS', 8), onSample);
      say('soak', figures);
      const excess = soakExcess(figures);
      for (const sentence of excess) console.error(`soak: ${sentence}`);
      if (excess.length > 0) process.exitCode = 1;
    },
    { blockSeconds: SOAK_BLOCK_SECONDS, model: await digitsModel() },
  );

const PROFILES = { disputes, claims, kills, reorganisations, logs, index, fees, drains, soak };

const named = process.argv.slice(2);
for (const [name, run] of Object.entries(PROFILES)) {
  if (named.length > 0 && !named.includes(name)) continue;
  const startedAt = Date.now();
  await run();
  console.log(`${name} took ${Math.round((Date.now() - startedAt) / 1000)} s`);
}
// Models and nodes that were left behind hold nothing that matters.
process.exit();
