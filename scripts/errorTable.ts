// Writes docs/errors.md: every custom error of the contracts, its cause and what to do.
//
//   npm run errors              writes it
//   npm run errors -- --check   fails if it is out of date
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ErrorFragment } from 'ethers';
import { SENTENCES } from '../src/chain/messages/sentences.ts';
import { REMEDIES } from './errors/remedies.ts';

const FILE = 'docs/errors.md';

interface DeclaredError {
  /** Path of the file that declares it. */
  readonly file: string;
  readonly fragment: ErrorFragment;
  /** The contract's own sentence. */
  readonly cause: string;
}

/** An error with the comment above it. */
const DECLARATION = /((?:^[ \t]*\/\/\/.*\n)+)^[ \t]*error (\w+\([^)]*\));/gm;

function declaredIn(file: string): DeclaredError[] {
  return [...readFileSync(file, 'utf8').matchAll(DECLARATION)].map(([, comment = '', declaration = '']) => {
    const text = comment.replace(/^[ \t]*\/\/\/ ?/gm, '').replace(/\s+/g, ' ');
    const cause = /@notice (.*?)(?: @\w+|$)/.exec(text)?.[1]?.trim() ?? '';
    // An enum is a number to whoever decodes it.
    const types = declaration.replace(/\b[A-Z]\w* (?=\w+[,)])/g, 'uint8 ');
    return { file, cause, fragment: ErrorFragment.from(types) };
  });
}

/** Every error of the contracts, in the order of folders, files and lines; those of mocks are left out. */
function declaredErrors(): DeclaredError[] {
  return readdirSync('contracts', { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.sol'))
    .map((entry) => join(entry.parentPath, entry.name).replaceAll('\\', '/'))
    .filter((file) => !file.includes('/mocks/'))
    .sort()
    .flatMap(declaredIn);
}

/** A value of the type, for an example. */
function sample(type: string): unknown {
  if (type === 'address') return `0x${'11'.repeat(20)}`;
  if (type === 'bytes32') return `0x${'ab'.repeat(32)}`;
  if (type === 'string') return 'windowSeconds';
  return type === 'bool' ? true : 3n;
}

/** The key of an error's remedy, if it has one of its own. */
function remedyKey({ fragment: { name }, file }: DeclaredError): string | undefined {
  return [`${basename(file, '.sol')}.${name}`, name].find((key) => REMEDIES[key] !== undefined);
}

function remedy(error: DeclaredError): string {
  const { name, inputs } = error.fragment;
  const key = remedyKey(error);
  if (key !== undefined) return REMEDIES[key]!;
  const sentence = SENTENCES[name];
  if (!sentence) throw new Error(`${error.file}: say in scripts/errors/remedies.ts what to do about ${name}`);
  const values = inputs.map(({ type }) => sample(type)) as unknown as Parameters<typeof sentence>[0];
  return `“${sentence(values)}”`;
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;');

function table(errors: readonly DeclaredError[]): string {
  const rows = errors.map((error) => {
    const { fragment, cause } = error;
    const parameters = fragment.inputs.map(({ type, name }) => `${type} ${name}`).join(', ');
    return `| \`${fragment.name}(${parameters})\` | \`${fragment.selector}\` | ${cell(cause)} | ${cell(remedy(error))} |`;
  });
  return `| error | selector | cause | what to do |\n|---|---|---|---|\n${rows.join('\n')}\n`;
}

function text(errors: readonly DeclaredError[]): string {
  const files = [...new Set(errors.map(({ file }) => file))];
  const parts = files.map((file) => {
    const name = file.replace('contracts/', '');
    return `## ${name}\n\n${table(errors.filter((error) => error.file === file))}`;
  });
  return `# Errors of the contracts

Every custom error, by the file that declares it. A sentence in quotation marks is what \`npx assay\` and \`explain\` of the
package say, here with made-up values. Generated from \`contracts/\`, [sentences.ts](../src/chain/messages/sentences.ts) and
[remedies.ts](../scripts/errors/remedies.ts) by \`npm run errors\`.

${parts.join('\n')}`;
}

const errors = declaredErrors();
const used = new Set(errors.map(remedyKey));
const stale = Object.keys(REMEDIES).filter((key) => !used.has(key));
if (stale.length > 0) throw new Error(`scripts/errors/remedies.ts: no contract declares ${stale.join(', ')}`);
const written = text(errors);
if (!process.argv.includes('--check')) writeFileSync(FILE, written);
else if (readFileSync(FILE, 'utf8') !== written) {
  console.error(`${FILE} is out of date; run \`npm run errors\` and commit it`);
  process.exitCode = 1;
}
