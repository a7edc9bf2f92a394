// Two crowds, played to their end: disputes on one right claim, and false claims, with clocks of a day.
import { parseEther } from 'ethers';
import type { Terms } from '../../../src/chain/contracts/types.ts';
import type { World } from '../../../src/chain/contracts/world.ts';
import { provideService } from '../../../src/provider/provider.ts';
import { watchService } from '../../../src/watcher/watcher.ts';
import { liar } from '../layers.ts';
import { TERMS } from '../protocol.ts';
import {
  askMany,
  type CrowdFigures,
  challengeMany,
  claimAll,
  figuresOf,
  moveAll,
  seedsOfLies,
} from './crowd.ts';
import type { Rig } from './rig.ts';

const [REQUESTER, PROVIDER, WATCHER, ADVERSARY] = [3, 1, 2, 5];
export const FAULT = { node: 2, element: 5, step: 7, xor: 0x00400000 };
const DAY = 86_400n;

export const DAY_TERMS: Terms = {
  ...TERMS,
  ...{ claimBondWei: parseEther('0.1'), challengeBondWei: parseEther('0.05') },
  ...{ windowSeconds: DAY, clockSeconds: DAY, patienceSeconds: DAY },
};

/** Opens disputes on one claim of a provider, until it has answered all that it can be asked. */
export async function playDisputes(rig: Rig, count: number): Promise<CrowdFigures> {
  await askMany(rig, REQUESTER, [1], DAY_TERMS);
  rig.run((listen) => provideService({ contracts: rig.at(PROVIDER), runner: rig.shelf, listen }));
  await rig.until(({ claims }) => claims.size === 1);
  await challengeMany(rig, ADVERSARY, count);
  const wrong = liar(rig.shelf, FAULT);
  // The adversary can prove nothing, so in its last phase it lets its clock run.
  const isAnswered = ({ disputes }: World): boolean =>
    disputes.size >= count &&
    [...disputes.values()].every(({ view }) => ['Interval', 'Element'].includes(view.position.phase));
  for (let world = await rig.world(); !isAnswered(world); world = await rig.world()) {
    await moveAll(rig, world, wrong, ADVERSARY, false);
  }
  return figuresOf(rig, PROVIDER, true);
}

/** Makes false claims, until a watcher has falsified all of them. */
export async function playLies(rig: Rig, count: number): Promise<CrowdFigures> {
  const wrong = liar(rig.shelf, FAULT);
  await askMany(rig, REQUESTER, await seedsOfLies(rig, wrong, count), DAY_TERMS);
  await claimAll(rig, ADVERSARY, wrong);
  rig.run((listen) => watchService({ contracts: rig.at(WATCHER), runner: rig.shelf, listen }));
  const isOver = ({ claims }: World): boolean =>
    [...claims.values()].every(({ status }) => status === 'falsified');
  for (let world = await rig.world(); !isOver(world); world = await rig.world()) {
    await moveAll(rig, world, wrong, ADVERSARY, true);
  }
  return figuresOf(rig, WATCHER, false);
}
