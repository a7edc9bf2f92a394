import type { Command, Option } from 'commander';

/** One thing that can be set: by a flag, an environment variable, or a key of the configuration file. */
export interface Setting {
  /** `max-bond-wei`: the flag without its dashes, and the key of the file. */
  readonly name: string;
  /** `ASSAY_MAX_BOND_WEI`. */
  readonly variable: string;
  readonly kind: 'switch' | 'value' | 'list';
  /** Name under which commander hands it to the command. */
  readonly attribute: string;
  /** The placeholder of its value in the help, such as `FILE`; empty for a switch. */
  readonly shown: string;
}

/** Name of the setting that stands for a command's models, which have no flag. */
export const MODELS = 'models';

/** Options that only mean something on the command line itself. */
const NOT_SETTINGS = ['--config', '--help', '--version'];

export const variableName = (name: string): string => `ASSAY_${name.toUpperCase().replaceAll('-', '_')}`;

function kindOf(option: Option): Setting['kind'] {
  if (option.isBoolean()) return 'switch';
  return option.parseArg === undefined ? 'value' : 'list';
}

const shownFor = ({ flags }: Option): string => /<(.+)>/.exec(flags)?.[1] ?? '';

/** Numbers that need not be whole. */
const FRACTIONS = ['max-fee-gwei', 'temperature'];

/**
 * Why a value cannot be one of a setting, by what the help of the command shows for it; a command checks more when it runs.
 *
 * @returns undefined if it may be one
 */
export function unfit({ name, shown }: Setting, value: string): string | undefined {
  if (shown.includes('|') && !shown.split('|').includes(value))
    return `write ${shown.replaceAll('|', ' or ')}`;
  if (shown !== 'N') return undefined;
  if (!/^\d+(\.\d+)?$/.test(value)) return 'write a number';
  if (!FRACTIONS.includes(name) && !/^\d+$/.test(value)) return 'write a whole number';
  return name.endsWith('port') && Number(value) > 65_535 ? 'write a port, at most 65535' : undefined;
}

/** Whether a command takes any number of models. */
export const takesModels = (command: Command): boolean =>
  command.registeredArguments.some(({ variadic }) => variadic);

/** Lists the settings of a command. */
export function settingsOf(command: Command): Setting[] {
  const settings: Setting[] = command.options
    .filter(({ long }) => long && !NOT_SETTINGS.includes(long))
    .map((option) => {
      const name = (option.long as string).slice(2);
      return {
        name,
        variable: variableName(name),
        kind: kindOf(option),
        attribute: option.attributeName(),
        shown: shownFor(option),
      };
    });
  if (takesModels(command)) {
    settings.push({
      ...{ name: MODELS, variable: variableName(MODELS), kind: 'list', attribute: MODELS, shown: 'MODEL' },
    });
  }
  return settings;
}

/** Commands that read the configuration file: those that take `--config`. */
export const configurable = (program: Command): Command[] =>
  program.commands.filter(({ options }) => options.some(({ long }) => long === '--config'));
