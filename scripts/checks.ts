// The checks of `npm test`, in their order; a check is a command, and passes when the command does.

/** Exit code of a check that could not be made here; its last line says why. (automake's convention) */
export const SKIPPED = 77;

export interface Check {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
}

const solidity = '{contracts,test}/**/*.sol';

export const checks: readonly Check[] = [
  { name: 'format of TypeScript', command: 'biome', args: ['format', '.'] },
  { name: 'format of Solidity', command: 'prettier', args: ['--check', solidity] },
  {
    name: 'lint of TypeScript',
    command: 'biome',
    args: ['check', '--formatter-enabled=false', '--enforce-assist=true', '--error-on-warnings', '.'],
  },
  {
    name: 'lint of Solidity',
    command: 'solhint',
    args: ['--disc', '--noPoster', '--max-warnings', '0', solidity],
  },
  { name: 'lockfile', command: 'scripts/lockfile.ts', args: [] },
  { name: 'generated files', command: 'scripts/generated.ts', args: [] },
  { name: 'compilation', command: 'hardhat', args: ['build'] },
  {
    name: 'compilation without CLZ',
    command: 'hardhat',
    args: ['--config', 'hardhat.withoutClz.config.ts', 'build', '--no-tests', '--quiet'],
  },
  { name: 'generated table of errors', command: 'scripts/errorTable.ts', args: ['--check'] },
  { name: 'types', command: 'tsc', args: [] },
  { name: 'types of the explorer page', command: 'tsc', args: ['--project', 'src/explorer/page'] },
  { name: 'documentation site', command: 'scripts/site.ts', args: [] },
  {
    name: 'layers of imports, titles and commits',
    command: 'mocha',
    args: ['test/layers.test.ts', 'test/titles.test.ts', 'test/commits.test.ts'],
  },
  { name: 'ONNX conformance', command: 'scripts/conformance.ts', args: [] },
  { name: 'contract sizes', command: 'scripts/size.ts', args: [] },
  { name: 'code hashes', command: 'scripts/codeHashes.ts', args: [] },
  { name: 'slither', command: 'scripts/slither.ts', args: [] },
  { name: 'Solidity tests', command: 'hardhat', args: ['test', 'solidity'] },
  {
    name: 'Solidity tests of libraries without CLZ',
    command: 'hardhat',
    args: [
      '--config',
      'hardhat.withoutClz.config.ts',
      ...['test', 'solidity', 'test/contracts/libraries.t.sol'],
    ],
  },
  { name: 'TypeScript tests', command: 'hardhat', args: ['test', 'mocha'] },
];
