import { larger } from '../chain/bigints.ts';
import { type World, windowEnd } from '../chain/contracts/world.ts';

/** What is open on a model. */
export interface ModelNeed {
  /** Unix seconds: the end of the last window that runs. */
  readonly until: number;
  /** Greatest claim bond. */
  readonly stakeWei: bigint;
  /** The longest clock of the open disputes of one's own; 0 if there is none. */
  readonly clockSeconds: number;
}

/** The models on which a world shows claims that may be challenged, or open disputes of an account. */
export function modelNeeds(world: World, account: string | undefined): Map<string, ModelNeed> {
  const needs = new Map<string, ModelNeed>();
  const add = (modelId: string, need: ModelNeed): void => {
    const known = needs.get(modelId) ?? need;
    needs.set(modelId, {
      until: Math.max(known.until, need.until),
      stakeWei: larger(known.stakeWei, need.stakeWei),
      clockSeconds: Math.max(known.clockSeconds, need.clockSeconds),
    });
  };
  for (const claim of world.claims.values()) {
    const { modelId, terms } = claim.request.request;
    const until = windowEnd(claim);
    if (claim.status !== 'open' || until < world.block.timestamp) continue;
    add(modelId, { until: Number(until), stakeWei: terms.claimBondWei, clockSeconds: 0 });
  }
  for (const { challenger, claim, ended } of world.disputes.values()) {
    // Of a claim that another has falsified only the bond is left to be taken back, which takes no model.
    if (ended || claim.status !== 'open' || (challenger !== account && account !== undefined)) continue;
    const { modelId, terms } = claim.request.request;
    const clockSeconds = Number(terms.clockSeconds);
    // One who only looks needs the model for as long as the dispute may last, and pins nothing.
    const need =
      account === undefined
        ? { until: Number(world.block.timestamp) + 2 * clockSeconds, clockSeconds: 0 }
        : { until: 0, clockSeconds };
    add(modelId, { ...need, stakeWei: terms.claimBondWei });
  }
  return needs;
}
