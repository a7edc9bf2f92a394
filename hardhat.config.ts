import { createRequire } from 'node:module';
import toolbox from '@nomicfoundation/hardhat-toolbox-mocha-ethers';
import { configVariable, defineConfig } from 'hardhat/config';
import { SALT } from './src/chain/deployment/createX.ts';

// The compiler comes from npm, so building needs no download.
const solc = {
  version: '0.8.37',
  path: createRequire(import.meta.url).resolve('solc/soljson.js'),
};

/** Deployed once and called in every dispute: as many runs as the limit on the size of code allows. */
const often = { optimizer: { enabled: true, runs: 4_000 } };

/** Settings for single files, on top of the common ones; keys are paths such as "contracts/Referee.sol". */
const perFile: Record<string, object> = {
  // The IR pipeline takes longer to compile and saves 2 to 3 % of the gas of a dispute. The oracle's code holds the game's.
  'contracts/ModelRegistry.sol': { ...often, viaIR: true },
  'contracts/InferenceOracle.sol': { ...often, viaIR: true },
  'contracts/DisputeGame.sol': { ...often, viaIR: true },
  'contracts/Referee.sol': often,
};

/** How the contracts are compiled for chains from a hard fork on. */
function compilation(evmVersion: 'osaka' | 'prague') {
  const settings = { evmVersion, optimizer: { enabled: true, runs: 200 } };
  const compiler = (extra: object) => ({ ...solc, settings: { ...settings, ...extra } });
  return {
    compilers: [compiler({})],
    overrides: Object.fromEntries(Object.entries(perFile).map(([file, extra]) => [file, compiler(extra)])),
  };
}

/** A network behind an endpoint. Address and key come from Hardhat's keystore or the environment, never from a file. */
const remote = (name: string, chainType: 'l1' | 'op' | 'generic', chainId: number) => ({
  type: 'http' as const,
  chainType,
  chainId,
  url: configVariable(`${name}_RPC_URL`),
  accounts: [configVariable('DEPLOYER_PRIVATE_KEY')],
});

/** The same for every profile, so that `hardhat ignition`, which builds for production, deploys what is tested. */
export const solidityFor = (evmVersion: 'osaka' | 'prague') => ({
  profiles: {
    default: compilation(evmVersion),
    production: { ...compilation(evmVersion), isolated: false },
  },
});

const solidityTests = {
  // Golden vectors, and the contracts as they are deployed.
  fsPermissions: { readDirectory: ['test', 'build/artifacts'] },
  // Another seed tries other calls: ASSAY_FUZZ_SEED=0x1 npm run invariants
  fuzz: { runs: 256, seed: process.env['ASSAY_FUZZ_SEED'] ?? '0xa55a' },
};

/** Handlers catch what may fail, so a revert is a fault. */
const invariant = { depth: 128, failOnRevert: true };

export default defineConfig({
  plugins: [toolbox],
  solidity: solidityFor('osaka'),
  networks: {
    default: { type: 'edr-simulated', chainType: 'l1', hardfork: 'osaka' },
    sepolia: remote('SEPOLIA', 'l1', 11_155_111),
    hoodi: remote('HOODI', 'l1', 560_048),
    baseSepolia: remote('BASE_SEPOLIA', 'op', 84_532),
    optimismSepolia: remote('OPTIMISM_SEPOLIA', 'op', 11_155_420),
    arbitrumSepolia: remote('ARBITRUM_SEPOLIA', 'generic', 421_614),
  },
  paths: {
    sources: 'contracts',
    tests: { mocha: 'test', solidity: 'test' },
    artifacts: 'build/artifacts',
    cache: 'build/cache',
  },
  // `assay deploy` deploys through the same factory with the same salt.
  ignition: { strategyConfig: { create2: { salt: SALT } } },
  verify: {
    etherscan: { apiKey: configVariable('ETHERSCAN_API_KEY') },
    blockscout: { enabled: true },
    sourcify: { enabled: true },
  },
  typechain: { outDir: 'build/typechain', tsNocheck: true },
  test: {
    mocha: { timeout: 120_000, parallel: true, jobs: 2 },
    solidity: {
      profiles: {
        default: { ...solidityTests, invariant: { ...invariant, runs: 2 } },
        // 60 runs of 128 calls for each of the eight invariants: `npm run invariants`.
        long: { ...solidityTests, invariant: { ...invariant, runs: 60 } },
      },
    },
  },
});
