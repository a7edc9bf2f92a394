import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { defineConfig } from 'hardhat/config';
import type { HardhatPlugin } from 'hardhat/types/plugins';
import base, { solidityFor } from './hardhat.config.ts';

// The same contracts for chains without the opcode CLZ (before Osaka): of all their sources one is another, and the
// artifacts lie in build/withoutClz. For every command that takes `--config hardhat.withoutClz.config.ts`.

const REPLACED = resolve(import.meta.dirname, 'contracts/libraries/evm/Bits.sol');
const REPLACEMENT = resolve(import.meta.dirname, 'contracts/libraries/evm/BitsWithoutClz.sol');

const withoutClz: HardhatPlugin = {
  id: 'assay-without-clz',
  hookHandlers: {
    solidity: async () => ({
      default: async () => ({
        preprocessProjectFileBeforeBuilding: async (context, sourceName, fsPath, content, solc, next) =>
          next(
            context,
            sourceName,
            fsPath,
            fsPath === REPLACED ? await readFile(REPLACEMENT, 'utf8') : content,
            solc,
          ),
      }),
    }),
  },
};

const simulated = { type: 'edr-simulated', chainType: 'l1', hardfork: 'prague' } as const;

export default defineConfig({
  ...base,
  plugins: [...(base.plugins ?? []), withoutClz],
  solidity: solidityFor('prague'),
  networks: { ...base.networks, default: simulated, node: simulated },
  paths: { ...base.paths, artifacts: 'build/withoutClz/artifacts', cache: 'build/withoutClz/cache' },
  // The contracts' interfaces are the same, so their types are there already.
  typechain: { outDir: 'build/withoutClz/typechain', tsNocheck: true, dontOverrideCompile: true },
});
