import { createRequire } from 'node:module';
import toolbox from '@nomicfoundation/hardhat-toolbox-mocha-ethers';
import { defineConfig } from 'hardhat/config';

// The compiler comes from npm, so building needs no download.
const solc = {
  version: '0.8.37',
  path: createRequire(import.meta.url).resolve('solc/soljson.js'),
};

const settings = {
  evmVersion: 'osaka',
  optimizer: { enabled: true, runs: 200 },
};

/** Settings for single files, on top of the common ones; keys are paths such as "contracts/Referee.sol". */
const perFile: Record<string, object> = {
  // The IR pipeline takes longer to compile and saves 2 to 3 % of the gas of a dispute.
  'contracts/ModelRegistry.sol': { viaIR: true },
  'contracts/InferenceOracle.sol': { viaIR: true },
  'contracts/DisputeGame.sol': { viaIR: true },
};

export default defineConfig({
  plugins: [toolbox],
  solidity: {
    compilers: [{ ...solc, settings }],
    overrides: Object.fromEntries(
      Object.entries(perFile).map(([file, extra]) => [
        file,
        { ...solc, settings: { ...settings, ...extra } },
      ]),
    ),
  },
  networks: {
    default: { type: 'edr-simulated', chainType: 'l1', hardfork: 'osaka' },
  },
  paths: {
    sources: 'contracts',
    tests: { mocha: 'test', solidity: 'test' },
    artifacts: 'build/artifacts',
    cache: 'build/cache',
  },
  typechain: { outDir: 'build/typechain', tsNocheck: true },
  test: {
    mocha: { timeout: 120_000 },
    solidity: {
      // Golden vectors.
      fsPermissions: { readDirectory: ['test'] },
      fuzz: { runs: 256, seed: '0xa55a' },
      invariant: { runs: 64, depth: 64, failOnRevert: false },
    },
  },
});
