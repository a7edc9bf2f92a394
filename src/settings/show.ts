import type { Command } from 'commander';
import { InputError } from '../files/inputError.ts';
import { MODELS, settingsOf, unfit } from './catalog.ts';
import { shownValue } from './secrets.ts';
import type { Origins } from './settings.ts';

function tomlOf(name: string, value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((one) => tomlOf(name, one)).join(', ')}]`;
  if (typeof value === 'boolean') return `${value}`;
  const text = String(value);
  return JSON.stringify(name === MODELS ? text : shownValue(name, text));
}

/**
 * The settings that a command would run with, as lines of a configuration file, each with where it comes from.
 *
 * @param command whose flags were read
 * @throws InputError for a value that the command would refuse, as far as its help tells
 */
export function settingLines(command: Command, origins: Origins): string[] {
  const lines = settingsOf(command).flatMap((setting) => {
    const { name, attribute, kind } = setting;
    const isModels = name === MODELS;
    const value = isModels ? command.processedArgs[0] : command.getOptionValue(attribute);
    if (value === undefined || (isModels && Array.isArray(value) && value.length === 0)) return [];
    for (const one of [value].flat()) {
      const why = isModels || typeof one === 'boolean' ? undefined : unfit(setting, `${one}`);
      if (why !== undefined) throw new InputError(`--${name} ${one}: ${why}`, 2);
    }
    const source = isModels
      ? command.args.length > 0
        ? 'cli'
        : 'config'
      : command.getOptionValueSource(attribute);
    const from = {
      cli: 'the command line',
      default: 'the default',
      env: origins.get(name),
      config: origins.get(name),
    }[source as string];
    const text = tomlOf(name, kind === 'list' && !Array.isArray(value) ? [value] : value);
    return [{ text: `${name} = ${text}`, from }];
  });
  const width = Math.max(0, ...lines.map(({ text }) => text.length));
  return lines.map(({ text, from }) => `${text.padEnd(width)}  # ${from}`);
}
