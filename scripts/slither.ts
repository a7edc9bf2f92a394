// Runs slither over the contracts and holds its findings against the known ones, both ways: a new finding fails, and so does
// a known one that is gone. Needs slither-analyzer (PyPI) in PATH, or its path in ASSAY_SLITHER; scripts/slither/findings.json.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, posix } from 'node:path';
import { SKIPPED } from './checks.ts';

const command = process.env['ASSAY_SLITHER'] ?? 'slither';
const folder = 'build/slither';
const input = `${folder}/input.json`;
const output = `${folder}/findings.json`;
const known = 'scripts/slither/findings.json';
/** Contracts that are never deployed. */
const UNUSED = ['mocks', 'testing'];

/** Findings of one detector that are no faults for the same reason. */
interface Known {
  readonly detector: string;
  readonly why: string;
  /** "Contract.function", as often as slither finds something there. */
  readonly where: readonly string[];
}

interface Element {
  readonly name: string;
  readonly source_mapping: { readonly filename_relative: string };
  readonly type_specific_fields?: { readonly parent?: Element };
}

interface Findings {
  readonly success: boolean;
  readonly error: string | null;
  readonly results: { readonly detectors?: readonly { check: string; elements: readonly Element[] }[] };
}

const resolve = createRequire(import.meta.url).resolve;

/** A contract's file and all that it imports, by the paths that the compiler knows them by. */
function collect(path: string, sources: Record<string, { content: string }>): void {
  if (sources[path]) return;
  const content = readFileSync(path.startsWith('contracts/') ? path : resolve(path), 'utf8');
  sources[path] = { content };
  for (const [, imported] of content.matchAll(/(?:from|import)\s+"([^"]+)"/g)) {
    collect(imported!.startsWith('.') ? posix.join(dirname(path), imported!) : imported!, sources);
  }
}

function writeInput(): void {
  const sources: Record<string, { content: string }> = {};
  for (const file of readdirSync('contracts', { recursive: true, encoding: 'utf8' })) {
    const parts = file.split(/[\\/]/);
    if (file.endsWith('.sol') && !UNUSED.includes(parts[0]!))
      collect(`contracts/${parts.join('/')}`, sources);
  }
  const settings = { evmVersion: 'osaka', outputSelection: { '*': { '*': ['abi'], '': ['ast'] } } };
  mkdirSync(folder, { recursive: true });
  writeFileSync(input, JSON.stringify({ language: 'Solidity', sources, settings }));
}

/** Where a finding is: the innermost named thing in a contract, with the contract. */
function placeOf(element: Element): string {
  const parent = element.type_specific_fields?.parent;
  return parent?.name ? `${placeOf(parent)}.${element.name}` : element.name;
}

function find(): string[] {
  rmSync(output, { force: true });
  const frame = ['--compile-force-framework', 'Solc-json', '--solc', 'scripts/slither/solc.mjs'];
  // Linters check style, and snapshots check gas.
  const filters = ['--exclude-dependencies', '--exclude-informational', '--exclude-optimization'];
  const run = spawnSync(command, [input, ...frame, ...filters, '--json', output], { encoding: 'utf8' });
  let report: Findings;
  try {
    report = JSON.parse(readFileSync(output, 'utf8'));
  } catch {
    throw new Error(`slither ended without a report:\n${run.stderr ?? run.error}`);
  }
  if (!report.success) throw new Error(`slither could not read the contracts:\n${report.error}`);
  return (report.results.detectors ?? [])
    .filter(({ elements }) => elements[0]?.source_mapping.filename_relative.startsWith('contracts/'))
    .map(({ check, elements }) => `${check}: ${placeOf(elements[0]!)}`)
    .sort();
}

/** Elements of `left` that `right` lacks, with their counts. */
function missing(left: readonly string[], right: readonly string[]): string[] {
  const rest = [...right];
  return left.filter((one) => {
    const at = rest.indexOf(one);
    if (at >= 0) rest.splice(at, 1);
    return at < 0;
  });
}

if (spawnSync(command, ['--version']).status !== 0) {
  console.log('slither is not installed: pip install slither-analyzer, or set ASSAY_SLITHER to its path');
  process.exitCode = SKIPPED;
} else {
  writeInput();
  const found = find();
  const groups: readonly Known[] = JSON.parse(readFileSync(known, 'utf8'));
  const expected = groups.flatMap(({ detector, where }) => where.map((place) => `${detector}: ${place}`));
  for (const one of missing(found, expected)) {
    console.error(`${one} is a new finding; see ${output}. Fix it, or say in ${known} why it is none`);
    process.exitCode = 1;
  }
  for (const one of missing(expected, found)) {
    console.error(`${one} is in ${known}, but slither no longer finds it; remove it`);
    process.exitCode = 1;
  }
  console.log(`${found.length} findings of slither, ${expected.length} of them known to be none`);
}
