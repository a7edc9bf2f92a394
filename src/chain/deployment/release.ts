import type { Provider, Signer } from 'ethers';
import { hasPending, submit } from '../actions/submit.ts';
import { type Contracts, connect, DeploymentError } from '../contracts/contracts.ts';
import type { Address } from '../contracts/types.ts';
import { addressOfCreation, CREATE_X, creation, hasCreateX } from './createX.ts';
import { type Create, createAll, fromAccount, type Plan } from './deploy.ts';

/** A progress report of a deployment. */
export interface ReleaseListener {
  /** A contract will be at this address, before it is looked for there. */
  onAddress?(name: string, address: Address): void;
  onStep?(sentence: string): void;
}

export interface ReleaseOptions extends ReleaseListener {
  /** Blocks that a transaction must be in or below before it counts; 1 for mined. */
  readonly confirmations: number;
}

export interface Released {
  readonly contracts: Contracts;
  /** Whether the addresses are the same on every chain. */
  readonly sameEverywhere: boolean;
  /** Names of the contracts that this call created; the others were there. */
  readonly created: readonly string[];
}

/** Ids of development chains: nothing on them lasts, so they need no factory. */
const DEVELOPMENT: ReadonlySet<bigint> = new Set([31337n, 1337n]);

/**
 * Where {@link release} will have the oracle, without sending anything.
 *
 * @returns undefined on a chain without CreateX, where each release has an address of its own
 */
export async function releaseAddress(plan: Plan, provider: Provider): Promise<Address | undefined> {
  if (!(await hasCreateX(provider))) return undefined;
  return createAll(plan, async (_name, initCode) => addressOfCreation(initCode));
}

/** Pause between two looks at the chain, ms. */
const REST_MS = 1000;
const rest = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, REST_MS));

/** A transaction of an earlier, killed run would otherwise be sent a second time. */
const PENDING_LOOKS = 300;

async function untilNothingPends(signer: Signer, { onStep }: ReleaseListener): Promise<void> {
  const address = await signer.getAddress();
  const provider = providerOf(signer);
  for (let look = 0; await hasPending(provider, address); look++) {
    if (look === 0) onStep?.('waiting for an earlier transaction of this account');
    if (look === PENDING_LOOKS) {
      throw new DeploymentError(
        `a transaction of ${address} has been pending for ${PENDING_LOOKS} seconds; replace it with a higher fee, then run this again`,
      );
    }
    await rest();
  }
}

function providerOf({ provider }: Signer) {
  if (!provider) throw new DeploymentError('the account is not connected to a node');
  return provider;
}

/** Waits until a block has as many confirmations. */
async function confirmed(signer: Signer, block: number, { confirmations, onStep }: ReleaseOptions) {
  const provider = providerOf(signer);
  for (let told = false; (await provider.getBlockNumber()) < block + confirmations - 1; told = true) {
    if (!told) onStep?.(`waiting for ${confirmations} confirmations`);
    await rest();
  }
}

/** Reorganisations that undo a deployment in a row before this program gives up. */
const MOST_ROUNDS = 5;

/**
 * Deploys what is missing of the contracts, at addresses that follow from their code and bounds alone: the same on
 * every chain, the same as Hardhat Ignition's with the strategy `create2`, the same if it is run again. So a run that
 * was killed leaves nothing behind that the next one does not use.
 *
 * @throws DeploymentError for a chain without CreateX that is no development chain
 * @throws Refused, with a sentence, if the chain does not take a contract
 */
export async function release(signer: Signer, plan: Plan, options: ReleaseOptions): Promise<Released> {
  const provider = providerOf(signer);
  const { chainId } = await provider.getNetwork();
  const created: string[] = [];
  if (!(await hasCreateX(provider))) {
    if (!DEVELOPMENT.has(chainId)) {
      throw new DeploymentError(
        `chain ${chainId} lacks the factory CreateX at ${CREATE_X}, which the addresses follow from; see https://createx.rocks on how to have it deployed`,
      );
    }
    const create = fromAccount(signer);
    const counting: Create = async (name, initCode) => {
      options.onStep?.(`deploying the ${name}`);
      created.push(name);
      return create(name, initCode);
    };
    const contracts = await connect(await createAll(plan, counting), signer);
    return { contracts, sameEverywhere: false, created };
  }
  const missing = async (address: Address): Promise<boolean> => (await provider.getCode(address)) === '0x';
  let lastBlock = 0;
  const create: Create = async (name, initCode) => {
    const address = addressOfCreation(initCode);
    options.onAddress?.(name, address);
    await untilNothingPends(signer, options);
    if (await missing(address)) {
      options.onStep?.(`deploying the ${name}`);
      const { blockNumber } = await submit(signer, creation(initCode), `deploying the ${name}`);
      lastBlock = blockNumber;
      if (!created.includes(name)) created.push(name);
    }
    return address;
  };
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const before = lastBlock;
    const oracle = await createAll(plan, create);
    if (lastBlock === before)
      return { contracts: await connect(oracle, signer), sameEverywhere: true, created };
    // Once more through the list: what a reorganisation has taken away is missing again.
    await confirmed(signer, lastBlock, options);
  }
  throw new DeploymentError(
    `the chain took the contracts away ${MOST_ROUNDS} times; try again when it is stable`,
  );
}
