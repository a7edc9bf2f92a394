import { parseEther, type Signer } from 'ethers';
import { InferenceOracle__factory, ModelRegistry__factory, Referee__factory } from '#typechain';
import { type Contracts, connect } from './contracts.ts';
import type { Terms } from './types.ts';

/** What requesters may choose between. */
export interface Bounds {
  readonly min: Terms;
  readonly max: Terms;
}

const HOUR = 3600n;
const DAY = 24n * HOUR;

/**
 * Bounds for a chain with money in it. Window and clocks outlast a day of censorship; a claim is final after at most
 * the window and both clocks.
 */
export const SAFE_BOUNDS: Bounds = {
  min: {
    claimBondWei: parseEther('0.01'),
    challengeBondWei: parseEther('0.005'),
    windowSeconds: DAY,
    clockSeconds: DAY,
    callbackGas: 0n,
    patienceSeconds: HOUR,
  },
  max: {
    claimBondWei: parseEther('10000'),
    challengeBondWei: parseEther('10000'),
    windowSeconds: 30n * DAY,
    clockSeconds: 30n * DAY,
    callbackGas: 5_000_000n,
    patienceSeconds: 365n * DAY,
  },
};

/** Bounds for tries on a development chain, where nobody can censor and nobody wants to wait. */
export const TRIAL_BOUNDS: Bounds = {
  min: { ...SAFE_BOUNDS.min, windowSeconds: 1n, clockSeconds: 1n, patienceSeconds: 1n },
  max: SAFE_BOUNDS.max,
};

/** Deploys registry, referee, and the oracle, which deploys its game. */
export async function deploy(signer: Signer, { min, max }: Bounds): Promise<Contracts> {
  const registry = await new ModelRegistry__factory(signer).deploy();
  const referee = await new Referee__factory(signer).deploy();
  await Promise.all([registry.waitForDeployment(), referee.waitForDeployment()]);
  const oracle = await new InferenceOracle__factory(signer).deploy(
    await registry.getAddress(),
    await referee.getAddress(),
    min,
    max,
  );
  await oracle.waitForDeployment();
  return connect(await oracle.getAddress(), signer);
}
