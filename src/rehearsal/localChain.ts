import type { Provider, Signer } from 'ethers';
import { InputError } from '../files/inputError.ts';
import { packageRoot } from '../files/packageRoot.ts';
import { developmentAccount } from './developmentAccount.ts';

/** A chain in this process, which mines a block for every transaction, at times that are the same in every run. */
export interface LocalChain {
  readonly provider: Provider;
  /** Accounts with 10,000 ether each. They sign themselves, which Hardhat's own signers cannot. */
  readonly accounts: readonly Signer[];
  /** Seconds from the latest block to the next. */
  wait(seconds: number): Promise<void>;
  /** Adds an empty block. */
  mine(): Promise<void>;
  /** Remembers the state; what it returns goes back there, once. */
  snapshot(): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

/** 2026-01-01. Fixed, because timestamps are in the calldata of moves and so in their gas. */
const START_TIMESTAMP = 1_767_225_600;

/** Room for requests of tens of megabytes. */
const BLOCK_GAS = 2_000_000_000n;

const ACCOUNTS = 10;

/** @throws InputError unless Hardhat is installed, which a rehearsal alone needs */
async function loadHardhat() {
  try {
    const [{ createHardhatRuntimeEnvironment }, { default: ethers }] = await Promise.all([
      import('hardhat/hre'),
      import('@nomicfoundation/hardhat-ethers'),
    ]);
    return { createHardhatRuntimeEnvironment, ethers };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new InputError(
      'a rehearsal needs Hardhat; run `npm install hardhat @nomicfoundation/hardhat-ethers ethers`',
    );
  }
}

/** @throws InputError if Hardhat is not installed */
export async function startLocalChain(): Promise<LocalChain> {
  const { createHardhatRuntimeEnvironment, ethers } = await loadHardhat();
  const network = { type: 'edr-simulated', chainType: 'l1', hardfork: 'osaka' } as const;
  const hre = await createHardhatRuntimeEnvironment(
    { plugins: [ethers], networks: { default: network } },
    {},
    packageRoot,
  );
  const connection = await hre.network.create({
    override: {
      initialDate: new Date(START_TIMESTAMP * 1000),
      // A model whose input is too large to be asked for can be rehearsed all the same; the gas is printed.
      transactionGasCap: false,
      blockGasLimit: BLOCK_GAS,
    },
  });
  const { provider } = connection.ethers;
  const wait = async (seconds: number): Promise<void> => {
    const latest = await provider.getBlock('latest');
    await provider.send('evm_setNextBlockTimestamp', [(latest?.timestamp ?? START_TIMESTAMP) + seconds]);
  };
  return {
    provider,
    accounts: Array.from({ length: ACCOUNTS }, (_, index) => developmentAccount(index).connect(provider)),
    wait,
    mine: async () => {
      await provider.send('evm_mine', []);
    },
    snapshot: async () => {
      const id = await provider.send('evm_snapshot', []);
      return async () => {
        await provider.send('evm_revert', [id]);
      };
    },
    close: () => connection.close(),
  };
}
