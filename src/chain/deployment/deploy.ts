import { AbiCoder, concat, type Signer } from 'ethers';
import { InferenceOracle__factory } from '#typechain';
import { submit } from '../actions/submit.ts';
import { type Contracts, connect } from '../contracts/contracts.ts';
import { type Address, ZERO_ADDRESS } from '../contracts/types.ts';
import type { Bounds } from './bounds.ts';
import { type Edition, WITH_CLZ } from './edition.ts';

export { type Bounds, SAFE_BOUNDS, TRIAL_BOUNDS } from './bounds.ts';

/** The contracts of a deployment, their bounds and their currency. */
export interface Plan {
  readonly edition: Edition;
  readonly bounds: Bounds;
  /** Token of fees and bonds; ether if left out. */
  readonly currency?: Address;
}

/** Creates a contract from its creation code and arguments. @returns its address */
export type Create = (name: string, initCode: string) => Promise<Address>;

/** The creation code of the oracle, its constructor's arguments included. */
export function oracleInitCode(
  { edition, bounds, currency = ZERO_ADDRESS }: Plan,
  registry: Address,
  referee: Address,
): string {
  const { inputs } = InferenceOracle__factory.createInterface().deploy;
  const args = AbiCoder.defaultAbiCoder().encode(inputs, [
    registry,
    referee,
    currency,
    bounds.min,
    bounds.max,
  ]);
  return concat([edition.oracle, args]);
}

/** Creates registry, referee, and the oracle, which creates its game. @returns the oracle's address */
export async function createAll(plan: Plan, create: Create): Promise<Address> {
  const registry = await create('registry', plan.edition.registry);
  const referee = await create('referee', plan.edition.referee);
  return create('oracle', oracleInitCode(plan, registry, referee));
}

/** Creates contracts from an account, at addresses that follow from its nonce. */
export const fromAccount =
  (signer: Signer): Create =>
  async (name, data) => {
    const { contractAddress } = await submit(signer, { data }, `deploying the ${name}`);
    if (!contractAddress) throw new Error(`the node does not say where the ${name} is`);
    return contractAddress;
  };

/**
 * Deploys the contracts anew, for tries on a chain that does not last; {@link release} is for one that does.
 *
 * @param currency of fees and bonds: a token's address, or zero for ether
 * @throws Refused, with a sentence, if the chain does not take one of them
 */
export const deploy = async (
  signer: Signer,
  bounds: Bounds,
  edition = WITH_CLZ,
  currency = ZERO_ADDRESS,
): Promise<Contracts> => connect(await createAll({ edition, bounds, currency }, fromAccount(signer)), signer);
