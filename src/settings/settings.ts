import { delimiter } from 'node:path';
import type { Command } from 'commander';
import { InputError } from '../files/inputError.ts';
import { configurable, MODELS, type Setting, settingsOf, variableName } from './catalog.ts';
import type { SettingValue } from './file.ts';
import { KEY_VARIABLE, PASSWORD_VARIABLE } from './keyVariables.ts';
import { distance } from './nearest.ts';
import { KEY_REMEDY, keyIn } from './secrets.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Names the configuration file if `--config` does not. */
const CONFIG_VARIABLE = variableName('config');
/** Variables of this program that are no settings. */
const OTHER_VARIABLES = [CONFIG_VARIABLE, KEY_VARIABLE, PASSWORD_VARIABLE, 'ASSAY_DEPLOYMENTS'];

/** Where the value of a setting comes from: `ASSAY_RPC`, or `assay.toml: "rpc"`. */
export type Origins = ReadonlyMap<string, string>;

/** Lists that come from file or environment: a flag replaces such a list instead of adding to it. */
const replaceable = new WeakSet<readonly string[]>();

/** Collects the values of a repeatable flag, for commander. */
export const collect = (value: string, earlier: readonly string[] = []): string[] =>
  replaceable.has(earlier) ? [value] : [...earlier, value];

/** @throws InputError for a switch that is neither on nor off */
function valueIn(text: string, { kind, variable, name }: Setting): SettingValue {
  if (kind === 'value') return text;
  if (kind === 'list') {
    const parts = name === MODELS ? text.split(delimiter) : text.split(',').map((part) => part.trim());
    return parts.filter((part) => part !== '');
  }
  const is = { true: true, '1': true, false: false, '0': false }[text];
  if (is === undefined) throw new InputError(`${variable} is neither true nor false`, 2);
  return is;
}

/** The configuration file that flags or environment name. @throws InputError for an empty name */
function configFile(args: readonly string[], environment: Environment): string | undefined {
  const end = args.indexOf('--');
  const before = end < 0 ? args : args.slice(0, end);
  const at = before.findLastIndex((arg) => arg === '--config' || arg.startsWith('--config='));
  const given = at < 0 ? environment[CONFIG_VARIABLE] : flagValue(before, at);
  if (given === undefined) return undefined;
  const option = at < 0 ? CONFIG_VARIABLE : '--config';
  if (given.trim() === '') throw new InputError(`${option}: is empty; write the name of a file`, 2);
  const key = keyIn(given);
  if (key !== undefined)
    throw new InputError(`${option}: this is ${key}, not the name of a file; ${KEY_REMEDY}`, 2);
  return given;
}

const flagValue = (args: readonly string[], at: number): string | undefined =>
  args[at]!.startsWith('--config=') ? args[at]!.slice('--config='.length) : args[at + 1];

/** Hands a value to commander as if the flag had been given, so that a flag that is given wins. */
function apply(command: Command, setting: Setting, value: SettingValue, source: 'env' | 'config'): void {
  if (value === false) return;
  if (Array.isArray(value)) replaceable.add(value);
  if (setting.name !== MODELS) {
    command.setOptionValueWithSource(setting.attribute, value, source);
    return;
  }
  const argument = command.registeredArguments.find(({ variadic }) => variadic);
  argument?.default(value);
  argument?.argOptional();
}

/** @throws InputError for a variable that looks like one of this program's, misspelt */
function refuseMisspelt(environment: Environment, known: ReadonlySet<string>): void {
  for (const name of Object.keys(environment)) {
    if (!name.startsWith('ASSAY_') || known.has(name)) continue;
    // Others set variables that begin so too, Kubernetes for a service of this name.
    const near = [...known].find((one) => distance(one, name) <= 2);
    if (near !== undefined) {
      throw new InputError(`the environment variable ${name} is no setting; did you mean ${near}?`, 2);
    }
  }
}

/**
 * Gives a command the settings of environment and file, before its flags are read: a flag wins over the environment,
 * that over the file, that over the default.
 *
 * @param args what follows the command's name
 * @returns where each value comes from that no flag replaces, by the flag's name
 * @throws InputError for a file or variable that cannot be used
 */
export async function applySettings(
  program: Command,
  command: Command,
  args: readonly string[],
  environment: Environment,
): Promise<Origins> {
  const origins = new Map<string, string>();
  const settings = settingsOf(command);
  const readers = configurable(program);
  const catalog = new Map(readers.map((one) => [one.name(), settingsOf(one)]));
  const known = [...program.commands.flatMap(settingsOf).map(({ variable }) => variable), ...OTHER_VARIABLES];
  refuseMisspelt(environment, new Set(known));
  const file = readers.includes(command) ? configFile(args, environment) : undefined;
  const read = file === undefined ? undefined : (await import('./file.ts')).readSettings(file, catalog);
  for (const setting of settings) {
    const { name, variable } = setting;
    const text = environment[variable];
    const inFile = read?.commands[command.name()]?.[name] ?? read?.shared[name];
    if (text !== undefined) {
      apply(command, setting, valueIn(text, setting), 'env');
      origins.set(name, variable);
    } else if (inFile !== undefined) {
      apply(command, setting, inFile, 'config');
      origins.set(name, `${file}: "${name}"`);
    }
  }
  return origins;
}

/** Names the true origin of a value that a message calls by its flag. */
export function withOrigin(message: string, command: Command, origins: Origins): string {
  const [, name, rest] = /^--([a-z-]+)\b(.*)$/s.exec(message) ?? [];
  const setting = settingsOf(command).find((one) => one.name === name);
  if (name === undefined || !setting || !origins.has(name)) return message;
  const isFlag = command.getOptionValueSource(setting.attribute) === 'cli';
  return isFlag ? message : `${origins.get(name)}${rest}`;
}
