import { createRequire } from 'node:module';
import { defineConfig } from 'hardhat/config';

// Hardhat's default settings: no optimiser, no IR.
export default defineConfig({
  solidity: {
    version: process.env.SOLC_VERSION!,
    path: createRequire(import.meta.url).resolve(process.env.SOLC!),
  },
});
