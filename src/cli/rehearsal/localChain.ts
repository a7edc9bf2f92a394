import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Provider, Signer } from 'ethers';
import { InputError } from '../inputError.ts';

const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));

/** A chain in this process, which mines a block for every transaction, at times that are the same in every run. */
export interface LocalChain {
  readonly provider: Provider;
  /** Accounts with 10,000 ether each. */
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

/** @throws InputError if this Node or this checkout cannot run a chain */
export async function startLocalChain(): Promise<LocalChain> {
  if (!existsSync(join(root, 'build', 'typechain'))) {
    throw new InputError('the contracts are not compiled yet; run `npm run compile` in the project once');
  }
  if (Number(process.versions.node.split('.')[0]) < 22) {
    throw new InputError(`a chain in this process takes Node 22 or newer; this is ${process.versions.node}`);
  }
  const { createHardhatRuntimeEnvironment } = await import('hardhat/hre');
  const { default: config } = await import('../../../hardhat.config.ts');
  const hre = await createHardhatRuntimeEnvironment(config, {}, root);
  const connection = await hre.network.create({
    override: {
      initialDate: new Date(START_TIMESTAMP * 1000),
      // A model whose input is too large to be asked for can be rehearsed all the same; the gas is printed.
      transactionGasCap: false,
      blockGasLimit: BLOCK_GAS,
    },
  });
  const { provider, getSigners } = connection.ethers;
  const wait = async (seconds: number): Promise<void> => {
    const latest = await provider.getBlock('latest');
    await provider.send('evm_setNextBlockTimestamp', [(latest?.timestamp ?? START_TIMESTAMP) + seconds]);
  };
  return {
    provider,
    accounts: await getSigners(),
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
