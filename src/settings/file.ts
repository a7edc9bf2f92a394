import { FAILSAFE_SCHEMA, load, YAMLException, types as yamlTypes } from 'js-yaml';
import { parse, TomlError } from 'smol-toml';
import * as z from 'zod';
import { readBytes } from '../files/bytes.ts';
import { InputError } from '../files/inputError.ts';
import type { Setting } from './catalog.ts';
import { nearest } from './nearest.ts';

/** Settings by the name of the command, for all commands that read the file. */
export type Catalog = ReadonlyMap<string, readonly Setting[]>;

/** A value as the flag would give it. */
export type SettingValue = string | boolean | string[];
export type SettingValues = Readonly<Record<string, SettingValue>>;

/** Values in a configuration file: for every command that knows the setting, and for single commands. */
export interface FileSettings {
  readonly shared: SettingValues;
  readonly commands: Readonly<Record<string, SettingValues>>;
}

const MAX_BYTES = 1_000_000;

/** Never in this file: it is shown, copied and kept under version control. */
const SECRETS: Readonly<Record<string, string>> = {
  key: 'a private key does not belong here; name a file with "key-file" or "keystore"',
  password: 'a password does not belong here; name a file with "password-file"',
};

const VALUE = z
  .union([z.string(), z.number(), z.bigint()], { error: 'must be text or a number' })
  .transform(String);

const LIST = z.union([VALUE.transform((value) => [value]), z.array(VALUE)], {
  error: 'must be text, or a list of texts',
});

const SCHEMAS = {
  switch: z.boolean({ error: 'must be true or false' }),
  value: VALUE,
  list: LIST,
} as const;

/** A table of the file, whose keys are these settings. */
const tableOf = (settings: readonly Setting[]) =>
  z.strictObject(Object.fromEntries(settings.map(({ name, kind }) => [name, SCHEMAS[kind].optional()])));

/** Says what is wrong with one key, in a clause. */
function complaint(issue: z.core.$ZodIssue, where: readonly string[], known: readonly string[]): string {
  const path = [...where, ...issue.path.slice(0, 1)].join('.');
  if (issue.code !== 'unrecognized_keys') return `"${path}" ${issue.message}`;
  const [key = ''] = issue.keys;
  const full = [...where, key].join('.');
  const secret = SECRETS[key];
  if (secret) return `"${full}": ${secret}`;
  const near = nearest(key, known);
  return `"${full}" is no setting${near === undefined ? '' : `; did you mean "${near}"?`}`;
}

function checkTable(
  file: string,
  table: unknown,
  settings: readonly Setting[],
  where: readonly string[],
): SettingValues {
  const found = tableOf(settings).safeParse(table);
  if (found.success) return found.data as SettingValues;
  const names = settings.map(({ name }) => name);
  const [issue] = found.error.issues;
  throw new InputError(`${file}: ${complaint(issue as z.core.$ZodIssue, where, names)}`, 2);
}

function parseToml(file: string): Record<string, unknown> {
  const text = new TextDecoder().decode(readBytes(file, MAX_BYTES));
  try {
    return parse(text, { integersAsBigInt: 'asNeeded' });
  } catch (failure) {
    if (!(failure instanceof TomlError)) throw failure;
    const [reason = ''] = failure.message.replace(/^Invalid TOML document: /, '').split('\n');
    throw new InputError(`${file}:${failure.line}:${failure.column}: is no TOML: ${reason}`, 2);
  }
}

/** Text is left as it is written, so that an amount of 20 digits keeps them all; true and false are told apart. */
const YAML_SCHEMA = FAILSAFE_SCHEMA.extend({ implicit: [yamlTypes.bool] });

function parseYaml(file: string): Record<string, unknown> {
  const text = new TextDecoder().decode(readBytes(file, MAX_BYTES));
  try {
    const document = load(text, { schema: YAML_SCHEMA }) ?? {};
    if (isTable(document)) return document as Record<string, unknown>;
  } catch (failure) {
    if (!(failure instanceof YAMLException)) throw failure;
    const { line = 0, column = 0 } = failure.mark ?? {};
    throw new InputError(`${file}:${line + 1}:${column + 1}: is no YAML: ${failure.reason}`, 2);
  }
  throw new InputError(`${file}: holds no settings; write one a line, such as \`log: json\``, 2);
}

const isTable = (value: unknown): boolean =>
  value !== null && typeof value === 'object' && !Array.isArray(value) && !(value instanceof Date);

/**
 * Reads a configuration file in TOML, or in YAML if its name ends in `.yaml` or `.yml`: settings at its top are for
 * every command that knows them, those in a table with the name of a command are for that one.
 *
 * @throws InputError naming file and key for what is neither TOML nor YAML, no setting, or no value of a setting
 */
export function readSettings(file: string, catalog: Catalog): FileSettings {
  const document = /\.ya?ml$/i.test(file) ? parseYaml(file) : parseToml(file);
  const shared = new Map([...catalog.values()].flat().map((setting) => [setting.name, setting]));
  const top: Record<string, unknown> = {};
  const commands: Record<string, SettingValues> = {};
  for (const [key, value] of Object.entries(document)) {
    const settings = catalog.get(key);
    if (settings && isTable(value)) commands[key] = checkTable(file, value, settings, [key]);
    else if (isTable(value) && !shared.has(key)) {
      const near = nearest(key, catalog.keys());
      const hint = near === undefined ? '' : `; did you mean [${near}]?`;
      throw new InputError(`${file}: [${key}] is no command that reads this file${hint}`, 2);
    } else top[key] = value;
  }
  return { shared: checkTable(file, top, [...shared.values()], []), commands };
}
