import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Rooms of contracts whose interfaces are public; '' is the protocol itself. */
const ROOMS = ['', 'adapters', 'consumers', 'feeds', 'interfaces', 'testing', 'verifiers'];

interface Artifact {
  readonly contractName: string;
  readonly abi: readonly unknown[];
}

function artifactsIn(folder: string): Artifact[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name.endsWith('.sol'))
    .flatMap(({ name }) => readdirSync(join(folder, name)).map((file) => join(folder, name, file)))
    .filter((file) => file.endsWith('.json'))
    .map((file) => JSON.parse(readFileSync(file, 'utf8')) as Artifact);
}

/** The public interfaces by name. @throws Error if two have one name */
export function publicContracts(root: string): ReadonlyMap<string, readonly unknown[]> {
  const compiled = join(root, 'build', 'artifacts', 'contracts');
  const found = ROOMS.flatMap((room) => artifactsIn(join(compiled, room))).filter(
    ({ abi }) => abi.length > 0,
  );
  const byName = new Map(found.map(({ contractName, abi }) => [contractName, abi]));
  if (byName.size < found.length) throw new Error('two public contracts have the same name');
  return new Map([...byName].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** `IReferee` → `iRefereeAbi`, as wagmi names them. */
export const abiName = (contract: string): string => `${contract[0]!.toLowerCase()}${contract.slice(1)}Abi`;

/** The type of a value as `as const` would give it. */
function constType(value: unknown): string {
  if (Array.isArray(value)) return `readonly [${value.map(constType).join(', ')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const fields = Object.entries(value).map(([name, field]) => `readonly ${name}: ${constType(field)}`);
  return `{ ${fields.join('; ')} }`;
}

/** The recorded deployments, by chain id. */
function deployments(root: string): Record<string, unknown> {
  const folder = join(root, 'deployments');
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => /^\d+\.json$/.test(name)) : [];
  const records = files
    // Chains in one process come and go.
    .filter((name) => name !== '31337.json')
    .map((name) => [name.slice(0, -5), JSON.parse(readFileSync(join(folder, name), 'utf8'))] as const);
  return Object.fromEntries(records);
}

/** One of a deployment's records, whatever chain it is on. */
const DEPLOYMENT = `{
  readonly chainId: number;
  /** Which set of bounds it has: safe, rollup or trial. */
  readonly bounds: string;
  readonly clz: boolean;
  /** Token of fees and bonds; ether if left out. */
  readonly currency?: \`0x\${string}\`;
  readonly fromBlock: number;
  readonly oracle: \`0x\${string}\`;
  readonly game: \`0x\${string}\`;
  readonly registry: \`0x\${string}\`;
  readonly referee: \`0x\${string}\`;
}`;

/**
 * Writes `assay/abi`: every public interface as a constant whose type is its value, which is what viem and wagmi infer
 * from, and the deployments.
 */
export function writeAbi(root: string, code: string, types: string): void {
  const contracts = [...publicContracts(root)];
  const note = '// Generated from the compiled contracts.\n';
  const javascript = contracts.map(
    ([name, abi]) => `export const ${abiName(name)} = ${JSON.stringify(abi)};\n`,
  );
  const declarations = contracts.map(
    ([name, abi]) => `/** ABI of ${name}. */\nexport declare const ${abiName(name)}: ${constType(abi)};\n`,
  );
  const records = deployments(root);
  javascript.push(`export const deployments = ${JSON.stringify(records)};\n`);
  declarations.push(
    `export interface Deployment ${DEPLOYMENT}\n`,
    `/** Deployments by chain id. */\nexport declare const deployments: Readonly<Record<number, Deployment | undefined>>;\n`,
  );
  for (const [file, parts] of [
    [code, javascript],
    [types, declarations],
  ] as const) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, note + parts.join(''));
  }
}
