import type { Command } from 'commander';
import { InputError } from '../files/inputError.ts';
import { MODELS, type Setting, settingsOf } from './catalog.ts';
import { KEY_REMEDY, keyIn, notAddress } from './secrets.ts';

/** Words for the value that a setting wants, by the placeholder in its help. */
const WANTED: Readonly<Record<string, string>> = {
  FILE: 'the name of a file',
  DIR: 'the name of a folder',
  URL: 'an address',
  ADDRESS: 'an address',
  HOST: 'an address',
};

/** RULE: no message has any of a key, password or address: it says what is wrong with the setting, not what was given. */
function complaint({ name, shown }: Setting, value: string): string | undefined {
  const wanted = WANTED[shown];
  if (wanted !== undefined && value.trim() === '') return `is empty; write ${wanted}`;
  // Any text may be a prompt.
  const key = shown === 'PROMPT' ? undefined : keyIn(value);
  if (key === undefined) return notAddress(name, value);
  const instead = wanted === undefined ? '' : `, not ${wanted}`;
  return `this is ${key}${instead}; ${name === 'key-file' ? 'put it into a file with mode 600' : KEY_REMEDY}`;
}

/** Settings that are of no use without another one, and what to add. */
const COMPANIONS: Readonly<Record<string, { readonly needs: string; readonly remedy: string }>> = {
  'password-file': { needs: 'keystore', remedy: 'is about a keystore: add --keystore FILE' },
  'signer-address': { needs: 'signer', remedy: 'is about a signer: add --signer URL' },
};

/** Why a flag would be ignored. A variable or a settings file may serve other commands too. */
function loneliness({ name, attribute }: Setting, settings: readonly Setting[], command: Command) {
  const { needs, remedy } = COMPANIONS[name] ?? {};
  const other = settings.find((one) => one.name === needs);
  if (!other || command.getOptionValueSource(attribute) !== 'cli') return undefined;
  return command.getOptionValue(other.attribute) === undefined ? remedy : undefined;
}

/**
 * Checks the values of a command before it runs, as far as no command takes them.
 *
 * @throws InputError for an empty name or address, what is no address, a private key in a place of something else, and a flag
 *   that would be ignored
 */
export function requireUsable(command: Command): void {
  const settings = settingsOf(command).filter(({ name }) => name !== MODELS);
  for (const setting of settings) {
    const lonely = loneliness(setting, settings, command);
    if (lonely !== undefined) throw new InputError(`--${setting.name} ${lonely}`, 2);
    for (const value of [command.getOptionValue(setting.attribute)].flat()) {
      const why = typeof value === 'string' ? complaint(setting, value) : undefined;
      if (why !== undefined) throw new InputError(`--${setting.name}: ${why}`, 2);
    }
  }
  command.registeredArguments.forEach((argument, i) => {
    if ([command.processedArgs[i]].flat().includes(''))
      throw new InputError(`${argument.name()}: is empty; name one`, 2);
  });
}
