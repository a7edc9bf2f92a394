// The two compilations of the contracts, each on a chain of the hard fork that it is for.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { artifacts, network } from 'hardhat';

export interface EditionOnChain {
  readonly title: string;
  readonly clz: boolean;
  readonly hardfork: 'osaka' | 'prague';
  artifact(name: string): Promise<{ readonly abi: readonly unknown[]; readonly bytecode: string }>;
}

const root = join(import.meta.dirname, '../..');

let built = false;

/** Compiles the contracts without CLZ unless that is done; takes a second where nothing changed. */
export function buildWithoutClz(): void {
  if (built) return;
  const hardhat = join(
    dirname(createRequire(import.meta.url).resolve('hardhat/package.json')),
    'dist/src/cli.js',
  );
  const args = [hardhat, '--config', 'hardhat.withoutClz.config.ts', 'build', '--no-tests', '--quiet'];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`compiling without CLZ failed:\n${stdout}${stderr}`);
  built = true;
}

export const EDITIONS: readonly EditionOnChain[] = [
  { title: 'with CLZ', clz: true, hardfork: 'osaka', artifact: (name) => artifacts.readArtifact(name) },
  {
    title: 'without CLZ, before Osaka',
    clz: false,
    hardfork: 'prague',
    artifact: async (name) => {
      buildWithoutClz();
      const folder = name.endsWith('Mock') ? 'mocks/' : '';
      const file = `build/withoutClz/artifacts/contracts/${folder}${name}.sol/${name}.json`;
      return JSON.parse(readFileSync(join(root, file), 'utf8'));
    },
  },
];

/** A chain in this process, and how to put a contract of the edition on it. */
export async function editionChain(edition: EditionOnChain, override: object = {}) {
  const connection = await network.create({ override: { ...override, hardfork: edition.hardfork } } as never);
  const { ethers } = connection;
  const deployContract = async (name: string) => {
    const { abi, bytecode } = await edition.artifact(name);
    const [signer] = await ethers.getSigners();
    const contract = await new ethers.ContractFactory(abi as never, bytecode, signer).deploy();
    await contract.waitForDeployment();
    return contract;
  };
  return { connection, ethers, deployContract };
}
