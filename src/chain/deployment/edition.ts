import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Provider } from 'ethers';
import { InferenceOracle__factory, ModelRegistry__factory, Referee__factory } from '#typechain';
import { packageRoot } from '../../files/packageRoot.ts';
import { DeploymentError } from '../contracts/deploymentError.ts';
import { isUnanswered } from '../endpoints/failures.ts';

/** The creation code of all contracts, compiled for one kind of chain; constructor arguments come after it. */
export interface Edition {
  /** Whether it uses the opcode CLZ (EIP-7939, from Osaka on). */
  readonly clz: boolean;
  readonly registry: string;
  readonly referee: string;
  readonly oracle: string;
}

export const WITH_CLZ: Edition = {
  clz: true,
  registry: ModelRegistry__factory.bytecode,
  referee: Referee__factory.bytecode,
  oracle: InferenceOracle__factory.bytecode,
};

const COMPILED = join(packageRoot, 'build', 'withoutClz', 'artifacts', 'contracts');

/**
 * The same contracts without CLZ, whose work plain operations do.
 *
 * @throws DeploymentError if they are not compiled
 */
export function withoutClz(): Edition {
  const bytecode = (name: string): string => {
    const artifact = join(COMPILED, `${name}.sol`, `${name}.json`);
    if (!existsSync(artifact)) {
      throw new DeploymentError(
        'the contracts without CLZ are not compiled yet; run `npm run compile` in the project once',
      );
    }
    return (JSON.parse(readFileSync(artifact, 'utf8')) as { bytecode: string }).bytecode;
  };
  return {
    clz: false,
    registry: bytecode('ModelRegistry'),
    referee: bytecode('Referee'),
    oracle: bytecode('InferenceOracle'),
  };
}

/** Init code that returns the word 255: MSTORE(0, 255), RETURN(0, 32). */
const CONSTANT = '0x60ff60005260206000f3';
/** The same word as CLZ(1). */
const COUNTED = '0x60011e60005260206000f3';
const WORD_255 = 255n;

/** Whether the node runs init code to the word 255. @throws what the connection fails with */
async function yields255(provider: Provider, data: string): Promise<boolean> {
  try {
    const answer = await provider.call({ data });
    return answer !== '0x' && BigInt(answer) === WORD_255;
  } catch (failure) {
    if (isUnanswered(failure)) throw failure;
    return false;
  }
}

/**
 * Whether the chain has the opcode CLZ: a call runs it, which costs nothing.
 *
 * @throws DeploymentError if the node runs no such call at all, so that nothing can be told
 */
export async function hasClz(provider: Provider): Promise<boolean> {
  if (await yields255(provider, COUNTED)) return true;
  // An unknown opcode and a node that refuses such calls look the same, but for this.
  if (await yields255(provider, CONSTANT)) return false;
  throw new DeploymentError(
    'the node does not run creation code in eth_call, so its opcodes cannot be told; use another node',
  );
}

/** The edition for a chain. */
export const editionFor = async (provider: Provider): Promise<Edition> =>
  (await hasClz(provider)) ? WITH_CLZ : withoutClz();
