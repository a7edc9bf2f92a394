// Contracts as a dependency: packed as for a registry, unpacked into fresh projects outside of this repository, compiled with
// the oldest and the newest compiler at default settings, and tested there with the mock oracle.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect } from 'chai';
import { type BaseContract, ContractFactory, keccak256, parseEther, toUtf8Bytes } from 'ethers';
import { network } from 'hardhat';
import { packPackage } from '../support/packed.ts';

const ROOT = process.cwd();
/** Rooms of contracts that consumers deploy, or inherit from. */
const OFFERED = ['adapters', 'consumers', 'feeds', 'testing'];
const COMPILERS = [
  { name: 'solc-oldest', version: '0.8.20', rooms: OFFERED },
  // OpenZeppelin's signatures, on which a quorum rests, want 0.8.24.
  { name: 'solc', version: '0.8.37', rooms: [...OFFERED, 'verifiers'] },
] as const;
/** Most bytes of code that a chain takes (EIP-170). */
const MAX_CODE_BYTES = 24_576;

const require = createRequire(import.meta.url);

interface Compiled {
  readonly abi: never[];
  readonly evm: { readonly bytecode: { object: string }; readonly deployedBytecode: { object: string } };
}

interface Output {
  readonly errors?: readonly { readonly severity: string; readonly formattedMessage: string }[];
  readonly contracts: Readonly<Record<string, Readonly<Record<string, Compiled>>>>;
}

/** The contract that the README shows. */
const gate = /```solidity\n([\s\S]*?)```/
  .exec(readFileSync('README.md', 'utf8'))![1]!
  .replace(/pragma solidity [^;]+;/, 'pragma solidity ^0.8.20;');

