import { getAddress, type Provider, type Signer } from 'ethers';
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
import type { Address } from './types.ts';

/** One deployment of the protocol, as seen by one account (or by nobody: then it can only be read). */
export interface Contracts {
  readonly registry: IModelRegistry;
  readonly oracle: IInferenceOracle;
  readonly game: IDisputeGame;
  readonly referee: IReferee;
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
 * @throws DeploymentError if there is no oracle, or it speaks another version of the instruction set
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
  const version = Number(await registry.version());
  if (version !== INSTRUCTION_SET_VERSION) {
    throw new DeploymentError(
      `the contracts at ${oracle} are for instruction set ${version}, this is ${INSTRUCTION_SET_VERSION}`,
    );
  }
  const referee = IReferee__factory.connect(await game.referee(), runner);
  return { registry, oracle: at, game, referee, provider, signer };
}

/** The same contracts as seen by another account. */
export function as({ registry, oracle, game, referee }: Contracts, signer: Signer): Contracts {
  if (!signer.provider) throw new DeploymentError('the account is not connected to a node');
  return {
    registry: registry.connect(signer),
    oracle: oracle.connect(signer),
    game: game.connect(signer),
    referee: referee.connect(signer),
    provider: signer.provider,
    signer,
  };
}
