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
import { INSTRUCTION_SET_VERSION } from '../../scalar/instructions.ts';
import { isKnown } from './code.ts';
import { DeploymentError } from './deploymentError.ts';
import { fixedLeaf } from './fixedLeaf.ts';
import { KNOWN_CODE } from './knownCode.ts';
import type { Address } from './types.ts';

/** One deployment of the protocol, as seen by one account (or by nobody: then it can only be read). */
export interface Contracts {
  readonly registry: IModelRegistry;
  readonly oracle: IInferenceOracle;
  readonly game: IDisputeGame;
  readonly referee: IReferee;
  /** Token of fees and bonds; the zero address for ether. */
  readonly currency: Address;
  readonly provider: Provider;
  readonly signer: Signer | undefined;
}

export { DeploymentError };

/**
 * Connects to the contracts of a deployment, and checks them. The oracle leads to the others.
 *
 * @param oracle address of the InferenceOracle
 * @param runner an account on a node, or just the node: then nothing can be sent
 * @throws DeploymentError if there is no oracle, if its contracts are for another version of the instruction set, if its
 *   referee computes another word than this program, or if one of them has other code than those of this release
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
  await requireCode({ oracle: at, game, registry, referee }, provider);
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

/**
 * RULE: no contract is trusted for what it answers. A referee that is right about the known leaf, or a game that names a
 * good referee and asks another, could still decide every dispute as its author likes.
 */
async function requireCode(
  contracts: Pick<Contracts, 'oracle' | 'game' | 'registry' | 'referee'>,
  provider: Provider,
): Promise<void> {
  const { oracle, game, registry } = contracts;
  const address = await oracle.getAddress();
  for (const part of ['oracle', 'game', 'registry', 'referee'] as const) {
    const code = await provider.getCode(await contracts[part].getAddress());
    if (isKnown(code, KNOWN_CODE[part])) continue;
    throw new DeploymentError(
      `the ${part} of the deployment at ${address} has other code than that of this release; do not use it`,
    );
  }
  const [named, models] = await Promise.all([game.oracle(), game.registry()]);
  if (named === address && models === (await registry.getAddress())) return;
  throw new DeploymentError(
    `the game of the oracle at ${address} belongs to another deployment; do not use it`,
  );
}

/** The account that sends. @throws DeploymentError if the contracts were opened for reading only */
export function signerOf({ signer }: Contracts): Signer {
  if (!signer)
    throw new DeploymentError('sending takes an account; these contracts were opened for reading only');
  return signer;
}

/** The same contracts as seen by another account. @throws DeploymentError if that is not connected to a node */
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