describe('the package in other projects', () => {
  let folder: string;
  let packed: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'assay-package-'));
    packed = packPackage();
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  /** A project with this package installed from its tarball, and every other package by a link. */
  function project(name: string): string {
    const at = join(folder, name);
    const modules = join(at, 'node_modules');
    mkdirSync(join(modules, 'assay'), { recursive: true });
    execFileSync('tar', ['-xzf', packed, '-C', join(modules, 'assay'), '--strip-components=1']);
    for (const entry of readdirSync('node_modules')) {
      if (!entry.startsWith('.')) symlinkSync(join(ROOT, 'node_modules', entry), join(modules, entry));
    }
    writeFileSync(join(at, 'package.json'), JSON.stringify({ name, type: 'module' }));
    return at;
  }

  it('holds the contracts and nothing of the tests', () => {
    const files = execFileSync('tar', ['-tzf', packed], { encoding: 'utf8' }).trim().split('\n');
    expect(files).to.include('package/contracts/consumers/InferenceConsumer.sol');
    expect(files).to.include('package/contracts/testing/MockInferenceOracle.sol');
    expect(files.filter((file) => /^package\/(test|scripts|contracts\/mocks)\//.test(file))).to.deep.equal(
      [],
    );
  });

  for (const { name, version } of COMPILERS) {
    it(`compiles in a fresh Hardhat project with ${version}, and passes its tests`, () => {
      const at = project(`hardhat-${version}`);
      cpSync('test/package/hardhat', at, { recursive: true });
      mkdirSync(join(at, 'contracts'));
      writeFileSync(join(at, 'contracts', 'Gate.sol'), gate);
      // Named otherwise in this tree, where tools would take them for its own.
      renameSync(join(at, 'hardhat.config.ts.fixture'), join(at, 'hardhat.config.ts'));
      renameSync(join(at, 'Gate.t.sol.fixture'), join(at, 'contracts', 'Gate.t.sol'));
      const hardhat = resolve('node_modules/hardhat/dist/src/cli.js');
      // This project's Hardhat tells its children which configuration to use.
      const environment = Object.entries(process.env).filter(([key]) => !key.startsWith('HARDHAT_'));
      const env = {
        ...Object.fromEntries(environment),
        SOLC: `${name}/soljson.js`,
        SOLC_VERSION: version,
        NO_COLOR: '1',
      };
      const run = spawnSync(process.execPath, [hardhat, 'test', 'solidity'], {
        cwd: at,
        env,
        encoding: 'utf8',
      });
      const printed = run.stdout + run.stderr;
      expect(printed, printed).to.match(/\b3 passing\b/);
      expect(run.status).to.equal(0);
    }).timeout(300_000);
  }

  it('compiles in a fresh project of Foundry’s layout, and answers there', async () => {
    const at = project('foundry');
    mkdirSync(join(at, 'src'));
    writeFileSync(join(at, 'src', 'Gate.sol'), gate);
    const output = compile('solc', at, { 'src/Gate.sol': gate });
    const { ethers } = await network.create();
    const [deployer] = await ethers.getSigners();
    const artifact = (path: string, contract: string) => output.contracts[path]![contract]!;
    const deploy = async ({ abi, evm }: Compiled, ...args: unknown[]): Promise<BaseContract> => {
      const contract = await new ContractFactory(abi, evm.bytecode.object, deployer).deploy(...args);
      return contract.waitForDeployment();
    };
    const mock = compile('solc', at, {
      'test/Mock.sol': 'import "assay/contracts/testing/MockInferenceOracle.sol";',
    }).contracts['assay/contracts/testing/MockInferenceOracle.sol']!.MockInferenceOracle!;
    const oracle = await deploy(mock, `0x${'00'.repeat(20)}`);
    const reader = await deploy(artifact('src/Gate.sol', 'Gate'), oracle, keccak256(toUtf8Bytes('digits')));
    await (await reader.getFunction('ask')(toUtf8Bytes('image'), { value: parseEther('0.011') })).wait();
    await (await oracle.getFunction('answer')(1, '0x07000000')).wait();
    expect(await reader.getFunction('digitOf')(1)).to.equal(7);
  }).timeout(300_000);

  for (const { name, version, rooms } of COMPILERS) {
    it(`fits a chain at default settings with ${version}, whatever consumers deploy of it`, () => {
      const at = project(`sizes-${version}`);
      const sources = Object.fromEntries(
        rooms
          .flatMap((room) => {
            const inside = join(at, 'node_modules/assay/contracts', room);
            return existsSync(inside)
              ? readdirSync(inside).map((file) => `assay/contracts/${room}/${file}`)
              : [];
          })
          .map((path) => [`all/${path}`, `import "${path}";`]),
      );
      expect(Object.keys(sources)).to.have.length.above(8);
      const { contracts } = compile(name, at, sources);
      const sizes = Object.entries(contracts).flatMap(([path, found]) =>
        Object.entries(found).map(
          ([contract, { evm }]) => [`${path}:${contract}`, evm.deployedBytecode.object.length / 2] as const,
        ),
      );
      expect(sizes.filter(([, bytes]) => bytes > 0)).to.have.length.above(4);
      expect(sizes.filter(([, bytes]) => bytes > MAX_CODE_BYTES)).to.deep.equal([]);
    }).timeout(300_000);
  }

  /** Compiles as `solc --base-path . --include-path node_modules` does: no remappings. */
  function compile(compiler: string, at: string, sources: Readonly<Record<string, string>>): Output {
    const solc = require(compiler) as {
      compile(input: string, callbacks: { import(path: string): { contents: string } }): string;
    };
    const input = {
      language: 'Solidity',
      sources: Object.fromEntries(Object.entries(sources).map(([path, content]) => [path, { content }])),
      settings: {
        outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object', 'evm.deployedBytecode.object'] } },
      },
    };
    const found = (path: string) => {
      const places = [join(at, path), join(at, 'node_modules', path)];
      return { contents: readFileSync(places.find(existsSync)!, 'utf8') };
    };
    const output = JSON.parse(solc.compile(JSON.stringify(input), { import: found })) as Output;
    expect(output.errors?.filter(({ severity }) => severity === 'error') ?? []).to.deep.equal([]);
    return output;
  }
});
