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

/**
 * Checks the values of a command before it runs, as far as no command takes them.
 *
 * @throws InputError for an empty name or address, what is no address, and a private key in a place of something else
 */
export function requireUsable(command: Command): void {
  for (const setting of settingsOf(command).filter(({ name }) => name !== MODELS)) {
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
