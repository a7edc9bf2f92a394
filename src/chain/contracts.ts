import { getAddress, isError, type Provider, type Signer } from 'ethers';
import {
  type IDisputeGame,
  IDisputeGame__factory,
  type IInferenceOracle,
  IInferenceOracle__factory,
  type IModelRegistry,
  IModelRegistry__factory,
  type IReferee,
  IReferee__factory,
} from '#typechain';
import { INSTRUCTION_SET_VERSION } from '../scalar/instructions.ts';
import { fixedLeaf } from './fixedLeaf.ts';
import type { Address } from './types.ts';

/** One deployment of the protocol, as seen by one account (or by nobody: then it can only be read). */
export interface Contracts {
  readonly registry: IModelRegistry;
  readonly oracle: IInferenceOracle;
  readonly game: IDisputeGame;
  readonly referee: IReferee;
  /** Of fees and bonds: a token's address, or zero for ether. */
  readonly currency: Address;
  readonly provider: Provider;
  readonly signer: Signer | undefined;
}

export class DeploymentError extends Error {
  override name = 'DeploymentError';
}

/**
 * The contracts around an oracle: it leads to the others.
 *
 * @param oracle address of the InferenceOracle
 * @param runner an account on a node, or just the node
 * @throws DeploymentError if there is no oracle, if its contracts are for another version of the instruction set, or if
 *   its referee computes another word than this program
 */
export async function connect(oracle: Address, runner: Signer | Provider): Promise<Contracts> {
  const signer = 'signTransaction' in runner ? (runner as Signer) : undefined;
  const provider = signer ? signer.provider : (runner as Provider);
  if (!provider) throw new DeploymentError('the account is not connected to a node');
  const at = IInferenceOracle__factory.connect(getAddress(oracle), runner);
  if ((await provider.getCode(oracle)) === '0x') {
    throw new DeploymentError(`there is no contract at ${oracle} on this chain`);
  }
  const [registryAddress, gameAddress] = await Promise.all([at.registry(), at.game()]).catch(() => {
    throw new DeploymentError(`the contract at ${oracle} is not an InferenceOracle`);
  });
  const registry = IModelRegistry__factory.connect(registryAddress, runner);
  const game = IDisputeGame__factory.connect(gameAddress, runner);
  const referee = IReferee__factory.connect(await game.referee(), runner);
  await requireVersion(registry, oracle, 'registry');
  await requireVersion(referee, oracle, 'referee');
  await requireLeaf(referee, oracle);
  const currency = await at.currency();
  return { registry, oracle: at, game, referee, currency, provider, signer };
}

/** The data a contract returns, or undefined if it reverts. @throws the node's error if the call itself fails */
async function returned<T>(call: Promise<T>): Promise<T | undefined> {
  return call.catch((failure: unknown) => {
    if (isError(failure, 'CALL_EXCEPTION') || isError(failure, 'BAD_DATA')) return undefined;
    throw failure;
  });
}

async function requireVersion(
  contract: IModelRegistry | IReferee,
  oracle: Address,
  name: string,
): Promise<void> {
  const version = await returned(contract.version());
  if (version === BigInt(INSTRUCTION_SET_VERSION)) return;
  const found = version === undefined ? 'an unknown instruction set' : `instruction set ${version}`;
  throw new DeploymentError(
    `the ${name} of the oracle at ${oracle} is for ${found}, this program for ${INSTRUCTION_SET_VERSION}`,
  );
}

/** Runs one known leaf on the chain: a foreign referee, and one on a chain without its opcodes, fails here. */
async function requireLeaf(referee: IReferee, oracle: Address): Promise<void> {
  const { descriptor, element, from, to, accumulator, commitments, witness, word } = await fixedLeaf();
  const found = await returned(referee.run(descriptor, element, from, to, accumulator, commitments, witness));
  if (found === BigInt(word)) return;
  throw new DeploymentError(
    `the referee of the oracle at ${oracle} ${found === undefined ? 'cannot run' : 'gets another result for'} a leaf whose result is known; do not use this deployment`,
  );
}

/** The same contracts as seen by another account. */
export function as({ registry, oracle, game, referee, currency }: Contracts, signer: Signer): Contracts {
  if (!signer.provider) throw new DeploymentError('the account is not connected to a node');
  return {
    registry: registry.connect(signer),
    oracle: oracle.connect(signer),
    game: game.connect(signer),
    referee: referee.connect(signer),
    currency,
    provider: signer.provider,
    signer,
  };
}
