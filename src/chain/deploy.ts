import { type ContractDeployTransaction, parseEther, type Signer } from 'ethers';
import { InferenceOracle__factory, ModelRegistry__factory, Referee__factory } from '#typechain';
import { type Contracts, connect } from './contracts.ts';
import { submit } from './submit.ts';
import type { Address, Terms } from './types.ts';

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

/** @returns address of the contract that the transaction creates */
async function create(
  signer: Signer,
  transaction: Promise<ContractDeployTransaction>,
  what: string,
): Promise<Address> {
  const { contractAddress } = await submit(signer, transaction, `deploying the ${what}`);
  if (!contractAddress) throw new Error(`the node does not say where the ${what} is`);
  return contractAddress;
}

/**
 * Deploys registry, referee, and the oracle, which deploys its game.
 *
 * @throws Refused, with a sentence, if the chain does not take one of them
 */
export async function deploy(signer: Signer, { min, max }: Bounds): Promise<Contracts> {
  const registry = await create(signer, new ModelRegistry__factory().getDeployTransaction(), 'registry');
  const referee = await create(signer, new Referee__factory().getDeployTransaction(), 'referee');
  const oracle = new InferenceOracle__factory().getDeployTransaction(registry, referee, min, max);
  return connect(await create(signer, oracle, 'oracle'), signer);
}
