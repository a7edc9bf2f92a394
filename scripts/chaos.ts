// `npm run chaos [PROFILE…]`: the long forms of test/e2e/faults, crowd and killed, with their figures. Without a name, all.
import type { World } from '../src/chain/world.ts';
import { request } from '../src/client/client.ts';
import { provideService } from '../src/provider/provider.ts';
import { watchService } from '../src/watcher/watcher.ts';
import { seedsOfLies } from '../test/support/chaos/crowd.ts';
import { killAtRandom } from '../test/support/chaos/kills.ts';
import { DAY_TERMS, FAULT, playDisputes, playLies } from '../test/support/chaos/playCrowd.ts';
import { Rig } from '../test/support/chaos/rig.ts';
import { layersInput, liar } from '../test/support/layers.ts';
import { Random } from '../test/support/randomProgram.ts';
import { readFirst } from './chaos/firstRead.ts';
import { followMany } from './chaos/logs.ts';

const [PROVIDER, WATCHER, LIAR] = [1, 2, 4];

const count = (name: string, usual: number): number => Number(process.env[name] ?? usual);

const say = (profile: string, figures: object): void => console.log(`${profile}: ${JSON.stringify(figures)}`);

async function withRig(work: (rig: Rig) => Promise<void>, blockMs: number): Promise<void> {
  const rig = await Rig.start({ blockMs });
  try {
    await work(rig);
  } finally {
    await rig.stop();
  }
}

/** 1,000 disputes against one claim of one provider. */
const disputes = (): Promise<void> =>
  withRig(async (rig) => say('disputes', await playDisputes(rig, count('DISPUTES', 1000))), 1000);

/** 1,000 false claims at once against one watcher. */
const claims = (): Promise<void> =>
  withRig(async (rig) => say('claims', await playLies(rig, count('CLAIMS', 1000))), 1000);

/** Processes killed 200 times, on a node that fails now and then. */
const kills = (): Promise<void> =>
  withRig(async (rig) => {
    const random = new Random(1);
    rig.proxy.fault = () => (random.below(25) === 0 ? { status: 503 } : undefined);
    const figures = await killAtRandom(rig, random, {
      kills: count('KILLS', 200),
      longestMs: 4000,
      terms: DAY_TERMS,
    });
    say('kills', figures);
  }, 100);

/** Reorganisations of 1 to 64 blocks in the middle of disputes, transactions given back or lost. */
const reorganisations = async (): Promise<void> => {
  for (const givesBack of [true, false]) {
    await withRig(async (rig) => {
      const wrong = liar(rig.shelf, FAULT);
      const depths = [1, 2, 3, 5, 8, 13, 21, 34, 64];
      const seeds = await seedsOfLies(rig, wrong, depths.length);
      rig.run((listen) => provideService({ contracts: rig.at(LIAR), runner: wrong, listen }));
      rig.run((listen) => provideService({ contracts: rig.at(PROVIDER), runner: rig.shelf, listen }));
      rig.run((listen) => watchService({ contracts: rig.at(WATCHER), runner: rig.shelf, listen }));
      // The setup must lie deeper than the deepest reorganisation.
      while ((await rig.node.getBlockNumber()) < 80) await new Promise((resolve) => setTimeout(resolve, 200));
      for (const [i, depth] of depths.entries()) {
        const { requestId } = await request(
          rig.contracts,
          rig.modelId,
          layersInput(seeds[i]!),
          DAY_TERMS,
          0n,
        );
        const stage = i % 3;
        await rig.until(({ claims, disputes }) => {
          const made = [...claims.values()].filter((claim) => claim.request.requestId === requestId);
          const moved = [...disputes.values()].some(
            ({ claim, moves }) => claim.request.requestId === requestId && moves.length > 2,
          );
          return stage === 0 ? made.length > 0 : stage === 1 ? made.length > 1 : moved;
        });
        // The request itself may be reorganised away, and comes back only if it is given back.
        await rig.reorganise(depth, givesBack);
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
      const lies = ({ claims }: World) =>
        [...claims.values()].filter(({ claimant }) => claimant === rig.address(LIAR));
      const isOver = (world: World): boolean =>
        world.requests.size > 0 &&
        lies(world).length === world.requests.size &&
        lies(world).every(({ status }) => status === 'falsified');
      const world = await rig.until(isOver);
      const own = [...world.disputes.values()].filter(
        ({ challenger }) => challenger === rig.address(WATCHER),
      );
      say('reorganisations', {
        givesBack,
        depths,
        requests: world.requests.size,
        lies: lies(world).length,
        falsified: lies(world).filter(({ status }) => status === 'falsified').length,
        disputes: own.length,
        lost: own.filter(({ ended }) => ended && ended.winner !== rig.address(WATCHER)).length,
        rightClaimsLost: [...world.claims.values()].filter(
          ({ claimant, status }) => claimant === rig.address(PROVIDER) && status === 'falsified',
        ).length,
      });
    }, 100);
  }
};

/** A thousand random chains read through nodes that answer wrongly. */
const logs = async (): Promise<void> => {
  if (!(await followMany(count('SEEDS', 1000), count('FIRST', 1)))) process.exitCode = 1;
};

/** 100,000 requests in 10 million blocks, read for the first time and again after a restart, at 50 ms a call. */
const index = async (): Promise<void> => {
  const [requests, blocks] = [count('REQUESTS', 100_000), count('BLOCKS', 10_000_000)];
  say('index', await readFirst(requests, blocks, count('DELAY_MS', 50), count('RANGE', 2000)));
};

const PROFILES = { disputes, claims, kills, reorganisations, logs, index };

const named = process.argv.slice(2);
for (const [name, run] of Object.entries(PROFILES)) {
  if (named.length > 0 && !named.includes(name)) continue;
  const startedAt = Date.now();
  await run();
  console.log(`${name} took ${Math.round((Date.now() - startedAt) / 1000)} s`);
}
// Models and nodes that were left behind hold nothing that matters.
process.exit();
