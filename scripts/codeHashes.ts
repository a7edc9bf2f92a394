// Writes src/chain/contracts/knownCode.ts: hashes of the contracts as they are compiled here, with CLZ and without.
//
//   npm run codes                compares
//   npm run codes -- --update    rewrites it
import { readFileSync, writeFileSync } from 'node:fs';
import { hashOfCode, type KnownCode } from '../src/chain/contracts/code.ts';
import { KNOWN_CODE } from '../src/chain/contracts/knownCode.ts';

const FOLDERS = ['build/artifacts', 'build/withoutClz/artifacts'];
const NAMES = {
  oracle: 'InferenceOracle',
  game: 'DisputeGame',
  registry: 'ModelRegistry',
  referee: 'Referee',
} as const;

interface Artifact {
  readonly deployedBytecode: string;
  readonly immutableReferences: Readonly<Record<string, readonly { start: number }[]>>;
}

/** Every edition's code, each once. */
function built(name: string): KnownCode[] {
  const codes = FOLDERS.map((folder): KnownCode => {
    const file = `${folder}/contracts/${name}.sol/${name}.json`;
    const { deployedBytecode, immutableReferences }: Artifact = JSON.parse(readFileSync(file, 'utf8'));
    const immutables = Object.values(immutableReferences)
      .flatMap((places) => places.map(({ start }) => start))
      .sort((a, b) => a - b);
    return { immutables, hash: hashOfCode(deployedBytecode, immutables) };
  });
  return codes.filter(({ hash }, i) => codes.findIndex((other) => other.hash === hash) === i);
}

const found = Object.fromEntries(Object.entries(NAMES).map(([part, name]) => [part, built(name)]));

if (process.argv.includes('--update')) {
  const table = Object.entries(found).map(([part, codes]) => {
    const entries = codes.map(
      ({ immutables, hash }) => `{ immutables: [${immutables.join(', ')}], hash: '${hash}' },`,
    );
    return `${part}: [${entries.join('\n')}],`;
  });
  writeFileSync(
    'src/chain/contracts/knownCode.ts',
    `import type { KnownCode } from './code.ts';

/** Code of the contracts of this release, with CLZ and without. Generated: \`npm run codes -- --update\`. */
export const KNOWN_CODE = {
${table.join('\n')}
} as const satisfies Record<string, readonly KnownCode[]>;
`,
  );
  console.log('src/chain/contracts/knownCode.ts is written; format it');
} else if (JSON.stringify(found) === JSON.stringify(KNOWN_CODE)) {
  console.log('the contracts are those that src/chain/contracts/knownCode.ts knows');
} else {
  console.error('the contracts are compiled to other code than src/chain/contracts/knownCode.ts knows');
  console.error('if that is meant: npm run codes -- --update');
  process.exitCode = 1;
}
