import { deployments, iDisputeGameAbi, iInferenceOracleAbi } from 'assay/abi';
import { createConfig } from 'ponder';
import { getAddress } from 'viem';

/** Chain id of anvil, whose chain begins anew at each start. */
const DEVELOPMENT_CHAIN = 31_337;

const id = Number(process.env['ASSAY_CHAIN_ID'] || DEVELOPMENT_CHAIN);
const recorded = deployments[id];

/** @throws Error unless a variable, or the recorded deployment of the chain, has the address */
function addressOf(name: 'ASSAY_ORACLE' | 'ASSAY_GAME', known: string | undefined): `0x${string}` {
  const address = process.env[name] || known;
  if (!address) throw new Error(`${name} has to name the contract: no deployment on chain ${id} is recorded`);
  return getAddress(address);
}

const startBlock = Number(process.env['ASSAY_FROM_BLOCK'] || (recorded?.fromBlock ?? 0));

export default createConfig({
  chains: {
    assay: {
      id,
      rpc: process.env['ASSAY_RPC_URL'] || 'http://127.0.0.1:8545',
      disableCache: id === DEVELOPMENT_CHAIN,
    },
  },
  contracts: {
    Oracle: {
      chain: 'assay',
      abi: iInferenceOracleAbi,
      address: addressOf('ASSAY_ORACLE', recorded?.oracle),
      startBlock,
    },
    Game: {
      chain: 'assay',
      abi: iDisputeGameAbi,
      address: addressOf('ASSAY_GAME', recorded?.game),
      startBlock,
    },
  },
});
