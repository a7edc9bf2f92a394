// Disputes with clocks of minutes, while fees rise, the pool forgets and takes no low tips.
import { Transaction } from 'ethers';
import type { Terms } from '../../../src/chain/contracts/types.ts';
import type { World } from '../../../src/chain/contracts/world.ts';
import { challengeGas, sideGas } from '../../../src/chain/money/gas.ts';
import { DEFAULT_MAX_FEE_WEI } from '../../../src/chain/transactions/prices.ts';
import { provideService } from '../../../src/provider/provider.ts';
import { watchService } from '../../../src/watcher/watcher.ts';
import { liar } from '../layers.ts';
import { TERMS } from '../protocol.ts';
import { Random } from '../randomProgram.ts';
import { askMany, leastClockLeft, seedsOfLies } from './crowd.ts';
import { FAULT } from './playCrowd.ts';
import type { Rig } from './rig.ts';
import { type HonestFigures, honestFigures, isSettled } from './tally.ts';

const [PROVIDER, WATCHER, REQUESTER, LIAR, ERRING] = [1, 2, 3, 4, 6];
const GWEI = 10n ** 9n;

/** Minutes: fifty blocks for all moves of one side. */
const CLOCK_SECONDS = 600n;
const FEE_TERMS: Terms = { ...TERMS, windowSeconds: 86_400n, clockSeconds: CLOCK_SECONDS };

/** Blocks with more fees: rising by an eighth each as full blocks do, staying, and falling. */
const [RISE, STAY] = [26, 40];
const [LOW_GWEI, HIGH_GWEI] = [1, 20];
const LEAST_TIP_WEI = 3n * GWEI;
/** Share of blocks before which the pool forgets everything, in percent. */
const FORGETS = 25;

export interface FeeFigures extends HonestFigures {
  /** The least share of its clock that each honest side had left, after its last move. */
  readonly watcherClockLeft: number;
  readonly providerClockLeft: number;
  readonly highestBaseFeeGwei: number;
  /** The highest price that an honest side ever offered, and the ceiling. */
  readonly highestOfferGwei: number;
  readonly ceilingGwei: number;
  /** Costs of the honest sides by what they keep for the same disputes, at the ceiling. */
  readonly shareOfReserve: number;
  readonly timesForgotten: number;
  readonly timesRefused: number;
}

/** The base fee of the n-th block. */
function baseFeeGwei(block: number): number {
  const at = block % (2 * RISE + STAY);
  const steps = at < RISE ? at : Math.max(0, Math.min(RISE, 2 * RISE + STAY - at));
  return Math.min(HIGH_GWEI, LOW_GWEI * 1.125 ** steps);
}

/** @param requests each with a false claim that is challenged, and a right one that is challenged too */
export async function playFees(rig: Rig, requests: number): Promise<FeeFigures> {
  const random = new Random(1);
  const wrong = liar(rig.shelf, FAULT);
  let [block, timesForgotten, timesRefused] = [0, 0, 0];
  rig.proxy.fault = ({ method, params: [raw] }) => {
    if (method !== 'eth_sendRawTransaction' || block < RISE / 2) return undefined;
    if (Transaction.from(raw as string).maxPriorityFeePerGas! >= LEAST_TIP_WEI) return undefined;
    timesRefused++;
    return { error: 'transaction underpriced' };
  };
  await askMany(rig, REQUESTER, await seedsOfLies(rig, wrong, requests), FEE_TERMS);
  const [provider, watcher] = [await rig.behindProxy(PROVIDER), await rig.behindProxy(WATCHER)];
  rig.run((listen) => provideService({ contracts: rig.at(LIAR), runner: wrong, listen }));
  rig.run((listen) => watchService({ contracts: rig.at(ERRING), runner: wrong, listen }));
  rig.run((listen) => provideService({ contracts: provider, runner: rig.shelf, listen }));
  rig.run((listen) => watchService({ contracts: watcher, runner: rig.shelf, listen }));
  const honest = { provider: PROVIDER, watcher: WATCHER };
  const isSettledNow = isSettled(rig, honest, { requests, answered: requests, lies: requests });
  // The erring challenger can prove nothing, so the clock ends its disputes, and it challenges again until it gives up.
  const isOver = (world: World): boolean => {
    const lost = [...world.disputes.values()].filter(
      ({ challenger, ended }) => challenger === rig.address(ERRING) && ended,
    );
    return isSettledNow(world) && new Set(lost.map(({ claim }) => claim.claimId)).size === requests;
  };
  rig.mine(false);
  for (; !isOver(await rig.world()); block++) {
    const feeWei = BigInt(Math.round(baseFeeGwei(block) * 1e9));
    await rig.rpc('anvil_setNextBlockBaseFeePerGas', `0x${feeWei.toString(16)}`);
    if (random.chance(FORGETS)) {
      await rig.rpc('anvil_dropAllTransactions');
      timesForgotten++;
    }
    await rig.step();
  }
  const figures = await honestFigures(rig, honest);
  const offers = rig.proxy.sent.map((raw) => Transaction.from(raw).maxFeePerGas ?? 0n);
  const sent = [...(await rig.transactions(PROVIDER)), ...(await rig.transactions(WATCHER))];
  const costWei = sent.reduce((sum, one) => sum + one.costWei, 0n);
  const model = rig.shelf.model(rig.modelId);
  const keptGas = BigInt(requests) * (challengeGas(model) + sideGas(model, 'claimant'));
  return {
    ...figures,
    watcherClockLeft: await leastClockLeft(rig, WATCHER, 'challenger'),
    providerClockLeft: await leastClockLeft(rig, PROVIDER, 'claimant'),
    highestBaseFeeGwei: Math.max(...Array.from({ length: block }, (_, i) => baseFeeGwei(i))),
    highestOfferGwei: Math.max(...offers.map((wei) => Number(wei) / 1e9)),
    ceilingGwei: Number(DEFAULT_MAX_FEE_WEI / GWEI),
    shareOfReserve: Number((1000n * costWei) / (keptGas * DEFAULT_MAX_FEE_WEI)) / 1000,
    timesForgotten,
    timesRefused,
  };
}
