import { type AbstractProvider, parseEther, type Signer } from 'ethers';
import { network } from 'hardhat';
import { as, type Contracts } from '../../src/chain/contracts/contracts.ts';
import { PLAIN_TERMS, type Terms } from '../../src/chain/contracts/types.ts';
import { deploy, TRIAL_BOUNDS } from '../../src/chain/deployment/deploy.ts';
import { openEndpoint } from '../../src/chain/endpoints/endpoints.ts';
import { developmentAccount } from '../../src/rehearsal/developmentAccount.ts';
import { type Hardfork, startNode } from './nodeProcess.ts';

/** A development chain whose time can be put forward. */
export interface DevelopmentChain {
  /** Its address, if it runs in a process of its own. */
  readonly url: string | undefined;
  account(index: number): Signer;
  pass(seconds: number): Promise<void>;
  stop(): Promise<void>;
}

/** Private key of a development account. */
export const keyOf = (index: number): string => developmentAccount(index).privateKey;

export async function startChain(
  kind: 'in-process' | 'hardhat' | 'anvil',
  hardfork: Hardfork = 'osaka',
): Promise<DevelopmentChain> {
  type Sending = AbstractProvider & { send(method: string, params: unknown[]): Promise<unknown> };
  const over = (provider: Sending, url: string | undefined, stop: () => Promise<void>): DevelopmentChain => ({
    url,
    account: (index) => developmentAccount(index).connect(provider),
    pass: async (seconds) => {
      await provider.send('evm_increaseTime', [seconds]);
      await provider.send('evm_mine', []);
    },
    stop,
  });
  if (kind === 'in-process') {
    const connection = await network.create({ override: { hardfork } });
    const provider = connection.ethers.provider as unknown as Sending;
    return over(provider, undefined, () => connection.close());
  }
  const node = await startNode(kind, hardfork);
  const provider = await openEndpoint(node.url);
  return over(provider, node.url, async () => {
    provider.destroy();
    await node.stop();
  });
}

export const TERMS: Terms = {
  ...PLAIN_TERMS,
  claimBondWei: parseEther('1'),
  challengeBondWei: parseEther('0.5'),
  windowSeconds: 3600n,
  clockSeconds: 3600n,
  callbackGas: 0n,
  patienceSeconds: 86_400n,
};

/** Deploys the protocol from account 0. */
export const deployed = (chain: DevelopmentChain): Promise<Contracts> =>
  deploy(chain.account(0), TRIAL_BOUNDS);

export const asAccount = (contracts: Contracts, chain: DevelopmentChain, index: number): Contracts =>
  as(contracts, chain.account(index));
