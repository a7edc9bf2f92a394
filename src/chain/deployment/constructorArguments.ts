import type { Result } from 'ethers';
import { InferenceOracle__factory } from '#typechain';
import type { Contracts } from '../contracts/contracts.ts';
import type { Address } from '../contracts/types.ts';

/** A contract of a deployment, and what its constructor was given. */
export interface Constructed {
  readonly name: 'ModelRegistry' | 'Referee' | 'InferenceOracle' | 'DisputeGame';
  readonly address: Address;
  readonly args: readonly unknown[];
}

/** Reads from the chain what the contracts were constructed with, as explorers want it to compare the code. */
export async function constructorArguments(contracts: Contracts): Promise<Constructed[]> {
  const { oracle, game, registry, referee } = contracts;
  const [atOracle, atGame, atRegistry, atReferee] = (await Promise.all(
    [oracle, game, registry, referee].map((one) => one.getAddress()),
  )) as [Address, Address, Address, Address];
  const { min, max } = await oracle.bounds();
  const bounds = [min, max].map((side) => (side as unknown as Result).toObject());
  const known: Readonly<Record<string, unknown>> = {
    registry_: atRegistry,
    referee_: atReferee,
    currency_: contracts.currency,
    min: bounds[0],
    max: bounds[1],
  };
  const { inputs } = InferenceOracle__factory.createInterface().deploy;
  return [
    { name: 'ModelRegistry', address: atRegistry, args: [] },
    { name: 'Referee', address: atReferee, args: [] },
    { name: 'InferenceOracle', address: atOracle, args: inputs.map(({ name }) => known[name]) },
    { name: 'DisputeGame', address: atGame, args: [atOracle, atRegistry, atReferee] },
  ];
}
