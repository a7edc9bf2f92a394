// Reorganisations at every state of a dispute, from the request on.

import type { Terms } from '../../../src/chain/contracts/types.ts';
import type { World } from '../../../src/chain/contracts/world.ts';
import { provideService } from '../../../src/provider/provider.ts';
import type { Fault } from '../../../src/trace/fault.ts';
import { watchService } from '../../../src/watcher/watcher.ts';
import { liar } from '../layers.ts';
import { askMany, seedsOfLies } from './crowd.ts';
import type { Rig } from './rig.ts';
import { type HonestFigures, honestFigures, isSettled } from './tally.ts';

const [PROVIDER, WATCHER, REQUESTER, LIAR] = [1, 2, 3, 4];
/** Blocks after which a state that was not reached counts as missed. */
const PATIENCE_BLOCKS = 1000;

export interface ReorganisationFigures extends HonestFigures {
  readonly givesBack: boolean;
  /** In each of which a dispute was, at a reorganisation of each depth. */
  readonly states: readonly string[];
  readonly depths: readonly number[];
  readonly reorganisations: number;
}

/** Where the case of one request stands: before its first dispute, in a phase of that, or after it. */
function stateIn(world: World, requestId: bigint, rig: Rig): string {
  const lies = world.claimsOn(requestId).filter(({ claimant }) => claimant === rig.address(LIAR));
  const disputes = lies.flatMap(({ claimId }) => world.disputesOn(claimId));
  const running = disputes.find(({ ended }) => !ended);
  if (running) return running.view.position.phase;
  if (disputes.length > 0) return 'falsified';
  return lies.length > 0 ? 'claimed' : 'asked';
}

/**
 * Starts a dispute a block, and takes blocks away where disputes are in many states: at each depth until one was in every
 * state. The requests themselves are older than the deepest reorganisation.
 *
 * @param fault of the liar
 * @param givesBack whether the transactions of these blocks are in the pool again
 * @param onReorganised is told of each depth, with how many requests there were until then
 */
export async function playReorganisations(
  rig: Rig,
  chosen: { depths: readonly number[]; givesBack: boolean; fault: Fault; terms: Terms },
  onReorganised: (depth: number, requests: number) => void = () => undefined,
): Promise<ReorganisationFigures> {
  const { depths, givesBack, fault, terms } = chosen;
  const wrong = liar(rig.shelf, fault);
  let newest = 0n;
  const accepts = ({ requestId }: { requestId: bigint }): boolean => requestId <= newest;
  rig.run((listen) => provideService({ contracts: rig.at(LIAR), runner: wrong, accepts, listen }));
  rig.run((listen) => provideService({ contracts: rig.at(PROVIDER), runner: rig.shelf, accepts, listen }));
  rig.run((listen) => watchService({ contracts: rig.at(WATCHER), runner: rig.shelf, listen }));

  /** Goes block by block, so that no state passes unseen, until a look says that it has seen enough. */
  const follow = async (look: (states: ReadonlySet<string>) => boolean | Promise<boolean>): Promise<void> => {
    rig.mine(false);
    for (let blocks = 0; blocks < PATIENCE_BLOCKS; blocks++) {
      // After a deep reorganisation anvil may know nothing of its newest block for a moment.
      const world = await rig.world().catch(() => undefined);
      const states = new Set<string>();
      for (let id = 1n; world && id <= newest; id++) states.add(stateIn(world, id, rig));
      if (world && (await look(states))) return;
      await rig.step();
    }
    throw new Error(`no dispute in every state within ${PATIENCE_BLOCKS} blocks`);
  };
  let asked = 0;
  const ask = async (requests: number): Promise<void> => {
    rig.mine(true);
    const seeds = await seedsOfLies(rig, wrong, asked + requests);
    await askMany(rig, REQUESTER, seeds.slice(asked), terms);
    asked += requests;
    rig.mine(false);
    for (let block = 0; block < Math.max(...depths); block++) await rig.rpc('evm_mine');
  };

  await ask(1);
  newest++;
  let reorganisations = 0;
  const states: string[] = [];
  await follow((now) => {
    for (const state of now) if (!states.includes(state)) states.push(state);
    return now.has('falsified');
  });
  for (const depth of depths) {
    const missing = new Set(states);
    while (missing.size > 0) {
      let waited = 0;
      let seen: ReadonlySet<string> = new Set();
      await follow(async (now) => {
        seen = now;
        const there = [...missing].filter((state) => now.has(state)).length;
        if (there === missing.size || (there > 0 && waited >= 2 * states.length)) return true;
        waited++;
        if (Number(newest) === asked) await ask(states.length);
        newest++;
        return false;
      });
      await rig.reorganise(depth, givesBack);
      reorganisations++;
      for (const state of seen) missing.delete(state);
    }
    onReorganised(depth, Number(newest));
  }
  // What was asked in advance and not needed is answered as well.
  newest = BigInt(asked);
  rig.mine(true);
  const honest = { provider: PROVIDER, watcher: WATCHER };
  await rig.until(isSettled(rig, honest, { requests: asked, lies: asked, answered: asked }));
  return { givesBack, states, depths, reorganisations, ...(await honestFigures(rig, honest)) };
}
